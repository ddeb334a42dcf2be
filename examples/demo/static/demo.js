// Draws what arrives. The page keeps no clock of its own: a cell is redrawn when its price comes.
const $ = (id) => document.getElementById(id);
const FIGURES = ["clients", "deliveries", "received", "p50", "p99"];
const cells = new Map();
const POINTS = 60;
const latencies = [];
let colors;
let received = 0;
let watched = "everything";

function cell(symbol, sector) {
  let found = cells.get(symbol);
  if (found) return found;
  const root = document.createElement("div");
  root.className = "cell";
  root.innerHTML = `<p><span class="name">${symbol}</span><span class="price">–</span></p>
    <p class="change"><span>${sector}</span><span class="move"></span></p><canvas width="380" height="76"></canvas>`;
  $("board").append(root);
  found = { root, sector, history: [], price: root.querySelector(".price"), move: root.querySelector(".move"),
            pen: root.querySelector("canvas").getContext("2d") };
  cells.set(symbol, found);
  return found;
}

function show(symbol, sector, price) {
  const target = cell(symbol, sector);
  const last = target.history.at(-1) ?? price;
  target.history.push(price);
  if (target.history.length > POINTS) target.history.shift();
  const first = target.history[0];
  const change = (100 * (price - first)) / first;
  target.price.textContent = price.toFixed(2);
  target.move.textContent = `${change >= 0 ? "+" : "−"}${Math.abs(change).toFixed(2)} %`;
  target.root.classList.toggle("up", price > last);
  target.root.classList.toggle("down", price < last);
  target.color = change >= 0 ? "up" : "down";
  draw(target);
}

// The colors of the theme, which may change while the page is open.
function readColors() {
  const style = getComputedStyle(document.documentElement);
  colors = { up: style.getPropertyValue("--up"), down: style.getPropertyValue("--down") };
  for (const one of cells.values()) draw(one);
}

function draw({ pen, history, color }) {
  const { width, height } = pen.canvas;
  const low = Math.min(...history), span = Math.max(...history) - low || 1;
  pen.clearRect(0, 0, width, height);
  pen.beginPath();
  history.forEach((price, i) => pen.lineTo((i / (POINTS - 1)) * width, height - 6 - ((price - low) / span) * (height - 12)));
  pen.strokeStyle = colors[color];
  pen.lineWidth = 3;
  pen.lineJoin = "round";
  pen.stroke();
}

readColors();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", readColors);

function setOnline(online) {
  document.body.classList.toggle("online", online);
  document.querySelectorAll("button, input").forEach((control) => { control.disabled = !online; });
  if (online) return;
  // Nothing is known of a server that does not answer.
  for (const figure of FIGURES) $(figure).textContent = "–";
  $("simulated").textContent = "–";
  $("note").textContent = "";
  latencies.length = received = 0;
}

const socket = io();
socket.on("connect", () => {
  setOnline(true);
  const name = () => { $("link").textContent = `connected by ${socket.io.engine.transport.name}`; };
  name();
  socket.io.engine.on("upgrade", name);
  socket.emit("watch", watched);
});
socket.on("disconnect", (reason) => {
  setOnline(false);
  $("link").textContent = `the server is gone (${reason}); trying again`;
});
socket.on("connect_error", () => { $("link").textContent = "the server does not answer; trying again"; });
socket.on("prices", (sector, sent, moves) => {
  received += 1;
  latencies.push(Math.max(0, performance.timeOrigin + performance.now() - sent));
  for (const [symbol, price] of moves) show(symbol, sector, price);
});
socket.on("status", ({ clients, simulated, deliveries, rate, note }) => {
  if (document.activeElement !== $("rate")) showRate(rate); // another page may have set it
  $("clients").textContent = clients.toLocaleString("en");
  $("deliveries").textContent = deliveries.toLocaleString("en");
  $("simulated").textContent = simulated.toLocaleString("en");
  $("note").textContent = note;
});

setInterval(() => {
  if (!socket.connected) return;
  $("received").textContent = received.toLocaleString("en");
  received = 0;
  latencies.sort((a, b) => a - b);
  const at = (share) => (latencies.length ? `${latencies[Math.floor((latencies.length - 1) * share)].toFixed(1)} ms` : "–");
  $("p50").textContent = at(0.5);
  $("p99").textContent = at(0.99);
  latencies.length = 0;
}, 1000);

for (const sector of ["everything", "technology", "energy", "health", "transport"]) {
  const button = document.createElement("button");
  button.textContent = sector;
  button.dataset.sector = sector;
  button.setAttribute("aria-pressed", sector === watched);
  button.onclick = () => {
    watched = sector;
    document.querySelectorAll("[data-sector]").forEach((b) => b.setAttribute("aria-pressed", b === button));
    for (const c of cells.values()) c.root.classList.toggle("quiet", sector !== "everything" && c.sector !== sector);
    socket.emit("watch", sector);
  };
  $("sectors").append(button);
}
function showRate(rate) {
  $("rate").value = rate;
  $("rate-value").textContent = `${rate} / s`;
}
$("rate").oninput = (event) => {
  showRate(Number(event.target.value));
  socket.emit("rate", Number(event.target.value));
};
document.querySelectorAll("[data-add]").forEach((button) => {
  button.onclick = () => socket.emit("simulate", Number(button.dataset.add));
});
setOnline(false);
