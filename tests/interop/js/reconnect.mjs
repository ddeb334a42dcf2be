// Stays connected: node reconnect.mjs URL; writes a line for every connect, disconnect and event.

import { io } from "socket.io-client";

const socket = io(process.argv[2], { reconnectionDelay: 50, reconnectionDelayMax: 100 });
socket.on("connect", () => {
  console.log("connect");
  socket.emit("message", "hello");
});
socket.on("disconnect", (reason) => console.log("disconnect", reason));
socket.on("message-back", (text) => console.log("event", text));
