"use strict";
// Everything that comes from the server is set as text or as a number, never as markup.
const at = (id) => document.getElementById(id);
let facts = null, found = null, before = null, stream = null; // before: what was found of the picture before this one

const make = (tag, text, kind) => {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (kind) element.className = kind;
  return element;
};
const kind = () => KINDS[facts.answers];
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
  at("result").hidden = true; // an answer to another picture would be taken for this one's
  if (file.size > facts.limits.bytes) {
    say(`Refused: ${(file.size / 2 ** 20).toFixed(0)} MB; a picture may have ${(facts.limits.bytes / 2 ** 20).toFixed(0)} MB at most.`, true);
    return;
  }
  say("Looking ...");
  try {
    const response = await fetch("/answer", { method: "POST", body: file, headers: { "Content-Type": "application/octet-stream" } });
    const told = await response.json();
    if (!response.ok) { say(`Refused: ${told.refused}`, true); return; }
    [before, found] = [found, told];
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
  const shown = { found, before, square: await picture(found.square), earlier: before && await picture(before.square), mended: {} };
  for (const name of pair()) {
    const own = answerOf(name, scale);
    if (own.picture) shown.mended[name] = await picture(own.picture);
  }
  at("pair").replaceChildren(...pair().map((name) => card(answerOf(name, scale), shown)));
  table(scale);
  plot(scale);
}

async function picture(address) {
  const image = new Image();
  image.src = address;
  await image.decode();
  return image;
}

function judged(scale) {
  const [small, big] = pair().map((name) => answerOf(name, scale)), [first, second] = [small, big].map(words);
  const seen = facts.agreement.find((one) => one.scale === scale);
  const times = `${(big.latency_s / small.latency_s).toFixed(2)} times the time`;
  if (!seen) return `${facts.big} took ${times}.`;
  if (first === second) {
    const worth = seen.same ? ` Where they agreed on the test ${facts.sample}s (${seen.same} of ${seen.samples}), they were right in ${share(seen.same_right / seen.same)}.` : "";
    return `Both say ${first}. ${facts.big} took ${times}.${worth}`;
  }
  const others = seen.samples - seen.same;
  const worth = others ? ` Where they differed on the test ${facts.sample}s (${others} of ${seen.samples}), ${facts.small} was right in ${share(seen.small_right / others)} and ${facts.big} in ${share(seen.big_right / others)}.` : "";
  return `They differ: ${first} or ${second}. ${facts.big} took ${times}.${worth}`;
}

const words = (answer) => kind().words(answer, { before });

function card(answer, shown) {
  const figure = make("figure", undefined, side(answer.contender));
  const canvas = make("canvas");
  canvas.width = canvas.height = SIDE;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", kind().drawn(answer, shown));
  kind().draw(canvas.getContext("2d"), answer, shown);
  const list = make("dl");
  for (const [name, value] of kind().list(answer, shown)) list.append(make("dt", name), make("dd", value));
  list.append(make("dt", "time"), make("dd", milliseconds(answer.latency_s)));
  const caption = make("figcaption");
  caption.append(make("div", answer.contender), make("div", words(answer), "answer"));
  figure.append(caption, canvas, list);
  return figure;
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
      const sure = kind().sure(one);
      row.append(make("td", words(one)), make("td", sure === null ? "-" : share(sure)), make("td", milliseconds(one.latency_s)));
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

// Round numbers from low to high: multiples of 1, 2 or 5 times a power of ten, at most `most` of them.
function rounded(low, high, most) {
  const ten = 10 ** Math.floor(Math.log10((high - low) / most));
  const step = [1, 2, 5, 10].map((factor) => factor * ten).find((one) => Math.floor(high / one) - Math.ceil(low / one) < most);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return Array.from({ length: Math.floor(high / step) - Math.ceil(low / step) + 1 }, (_, place) => ((Math.ceil(low / step) + place) * step).toFixed(digits));
}

// The same for a logarithmic axis: 1, 2 and 5 of each power of ten where they are enough.
function roundedLog(low, high, most) {
  const powers = Array.from({ length: 13 }, (_, place) => place - 6);
  const held = powers.flatMap((power) => [1, 2, 5].map((factor) => (factor * 10 ** power).toFixed(Math.max(0, -power)))).filter((told) => told >= low && told <= high);
  return held.length >= 3 ? held : rounded(low, high, most);
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
  for (const told of roundedLog(1000 * Math.exp(x0), 1000 * Math.exp(x1), 5)) {
    parts.push(drawn("text", { class: "tick across", x: x(told / 1000), y: bottom + 18, "text-anchor": "middle" }, `${told} ms`));
  }
  for (const told of rounded(y0, y1, 6)) parts.push(drawn("text", { class: "tick", x: left - 8, y: y(Number(told)) + 4, "text-anchor": "end" }, told));
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
  at("plotted").textContent = `Mean ${facts.metric} on the test ${facts.sample}s over the measured time of one: circles are ${facts.small}, squares ${facts.big}, ` +
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
