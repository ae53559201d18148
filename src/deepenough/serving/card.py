"""The model card beside an export, in the form that Hugging Face reads: YAML front matter, then plain words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from deepenough.data.entries import shown
from deepenough.records import write_atomically
from deepenough.serving.wording import Words, preparing, words_of

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
        f"{_words(done).title.format(len(done.about.classes))}, exported by deepenough from a study that asked "
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
    parity, pipeline = done.held.parity, _words(done).pipeline
    measured = {
        "type": parity.metric.lower().replace(" ", "_"),
        "value": round(parity.value / (100.0 if parity.unit == "points" else 1.0), 6),
        "name": _capital(parity.metric),
    }
    result = {
        "task": {"type": pipeline, "name": _capital(pipeline.replace("-", " "))},
        "dataset": {"type": "imagefolder", "name": name, "split": "test"},
        "metrics": [measured],
    }
    return {
        "library_name": LIBRARY,
        "pipeline_tag": pipeline,
        "tags": [LIBRARY, pipeline, "resnet", done.path.suffix.removeprefix(".")],
        "metrics": [measured["type"]],
        "model-index": [{"name": f"{done.about.contender}-seed{done.about.seed}", "results": [result]}],
    }


def _words(done: Export) -> Words:
    return words_of(done.about.answers())


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _listed(title: str, sentences: Any) -> list[str]:  # noqa: ANN401
    return ["\n".join([title, "", *(f"- {sentence}" for sentence in sentences)])]


def _use(done: Export) -> str:
    sides = ", ".join(f"{side} x {side}" for side in done.about.sides)
    preparation, words, mends = done.about.prepared(), _words(done), done.about.answers().mends
    kept = preparation.crop if preparation.fit == "crop" else 1.0
    resized = ", ".join(str(round(side / kept)) for side in done.about.sides)
    form = f"squares, uint8 (batch, side, side, 3), {sides}"
    if mends:
        form = "pictures, uint8 (batch, height, width, 3), any from 32"
    return (
        f"{words.meant.format(', '.join(map(_one_line, done.about.classes)))}\n\n"
        f"```\ndeepenough predict {done.path.name} pictures/{' --out mended' if mends else ''}\n```\n\n"
        f"In: RGB {form} px; the batch may have any size. Out: {words.gives}. The file scales the pixels itself. "
        f"{preparing(preparation.fit, resized, preparation.interpolation)}"
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
    unit = "%" if parity.unit == "points" else parity.unit
    lines = [
        f"{_capital(parity.metric)} on {parity.images:,} test pictures: {parity.value:.2f} {unit}; the study recorded "
        f"{parity.recorded_value:.2f} {unit}.",
        f"From the raw files, {parity.equal:,} of {parity.samples:,} {parity.decides} are those of torch in fp32; the "
        f"greatest difference of {parity.measured} is {parity.largest:.2g}.",
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
    from deepenough.serving.latency import unsteady

    body = [f"| {row.title} | {row.batch} | {1000 * row.p50_s:.2f} | {1000 * row.p95_s:.2f} |" for row in rows]
    threads = f"{rows[0].threads} thread{'' if rows[0].threads == 1 else 's'}"
    title = f"Time of a call on the machine that exported it, {threads}, without decoding and resizing:"
    head = ["| runs in | batch | median, ms | 95th percentile, ms |", "|---|---|---|---|"]
    warned = unsteady(rows)
    return "\n".join([title, "", *head, *body, *(["", warned] if warned else [])])


def _limits(done: Export) -> str:
    limits = [
        *_words(done).limits,
        "What was measured holds for new pictures like the test pictures, not for another camera, place or time.",
    ]
    if not done.about.answers().mends:
        limits.append(f"At another image side than {done.about.scale} px it is another network; the study measured it.")
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
