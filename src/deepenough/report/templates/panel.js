"use strict";
/* The verdict's own formulas, on the outcomes embedded in this page: see comparison/estimating.py, stats/mrmc.py,
   stats/checkpoints.py, stats/decision.py and comparison/price.py, which this must equal to 1e-9. */
(() => {
const ROUNDING = 1e-13;
const sum = values => { let total = 0; for (const value of values) total += value; return total; };
const mean = values => sum(values) / values.length;
const variance = values => { const centre = mean(values); return sum(values.map(v => (v - centre) ** 2)) / (values.length - 1); };
const largest = values => { let most = 0; for (const value of values) most = Math.max(most, Math.abs(value)); return most; };

/* log of gamma(a + 1/2) / gamma(a): shifted up until its asymptotic series is exact to the last digit */
function halfStep(a) {
  let shift = 0;
  for (; a < 40; a += 1) shift += Math.log(a / (a + 0.5));
  const inverse = 1 / a, square = inverse * inverse;
  return shift + 0.5 * Math.log(a) - inverse * (1 / 8 - square * (1 / 192 - square * (1 / 640 - square * 17 / 14336)));
}

/* the continued fraction of the incomplete beta function, by Lentz */
function betaFraction(x, a, b) {
  const tiny = 1e-300, away = value => Math.abs(value) < tiny ? tiny : value;
  let c = 1, d = 1 / away(1 - (a + b) * x / (a + 1)), found = d;
  for (let m = 1; m < 10000; m += 1) {
    for (const term of [m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
      -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))]) {
      d = 1 / away(1 + term * d);
      c = away(1 + term / c);
      found *= d * c;
    }
    if (Math.abs(d * c - 1) < 1e-16) break;
  }
  return found;
}

/* P(|T| > t) of Student's t */
function tTwoSided(t, df) {
  if (!(t > 0)) return 1;
  if (t === Infinity) return 0;
  const a = df / 2, ratio = t * t / df, x = 1 / (1 + ratio), y = ratio / (1 + ratio);
  const front = Math.exp(halfStep(a) - 0.5 * Math.log(Math.PI) - a * Math.log1p(ratio) + 0.5 * Math.log(y));
  return x < (a + 1) / (a + 2.5) ? front * betaFraction(x, a, 0.5) / a : 1 - front * betaFraction(y, 0.5, a) / 0.5;
}

/* the t that |T| passes with this probability: Newton on the tail, held within a bracket */
function tQuantile(df, level) {
  const tail = 1 - level, density = t => 2 * Math.exp(halfStep(df / 2) - 0.5 * Math.log(df * Math.PI)
    - (df + 1) / 2 * Math.log1p(t * t / df));
  let low = 0, high = 1;
  while (tTwoSided(high, df) > tail) { low = high; high *= 2; }
  let t = (low + high) / 2;
  for (let step = 0; step < 200; step += 1) {
    const above = tTwoSided(t, df) - tail;
    if (above > 0) low = t; else high = t;
    let next = t + above / density(t);
    if (!(next > low && next < high)) next = (low + high) / 2;
    if (Math.abs(next - t) <= 4e-16 * t) return next;
    t = next;
  }
  return t;
}

/* quantile of the standard normal: bisection and Newton on the tail of a t with endless degrees of freedom, which is
   erfc by its continued fraction or its series */
function normalTail(z) {
  const x = z / Math.SQRT2;
  if (x < 2) {
    let term = x, total = x;
    for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(total); n += 1) { term *= -x * x / n; total += term / (2 * n + 1); }
    return 1 - 2 / Math.sqrt(Math.PI) * total;
  }
  let fraction = 0;
  for (let n = 200; n > 0; n -= 1) fraction = n / 2 / (x + fraction);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction);
}
function normalQuantile(level) {
  let z = 1.96;
  for (let step = 0; step < 60; step += 1) {
    const next = z + (normalTail(z) - (1 - level)) / (2 * Math.exp(-z * z / 2) / Math.sqrt(2 * Math.PI));
    if (Math.abs(next - z) <= 4e-16 * z) return next;
    z = Math.max(next, z / 2);
  }
  return z;
}

