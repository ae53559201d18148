"""Export a trained network: write it, open it as anybody would, prove it on the test pictures, then keep it."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from deepenough.errors import InputError
from deepenough.machine import Precision
from deepenough.networks.weight_files import metadata_of
from deepenough.serving.about import CLASSIFICATION, KEY, About
from deepenough.serving.card import CARD, write_card
from deepenough.serving.latency import Latency, measure_latency
from deepenough.serving.opening import TORCH_ENDING, open_model
from deepenough.serving.parity import Held, Known, Sample, hold, require_same
from deepenough.serving.places import Form, require_place
from deepenough.serving.predicting import Model, batches
from deepenough.serving.torch_form import TorchModel, save_torch, served_network

CALIBRATION = 256  # pictures


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What an export is made from.

    Args:
        about: of the network, in fp32.
        weights: the cell's file.
        test: the test split, all of it.
        training: pictures to calibrate with, none of them in `test`.
        known: of the test split.
        precision: in which the study computed them.
        source: of the pictures, as the study names it.
        splits: how many samples each split has.
    """

    about: About
    weights: Path
    test: Sequence[Sample]
    training: Sequence[Sample]
    known: Known
    precision: Precision
    source: str
    splits: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What was written, and what was found of it.

    Args:
        path: of the model; OpenVINO's `.bin` lies beside it.
        card: the model card.
        about: what the file says about itself.
        sha256: of the file at `path`; of the `.bin` where there is one.
        bytes: of the files.
        held: against torch on the test pictures.
        latency: of it and of torch here.
        calibrated_on: training pictures, 0 where nothing was quantised.
    """

    path: Path
    card: Path
    about: About
    sha256: str
    bytes: int
    held: Held
    latency: list[Latency]
    calibrated_on: int


def export(
    material: Material,
    out: Path,
    form: Form,
    *,
    int8: bool = False,
    margin: float = 0.5,
    threads: int = 1,
    tell: Callable[[str], None] = lambda _: None,
) -> Export:
    """Write a network in a form, proven, with its card beside it.

    Args:
        material: of the study.
        out: the file; ends as the form does.
        form: `onnx`, `torch` (safetensors) or `openvino`.
        int8: quantise a classifier; not for torch.
        margin: points of accuracy that int8 may not lose.
        threads: of the runtimes.
        tell: told what is being done.

    Raises:
        InputError: (of its kinds) a package is missing, a picture has changed, or, in fp32, a label differs from
            torch's by more than a tie; nothing is then written.
    """
    require_place(out, form, int8=int8)
    _require_fitting(form, material.about, int8=int8)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".export-") as folder:
        about = replace(material.about, numbers="int8" if int8 else "fp32")
        tell("writing the graph")
        written, fp32 = _write(material, about, Path(folder), form, threads)
        tell(f"asking it about the {len(material.test)} test pictures")
        model = open_model(written, threads)
        torch = TorchModel(material.about, served_network(material.about, material.weights), threads)
        limit = margin if int8 else None
        held = hold(model, torch, material.test, material.known, margin=limit, workers=threads)
        if not int8 and not held.parity.proven:
            raise _unequal(out, held)
        tell("timing it beside torch")
        others: list[Model] = [torch]
        if material.precision == "bf16":
            network = served_network(material.about, material.weights)
            others.append(TorchModel(material.about, network, threads, material.precision))
        if int8 and fp32 is not None:
            others.append(open_model(fp32, threads))
        others = [each for each in others if each.title != model.title]
        latency = measure_latency([*others, model], threads)
        files = _files(written)
        done = Export(
            path=out,
            card=out.parent / CARD,
            about=about,
            sha256=hashlib.sha256(files[-1].read_bytes()).hexdigest(),
            bytes=sum(file.stat().st_size for file in files),
            held=held,
            latency=latency,
            calibrated_on=_calibrated_on(material) if int8 else 0,
        )
        for file in reversed(files):  # the .xml last: where it is, the .bin is
            shutil.move(file, out.with_suffix(file.suffix))
    return replace(done, card=write_card(done, material))


def _require_fitting(form: Form, about: About, *, int8: bool) -> None:
    bound = about.answers().bound_to_torch
    if bound and form != "torch":
        raise InputError(f"--to {form}", f"--to torch for {about.task['name']}", form, bound)
    if int8 and about.task["name"] != CLASSIFICATION:
        raise InputError("--int8", f"a study of {CLASSIFICATION}", f"one of {about.task['name']}", "leave it out")


def _write(material: Material, about: About, folder: Path, form: Form, threads: int) -> tuple[Path, Path | None]:
    """The file in its form, and beside int8 the one in fp32 that it was made from."""
    served = served_network(about, material.weights)
    if form == "torch":
        path = folder / f"model{TORCH_ENDING}"
        also = {key: value for key, value in metadata_of(material.weights).items() if key != KEY}
        save_torch(served.network, about, path, also)
        return path, None
    from deepenough.serving.onnx_form import quantised, read_onnx, save_onnx, to_onnx

    plain = replace(about, numbers="fp32")
    found = folder / "fp32.onnx"
    save_onnx(to_onnx(served, plain), plain, found)
    fp32 = None
    if about.numbers == "int8":
        raw, ready, fp32 = folder / "raw.onnx", folder / "int8.onnx", found
        quantised(found, about, _calibration(material, threads), _calibrated_on(material), raw)
        save_onnx(read_onnx(raw), about, ready)
        found = ready
    if form == "onnx":
        return found, fp32
    from deepenough.serving.openvino_model import save_openvino

    path = folder / "model.xml"
    save_openvino(found, about, path)
    if fp32 is not None:
        save_openvino(fp32, plain, folder / "fp32.xml")
        fp32 = folder / "fp32.xml"
    return path, fp32


def _calibrated_on(material: Material) -> int:
    return min(CALIBRATION, len(material.training))


def _calibration(material: Material, workers: int) -> Iterator[list[np.ndarray]]:
    """Squares of training pictures, one a batch: spread by the hash of their content, so of all classes."""
    tested = {sample.sample_id for sample in material.test}
    chosen = sorted(material.training, key=lambda sample: sample.sample_id)[:CALIBRATION]
    assert not tested & {sample.sample_id for sample in chosen}, "a picture of the test split must not calibrate"
    place = 0
    for seen in batches((sample.found for sample in chosen), material.about, workers=workers):
        for each, sample in zip(seen, chosen[place : place + len(seen)], strict=True):
            yield [square[None] for square in require_same(each, sample)]
        place += len(seen)


def _files(path: Path) -> list[Path]:
    return [path, path.with_suffix(".bin")] if path.suffix == ".xml" else [path]


def _unequal(out: Path, held: Held) -> InputError:
    parity = held.parity
    got = f"{parity.samples - parity.equal} of {parity.samples} that differ, first {', '.join(parity.differing[:3])}"
    remedy = "nothing was written; --to torch keeps the network itself; please report this"
    return InputError(str(out), f"{parity.decides} equal to torch's on all of the test", got, remedy)
