// Node's socket.io server with its default WebSocket engine (ws), as a peer of the load generator: node server.js PORT
// The handlers do what fanio/bench/handlers.py does. BENCH_DEFLATE=1 switches permessage-deflate on.
"use strict";

const { createServer } = require("node:http");
const { Server } = require("socket.io");

const http = createServer();
const io = new Server(http, { serveClient: false, perMessageDeflate: process.env.BENCH_DEFLATE === "1" });
const yieldToLoop = () => new Promise((resolve) => setImmediate(resolve));
let seq = 0;

io.on("connection", (socket) => {
  socket.on("bench:broadcast", async (count, size, ...rest) => {
    const ack = rest.pop();
    const pad = rest[0] === "binary" ? Buffer.alloc(size, "x") : "x".repeat(size);
    for (let i = 0; i < count; i++) {
      io.emit("b", seq++, pad);
      if (count > 1) await yieldToLoop();
    }
    ack();
  });
  socket.on("bench:mixed", async (size, targets, ack) => {
    const pad = "x".repeat(size);
    for (const target of targets) {
      (target ? io.to(target) : io).emit("b", seq++, pad);
      await yieldToLoop();
    }
    ack();
  });
  socket.on("bench:join", (rooms, ack) => {
    socket.join(rooms);
    ack?.();
  });
  socket.on("bench:echo", (value, ack) => ack(value));
});

http.listen(Number(process.argv[2]), "127.0.0.1", 4096, () => console.log(`ready ${process.pid}`));
