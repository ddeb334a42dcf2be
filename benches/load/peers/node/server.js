// Node's socket.io server with its default WebSocket engine (ws), as a peer of the load generator: node server.js PORT
"use strict";

const { createServer } = require("node:http");
const { Server } = require("socket.io");

const http = createServer();
const io = new Server(http, { serveClient: false });
const yieldToLoop = () => new Promise((resolve) => setImmediate(resolve));
let seq = 0;

io.on("connection", (socket) => {
  socket.on("bench:broadcast", async (count, size, ack) => {
    const pad = "x".repeat(size);
    for (let i = 0; i < count; i++) {
      io.emit("b", seq++, pad);
      if (count > 1) await yieldToLoop();
    }
    ack();
  });
  socket.on("bench:echo", (value, ack) => ack(value));
});

http.listen(Number(process.argv[2]), "127.0.0.1", 4096, () => console.log(`ready ${process.pid}`));
