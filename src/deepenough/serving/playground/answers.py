"""What networks say of one picture, at every scale, and where in it they found it."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from deepenough.data import Preprocessing
from deepenough.data.decode import decode_picture, quiet
from deepenough.data.preprocess import squared
from deepenough.errors import DecodeError, InputError
from deepenough.evaluation import grad_cam
from deepenough.evaluation.tiling import mended
from deepenough.machine import Machine
from deepenough.networks import ResNet
from deepenough.tasks.answering import Answers, Asked
from deepenough.tasks.contract import Task

_PREVIEW = 448  # pixels, at most, of the square that the page shows
_MENDED = 512  # pixels of a picture's sides that are mended, so that nobody waits long
_TIMED = 3
_SAID = {
    "empty": "zero bytes",
    "not_an_image": "a file that is no picture of a known format",
    "truncated": "a picture that is cut short",
    "undecodable": "a picture that cannot be decoded",
}


class Answerer:
    """Answers pictures with several networks.

    Args:
        networks: by contender's name.
        task: whose networks they are.
        answers: how what each says at a scale, an image side in pixels, is read.
        preprocessing: as in the study's test.
        machine: the arithmetic.
    """

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        task: Task,
        answers: Mapping[tuple[str, int], Answers],
        preprocessing: Preprocessing,
        machine: Machine,
    ) -> None:
        self._networks = {name: machine.place(network).eval() for name, network in networks.items()}
        self._task, self._answers = task, answers
        self._scales = sorted({scale for _, scale in answers})
        self._mends = any(each.mends for each in answers.values())
        self._preprocessing, self._machine = preprocessing, machine

    def __call__(self, encoded: bytes) -> dict[str, Any]:
        """All answers to one picture.

        Args:
            encoded: the bytes of its file.

        Returns:
            `width` and `height` in pixels and `notes` (what decoding had to do, by its rules' names) of the picture;
            `square`, the part that is looked at, as the address of a picture; and `answers`, one for each network and
            scale: `contender`, `scale`, `said` (`Answers.record`), `latency_s` (the median of three forward passes of
            this one picture; of mending, once) and, as the network and its answer have it, `map` (rows of 0 to 255:
            where the evidence for the most probable class lies), `picture` (the mended one's address), `threshold`.

        Raises:
            InputError: the bytes are no picture that a study would use.
        """
        picture = _decoded(encoded)
        height, width = picture.pixels.shape[:2]
        pixels = _middle(picture.pixels) if self._mends else picture.pixels
        return {
            "width": width,
            "height": height,
            "notes": sorted(picture.traits),
            "square": _address(pixels, "PNG") if self._mends else _address(self._preview(pixels), "JPEG"),
            "answers": [self._answer(name, scale, pixels) for scale in self._scales for name in self._networks],
        }

    def _preview(self, pixels: np.ndarray) -> np.ndarray:
        side = min(_PREVIEW, max(*self._scales, min(pixels.shape[:2])))
        return squared(pixels, side, self._preprocessing)

    def _answer(self, name: str, scale: int, pixels: np.ndarray) -> dict[str, Any]:
        found = (self._mend if self._mends else self._look)(name, scale, pixels)
        threshold = self._answers[name, scale].kept.get("threshold")
        return {
            "contender": name,
            "scale": scale,
            **found,
            **({} if threshold is None else {"threshold": threshold}),
        }

    def _look(self, name: str, scale: int, pixels: np.ndarray) -> dict[str, Any]:
        network, further = self._networks[name], {}
        images = self._images(squared(pixels, scale, self._preprocessing)[None])
        seconds = self._seconds(lambda: network(images))
        if isinstance(network, ResNet):
            with self._machine.autocast():
                outputs, maps = grad_cam(network, images, torch.tensor([-1]))
            further["map"] = (maps[0] * 255).round().to(torch.uint8).tolist()
        else:
            with torch.inference_mode(), self._machine.autocast():
                outputs = network(images)
        said = [each[0].cpu().numpy() for each in self._task.said([outputs.float()])]
        asked = Asked(pixels.shape[1], pixels.shape[0], scale)
        record = self._answers[name, scale].record(said, asked, more=True)
        return {"said": record, "latency_s": seconds, **further}

    def _mend(self, name: str, scale: int, pixels: np.ndarray) -> dict[str, Any]:
        network = self._networks[name]

        def added(part: np.ndarray) -> np.ndarray:
            with torch.inference_mode(), self._machine.autocast():
                return network(self._images(part))[0].float().cpu().numpy()

        started = time.perf_counter()
        picture = mended(added, pixels)
        seconds = time.perf_counter() - started
        record = self._answers[name, scale].record((), Asked(pixels.shape[1], pixels.shape[0], scale))
        return {"said": record, "latency_s": seconds, "picture": _address(picture, "PNG")}

    def _images(self, squares: np.ndarray) -> Tensor:
        pixels = torch.from_numpy(np.array(squares)).permute(0, 3, 1, 2)
        return self._machine.images(pixels, self._preprocessing.mean, self._preprocessing.std)

    def _seconds(self, call: Callable[[], object]) -> float:
        times = []
        with torch.inference_mode(), self._machine.autocast():
            for _ in range(_TIMED + 1):
                started = time.perf_counter()
                call()
                self._machine.wait()
                times.append(time.perf_counter() - started)
        return sorted(times[1:])[_TIMED // 2]  # the first prepares kernels and memory


def _middle(pixels: np.ndarray) -> np.ndarray:
    """The middle of a large picture, at its own resolution."""
    top, left = (max(0, (side - _MENDED) // 2) for side in pixels.shape[:2])
    return pixels[top : top + _MENDED, left : left + _MENDED]


def _decoded(encoded: bytes) -> Any:  # noqa: ANN401  a `data.decode.Picture`
    try:
        with quiet():
            return decode_picture(encoded)
    except DecodeError as error:
        said = _SAID.get(error.reason, str(error))
        raise InputError("the picture", "a JPEG, PNG, WebP or another pixel format", said, "send another") from None


def _address(pixels: np.ndarray, form: str) -> str:
    target = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(target, form, **({"quality": 88} if form == "JPEG" else {}))
    return f"data:image/{form.lower()};base64," + base64.b64encode(target.getvalue()).decode()
