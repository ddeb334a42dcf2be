// Socket.IO's own server with its Redis adapter, and the orders of tests/apps/clustered.py.

import { createServer } from "node:http";
import { createAdapter } from "@socket.io/redis-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";

const settings = JSON.parse(process.env.FANIO_TEST_CLUSTER);
const publisher = createClient({ url: settings.url, RESP: 2 });
const subscriber = publisher.duplicate();
await Promise.all([publisher.connect(), subscriber.connect()]);

const http = createServer();
const io = new Server(http, { adapter: createAdapter(publisher, subscriber, { key: settings.channel }) });
const answers = [];
const gone = [];
const heard = [];

function list(value) {
  return value === undefined || value === null ? [] : Array.isArray(value) ? value : [value];
}

// The clients that an order is about.
function chosen({ namespace = "/", to, room, skip_sid, ignore_queue }) {
  let found = ignore_queue ? io.of(namespace).local : io.of(namespace);
  for (const one of list(to ?? room)) found = found.to(one);
  for (const one of list(skip_sid)) found = found.except(one);
  return found;
}

function args(order) {
  return order.tuple ?? (order.data === undefined || order.data === null ? [] : [order.data]);
}

const methods = {
  emit: (order) => {
    if (!order.callback) return void chosen(order).emit(order.event, ...args(order));
    chosen(order).timeout(10000).emit(order.event, ...args(order), (error, found) => {
      for (const one of found) answers.push([one]);
    });
  },
  call: async (order) => {
    const found = await chosen(order).timeout(order.timeout * 1000).emitWithAck(order.event, ...args(order));
    return found[0];
  },
  enter_room: ({ sid, room, namespace = "/" }) => void io.of(namespace).in(sid).socketsJoin(room),
  leave_room: ({ sid, room, namespace = "/" }) => void io.of(namespace).in(sid).socketsLeave(room),
  close_room: ({ room, namespace = "/" }) => void io.of(namespace).in(room).socketsLeave(room),
  disconnect: ({ sid, namespace = "/" }) => void io.of(namespace).in(sid).disconnectSockets(),
  fetch_sockets: async (order) => {
    const found = await chosen(order).fetchSockets();
    return found.map(({ id, rooms, data, handshake }) => ({ id, rooms: [...rooms], data, handshake }));
  },
  all_rooms: async () => [...(await io.of("/").adapter.allRooms())],
  server_side_emit: ({ event, data }) => void io.serverSideEmit(event, data),
  server_side_emit_with_ack: ({ event, data }) => io.serverSideEmitWithAck(event, data),
  disconnect_sockets: (order) => void chosen(order).disconnectSockets(order.close),
};

for (const namespace of ["/", "/chat"]) {
  io.of(namespace).on("connection", (socket) => {
    socket.on("enter", (room, ack) => {
      socket.join(room);
      ack();
    });
    const words = { "server namespace disconnect": "server disconnect" };
    socket.on("disconnect", (reason) => gone.push([socket.id, words[reason] ?? reason]));
  });
}

io.on("hello", (data, ack) => {
  heard.push(data);
  ack?.(["node", data]);
});

io.of("/control").on("connection", (socket) => {
  socket.on("do", async (method, order, ack) => {
    try {
      ack({ result: (await methods[method](order)) ?? null });
    } catch (error) {
      ack({ error: error.message.includes("timed out") ? "TimeoutError" : error.name, text: error.message });
    }
  });
  socket.on("many", (count, rooms, ack) => {
    for (let n = 0; n < count; n++) chosen({ to: rooms[n % rooms.length] }).emit("n", n);
    ack();
  });
  socket.on("answers", (ack) => ack(answers));
  socket.on("gone", (ack) => ack(gone));
  socket.on("heard", (ack) => ack(heard));
});

http.listen(0, "127.0.0.1", () => console.log(`running on http://127.0.0.1:${http.address().port}`));
process.on("SIGTERM", () => process.exit(0));
