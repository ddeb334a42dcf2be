// Socket.IO's own server with what clients need it for: recovery, retries, refusals, disconnections.

import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const options = JSON.parse(process.env.FANIO_TEST_OPTIONS ?? "{}");
const io = new Server(http, { connectionStateRecovery: {}, ...options });
const tries = [];

io.on("connection", (socket) => {
  socket.join("room");
  socket.emit("hello", socket.recovered);
  socket.on("echo", (...args) => args.pop()(...args));
  socket.on("cookie", (answer) => answer(socket.request.headers.cookie ?? ""));
  // Cuts the connection, and speaks to the room while the client is away.
  socket.on("drop", (...missed) => {
    socket.conn.once("close", () => missed.forEach((value) => io.to("room").emit("missed", value)));
    socket.conn.close();
  });
  socket.on("say", (...args) => socket.emit("said", ...args));
  socket.on("say-volatile", (...args) => socket.volatile.emit("said", ...args));
  socket.on("flaky", (value, answer) => {
    tries.push(value);
    if (tries.filter((one) => one === value).length > 1) answer(value);
  });
  socket.on("never", (value) => tries.push(value));
  socket.on("tries", (answer) => answer(tries));
  socket.on("disconnect-all", () => io.disconnectSockets(true));
});

io.of("/auth").use((socket, next) => {
  if (socket.handshake.auth.token === "good") return next();
  const error = new Error("bad token");
  error.data = { token: socket.handshake.auth.token };
  next(error);
});

const { port = 0 } = JSON.parse(process.env.FANIO_TEST_RUN ?? "{}");
http.listen(port, "127.0.0.1", () => console.log(`running on http://127.0.0.1:${http.address().port}`));
