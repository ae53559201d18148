"use strict";
/* What joins the sliders, the outcomes embedded in this page, and the formulas above. */
(() => {
const block = name => document.getElementById(`data-${name}`);
const bytes = name => Uint8Array.from(atob(block(name).textContent), letter => letter.charCodeAt(0));
const reveal = () => {  /* a link into something folded unfolds it */
  const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let place = target; place; place = place.parentElement) if (place.tagName === "DETAILS") place.open = true;
  if (target) target.scrollIntoView();
};
addEventListener("hashchange", reveal);
reveal();

const form = document.getElementById("ask-form");
if (!form) return;
const header = JSON.parse(block("index").textContent), state = header.panel, words = state.words;
const raw = bytes("outcomes"), size = header.outcomes.samples, binary = header.outcomes.kind === "bits";
const width = binary ? Math.ceil(size / 8) : 8 * size, runs = new Map();
let row = 0;
for (const cell of header.outcomes.cells) for (const seed of cell.seeds) {
  runs.set(`${cell.scale} ${seed} ${cell.contender}`, row);
  row += 1;
}
const seedsOf = (contender, scale) =>
  header.outcomes.cells.find(cell => cell.contender === contender && cell.scale === scale).seeds;
const outcomes = (contender, scale, seed) => {
  const start = runs.get(`${scale} ${seed} ${contender}`) * width;
  if (!binary) return new Float64Array(raw.slice(start, start + width).buffer);
  return Float64Array.from({ length: size }, (_, i) => raw[start + (i >> 3)] >> (7 - (i & 7)) & 1);
};
const groups = header.groups ? Array.from(new Uint32Array(bytes("groups").buffer)) : null;
const known = new Map();
function at(scale) {
  if (!known.has(scale)) {
    let seeds = [state.big, state.small].map(name => seedsOf(name, scale));
    const shared = seeds[0].filter(seed => seeds[1].includes(seed)), pairs = state.paired && shared.length >= 3;
    if (pairs) seeds = [shared, shared];
    const sides = [state.big, state.small].map((name, j) => seeds[j].map(seed => outcomes(name, scale, seed)));
    const found = deepenough.estimate(...sides, { groups, level: state.level, guard: state.guard, paired: pairs });
    const reached = [state.small, state.big].map(name => {
      const each = seedsOf(name, scale).map(seed => outcomes(name, scale, seed).reduce((a, b) => a + b, 0) / size);
      return each.reduce((a, b) => a + b, 0) / each.length;
    });
    known.set(scale, { ...found, reached });
  }
  return known.get(scale);
}

/* numbers as the rest of the page sets them: tables/numbers.py */
const minus = text => text.replace(/-(?=\d)/g, "\u2212");
const grouped = text => text.replace(/^(-?\d+)/, whole => whole.replace(/\B(?=(\d{3})+$)/g, ","));
const fixed = (value, decimals) => {
  const text = value.toFixed(decimals);
  return minus(Number(text) === 0 ? text.replace("-", "") : text);
};
const signed = (value, decimals) => (Number(value.toFixed(decimals)) > 0 ? "+" : "") + fixed(value, decimals);
const money = value => {
  const whole = Math.abs(value) >= 1000 || value === 0;
  const decimals = whole ? 0 : Math.min(Math.max(3 - Math.floor(Math.log10(Math.abs(value))), 0), 8);
  return minus(grouped(value.toFixed(decimals)));
};
const span = value => fixed(value, Math.max(3 - String(Math.trunc(Math.abs(value))).length, 0));
function decimalsFor(error, values, landmarks) {
  const wanted = error > 0 ? Math.min(Math.max(1 - Math.floor(Math.log10(2 * error)), 1), 4) : 2;
  for (let decimals = wanted; decimals <= 6; decimals += 1) {
    const half = 0.5 * 10 ** -decimals;
    if (!values.some(value => landmarks.some(mark => value !== mark && Math.abs(value - mark) <= half))) return decimals;
  }
  return 6;
}
const fill = (template, values) => template.replace(/\{(\w+)\}/g, (_, name) => values[name]);

const fields = Object.fromEntries([...form.querySelectorAll("input[type=number]")].map(field => [field.name, field]));
const slides = Object.fromEntries([...form.querySelectorAll("input[type=range]")].map(field => [field.dataset.for, field]));
const scaleChoice = form.elements.scale, machineChoice = form.elements.machine;
const cells = (table, place) => [...document.querySelectorAll(`#ask table.${table} tbody tr`)].map(line => line.children[place]);
const written = (text, element) => { element.textContent = text; };

function answer() {
  const values = Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, field.valueAsNumber]));
  const bad = Object.entries(values).find(([name, value]) => !(value >= 0) || (name === "margin" && !(value > 0)));
  const said = document.getElementById("ask-answer"), note = document.getElementById("ask-note");
  if (bad) {  /* numbers of an earlier question would be taken for this one's */
    written(words.bad, said);
    written("", note);
    const money = document.getElementById("ask-money");
    if (money) written("", money);
    const numbers = [...cells("asked", 1), ...cells("money", 1), ...[2, 3].flatMap(place => cells("money", place).slice(0, 2))];
    numbers.forEach(cell => written("\u2013", cell));
    delete form.dataset.result;
    return;
  }
  const scale = scaleChoice ? Number(scaleChoice.value) : state.scales[0], found = at(scale), times = state.multiplier;
  const result = { scale, margin: values.margin, difference: found.difference * times,
    interval: found.interval.map(end => end * times), error: found.error * times, df: found.df, p: found.p };
  const decision = deepenough.decide(result.interval, values.margin);
  Object.assign(result, decision);
  const decimals = decimalsFor(result.error, result.interval, [0, values.margin]);
  const kind = decision.answer + (decision.beyond === false ? "_open" : "");
  const at_ = scale > 0 ? fill(words.at, { scale }) : "";
  written(fill(words[kind], { at: at_ }).replace(/^./u, letter => letter.toUpperCase()), said);
  const facts = cells("asked", 1), ends = result.interval.map(end => fixed(end, decimals));
  written(signed(result.difference, decimals), facts[0]);
  written(fill(words.interval, { low: ends[0], high: ends[1] }), facts[1]);
  written(result.df === null ? "\u2013" : fixed(result.df, 1), facts[2]);
  written(result.p < 0.001 ? "< 0.001" : result.p.toFixed(3), facts[3]);
  const changed = values.margin !== state.margin || scale !== state.scale;
  written(changed ? words.changed : "", note);
  if (state.machines.length) {
    const seconds = state.machines[machineChoice ? Number(machineChoice.value) : 0].latency_s;
    const spans = [state.small, state.big].map(name => seconds[name][scale]);
    const cost = cells("money", 1), time = cells("money", 2), wrong = cells("money", 3), verdict = document.getElementById("ask-money");
    found.reached.forEach((reached, j) => written(fixed(100 - 100 * reached, decimals), wrong[j]));
    if (spans.some(each => each === undefined)) {
      [...time.slice(0, 2), ...cost].forEach(cell => written("\u2013", cell));
      written(words.unmeasured, verdict);
    } else {
      const asked = deepenough.bill(spans, found.reached, found.interval, values);
      result.bill = asked;
      spans.forEach((each, j) => written(span(1000 * each), time[j]));
      written(money(asked.small), cost[0]);
      written(money(asked.big), cost[1]);
      const [low, high] = asked.interval.map(money);
      written(money(asked.difference), cost[2]);
      written(fill(words.interval, { low, high }), cost[3]);
      const pays = asked.interval[1] < 0 ? words.big_pays : asked.interval[0] > 0 ? words.small_pays : words.open_pays;
      const even = asked.breakEven === null ? "" : fill(words.break_even, { points: money(100 * asked.breakEven) });
      written(`${pays} ${even}`.trim(), verdict);
    }
  }
  form.dataset.result = JSON.stringify(result);
}

const places = slide => ({ low: Math.log10(slide.dataset.low), high: Math.log10(slide.dataset.high) });
function toSlide(name) {
  const slide = slides[name], { low, high } = places(slide), value = fields[name].valueAsNumber;
  slide.value = value > 0 ? 1000 * (Math.log10(value) - low) / (high - low) : 0;
  slide.setAttribute("aria-valuetext", fields[name].value);
}
for (const [name, slide] of Object.entries(slides)) {
  slide.addEventListener("input", () => {
    const { low, high } = places(slide);
    fields[name].value = Number((10 ** (low + (high - low) * slide.valueAsNumber / 1000)).toPrecision(2));
    slide.setAttribute("aria-valuetext", fields[name].value);
    answer();
  });
  fields[name].addEventListener("input", () => { toSlide(name); answer(); });
  toSlide(name);
}
for (const choice of [scaleChoice, machineChoice]) if (choice) choice.addEventListener("input", answer);
form.addEventListener("reset", () => setTimeout(() => { Object.keys(slides).forEach(toSlide); answer(); }));
form.addEventListener("submit", event => event.preventDefault());
form.hidden = false;
answer();
})();
