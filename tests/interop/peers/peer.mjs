// A JavaScript client that stays: peer.mjs TRANSPORT URL [SIZE]; a line for every connect, disconnect and
// echo. With SIZE it sends so many bytes.

import { createRequire } from "node:module";

const { io } = createRequire(new URL("../js/package.json", import.meta.url))("socket.io-client");
const [transport, url, size] = process.argv.slice(2);
const options = { reconnectionDelay: 50, reconnectionDelayMax: 200 };
if (transport !== "any") options.transports = [transport];
const socket = io(url, options);
socket.on("connect", () => {
  console.log("connect");
  socket.emit("message", size ? Buffer.alloc(Number(size)) : "hello");
});
socket.on("disconnect", (reason) => console.log("disconnect", reason));
socket.on("message-back", (data) =>
  typeof data === "string" ? console.log("event", data) : console.log("bytes", data.byteLength),
);
