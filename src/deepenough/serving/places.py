"""Where an export may go; asked before a study is opened and torch imported, which take most of the wait."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from deepenough.errors import InputError
from deepenough.records import make_folder
from deepenough.serving.opening import TORCH_ENDING

Form = Literal["onnx", "torch", "openvino"]
ENDING: dict[str, str] = {"onnx": ".onnx", "torch": TORCH_ENDING, "openvino": ".xml"}


def require_place(out: Path, form: Form, *, int8: bool) -> None:
    """Make the folder of an export, and refuse what cannot become its file.

    Raises:
        InputError: (of its kinds) the ending is not the form's, it is a folder, its folder cannot be made or written,
            or the form cannot be quantised.
    """
    ending = ENDING[form]
    if out.suffix != ending or out.is_dir():
        got = "a folder" if out.is_dir() else out.suffix or "no ending"
        remedy = f"such as {out / f'model{ending}' if out.is_dir() else out.with_suffix(ending)}"
        raise InputError(f"--out {out}", f"a file whose name ends in {ending}, for --to {form}", got, remedy)
    if int8 and form == "torch":
        got = "--to torch, which keeps the weights as they are"
        raise InputError("--int8", "--to onnx or --to openvino", got, "choose one of the two")
    make_folder(out.parent)