/* seed means, sample means and the mean square of what both leave over */
function decompose(rows) {
  const k = rows.length, n = rows[0].length, seeds = rows.map(mean), grand = mean(seeds), samples = new Float64Array(n);
  let square = 0;
  for (let i = 0; i < n; i += 1) {
    let total = 0;
    for (const row of rows) total += row[i];
    samples[i] = total / k;
    for (let s = 0; s < k; s += 1) square += (rows[s][i] - samples[i] - (seeds[s] - grand)) ** 2;
  }
  square = k > 1 ? square / ((k - 1) * (n - 1)) : 0;
  const floor = (ROUNDING * Math.max(largest(seeds), largest(samples))) ** 2;
  return { seeds, samples, square: square > floor ? square : 0 };
}

function read(spread, level) {
  const own = spread.counts.map(count => count - 1);
  const total = sum(spread.seeds) + spread.samples, error = Math.sqrt(total);
  const guarded = spread.seeds.map((part, j) => spread.guard[j] * part);
  const below = sum(guarded.map((part, j) => part * part / own[j]));
  const above = (sum(guarded) + spread.samples) ** 2;
  const df = Math.min(below > 0 ? above / below : Infinity, spread.size - 1);
  const half = error > 0 ? tQuantile(df, level) * error : 0;
  return {
    difference: spread.difference, error, df, samples: spread.size, still: !(error > 0),
    interval: [spread.difference - half, spread.difference + half],
    p: error > 0 ? tTwoSided(Math.abs(spread.difference) / error, df) : Number(spread.difference === 0),
  };
}

function nested(big, small, guard, level) {
  const first = decompose(big), second = decompose(small), n = big[0].length, counts = [big.length, small.length];
  const scale = Math.max(largest(first.seeds), largest(second.seeds)), floor = (ROUNDING * scale) ** 2;
  const observed = [first, second].map(side => variance(side.seeds)).map(v => v > floor ? v : 0);
  const perSeed = [first.square / counts[0], second.square / counts[1]];
  let seeds = observed.map((v, j) => v / counts[j]);
  if (sum(seeds) === 0) seeds = perSeed.map(part => part / n);
  const spread = variance(first.samples.map((value, i) => value - second.samples[i]));
  let difference = mean(first.seeds) - mean(second.seeds);
  if (Math.abs(difference) <= ROUNDING * scale) difference = 0;
  return read({ difference, seeds, counts, guard, size: n,
    samples: Math.max((spread > floor ? spread : 0) - sum(perSeed), 0) / n }, level);
}

function paired(big, small, level) {
  const rows = big.map((row, s) => row.map((value, i) => value - small[s][i]));
  const k = rows.length, n = rows[0].length, found = decompose(rows), floor = (ROUNDING * largest(found.seeds)) ** 2;
  const observed = variance(found.seeds), spread = variance(found.samples);
  return read({ difference: mean(found.seeds), counts: [k], guard: [2], size: n,
    seeds: [observed > floor ? observed / k : found.square / (k * n)],
    samples: Math.max((spread > floor ? spread : 0) - found.square / k, 0) / n }, level);
}

function agrestiMin(onlyBig, onlySmall, n, level) {
  const total = n + 2, difference = (onlyBig - onlySmall) / total;
  const half = normalQuantile(level) * Math.sqrt((onlyBig + onlySmall + 1) / total - difference ** 2) / Math.sqrt(total);
  return [Math.max(difference - half, -1), Math.min(difference + half, 1)];
}

function midP(onlyBig, onlySmall) {
  const fewer = Math.min(onlyBig, onlySmall), total = onlyBig + onlySmall;
  if (total === 0) return 1;
  let chance = -total * Math.LN2, below = 0, last = 0;
  for (let i = 0; i <= fewer; i += 1) {
    last = Math.exp(chance);
    below += last;
    chance += Math.log((total - i) / (i + 1));
  }
  return Math.min(1, 2 * below - last);
}

