"use strict";
// Everything that comes from the server is set as text or as a number, never as markup.
const at = (id) => document.getElementById(id);
let facts = null, found = null, stream = null;

const make = (tag, text, kind) => {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (kind) element.className = kind;
  return element;
};
const percent = (share) => `${(100 * share).toFixed(1)} %`;
const milliseconds = (seconds) => `${(1000 * seconds).toFixed(seconds < 0.01 ? 2 : 1)} ms`;
const side = (name) => (name === facts.small ? "small-one" : "big-one");
const pair = () => [facts.small, facts.big];
const answerOf = (name, scale) => found.answers.find((one) => one.contender === name && one.scale === scale);

function say(text, refused) {
  at("status").textContent = text;
  at("status").className = refused ? "refused" : "";
}

async function send(file) {
  if (!file) return;
  if (file.size > facts.limits.bytes) {
    say(`Refused: ${(file.size / 2 ** 20).toFixed(0)} MB; a picture may have ${(facts.limits.bytes / 2 ** 20).toFixed(0)} MB at most.`, true);
    return;
  }
  say("Looking ...");
  try {
    const response = await fetch("/answer", { method: "POST", body: file, headers: { "Content-Type": "application/octet-stream" } });
    const told = await response.json();
    if (!response.ok) { say(`Refused: ${told.refused}`, true); return; }
    found = told;
    say(`${found.width} x ${found.height} px${found.notes.length ? " (" + found.notes.join(", ") + ")" : ""}`);
    at("result").hidden = false;
    await draw();
  } catch (error) {
    say("No answer: is the program still running?", true);
  }
}

async function draw() {
  const scale = facts.scales[Number(at("scale").value)];
  at("shown").textContent = `${scale} px`;
  at("scale").setAttribute("aria-valuetext", `${scale} px`);
  at("verdict").textContent = judged(scale);
  const square = new Image();
  square.src = found.square;
  await square.decode();
  at("pair").replaceChildren(...pair().map((name) => card(answerOf(name, scale), square)));
  table(scale);
  plot(scale);
}

function judged(scale) {
  const [small, big] = pair().map((name) => answerOf(name, scale));
  const seen = facts.agreement.find((one) => one.scale === scale);
  const times = `${(big.latency_s / small.latency_s).toFixed(2)} times the time`;
  if (small.label === big.label) {
    const worth = seen && seen.same ? ` Where they agreed on the test pictures (${seen.same} of ${seen.samples}), they were right in ${percent(seen.same_right / seen.same)}.` : "";
    return `Both say ${small.label}. ${facts.big} took ${times}.${worth}`;
  }
  const others = seen ? seen.samples - seen.same : 0;
  const worth = others ? ` Where they differed on the test pictures (${others} of ${seen.samples}), ${facts.small} was right in ${percent(seen.small_right / others)} and ${facts.big} in ${percent(seen.big_right / others)}.` : "";
  return `They differ: ${small.label} or ${big.label}. ${facts.big} took ${times}.${worth}`;
}

function card(answer, square) {
  const figure = make("figure", undefined, side(answer.contender));
  const canvas = make("canvas");
  canvas.width = canvas.height = 320;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `Where ${answer.contender} found ${answer.label}`);
  const pen = canvas.getContext("2d");
  pen.drawImage(square, 0, 0, 320, 320);
  pen.globalAlpha = 0.55;
  pen.drawImage(heat(answer.map), 0, 0, 320, 320);
  const list = make("dl");
  for (const one of answer.top) list.append(make("dt", one.label), make("dd", percent(one.probability)));
  list.append(make("dt", "time"), make("dd", milliseconds(answer.latency_s)));
  const caption = make("figcaption");
  caption.append(make("div", answer.contender), make("div", answer.label, "answer"));
  figure.append(caption, canvas, list);
  return figure;
}

// Cividis, which reads the same to colour-blind eyes: from dark blue, no evidence, to yellow, the most.
const COLOURS = [[0, 34, 78], [66, 78, 108], [124, 123, 120], [187, 173, 108], [254, 232, 56]];
function heat(rows) {
  const canvas = document.createElement("canvas");
  canvas.width = rows[0].length;
  canvas.height = rows.length;
  const pixels = new ImageData(canvas.width, canvas.height);
  rows.flat().forEach((value, index) => {
    const place = (value / 255) * (COLOURS.length - 1), low = Math.min(Math.floor(place), COLOURS.length - 2);
    for (let c = 0; c < 3; c++) pixels.data[4 * index + c] = COLOURS[low][c] + (place - low) * (COLOURS[low + 1][c] - COLOURS[low][c]);
    pixels.data[4 * index + 3] = 255;
  });
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  return canvas;
}

