// Socket.IO's msgpack parser, and what only it can carry.

import parser from "socket.io-msgpack-parser";
import { bytes, call, connected, equal, once } from "./scenarios.mjs";

export { parser };

export const more = {
  async dates_go_both_ways({ open }) {
    const socket = await connected(open("/"));
    const dates = [new Date(0), new Date(1700000000123), new Date(-5)];
    socket.emit("message", ...dates, { at: dates[1] });
    const back = await once(socket, "message-back");
    equal(back.every((date) => (date.at ?? date) instanceof Date), true);
    equal(back, [...dates, { at: dates[1] }]);
  },

  async undefined_arrives_as_null({ open }) {
    const socket = await connected(open("/"));
    equal(await call(socket, "message-with-ack", [undefined, { a: undefined }]), [null, { a: null }]);
  },

  async buffers_of_any_size_are_bytes({ open }) {
    const socket = await connected(open("/"));
    for (const size of [0, 1, 2, 4, 8, 16, 255, 256, 70_000]) {
      const sent = new Uint8Array(size).fill(size % 251);
      const [plain, buffer] = await call(socket, "message-with-ack", [Buffer.from(sent), sent.buffer]);
      equal([bytes(plain), bytes(buffer)], [[...sent], [...sent]]);
    }
  },

  async numbers_keep_their_value({ open }) {
    const socket = await connected(open("/"));
    const numbers = [0, -1, 127, 128, -128, -129, 65536, 2 ** 31, -(2 ** 31) - 1, 2 ** 53, -(2 ** 53), 0.1, -0.5];
    equal(await call(socket, "message-with-ack", numbers), numbers);
  },

  async many_bytes_objects_need_no_attachments({ open }) {
    const socket = await connected(open("/"));
    const back = await call(socket, "message-with-ack", Array.from({ length: 50 }, (_, n) => Buffer.from([n])));
    equal(back.map(bytes), Array.from({ length: 50 }, (_, n) => [n]));
  },
};
