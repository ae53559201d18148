"""The model card beside an export, in the form that Hugging Face reads: YAML front matter, then plain words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from deepenough.data.entries import shown
from deepenough.records import write_atomically

if TYPE_CHECKING:
    from deepenough.serving.exporting import Export, Material
    from deepenough.serving.latency import Latency

CARD = "README.md"
LIBRARY = "deepenough"
_SIGN = f"library_name: {LIBRARY}\n"  # by which a card is known as ours and may be written anew


def write_card(done: Export, material: Material) -> Path:
    """Write the card as README.md beside the model; beside a stranger's README.md under the model's own name.

    Returns:
        Where it lies.
    """
    path = done.path.parent / CARD
    if path.is_file() and _SIGN not in path.read_text(encoding="utf-8", errors="replace")[:4000]:
        path = done.path.with_name(f"{done.path.name}.md")
    text = card(done, material)
    write_atomically(path, lambda stream: stream.write(text.encode()))
    return path


def card(done: Export, material: Material) -> str:
    """The card's text."""
    front = yaml.safe_dump(_front(done, material), sort_keys=False, allow_unicode=True)
    verdict = done.about.verdict
    parts = [
        f"---\n{front}---\n",
        f"# {done.about.contender}, seed {done.about.seed}, {done.about.scale} px: {_name(material)}",
        f"An image classifier of {len(done.about.classes)} classes, exported by deepenough from a study that asked "
        "whether a smaller network is enough.",
        "## The study's answer",
        str(verdict["headline"]),
        *(_listed("Bear in mind:", verdict["caveats"]) if verdict["caveats"] else ()),
        _listed("Why this network:", done.about.chosen)[0],
        "## Use",
        _use(done),
        "## Data",
        _data(done, material),
        "## Measured",
        _measured(done),
        _latency(done.latency),
        "## Limits",
        _limits(done),
        "## Provenance",
        _provenance(done),
    ]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def _name(material: Material) -> str:
    """The data's own name, without where it lies on this machine."""
    return _one_line(shown(Path(material.source).name or material.source))


def _one_line(text: str) -> str:
    """A name as it can stand in Markdown: on one line, and without what would be markup."""
    return " ".join(text.split()).translate({ord(sign): f"\\{sign}" for sign in "<>|`*_[]"})


def _front(done: Export, material: Material) -> dict[str, Any]:
    name = _name(material)
    accuracy = {"type": "accuracy", "value": round(done.held.parity.accuracy, 6), "name": "Accuracy"}
    result = {
        "task": {"type": "image-classification", "name": "Image classification"},
        "dataset": {"type": "imagefolder", "name": name, "split": "test"},
        "metrics": [accuracy],
    }
    return {
        "library_name": LIBRARY,
        "pipeline_tag": "image-classification",
        "tags": [LIBRARY, "image-classification", "resnet", done.path.suffix.removeprefix(".")],
        "metrics": ["accuracy"],
        "model-index": [{"name": f"{done.about.contender}-seed{done.about.seed}", "results": [result]}],
    }


def _listed(title: str, sentences: Any) -> list[str]:  # noqa: ANN401
    return ["\n".join([title, "", *(f"- {sentence}" for sentence in sentences)])]


def _use(done: Export) -> str:
    sides = ", ".join(f"{side} x {side}" for side in done.about.sides)
    preparation = done.about.prepared()
    shorts = ", ".join(str(round(side / preparation.crop)) for side in done.about.sides)
    return (
        "Meant for single pictures like those of the study, each showing one of the classes: "
        f"{', '.join(map(_one_line, done.about.classes))}.\n\n"
        f"```\ndeepenough predict {done.path.name} pictures/\n```\n\n"
        f"In: RGB squares, uint8 (batch, side, side, 3), {sides} px; the batch may have any size. Out: `probability`, "
        "float32 (batch, classes), and `label`, int64 (batch,). The file scales the pixels itself. Resizing is not in "
        f"it: the short side to {shorts} px ({preparation.interpolation}, antialiased, as Pillow does), then the "
        "centre square; `deepenough predict` does so, and another way of resizing changes answers."
    )


def _data(done: Export, material: Material) -> str:
    splits = ", ".join(f"{count:,} {name}" for name, count in material.splits.items())
    lines = [
        f"{_name(material)}: {splits} pictures. This network is one training, with seed {done.about.seed}; how it was "
        "chosen stands above. The test pictures were used to decide the study and to measure this file."
    ]
    if done.calibrated_on:
        lines.append(f"The ranges of int8 were taken from {done.calibrated_on} training pictures.")
    return " ".join(lines)


def _measured(done: Export) -> str:
    parity = done.held.parity
    lines = [
        f"Accuracy on {parity.images:,} test pictures: {100 * parity.accuracy:.2f} %; the study recorded "
        f"{100 * parity.recorded_accuracy:.2f} %.",
        f"From the raw files, {parity.equal:,} of {parity.images:,} labels are those of torch in fp32; the greatest "
        f"difference of a probability is {parity.largest:.2g}.",
    ]
    found = done.held.no_worse
    if found is not None:
        said = "shown" if found.shown else "not shown"
        low, high = found.interval
        lines.append(
            f"No worse than fp32 by {found.margin:g} {found.unit}: {said} (difference {found.difference:+.2f}, 95 % "
            f"interval {low:.2f} to {high:.2f})."
        )
    return " ".join(lines)


def _latency(rows: list[Latency]) -> str:
    body = [f"| {row.title} | {row.batch} | {1000 * row.p50_s:.2f} | {1000 * row.p95_s:.2f} |" for row in rows]
    threads = f"{rows[0].threads} thread{'' if rows[0].threads == 1 else 's'}"
    title = f"Time of a call on the machine that exported it, {threads}, without decoding and resizing:"
    return "\n".join([title, "", "| runs in | batch | median, ms | 95th percentile, ms |", "|---|---|---|---|", *body])


def _limits(done: Export) -> str:
    limits = [
        "It names one of its classes for any picture, also one that shows none of them.",
        "The accuracy holds for new pictures like the test pictures, not for another camera, place or time.",
        "A probability is what the network computes and was not calibrated.",
        f"At another image side than {done.about.scale} px it is another network; the study has its accuracy there.",
    ]
    if done.about.numbers == "int8":
        limits.append("int8 arithmetic differs between processors; measure again on the one that it will run on.")
    return "\n".join(f"- {limit}" for limit in limits)


def _provenance(done: Export) -> str:
    rows = {
        "weights, SHA-256": done.about.weights_sha256,
        f"{done.path.with_suffix('.bin').name if done.path.suffix == '.xml' else done.path.name}, SHA-256": done.sha256,
        "bytes": f"{done.bytes:,}",
        **done.about.versions,
    }
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())])