function table(now) {
  const head = make("tr");
  for (const word of ["scale", ...pair().flatMap((name) => [name, "sure", "time"])]) {
    const cell = make("th", word);
    cell.scope = "col";
    head.append(cell);
  }
  const rows = facts.scales.map((scale) => {
    const row = make("tr", undefined, scale === now ? "now" : "");
    row.append(make("td", `${scale} px`));
    for (const name of pair()) {
      const one = answerOf(name, scale);
      row.append(make("td", one.label), make("td", percent(one.confidence)), make("td", milliseconds(one.latency_s)));
    }
    return row;
  });
  const top = make("thead"), body = make("tbody");
  top.append(head);
  body.append(...rows);
  at("table").replaceChildren(top, body);
}

function drawn(tag, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

function plot(now) {
  const points = facts.points.filter((one) => pair().includes(one.contender));
  at("mapped").hidden = points.length === 0;
  if (!points.length) return;
  const wide = Math.max(300, Math.min(640, at("mapped").clientWidth));
  at("plot").setAttribute("viewBox", `0 0 ${wide} 340`);
  const [left, right, top, bottom] = [56, wide - 24, 16, 290];
  const logs = points.map((one) => Math.log(one.latency_s)), means = points.map((one) => one.mean);
  const span = (values, room) => { const low = Math.min(...values), high = Math.max(...values), pad = room * (high - low || 1); return [low - pad, high + pad]; };
  const [x0, x1] = span(logs, 0.08), [y0, y1] = span(means, 0.12);
  const x = (seconds) => left + (right - left) * (Math.log(seconds) - x0) / (x1 - x0);
  const y = (mean) => bottom - (bottom - top) * (mean - y0) / (y1 - y0);
  const parts = [drawn("line", { class: "axis", x1: left, y1: bottom, x2: right, y2: bottom }), drawn("line", { class: "axis", x1: left, y1: top, x2: left, y2: bottom })];
  for (const share of [0.1, 0.5, 0.9]) {
    const seconds = Math.exp(x0 + share * (x1 - x0)), mean = y0 + share * (y1 - y0);
    parts.push(drawn("text", { class: "tick", x: x(seconds), y: bottom + 18, "text-anchor": "middle" }, milliseconds(seconds)));
    parts.push(drawn("text", { class: "tick", x: left - 8, y: y(mean) + 4, "text-anchor": "end" }, mean.toFixed(1)));
  }
  parts.push(drawn("text", { x: (left + right) / 2, y: bottom + 40, "text-anchor": "middle" }, "measured time of one picture (logarithmic)"));
  parts.push(drawn("text", { x: left + 6, y: top + 4 }, facts.metric));
  for (const name of pair()) {
    const own = points.filter((one) => one.contender === name).sort((a, b) => a.scale - b.scale);
    parts.push(drawn("polyline", { class: side(name), points: own.map((one) => `${x(one.latency_s)},${y(one.mean)}`).join(" ") }));
    for (const one of own) {
      const shape = name === facts.small ? drawn("circle", { class: side(name), cx: x(one.latency_s), cy: y(one.mean), r: 5 })
        : drawn("rect", { class: side(name), x: x(one.latency_s) - 5, y: y(one.mean) - 5, width: 10, height: 10 });
      parts.push(shape, drawn("text", { x: x(one.latency_s), y: y(one.mean) - 12, "text-anchor": "middle" }, `${one.scale}`));
      if (one.scale === now) parts.push(drawn("circle", { class: "ring", cx: x(one.latency_s), cy: y(one.mean), r: 11 }));
    }
  }
  at("plot").replaceChildren(...parts);
  at("plotted").textContent = `Mean ${facts.metric} on the test pictures over the measured time of one: circles are ${facts.small}, squares ${facts.big}, ` +
    `numbers the scale in px; ringed is ${now} px. The map turns with the machine, the batch and the precision.`;
}

async function film() {
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: true });
  } catch (error) {
    say("The camera cannot be used here; choose a file.", true);
    return;
  }
  at("video").srcObject = stream;
  at("video").hidden = at("shoot").hidden = false;
  await at("video").play();
}

function shoot() {
  const video = at("video"), canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  stream.getTracks().forEach((track) => track.stop());
  video.hidden = at("shoot").hidden = true;
  canvas.toBlob(send, "image/jpeg", 0.95);
}

async function begin() {
  facts = await (await fetch("/facts")).json();
  const seeds = Object.entries(facts.seeds).map(([name, seed]) => `${name} (seed ${seed})`).join(" and ");
  at("about").textContent = `Of the study, ${seeds} answer. One training of each; the verdict rests on all of them.`;
  const slider = at("scale");
  slider.max = facts.scales.length - 1;
  slider.value = Math.max(0, facts.scales.indexOf(facts.scale));
  slider.addEventListener("input", draw);
  at("file").addEventListener("change", (event) => send(event.target.files[0]));
  at("camera").addEventListener("click", film);
  at("shoot").addEventListener("click", shoot);
  const drop = at("drop");
  for (const kind of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", kind === "dragover");
      if (kind === "drop") send(event.dataTransfer.files[0]);
    });
  }
}
window.addEventListener("resize", () => found && plot(facts.scales[Number(at("scale").value)]));
begin();
