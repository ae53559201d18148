"""What networks say of one picture, at every scale, and where in it they found it."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from deepenough.data import Preprocessing
from deepenough.data.decode import decode_picture, quiet
from deepenough.data.preprocess import resize_and_crop
from deepenough.errors import DecodeError, InputError
from deepenough.evaluation import grad_cam
from deepenough.machine import Machine
from deepenough.networks import ResNet

_SHOWN = 3  # classes a network and scale
_PREVIEW = 448  # pixels, at most, of the square that the page shows
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
        classes: names in the order of the networks' outputs.
        scales: image sides in pixels.
        preprocessing: as in the study's test.
        machine: the arithmetic.
    """

    def __init__(
        self,
        networks: Mapping[str, ResNet],
        classes: Sequence[str],
        scales: Sequence[int],
        preprocessing: Preprocessing,
        machine: Machine,
    ) -> None:
        self._networks = {name: machine.place(network).eval() for name, network in networks.items()}
        self._classes, self._scales = tuple(classes), tuple(sorted(scales))
        self._preprocessing, self._machine = preprocessing, machine

    def __call__(self, encoded: bytes) -> dict[str, Any]:
        """All answers to one picture.

        Args:
            encoded: the bytes of its file.

        Returns:
            `width` and `height` in pixels and `notes` (what decoding had to do, by its rules' names) of the picture;
            `square`, the part that is looked at, as the address of a JPEG; and `answers`, one for each network and
            scale: `contender`, `scale`, `label`, `confidence`, `top` (labels with probabilities, the greatest first),
            `latency_s` (the median of three forward passes of this one picture) and `map` (rows of 0 to 255: where the
            evidence for the label lies).

        Raises:
            InputError: the bytes are no picture that a study would use.
        """
        picture = _decoded(encoded)
        height, width = picture.pixels.shape[:2]
        answers = [
            self._answer(name, scale, resize_and_crop(picture.pixels, scale, self._preprocessing))
            for scale in self._scales
            for name in self._networks
        ]
        preview = min(_PREVIEW, max(max(self._scales), min(width, height)))
        return {
            "width": width,
            "height": height,
            "notes": sorted(picture.traits),
            "square": _address(resize_and_crop(picture.pixels, preview, self._preprocessing)),
            "answers": answers,
        }

    def _answer(self, name: str, scale: int, square: Any) -> dict[str, Any]:  # noqa: ANN401  a numpy array
        network = self._networks[name]
        pixels = torch.from_numpy(square.copy()).permute(2, 0, 1)[None]
        images = self._machine.images(pixels, self._preprocessing.mean, self._preprocessing.std)
        seconds = self._seconds(network, images)
        with self._machine.autocast():
            logits, maps = grad_cam(network, images, torch.tensor([-1]))
        probabilities = logits.float().softmax(dim=1)[0].cpu()
        order = probabilities.argsort(descending=True, stable=True)[:_SHOWN].tolist()
        top = [{"label": self._classes[index], "probability": float(probabilities[index])} for index in order]
        return {
            "contender": name,
            "scale": scale,
            "label": top[0]["label"],
            "confidence": top[0]["probability"],
            "top": top,
            "latency_s": seconds,
            "map": (maps[0] * 255).round().to(torch.uint8).tolist(),
        }

    def _seconds(self, network: ResNet, images: Tensor) -> float:
        times = []
        with torch.inference_mode(), self._machine.autocast():
            for _ in range(_TIMED + 1):
                started = time.perf_counter()
                network(images)
                self._machine.wait()
                times.append(time.perf_counter() - started)
        return sorted(times[1:])[_TIMED // 2]  # the first prepares kernels and memory


def _decoded(encoded: bytes) -> Any:  # noqa: ANN401  a `data.decode.Picture`
    try:
        with quiet():
            return decode_picture(encoded)
    except DecodeError as error:
        said = _SAID.get(error.reason, str(error))
        raise InputError("the picture", "a JPEG, PNG, WebP or another pixel format", said, "send another") from None


def _address(square: Any) -> str:  # noqa: ANN401  a numpy array
    target = io.BytesIO()
    Image.fromarray(square).save(target, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(target.getvalue()).decode()
