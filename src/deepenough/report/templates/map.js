/* The map of pictures: points drawn from the data embedded in this page, one canvas a network. */
(() => {
const figure = document.querySelector("figure.map");
if (!figure) return;
const data = JSON.parse(document.getElementById("data-map").textContent);
const SHAPES = 5, COLOURS = 6, REACH = 24;  /* px within which a finger still finds a point */
const sides = [data.small, data.big], count = data.labels.length;
const maps = [...figure.querySelectorAll(".maps canvas")], legend = [...figure.querySelectorAll(".classes button")];
const card = figure.querySelector(".card"), sheet = figure.querySelector("img");
const radius = count < 600 ? 4 : count < 3000 ? 3 : 2;
const order = new Map(legend.map((button, place) => [Number(button.dataset.code), place]));
const bases = [null, null];
let chosen = -1, only = -1;

const at = (side, i) => {
  const pad = radius + 6, room = maps[side].clientWidth - 2 * pad, own = data.places[sides[side]];
  return [pad + own[2 * i] / 1000 * room, pad + own[2 * i + 1] / 1000 * room];
};
const answered = (side, i) => data.answers[sides[side]][i];
const isWrong = (side, i) => answered(side, i) >= 0 && answered(side, i) !== data.labels[i];

function trace(brush, shape, x, y, r) {
  brush.beginPath();
  if (shape === 0) brush.arc(x, y, r, 0, 2 * Math.PI);
  else if (shape === 1) brush.rect(x - r, y - r, 2 * r, 2 * r);
  else if (shape === 2) { brush.moveTo(x, y - 1.2 * r); brush.lineTo(x + 1.15 * r, y + r); brush.lineTo(x - 1.15 * r, y + r); }
  else if (shape === 3) { brush.moveTo(x, y - 1.35 * r); brush.lineTo(x + 1.35 * r, y); brush.lineTo(x, y + 1.35 * r); brush.lineTo(x - 1.35 * r, y); }
  else { brush.moveTo(x - 1.15 * r, y - r); brush.lineTo(x + 1.15 * r, y - r); brush.lineTo(x, y + 1.2 * r); }
  brush.closePath();
}
const look = () => {
  const style = getComputedStyle(document.documentElement), read = name => style.getPropertyValue(name).trim();
  return { colours: Array.from({ length: COLOURS }, (_, k) => read(`--contender-${k + 1}`)), muted: read("--muted"), ink: read("--ink"), paper: read("--paper") };
};
function point(brush, seen, label, wrong, x, y, r) {
  const place = order.get(label), colour = place === undefined ? seen.muted : seen.colours[place % COLOURS];
  trace(brush, place === undefined ? 0 : Math.floor(place / COLOURS) % SHAPES, x, y, r);
  brush.fillStyle = wrong ? seen.paper : colour;
  brush.strokeStyle = colour;
  brush.lineWidth = wrong ? 1.4 : 0.6;
  brush.fill();
  brush.stroke();
}
function paintBase(side) {
  const canvas = maps[side], ratio = devicePixelRatio || 1, width = canvas.clientWidth;
  if (!width) return;
  canvas.width = canvas.height = Math.round(width * ratio);
  const base = bases[side] = document.createElement("canvas");
  base.width = base.height = canvas.width;
  const brush = base.getContext("2d"), seen = look();
  brush.scale(ratio, ratio);
  for (const front of only < 0 ? [true] : [false, true]) for (let i = 0; i < count; i += 1) {
    if (only >= 0 && (data.labels[i] === only) !== front) continue;
    brush.globalAlpha = front ? 0.85 : 0.12;
    point(brush, seen, data.labels[i], isWrong(side, i), ...at(side, i), radius);
  }
  paint(side);
}
function paint(side) {
  const canvas = maps[side], brush = canvas.getContext("2d"), ratio = devicePixelRatio || 1;
  if (!bases[side]) return;
  brush.setTransform(1, 0, 0, 1, 0, 0);
  brush.clearRect(0, 0, canvas.width, canvas.height);
  brush.drawImage(bases[side], 0, 0);
  if (chosen < 0) return;
  brush.scale(ratio, ratio);
  const [x, y] = at(side, chosen), seen = look();
  point(brush, seen, data.labels[chosen], isWrong(side, chosen), x, y, radius + 2);
  trace(brush, 0, x, y, radius + 7);
  brush.strokeStyle = seen.ink;
  brush.lineWidth = 2;
  brush.stroke();
}
const repaint = () => { maps.forEach((_, side) => paintBase(side)); if (chosen >= 0) thumbnail(); };

function thumbnail() {
  const canvas = card.querySelector("canvas");
  if (!sheet || !canvas || !sheet.complete) return;
  const size = canvas.width, x = chosen % data.columns * data.tile, y = Math.floor(chosen / data.columns) * data.tile;
  canvas.getContext("2d").drawImage(sheet, x, y, data.tile, data.tile, 0, 0, size, size);
}
function choose(i) {
  if (i === chosen) return;
  chosen = i;
  card.classList.toggle("empty", i < 0);
  const label = i < 0 ? "" : data.classes[data.labels[i]] ?? "";
  card.querySelector(".target").textContent = label;
  card.querySelectorAll(".answer").forEach((line, side) => {
    const code = i < 0 ? -1 : answered(side, i), right = code >= 0 && code === data.labels[i];
    line.hidden = code < 0;
    line.classList.toggle("right", right);
    line.lastElementChild.textContent = code < 0 ? "" : `${data.classes[code]} ${right ? "\u2713" : "\u2717"}`;
  });
  if (i >= 0) thumbnail();
  maps.forEach((_, side) => paint(side));
}
function nearest(side, x, y, within, fits = () => true) {
  let best = -1, least = within * within;
  for (let i = 0; i < count; i += 1) {
    if (only >= 0 && data.labels[i] !== only) continue;
    const [px, py] = at(side, i), far = (px - x) ** 2 + (py - y) ** 2;
    if (far < least && fits(px - x, py - y, i)) [best, least] = [i, far];
  }
  return best;
}
const TURNS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
maps.forEach((canvas, side) => {
  const pointed = event => {
    const box = canvas.getBoundingClientRect();
    return nearest(side, event.clientX - box.left, event.clientY - box.top, REACH);
  };
  canvas.addEventListener("pointermove", event => { const i = pointed(event); if (i >= 0) choose(i); });
  canvas.addEventListener("pointerdown", event => choose(pointed(event)));
  canvas.addEventListener("focus", () => {
    if (chosen < 0 && canvas.matches(":focus-visible")) choose(nearest(side, canvas.clientWidth / 2, canvas.clientWidth / 2, Infinity));
  });
  canvas.addEventListener("keydown", event => {
    if (event.key === "Escape") choose(-1);
    const turn = TURNS[event.key];
    if (!turn) return;
    event.preventDefault();
    if (chosen < 0) { choose(nearest(side, canvas.clientWidth / 2, canvas.clientWidth / 2, Infinity)); return; }
    const [x, y] = at(side, chosen);  /* the nearest within a quarter turn of the key's direction */
    const next = nearest(side, x, y, Infinity, (dx, dy, i) => {
      const along = dx * turn[0] + dy * turn[1], across = Math.abs(dx * turn[1]) + Math.abs(dy * turn[0]);
      return i !== chosen && along > 0 && across <= along;
    });
    if (next >= 0) choose(next);
  });
});
legend.forEach(button => {
  const key = button.querySelector("canvas"), ratio = 2;
  const draw = () => {
    const brush = key.getContext("2d");
    brush.setTransform(ratio, 0, 0, ratio, 0, 0);
    brush.clearRect(0, 0, 14, 14);
    point(brush, look(), Number(button.dataset.code), false, 7, 7, 4.5);
  };
  button.addEventListener("click", () => {
    const code = Number(button.dataset.code);
    only = only === code ? -1 : code;
    legend.forEach(other => other.setAttribute("aria-pressed", String(Number(other.dataset.code) === only)));
    if (only >= 0 && chosen >= 0 && data.labels[chosen] !== only) choose(-1);
    repaint();
  });
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
new ResizeObserver(repaint).observe(figure);
if (sheet) sheet.addEventListener("load", () => { if (chosen >= 0) thumbnail(); });
})();
