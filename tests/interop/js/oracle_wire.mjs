// Socket.IO's own server with the events of tests/apps/wire.py: the conformance tests check their facts against it.

import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { Server } from "socket.io";

const given = JSON.parse(process.env.FANIO_TEST_OPTIONS ?? "{}");
const names = {
  ping_interval: ["pingInterval", 1000],
  ping_timeout: ["pingTimeout", 1000],
  upgrade_timeout: ["upgradeTimeout", 1000],
  connect_timeout: ["connectTimeout", 1000],
  max_http_buffer_size: ["maxHttpBufferSize", 1],
};
const options = { httpCompression: { threshold: given.compression_threshold ?? 1024 } };
for (const [name, value] of Object.entries(given)) {
  if (name in names) options[names[name][0]] = value * names[name][1];
}
if (given.per_message_deflate) options.perMessageDeflate = given.per_message_deflate;
if (given.http_compression === false) options.httpCompression = false;
if (given.allow_upgrades === false) options.allowUpgrades = false;
if (given.transports) options.transports = given.transports;
if (given.cookie) options.cookie = { name: given.cookie, path: "/", sameSite: "lax" };
if (given.cors_allowed_origins) {
  options.cors = { origin: given.cors_allowed_origins, credentials: given.cors_allowed_origins !== "*" };
}

if (given.serializer === "msgpack") options.parser = (await import("socket.io-msgpack-parser")).default;

const http = createServer();
const io = new Server(http, options);
const reasons = new Map();
const gates = new Map();
const heard = [];

function later(map, key) {
  if (!map.has(key)) {
    let resolve;
    const promise = new Promise((done) => (resolve = done));
    map.set(key, { promise, resolve });
  }
  return map.get(key);
}

// Node has its own words for the reasons; the tests use python-socketio's.
const words = {
  "client namespace disconnect": "client disconnect",
  "server namespace disconnect": "server disconnect",
  "forced server close": "parse error",
};

io.on("connection", (socket) => {
  const tag = socket.handshake.auth.tag;
  socket.on("disconnect", (why) => tag && later(reasons, tag).resolve(words[why] ?? why));
  socket.on("reason", async (name, ack) => ack(await later(reasons, name).promise));
  socket.on("message", (...args) => socket.emit("message-back", ...args));
  socket.on("message-with-ack", (...args) => args.pop()?.(...args));
  socket.on("nothing", (ack) => ack());
  socket.on("burst", (count) => {
    for (let n = 0; n < count; n++) socket.emit("n", n);
  });
  socket.on("later", async (count, milliseconds) => {
    for (let n = 0; n < count; n++) {
      socket.emit("n", n);
      await sleep(milliseconds);
    }
  });
  socket.on("big", (size, count = 1, compress = true) => {
    for (let n = 0; n < count; n++) socket.compress(compress).emit("big", "x".repeat(size));
  });
  socket.on("bytes", () => socket.emit("bytes", { a: Buffer.from([1, 2]), b: [1, { c: Buffer.from([3]) }] }));
  socket.on("ask", (...args) => socket.emit("question", ...args, (...answer) => socket.emit("answer", ...answer)));
  socket.on("bye", () => socket.disconnect());
  socket.on("join", (room, ack) => (socket.join(room), ack?.("joined")));
  socket.on("leave", (room, ack) => (socket.leave(room), ack?.("left")));
  socket.on("say", (room, ...args) => io.to(room).emit("said", ...args));
  socket.on("shout", (...args) => io.emit("shouted", ...args));
  socket.on("shout-to-others", (...args) => socket.broadcast.emit("shouted", ...args));
  socket.on("shout-except", (rooms, ...args) => io.except(rooms).emit("shouted", ...args));
  socket.on("shout-slow", (...args) => io.of("/slow").emit("shouted", ...args));
  socket.on("heard", (ack) => ack(heard));
  socket.on("release", (name) => later(gates, name).resolve());
});

io.of("/slow").use(async (socket, next) => {
  await later(gates, socket.handshake.auth.gate).promise;
  next(socket.handshake.auth.accept === false ? new Error("no") : undefined);
});
io.of("/slow").on("connection", (socket) => socket.on("note", (...args) => heard.push(...args)));

io.of("/custom").on("connection", (socket) => {
  socket.emit("auth", socket.handshake.auth);
  socket.on("message", (...args) => socket.emit("message-back", ...args));
  socket.on("message-with-ack", (...args) => args.pop()(...args));
  socket.on("shout", (...args) => io.of("/custom").emit("shouted", ...args));
});

io.of("/refused").use((socket, next) => {
  const error = new Error("not allowed");
  if (socket.handshake.auth.data) error.data = { code: 7 };
  next(error);
});

io.of("/raises").use((socket, next) => next(new Error("on purpose")));

const { port = 0 } = JSON.parse(process.env.FANIO_TEST_RUN ?? "{}");
http.listen(port, "127.0.0.1", () => console.log(`running on http://127.0.0.1:${http.address().port}`));
process.on("SIGTERM", () => process.exit(0));
