"""Digital: low contrast, warped, coarse pixels, strong JPEG. Pictures are float (height, width, 3) in [0, 1]."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from deepenough.data.corruptions.lengths import sampled, smoothed

CONTRAST = (0.4, 0.3, 0.2, 0.1, 0.05)  # what is left of it
ELASTIC = ((2.0, 0.7, 0.1), (2.0, 0.08, 0.2), (0.05, 0.01, 0.02), (0.07, 0.01, 0.02), (0.12, 0.01, 0.02))
# strength and smoothness of the warp, reach of the affine part; shares of the short side
PIXELATE = (0.6, 0.5, 0.4, 0.3, 0.25)  # of the side
JPEG = (25, 18, 15, 10, 7)  # quality


def contrast(image: np.ndarray, severity: int, _rng: np.random.Generator) -> np.ndarray:
    """Every value nearer to its channel's mean."""
    means = image.mean(axis=(0, 1), keepdims=True)
    return (image - means) * CONTRAST[severity - 1] + means


def elastic(image: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    """An affine map with three points moved at random, then a smooth random warp."""
    strength, smooth, reach = ELASTIC[severity - 1]
    height, width = image.shape[:2]
    side = min(height, width)
    rows, columns = np.meshgrid(np.arange(float(height)), np.arange(float(width)), indexing="ij")
    moved = rng.uniform(-reach * side, reach * side, (3, 2))
    warp = [smoothed(rng.uniform(-1.0, 1.0, (height, width)), smooth * side) * strength * side for _ in range(2)]
    turned = sampled(image, *_affine(rows, columns, moved, side // 3))
    return sampled(turned, rows + warp[0], columns + warp[1])


def _affine(rows: np.ndarray, columns: np.ndarray, moved: np.ndarray, arm: int) -> tuple[np.ndarray, np.ndarray]:
    """Where each place comes from, when three corners of a square about the centre are moved; as it is below 3 px."""
    if arm == 0:
        return rows, columns
    centre = np.array([rows.shape[0] // 2, rows.shape[1] // 2], float)
    corners = centre + arm * np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])
    known = np.column_stack([corners + moved, np.ones(3)])
    back = np.linalg.lstsq(known, corners, rcond=None)[0]  # (3, 2): from the new place to the old
    return (
        rows * back[0, 0] + columns * back[1, 0] + back[2, 0],
        rows * back[0, 1] + columns * back[1, 1] + back[2, 1],
    )


def pixelate(image: np.ndarray, severity: int, _rng: np.random.Generator) -> np.ndarray:
    """Made small and large again, by means over boxes."""
    height, width = image.shape[:2]
    part = PIXELATE[severity - 1]
    small = _picture(image).resize((max(1, int(width * part)), max(1, int(height * part))), Image.Resampling.BOX)
    return np.asarray(small.resize((width, height), Image.Resampling.BOX)) / 255.0


def jpeg(image: np.ndarray, severity: int, _rng: np.random.Generator) -> np.ndarray:
    """Written as JPEG and read again."""
    stream = io.BytesIO()
    _picture(image).save(stream, "JPEG", quality=JPEG[severity - 1])
    with Image.open(stream) as read:
        return np.asarray(read.convert("RGB")) / 255.0


def _picture(image: np.ndarray) -> Image.Image:
    return Image.fromarray(np.rint(image * 255.0).astype(np.uint8))
