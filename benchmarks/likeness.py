"""How many changed copies `check` misses, and how many strangers it takes for copies, on sets its limits were set on.

python benchmarks/likeness.py [FOLDER] [--pictures 150]

FOLDER holds the sets, ../shared/data unless said. Of each set so many pictures are changed in 12 ways; the originals of
the set are train, the changed ones test. A copy is missed where it is not named with its own original. Strangers are
pairs of different originals.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from deepenough.data.likeness import alike, small_copy

SETS = {
    "ORL faces": ("orl_faces/people", "*.*"),
    "blood smears": ("bccd/images", "**/*.*"),
    "photos": ("sr_bench", "**/*.*"),
    "CIFAR-10, 32 px": ("cifar10_12k", "**/*.*"),
}


def _cropped(image: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    width, height = image.size
    return image.crop((round(left * width), round(top * height), round(right * width), round(bottom * height)))


def _encoded(image: Image.Image, quality: int) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return Image.open(stream).convert("RGB")


def _mirrored(image: Image.Image) -> Image.Image:
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG 50": lambda image: _encoded(image, 50),
    "JPEG 20": lambda image: _encoded(image, 20),
    "halved": lambda image: image.resize((max(16, image.width // 2), max(16, image.height // 2))),
    "enlarged": lambda image: image.resize((image.width * 2, image.height * 2)),
    "cropped around": lambda image: _cropped(image, 0.025, 0.025, 0.975, 0.975),
    "cropped at a corner": lambda image: _cropped(image, 0.05, 0.05, 1, 1),
    "brightened": lambda image: ImageEnhance.Brightness(image).enhance(1.2),
    "darkened": lambda image: ImageEnhance.Brightness(image).enhance(0.7),
    "paler": lambda image: ImageEnhance.Contrast(image).enhance(0.7),
    "mirrored": _mirrored,
    "grey": lambda image: image.convert("L").convert("RGB"),
    "mirrored, cropped, JPEG 50": lambda image: _encoded(_mirrored(_cropped(image, 0.03, 0.02, 0.99, 0.97)), 50),
}


def _pictures(folder: Path, pattern: str, most: int) -> list[Image.Image]:
    endings = {".png", ".jpg", ".jpeg", ".pgm", ".bmp"}
    paths = sorted(path for path in folder.glob(pattern) if path.suffix.lower() in endings)
    if not paths:
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in endings)
    chosen = np.random.default_rng(0).permutation(len(paths))[:most]
    return [Image.open(paths[place]).convert("RGB") for place in sorted(chosen)]


def main(data: Path, most: int) -> None:
    for name, (folder, pattern) in SETS.items():
        originals = _pictures(data / folder, pattern, most)
        count = len(originals)
        base = [small_copy(image) for image in originals]
        missed: dict[str, int] = {}
        strangers: set[tuple[int, int]] = set()
        seconds = 0.0
        for change, made in CHANGES.items():
            copies = [*base, *(small_copy(made(image)) for image in originals)]
            started = time.process_time()
            found = alike(np.stack(copies), ["train"] * count + ["test"] * count) or []
            seconds += time.process_time() - started
            pairs = {(pair.first, pair.second) for pair in found}
            missed[change] = sum((place, count + place) not in pairs for place in range(count))
            strangers |= {(a, b) for a, b in pairs if b < count}
        total = sum(missed.values())
        said = ", ".join(f"{change} {lost}" for change, lost in missed.items() if lost)
        print(
            f"{name}: {count} pictures, {total} of {count * len(CHANGES)} copies missed "
            f"({total / (count * len(CHANGES)):.1%}; {said or 'none'}), {len(strangers)} pairs of originals, "
            f"{seconds:.1f} s of comparing",
            flush=True,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("../shared/data"))
    parser.add_argument("--pictures", type=int, default=150, help="of each set")
    options = parser.parse_args()
    main(options.folder, options.pictures)
