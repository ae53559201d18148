"""What `fuzz.py` feeds: every reader of a file that a user may give, with whole files to begin with."""

from __future__ import annotations

import io
import json
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from deepenough.errors import DecodeError, InputError


@dataclass(frozen=True)
class Reader:
    """What is fed, with what, and which error may come of it."""

    suffix: str
    seeds: Callable[[], list[bytes]]
    read: Callable[[Path], object]
    allowed: type[Exception] = InputError


def pictures() -> list[bytes]:
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    encoded = []
    for kind, mode in (("PNG", "RGB"), ("PNG", "P"), ("PNG", "I;16"), ("JPEG", "RGB"), ("JPEG", "CMYK"), ("GIF", "P"),
                       ("BMP", "RGB"), ("TIFF", "RGB"), ("WEBP", "RGBA"), ("PPM", "RGB")):  # fmt: skip
        stream = io.BytesIO()
        source = (
            Image.fromarray(pixels[..., 0].astype(np.uint16))
            if mode == "I;16"
            else Image.fromarray(pixels).convert(mode)
        )
        source.save(stream, kind)
        encoded.append(stream.getvalue())
    return encoded


def read_picture(path: Path) -> object:
    from deepenough.data.decode import decode_picture, quiet

    with quiet():
        return decode_picture(path.read_bytes())


def studies() -> list[bytes]:
    from deepenough.studies.study import make_study, save_study

    with tempfile.TemporaryDirectory() as place:
        save_study(
            make_study({"scales": [32, 48], "weights": {"resnet50": "w.pt"}, "budget": "1h30m"}), Path(place) / "s"
        )
        return [(Path(place) / "s").read_bytes(), b"source: x\nseeds: 3\n"]


def read_study(path: Path) -> object:
    from deepenough.studies.study import load_study

    return load_study(path)


def predictions() -> pl.DataFrame:
    rows = [
        (f"i{n}", "ab"[n % 2], c, s, "ab"[(n + s) % 2], 0.5) for c in ("r50", "r101") for s in (0, 1) for n in range(4)
    ]
    return pl.DataFrame(rows, ["sample_id", "target", "contender", "seed", "prediction", "confidence"], orient="row")


def read_predictions(path: Path) -> object:
    from deepenough.comparison import read_predictions as read

    return read([path])


def states() -> list[bytes]:
    with tempfile.TemporaryDirectory() as place:
        _cell().save(Path(place) / "s")
        return [(Path(place) / "s").read_bytes()]


def _cell():  # noqa: ANN202
    import torch

    from deepenough.training import Cell, Recipe

    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    cell = Cell.begin("x", 0, network, Recipe())
    network(torch.ones(2, 2)).sum().backward()
    cell.optimizer.step()
    return cell


def read_state(path: Path) -> object:
    return _cell().load(path)


def weights(suffix: str) -> list[bytes]:
    import torch

    from deepenough.networks import build, save_weights

    network = build("resnet50+width=0.125", 2)
    with tempfile.TemporaryDirectory() as place:
        if suffix == ".safetensors":
            save_weights(network, Path(place) / "w.safetensors")
            return [(Path(place) / "w.safetensors").read_bytes()]
        torch.save(network.state_dict(), Path(place) / "w.pth")
        return [(Path(place) / "w.pth").read_bytes()]


def read_weights(path: Path) -> object:
    from deepenough.networks import build, load_weights

    if not _NETWORK:
        _NETWORK.append(build("resnet50+width=0.125", 2))
    return load_weights(_NETWORK[0], path)


_NETWORK: list = []  # built once a process


def records() -> list[bytes]:
    from deepenough.records import write_json

    with tempfile.TemporaryDirectory() as place:
        write_json(Path(place) / "r", {"answer": "undecided", "interval": [1.0, 2.0], "needed": None})
        return [(Path(place) / "r").read_bytes(), b'{"answer": "undecided", "interval": [1.0, 2.0]}']


def read_record(path: Path) -> object:
    from deepenough.records import read_json

    return read_json(path)


def manifests() -> list[bytes]:
    return [b"path,target,split,group\na.png,cat,train,p1\nb.png,dog,test,\n", b"\xef\xbb\xbfpath,target\na,1\nb,2\n"]


def read_manifest(path: Path) -> object:
    from deepenough.data.sources import open_source

    return open_source(str(path))


def rows(write: Callable[..., None]) -> list[bytes]:
    """As Hugging Face's datasets writes them, with and without what it says of the columns."""
    import pyarrow as pa

    labels, tags = pa.array([0, 1, None, -1]), pa.array([[0], [], [1, 0], None])
    pictures = [{"bytes": b"one", "path": "a.png"}, {"bytes": b"", "path": None}, None, {"bytes": b"f", "path": "b"}]
    plain = pa.table({"img": pa.array([b"x", b"yz"]), "class": ["cat", "dog"]})
    classes = {"names": ["a", "b"], "_type": "ClassLabel"}
    features = json.dumps({"info": {"features": {"image": {"_type": "Image"}, "label": classes}}}).encode()
    whole = pa.table({"image": pictures, "label": labels, "tags": tags, "group": ["x", "y", None, "x"]})
    written = []
    for table in (whole.replace_schema_metadata({b"huggingface": features}), plain):
        stream = io.BytesIO()
        write(table, stream)
        written.append(stream.getvalue())
    return written


