// Sends a long event and gets it back: node deflate.mjs URL; writes the extension that was agreed on and the length.

import { io } from "socket.io-client";

const socket = io(process.argv[2], { transports: ["websocket"], perMessageDeflate: { threshold: 0 } });
socket.on("connect", async () => {
  const text = await socket.emitWithAck("message-with-ack", "x".repeat(5000));
  console.log(socket.io.engine.transport.ws.extensions, text.length, "bytes");
  process.exit(0);
});
