// What the JavaScript client does with a server (tests/apps/wire.py), in Node and in a browser.
//
// Each scenario gets `open(namespace, options)`, which makes a socket with the transports of the run,
// and throws when the server does not do what it should. Nothing is imported: a page loads this too.

const WAIT = 8000;

function fail(message) {
  throw new Error(message);
}

export function equal(found, expected) {
  const [a, b] = [JSON.stringify(found), JSON.stringify(expected)];
  if (a !== b) fail(`expected ${b}, got ${a}`);
}

export function once(target, event) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ${event}`)), WAIT);
    target.once(event, (...args) => {
      clearTimeout(timer);
      resolve(args);
    });
  });
}

export async function connected(socket) {
  if (!socket.connected) await once(socket, "connect");
  return socket;
}

export function bytes(value) {
  if (!(value instanceof ArrayBuffer || ArrayBuffer.isView(value))) fail(`not binary: ${JSON.stringify(value)}`);
  return [...new Uint8Array(value.buffer ?? value, value.byteOffset ?? 0, value.byteLength)];
}

function collect(socket, event, count) {
  return new Promise((resolve, reject) => {
    const found = [];
    const timer = setTimeout(() => reject(new Error(`${found.length} of ${count} ${event}`)), WAIT);
    socket.on(event, (value) => {
      found.push(value);
      if (found.length === count) {
        clearTimeout(timer);
        resolve(found);
      }
    });
  });
}

export const call = (socket, ...args) => socket.timeout(WAIT).emitWithAck(...args);

export const scenarios = {
  async the_transport_is_the_one_asked_for({ open, transports }) {
    const socket = await connected(open("/"));
    const engine = socket.io.engine;
    if (transports.length > 1 && engine.transport.name === "polling") await once(engine, "upgrade");
    equal(engine.transport.name, transports.at(-1));
    equal(await call(socket, "message-with-ack", "after"), "after");
  },

  async events_go_both_ways({ open }) {
    const socket = await connected(open("/"));
    const data = [1, "2", { 3: [true, null, 0.5] }, "héé ☃ 😀", []];
    socket.emit("message", ...data);
    equal(await once(socket, "message-back"), data);
  },

  async the_server_acknowledges({ open }) {
    const socket = await connected(open("/"));
    const args = await new Promise((resolve) => socket.emit("message-with-ack", 1, { a: "b" }, (...got) => resolve(got)));
    equal(args, [1, { a: "b" }]);
    equal(await new Promise((resolve) => socket.emit("nothing", (...got) => resolve(got))), []);
  },

  async the_client_acknowledges({ open }) {
    const socket = await connected(open("/"));
    socket.on("question", (what, ack) => ack(`${what}!`, [1, 2]));
    socket.emit("ask", "why");
    equal(await once(socket, "answer"), ["why!", [1, 2]]);
  },

  async an_ack_that_never_comes_times_out({ open }) {
    const socket = await connected(open("/"));
    const error = await socket.timeout(200).emitWithAck("unheard-of").catch((e) => e);
    equal(error.message, "operation has timed out");
    equal(await call(socket, "message-with-ack", 1), 1);
  },

  async binary_goes_both_ways({ open }) {
    const socket = await connected(open("/"));
    socket.emit("message", new Uint8Array([0, 1, 255]), { deep: [new Uint8Array([7]).buffer] });
    const [first, second] = await once(socket, "message-back");
    equal([bytes(first), bytes(second.deep[0])], [[0, 1, 255], [7]]);
    socket.emit("bytes");
    const [data] = await once(socket, "bytes");
    equal([bytes(data.a), bytes(data.b[1].c)], [[1, 2], [3]]);
  },

  async acks_carry_binary_both_ways({ open }) {
    const socket = await connected(open("/"));
    equal(bytes(await call(socket, "message-with-ack", new Uint8Array([9]))), [9]);
    socket.on("question", (ack) => ack(new Uint8Array([4, 5])));
    socket.emit("ask");
    equal(bytes((await once(socket, "answer"))[0]), [4, 5]);
  },

  async a_large_message_goes_both_ways({ open }) {
    const socket = await connected(open("/"));
    const text = "ü".repeat(200_000);
    equal((await call(socket, "message-with-ack", text)).length, text.length);
  },

  async a_thousand_events_keep_their_order({ open }) {
    const socket = await connected(open("/"));
    const found = collect(socket, "message-back", 1000);
    for (let n = 0; n < 1000; n++) socket.emit("message", n);
    equal(await found, Array.from({ length: 1000 }, (_, n) => n));
  },

  async a_burst_during_the_upgrade_keeps_its_order({ open }) {
    const socket = open("/");
    const found = collect(socket, "n", 500);
    await connected(socket);
    socket.emit("later", 500, 1);
    equal(await found, Array.from({ length: 500 }, (_, n) => n));
  },

  async namespaces_share_a_connection({ open }) {
    const socket = await connected(open("/"));
    const custom = open("/custom", { multiplex: true, auth: { token: "abc" } });
    equal(await once(custom, "auth"), [{ token: "abc" }]);
    equal(custom.io === socket.io, true);
    equal(await call(custom, "message-with-ack", "here"), "here");
    equal(custom.id === socket.id, false);
    custom.disconnect();
    equal(await call(socket, "message-with-ack", "still"), "still");
  },

  async auth_may_be_a_function({ open }) {
    const custom = open("/custom", { auth: (give) => give({ token: "called" }) });
    equal(await once(custom, "auth"), [{ token: "called" }]);
  },

  async rooms_and_broadcasts_reach_their_members({ open }) {
    const [inside, outside] = await Promise.all([connected(open("/")), connected(open("/"))]);
    const room = `room ${Math.random()}`;
    equal(await call(inside, "join", room), "joined");
    const got = [];
    outside.on("said", (...args) => got.push(args));
    outside.emit("say", room, "hello");
    equal(await once(inside, "said"), ["hello"]);
    equal(await call(outside, "message-with-ack", 1), 1);
    equal(got, []);
    const mark = `mark ${Math.random()}`;
    const all = Promise.all([once(inside, "shouted"), once(outside, "shouted")]);
    outside.emit("shout", mark);
    equal(await all, [[mark], [mark]]);
  },

  async a_refusal_comes_with_its_data({ open }) {
    const socket = open("/refused", { auth: { data: true } });
    const [error] = await once(socket, "connect_error");
    equal([error.message, error.data], ["not allowed", { code: 7 }]);
    equal(socket.active, false);
  },

  async an_unknown_namespace_is_refused({ open }) {
    const [error] = await once(open("/nowhere"), "connect_error");
    equal(error.message, "Invalid namespace");
  },

  async the_server_may_disconnect({ open }) {
    const socket = await connected(open("/"));
    const first = socket.id;
    socket.emit("bye");
    equal((await once(socket, "disconnect"))[0], "io server disconnect");
    equal(socket.active, false);
    socket.connect();
    await connected(socket);
    equal(socket.id === first, false);
    equal(await call(socket, "message-with-ack", "again"), "again");
  },

  async the_client_may_disconnect({ open }) {
    const tag = `tag ${Math.random()}`;
    const socket = await connected(open("/", { auth: { tag } }));
    socket.disconnect();
    const other = await connected(open("/"));
    equal(await call(other, "reason", tag), "client disconnect");
  },

  async a_lost_connection_is_made_again({ open }) {
    const tag = `tag ${Math.random()}`;
    const socket = await connected(open("/", { auth: { tag }, reconnectionDelay: 10 }));
    const first = socket.id;
    const lost = once(socket, "disconnect");
    const back = once(socket, "connect");
    socket.io.engine.close();
    equal((await lost)[0], "forced close");
    await back;
    equal(socket.id === first, false);
    equal(await call(socket, "message-with-ack", "back"), "back");
    const reason = await call(socket, "reason", tag);
    if (!["client disconnect", "transport close"].includes(reason)) fail(reason);
  },

  async a_volatile_event_of_the_clients_arrives({ open }) {
    const socket = await connected(open("/"));
    // The request with the CONNECT may still be under way: the client drops it then.
    while (!socket.io.engine.transport.writable) await new Promise((resolve) => setTimeout(resolve, 1));
    socket.volatile.emit("message", "volatile");
    equal(await once(socket, "message-back"), ["volatile"]);
  },

  async retries_deliver_in_order({ open }) {
    const socket = await connected(open("/", { retries: 2, ackTimeout: WAIT }));
    const answers = await Promise.all([1, 2, 3].map((n) => socket.emitWithAck("message-with-ack", n)));
    equal(answers, [1, 2, 3]);
  },

  async catch_all_listeners_hear_everything({ open }) {
    const socket = await connected(open("/"));
    const heard = [];
    socket.onAny((...args) => heard.push(args));
    socket.emit("message", 1);
    await once(socket, "message-back");
    equal(heard, [["message-back", 1]]);
  },
};

// Runs every scenario; returns { name: "" or what went wrong }.
export async function run(io, url, transports, all = scenarios) {
  const results = {};
  for (const [name, scenario] of Object.entries(all)) {
    const sockets = [];
    const open = (namespace, options = {}) => {
      const settings = { transports, forceNew: !options.multiplex, ...options };
      const socket = options.multiplex
        ? sockets[0].io.socket(namespace, settings)
        : io(url + (namespace === "/" ? "" : namespace), settings);
      sockets.push(socket);
      return socket;
    };
    try {
      await scenario({ open, transports });
      results[name] = "";
    } catch (error) {
      results[name] = String(error.stack ?? error);
    }
    for (const socket of sockets) socket.disconnect();
  }
  return results;
}
