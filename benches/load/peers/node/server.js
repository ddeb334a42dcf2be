// Node's server for the measurements: node server.js PORT
const { Server } = require("socket.io");
const io = new Server(Number(process.argv[2]), { transports: ["websocket"], serveClient: false });
let number = 0;
io.on("connection", (socket) => {
  socket.on("bench:broadcast", async (count, pad, done) => {
    const text = "x".repeat(pad);
    for (let i = 0; i < count; i++) {
      io.emit("b", number++, text);
      if (i % 64 === 63) await new Promise(setImmediate);
    }
    done();
  });
  socket.on("bench:echo", (value, done) => done(value));
});
console.log(`ready ${process.pid}`);
