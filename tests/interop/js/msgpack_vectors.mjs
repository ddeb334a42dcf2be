// Makes tests/vectors/msgpack.json with the real parser: node msgpack_vectors.mjs > ../../vectors/msgpack.json
//
// `data` is the data as fanio hands it on: nothing for undefined, bin for an ArrayBuffer.
// `value` is the same in JSON, with {"$date": milliseconds} and {"$bytes": hex} for what JSON has not.

import { Encoder, Decoder } from "socket.io-msgpack-parser";
import notepack from "notepack.io";

const hex = (data) => Buffer.from(data).toString("hex");
const encoded = (packet) => hex(new Encoder().encode(packet)[0]);

const date = new Date(1700000000123);
const buffer = (...bytes) => new Uint8Array(bytes).buffer;

// What the client and the server send: name, packet, data in JSON when it differs.
const packets = [
  ["connect without auth", { type: 0, data: undefined, nsp: "/" }],
  ["connect with auth", { type: 0, data: { token: "abc" }, nsp: "/admin" }],
  ["disconnect", { type: 1, nsp: "/admin" }],
  ["disconnect with undefined data", { type: 1, data: undefined, nsp: "/" }],
  ["event with options", { type: 2, data: ["hello", 1], options: { compress: true }, nsp: "/" }],
  ["event with ack id", { type: 2, data: ["project:delete", 123], options: { compress: true }, id: 456, nsp: "/admin" }],
  ["event with ack id 0", { type: 2, data: ["a"], id: 0, nsp: "/" }],
  ["event named by a number", { type: 2, data: [12, "b"], nsp: "/" }],
  ["event of every shape", {
    type: 2, nsp: "/",
    data: ["shapes", null, true, false, -1, -33, -129, -40000, -5000000000, 127, 128, 256, 65536, 4294967296, 0.5, "é☃😀", [], {}, "x".repeat(40), "y".repeat(300)],
  }],
  ["event with nested binary", { type: 2, data: ["b", { deep: [Buffer.from([0, 255])] }], nsp: "/" }, ["b", { deep: [{ $bytes: "00ff" }] }]],
  ["event with ArrayBuffers", { type: 2, data: ["b", buffer(0), buffer(1, 2, 3, 4, 5, 6, 7, 8), buffer()], nsp: "/" },
    ["b", { $bytes: "00" }, { $bytes: "0102030405060708" }, { $bytes: "" }]],
  ["event with a large ArrayBuffer", { type: 2, data: ["b", new Uint8Array(300).fill(7).buffer], nsp: "/" }, ["b", { $bytes: "07".repeat(300) }]],
  ["event with a Date", { type: 2, data: ["d", { at: date }, new Date(-1)], nsp: "/" }, ["d", { at: { $date: 1700000000123 } }, { $date: -1 }]],
  ["event with undefined", { type: 2, data: ["u", undefined, { v: undefined }], nsp: "/" }, ["u", null, { v: null }]],
  ["ack", { type: 3, data: [], id: 456, nsp: "/admin" }],
  ["ack with a large id", { type: 3, data: ["x"], id: 5000000000, nsp: "/" }],
  ["connect error", { type: 4, data: { message: "Not authorized" }, nsp: "/admin" }],
  ["connect error with text", { type: 4, data: "no", nsp: "/" }],
];

// What is no packet: name, message, error. `accepted` marks what the JavaScript decoder takes all the same.
const map = (object) => hex(notepack.encode(object));
const wrong = [
  ["nothing", "", "BadMsgpack"],
  ["no map", map([1]), "BadMsgpack"],
  ["trailing byte", map({ type: 2, data: ["a"], nsp: "/" }) + "c0", "BadMsgpack"],
  ["no type", map({ data: ["a"], nsp: "/" }), "BadPacketType"],
  ["unknown type", map({ type: 5, data: ["a"], nsp: "/" }), "BadPacketType"],
  ["negative type", map({ type: -1, data: ["a"], nsp: "/" }), "BadPacketType"],
  ["type in text", map({ type: "2", data: ["a"], nsp: "/" }), "BadPacketType"],
  ["no namespace", map({ type: 2, data: ["a"] }), "BadNamespace"],
  ["namespace is a number", map({ type: 2, data: ["a"], nsp: 1 }), "BadNamespace"],
  ["namespace without slash", map({ type: 2, data: ["a"], nsp: "admin" }), "BadNamespace", "accepted"],
  ["long namespace", map({ type: 2, data: ["a"], nsp: `/${"n".repeat(255)}` }), "BadNamespace", "accepted"],
  ["connect with a list", map({ type: 0, data: [1], nsp: "/" }), "BadPayload"],
  ["disconnect with data", map({ type: 1, data: {}, nsp: "/" }), "BadPayload"],
  ["event without data", map({ type: 2, nsp: "/" }), "BadPayload"],
  ["event with an object", map({ type: 2, data: {}, nsp: "/" }), "BadPayload"],
  ["event without a name", map({ type: 2, data: [], nsp: "/" }), "BadEventName", "accepted"],
  ["event named by an object", map({ type: 2, data: [{}], nsp: "/" }), "BadEventName", "accepted"],
  ["reserved event name", map({ type: 2, data: ["disconnect"], nsp: "/" }), "BadEventName", "accepted"],
  ["ack without id", map({ type: 3, data: [], nsp: "/" }), "BadPayload", "accepted"],
  ["ack id in text", map({ type: 3, data: [], id: "1", nsp: "/" }), "BadAckId"],
  ["negative ack id", map({ type: 2, data: ["a"], id: -1, nsp: "/" }), "BadAckId", "accepted"],
  ["ack id past 2^53", map({ type: 2, data: ["a"], id: 2 ** 53 + 2, nsp: "/" }), "BadAckId", "accepted"],
  ["text that is not UTF-8", "83a47479706502a36e7370a12fa46461746191a2c328", "BadUtf8", "accepted"],
  ["length past the end", "83a47479706502a36e7370a12fa46461746192a161dbffffffff", "BadMsgpack"],
  ["reserved byte", "83a47479706502a36e7370a12fa46461746192a161c1", "BadMsgpack"],
];

function handedOn(data) {
  if (data === undefined) return "";
  const bin = (value) => {
    if (value instanceof ArrayBuffer) return Buffer.from(value);
    return Array.isArray(value) ? value.map(bin) : value;
  };
  return hex(notepack.encode(bin(data)));
}

function accepts(message) {
  try {
    new Decoder().add(Buffer.from(message, "hex"));
    return true;
  } catch {
    return false;
  }
}

const vectors = packets.map(([name, packet, value = packet.data]) => {
  const output = { type: packet.type, namespace: packet.nsp, data: handedOn(packet.data) };
  if (packet.id !== undefined) output.id = packet.id;
  return { name, input: encoded(packet), output, value: value ?? null };
});
for (const { name, input } of vectors) {
  if (!accepts(input)) throw new Error(`the decoder refuses "${name}"`);
}
for (const [name, input, error, accepted] of wrong) {
  if (accepts(input) !== (accepted === "accepted")) throw new Error(`the decoder ${accepted ? "refuses" : "takes"} "${name}"`);
  vectors.push({ name, input, error });
}
console.log(`[\n${vectors.map((vector) => `  ${JSON.stringify(vector)}`).join(",\n")}\n]`);