def as_arrow(table, stream) -> None:  # noqa: ANN001  a pyarrow.Table
    import pyarrow as pa

    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)


def as_parquet(table, stream) -> None:  # noqa: ANN001
    import pyarrow.parquet as pq

    pq.write_table(table, stream)


def read_rows(path: Path) -> object:
    from deepenough.data.rows import open_rows

    source = open_rows("x", [(path, None)], several=True)
    for entry in source.entries:
        try:
            entry.read()
        except OSError:  # as of any picture that is gone or torn: it is left out by name
            continue
    return source


def as_csv() -> list[bytes]:
    return [predictions().write_csv().encode()]


def as_json() -> list[bytes]:
    return [predictions().write_json().encode(), predictions().write_ndjson().encode()]


def plain() -> list[bytes]:
    stream = io.BytesIO()
    predictions().write_parquet(stream)
    return [stream.getvalue()]


def sealed() -> list[bytes]:
    from deepenough.records import write_table

    with tempfile.TemporaryDirectory() as place:
        write_table(Path(place) / "p", predictions(), {})
        return [(Path(place) / "p").read_bytes()]


def costs() -> list[bytes]:
    from deepenough.records import COSTS, write_table

    row = {"contender": "resnet50", "scale": 32, "batch": 1, "device": "x", "precision": "fp32", "parameters": 9}
    frame = pl.DataFrame([{**dict.fromkeys(COSTS), **row}], schema=COSTS)
    with tempfile.TemporaryDirectory() as place:
        write_table(Path(place) / "c", frame, COSTS)
        content = io.BytesIO()
        frame.write_parquet(content)
        return [(Path(place) / "c").read_bytes(), content.getvalue()]


def read_costs(path: Path) -> object:
    from deepenough.records import COSTS, read_table

    return read_table(path, COSTS)


def pages() -> list[bytes]:
    from deepenough.report import write
    from verdict_speed import make_study

    with tempfile.TemporaryDirectory() as place:
        make_study(Path(place), 12, (32, 48), 2)
        page, _ = write(Path(place))
        return [page.read_bytes()]


def read_page(path: Path) -> object:
    """A page that somebody changed and sealed anew, so that what is in its blocks is reached."""
    from deepenough.report.bundle import blocks
    from deepenough.report.proof import looks

    text = path.read_bytes().decode("utf-8", "replace")
    for block, sealed in blocks.blocks_of(text).values():
        text = text.replace(sealed, block.sha256)
    text = re.sub(r"(?<=<!-- sha256 of this page: )[0-9a-f]{64}", blocks.BLANK, text)
    path.write_text(blocks.seal(text), encoding="utf-8")
    return looks(path)


def exported() -> list[bytes]:
    from deepenough.serving.about import About

    preprocessing = {"mean": (0.5,) * 3, "std": (0.2,) * 3, "interpolation": "bicubic", "crop": 0.875}
    about = About(
        contender="resnet50", network="resnet50", seed=0, scale=64, sides=(64,), classes=("a", "b"),
        preprocessing=preprocessing, weights_sha256="0" * 64, verdict={"answer": "undecided"}, versions={"torch": "2"},
    )  # fmt: skip
    return [about.to_json().encode()]


def read_about(path: Path) -> object:
    """What an exported file says about itself, put to use as `predict` does."""
    from deepenough.data.preprocess import resize_and_crop
    from deepenough.networks.catalogue import skeleton
    from deepenough.serving.about import about_from_json
    from deepenough.serving.predicting import batch_of

    about = about_from_json(path.read_bytes().decode("utf-8", "replace"), "model.onnx")
    pixels = np.zeros((20, 30, 3), np.uint8)
    for side in about.sides:
        resize_and_crop(pixels, side, about.prepared())
    if about.network != "resnet50":
        skeleton(about.network, len(about.classes))
    return batch_of(about), about.to_json()


READERS = {
    "picture": Reader(".img", pictures, read_picture, DecodeError),
    "study": Reader(".yaml", studies, read_study),
    "predictions-csv": Reader(".csv", as_csv, read_predictions),
    "predictions-json": Reader(".json", as_json, read_predictions),
    "predictions-parquet": Reader(".parquet", plain, read_predictions),
    "scores-parquet": Reader(".parquet", sealed, read_predictions),
    "costs-parquet": Reader(".parquet", costs, read_costs),
    "manifest": Reader(".csv", manifests, read_manifest),
    "rows-arrow": Reader(".arrow", lambda: rows(as_arrow), read_rows),
    "rows-parquet": Reader(".parquet", lambda: rows(as_parquet), read_rows),
    "state": Reader(".safetensors", states, read_state),
    "weights": Reader(".safetensors", lambda: weights(".safetensors"), read_weights),
    "weights-pickle": Reader(".pth", lambda: weights(".pth"), read_weights),
    "report": Reader(".html", pages, read_page),
    "about": Reader(".json", exported, read_about),
    "record": Reader(".json", records, read_record),
}