function checkpoints(big, small, level, binary) {
  const first = decompose(big).samples, second = decompose(small).samples, n = first.length;
  const rounding = ROUNDING * Math.max(...big.map(largest), ...small.map(largest));
  const gains = first.map((value, i) => Math.abs(value - second[i]) <= rounding ? 0 : value - second[i]);
  const difference = mean(gains), spread = variance(gains), error = Math.sqrt((spread > rounding ** 2 ? spread : 0) / n);
  if (binary && big.length === 1 && small.length === 1) {
    const onlyBig = gains.filter(gain => gain > 0).length, onlySmall = gains.filter(gain => gain < 0).length;
    return { difference, error, df: null, samples: n, still: !(error > 0),
      interval: agrestiMin(onlyBig, onlySmall, n, level), p: midP(onlyBig, onlySmall) };
  }
  const half = error > 0 ? tQuantile(n - 1, level) * error : 0;
  return { difference, error, df: n - 1, samples: n, still: !(error > 0),
    interval: [difference - half, difference + half],
    p: error > 0 ? tTwoSided(Math.abs(difference) / error, n - 1) : Number(difference === 0) };
}

/* one linearised score a cluster; groups hold one code a sample, or two of each, one after the other */
function clustered(rows, groups) {
  if (groups.length === 2 * rows[0].length) return clusteredTwice(rows, groups);
  const count = groups.reduce((most, code) => Math.max(most, code), 0) + 1, sizes = new Float64Array(count);
  for (const code of groups) sizes[code] += 1;
  return rows.map(row => {
    const totals = new Float64Array(count), centre = mean(row);
    row.forEach((value, i) => { totals[groups[i]] += value; });
    return totals.map((total, c) => (total - centre * sizes[c]) * (count / row.length) + centre);
  });
}

function clusteredTwice(rows, groups) {
  const count = groups.reduce((most, code) => Math.max(most, code), 0) + 1;
  return rows.map(row => {
    const totals = new Float64Array(count), centre = mean(row);
    row.forEach((value, i) => {
      const [one, other] = [groups[2 * i], groups[2 * i + 1]];
      totals[one] += value - centre;
      if (other !== one) totals[other] += value - centre;
    });
    const influence = totals.map(total => total * (count / row.length)), middle = mean(influence);
    return influence.map(value => value - middle + centre);
  });
}

/* big minus small, in shares: the estimator that fits, as `estimate_gain` chooses it */
function estimate(big, small, { groups, level, guard, paired: pairs }) {
  const binary = [...big, ...small].every(row => row.every(value => value * value === value));
  const units = groups ? [clustered(big, groups), clustered(small, groups)] : [big, small];
  let found;
  if (Math.min(big.length, small.length) < 2) found = checkpoints(...units, level, binary && !groups);
  else if (pairs) found = paired(...units, level);
  else {
    const equal = big.length === small.length;
    const guards = [big, small].map(rows => equal ? guard : Math.max(guard, 1 + 2 / (rows.length - 1)));
    found = nested(...units, guards, level);
  }
  if (!binary) return found;
  if (!found.still) found.interval = [Math.max(found.interval[0], -1), Math.min(found.interval[1], 1)];
  else {
    const gain = Math.round(found.difference * found.samples);
    found.interval = agrestiMin(Math.max(gain, 0), Math.max(-gain, 0), found.samples, level);
    found.p = midP(Math.max(gain, 0), Math.max(-gain, 0));
  }
  return found;
}

/* the decision rule: one interval against a margin */
function decide([low, high], margin) {
  if (high < 0) return { answer: "small_is_better", beyond: null };
  if (high < margin) return { answer: "small_is_enough", beyond: null };
  if (low > 0) return { answer: "big_is_better", beyond: low > margin };
  return { answer: "undecided", beyond: null };
}

/* cost a day = traffic x (latency x price of a millisecond + error rate x cost of an error) */
function bill(seconds, accuracy, interval, { millisecond, error, traffic }) {
  const [small, big] = seconds.map((span, j) => traffic * (1000 * span * millisecond + (1 - accuracy[j]) * error));
  const slower = 1000 * (seconds[1] - seconds[0]) * millisecond, difference = gain => traffic * (slower - gain * error);
  return { small, big, difference: difference(accuracy[1] - accuracy[0]),
    interval: [difference(interval[1]), difference(interval[0])], breakEven: error > 0 ? slower / error : null };
}

globalThis.deepenough = Object.freeze({ tQuantile, tTwoSided, normalQuantile, estimate, decide, bill, midP });
})();
