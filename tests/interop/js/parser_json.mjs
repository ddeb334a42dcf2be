// A parser of the application's own, written as Socket.IO's documentation shows: one JSON text per packet.

import { EventEmitter } from "node:events";

class Encoder {
  encode(packet) {
    return [JSON.stringify(packet)];
  }
}

class Decoder extends EventEmitter {
  add(chunk) {
    const packet = JSON.parse(chunk);
    const wellFormed = Number.isInteger(packet.type) && packet.type >= 0 && packet.type <= 4 && typeof packet.nsp === "string";
    if (!wellFormed) throw new Error("invalid format");
    this.emit("decoded", packet);
  }

  off(name, listener) {
    return listener ? super.off(name, listener) : this.removeAllListeners(name);
  }

  destroy() {
    this.removeAllListeners();
  }
}

export const parser = { Encoder, Decoder };
