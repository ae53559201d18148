"use strict";
// What the page shows of each kind of answer (`deepenough.tasks.answering`): in words, how sure, in a list, and drawn.
const share = (value) => `${(100 * value).toFixed(1)} %`;
const SHOWN = 3; // classes of an answer

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

function fitted(pen, image, left, width) {
  const scale = Math.min(width / image.width, SIDE / image.height);
  pen.drawImage(image, left, 0, scale * image.width, scale * image.height);
}
const SIDE = 320; // of what is drawn, pixels

const classes = {
  words: (answer) => answer.said.prediction || "none of the labels",
  sure: (answer) => answer.said.confidence,
  list: (answer) => Object.entries(answer.said.probabilities).sort((a, b) => b[1] - a[1]).slice(0, Math.max(SHOWN, answer.said.prediction.split("|").length))
    .map(([name, value]) => [name, share(value)]),
  drawn: (answer) => `Where ${answer.contender} found ${classes.words(answer)}`,
  draw(pen, answer, shown) {
    fitted(pen, shown.square, 0, SIDE);
    pen.globalAlpha = 0.55;
    pen.drawImage(heat(answer.map), 0, 0, SIDE, SIDE);
  },
};

const boxes = {
  surest: (answer) => answer.said.boxes.filter((box) => box.confidence > 0.5),
  words(answer) {
    const counts = {};
    for (const box of boxes.surest(answer)) counts[box.prediction] = (counts[box.prediction] || 0) + 1;
    return Object.entries(counts).sort().map(([name, count]) => `${name} ${count}`).join(", ") || "nothing";
  },
  sure: (answer) => (answer.said.boxes.length ? answer.said.boxes[0].confidence : null),
  list: (answer) => answer.said.boxes.slice(0, SHOWN).map((box) => [box.prediction, share(box.confidence)]),
  drawn: (answer) => `Boxes that ${answer.contender} found: ${boxes.words(answer)}`,
  draw(pen, answer, shown) {
    fitted(pen, shown.square, 0, SIDE);
    const scale = SIDE / Math.max(shown.found.width, shown.found.height);
    pen.lineWidth = 2;
    pen.font = "14px system-ui, sans-serif";
    for (const box of boxes.surest(answer)) {
      const [left, top, right, bottom] = [box.left, box.top, box.right, box.bottom].map((value) => value * scale);
      pen.strokeStyle = "#000";
      pen.strokeRect(left - 1, top - 1, right - left + 2, bottom - top + 2);
      pen.strokeStyle = pen.fillStyle = "#fee838";
      pen.strokeRect(left, top, right - left, bottom - top);
      pen.fillText(box.prediction, left + 3, top + 15);
    }
  },
};

const pictures = {
  words: () => "mended",
  sure: () => null,
  list: (answer) => [["size", `${answer.said.width} x ${answer.said.height} px`]],
  drawn: (answer) => `Before on the left, after ${answer.contender} on the right`,
  draw(pen, answer, shown) {
    fitted(pen, shown.square, 0, SIDE / 2 - 2);
    fitted(pen, shown.mended[answer.contender], SIDE / 2 + 2, SIDE / 2 - 2);
  },
};

const vectors = {
  cosine(answer, shown) {
    const other = shown.before && shown.before.answers.find((one) => one.contender === answer.contender && one.scale === answer.scale);
    if (!other) return null;
    const dot = (a, b) => a.reduce((sum, value, place) => sum + value * b[place], 0), [a, b] = [answer.said.embedding, other.said.embedding];
    return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b) || 1);
  },
  words(answer, shown) {
    const cosine = vectors.cosine(answer, shown);
    return cosine === null ? "send a second picture" : cosine > answer.threshold ? "the same" : "different";
  },
  sure: () => null,
  list(answer, shown) {
    const cosine = vectors.cosine(answer, shown);
    return [["likeness (cosine)", cosine === null ? "-" : cosine.toFixed(3)], ["the same above", answer.threshold.toFixed(3)]];
  },
  drawn: (answer, shown) => (shown.before ? "The picture before and this one" : "The picture"),
  draw(pen, answer, shown) {
    if (shown.earlier) fitted(pen, shown.earlier, 0, SIDE / 2 - 2);
    fitted(pen, shown.square, shown.earlier ? SIDE / 2 + 2 : 0, shown.earlier ? SIDE / 2 - 2 : SIDE);
  },
};

const KINDS = { OneOfClasses: classes, LabelsOf: classes, Boxes: boxes, MendedPicture: pictures, Embedding: vectors };
