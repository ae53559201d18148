"""Encoded bytes to RGB pixels, by declared rules that never lie.

The rules, in their order:

- Only the formats of `FORMATS` are opened. PostScript and metafiles, which run programs, are not.
- A picture of more than `max_pixels` is refused from its header, before any pixel is decoded. Those of more than
  `LARGE_PIXELS` are decoded one at a time, however many threads decode, so that memory is bounded.
- A truncated picture is refused; it is never completed with grey.
- Formats that Pillow unpacks in Python, some hundred times slower (run-length BMP, QOI, XPM, MSP and a few others),
  are refused above `LARGE_PIXELS`, since 500 bytes could take many seconds.
- The first frame of an animated picture is taken.
- 16-bit grey is divided by 257. Whole numbers of 32 bits that exceed 16 bits, and decimal numbers above 255, are scaled
  so that their own greatest is white; decimal numbers up to 1 are fractions of white. What is below 0 or no number is
  black.
- CMYK, YCbCr, LAB and HSV are converted as Pillow does; a colour profile (ICC) is not applied.
- A palette is looked up. What is transparent, in part or whole, is laid over white.
- EXIF orientation is applied last, so that the picture stands as its viewers show it.

Sources: Pillow's handbook, "Image file formats" and "Concepts: modes"; EXIF 2.32, section 4.6.4, tag 274.
"""

from __future__ import annotations

import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from deepenough.errors import DecodeError

FORMATS = (
    *("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "MPO", "JPEG2000", "AVIF", "DIB", "ICO", "TGA", "PCX", "SGI"),
    *("DDS", "ICNS", "QOI", "XBM", "XPM", "DCX", "SUN", "IM", "MSP", "PSD"),
)
MAX_PIXELS = 100_000_000
LARGE_PIXELS = 25_000_000

_one_large_at_a_time = threading.Lock()
_BLOCK_ROWS = 256  # of pictures of more than 8 bits, which are converted through 64

_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ON_THEIR_SIDE = {5, 6, 7, 8}
# What Pillow's readers raise on bytes that are not what they claim to be; a MemoryError is the machine's fault.
_BROKEN = (
    *(OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, ArithmeticError, AttributeError),
    *(NotImplementedError, RuntimeError, AssertionError, struct.error, zlib.error),
)
_MOVING = {"GIF", "PNG", "WEBP", "AVIF", "TIFF"}  # the parts of an MPO or a PSD are no frames
_ENDINGS = {"JPEG": {"jpg", "jpeg", "jpe", "jfif", "mpo"}, "MPO": {"jpg", "jpeg", "mpo"}, "TIFF": {"tif", "tiff"}}
_ENDINGS |= {"PPM": {"ppm", "pgm", "pbm", "pnm", "pfm"}, "JPEG2000": {"jp2", "j2k", "jpx", "jpf", "jpc", "j2c"}}


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One decoded picture.

    Args:
        image: RGB, after EXIF orientation; smaller and grey where `decode_picture` was asked for no more.
        width: of the whole picture, upright, pixels.
        height: the same.
        format: Pillow's name of the file format.
        traits: what the rules had to do: `animated`, `rotated`, `alpha`, `palette`, `grey`, `deep` (more than 8 bits),
            `cmyk`, `profile`, `other_mode`.
        compression: the sum of a JPEG's quantisation tables, the greater the more was lost; 0 for others.
    """

    image: Image.Image
    width: int
    height: int
    format: str
    traits: frozenset[str]
    compression: int

    @property
    def pixels(self) -> np.ndarray:
        """uint8 (height, width, 3)."""
        return np.asarray(self.image)


def decode_rgb(encoded: bytes, *, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Decode a picture to RGB by the rules of this module.

    Args:
        encoded: the bytes of the file.
        max_pixels: the largest picture that is opened, width times height.

    Returns:
        uint8 (height, width, 3).

    Raises:
        DecodeError: with the reason `empty`, `not_an_image`, `too_large`, `truncated` or `undecodable`.
    """
    with quiet():
        return decode_picture(encoded, max_pixels=max_pixels).pixels


@contextmanager
def quiet() -> Iterator[None]:
    """Silence Pillow's warnings: what they say is either refused or noted as a trait.

    Warning filters belong to the process, so threads that decode share one such block, entered around all of them.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def decode_picture(
    encoded: bytes, *, max_pixels: int = MAX_PIXELS, at_least: int | None = None, grey_side: int | None = None
) -> Picture:
    """As `decode_rgb`, with what was met on the way; call it inside `quiet()`.

    Args:
        encoded: the bytes of the file.
        max_pixels: the largest picture that is opened, width times height.
        at_least: where given, a JPEG file is decoded at a half, a quarter or an eighth of its size, from that part of
            its cosines, where both sides then still have so many pixels.
        grey_side: where given, no more is asked for than whether the picture can be decoded and a grey copy whose sides
            are not below it. All of a JPEG's data is still read, but it becomes fewer pixels and no colours, which
            takes half the time. What then fails is decoded again in full, so that the outcome is the same.
    """
    if not encoded:
        raise DecodeError("empty", "zero bytes")
    try:
        image = Image.open(BytesIO(encoded), formats=_formats())
    except UnidentifiedImageError as error:
        raise DecodeError("not_an_image", "no known picture format") from error
    except Image.DecompressionBombError as error:
        raise DecodeError("too_large", str(error)) from error
    except _BROKEN as error:
        raise _as_decode_error(error) from error
    with image:
        if image.format != "JPEG":
            return _decode_opened(image, max_pixels)
        if grey_side is None or image.mode not in ("RGB", "L"):
            return _decode_opened(image, max_pixels, at_least=at_least)
        try:
            return _decode_opened(image, max_pixels, grey_side=grey_side)
        except DecodeError:
            return decode_picture(encoded, max_pixels=max_pixels)


def _decode_opened(
    image: Image.Image, max_pixels: int, *, at_least: int | None = None, grey_side: int | None = None
) -> Picture:
    _require_size(
        image, _most_pixels(image, max_pixels)
    )  # before any `draft`, which makes less of the size that the header declares
    size = image.size
    with _one_large_at_a_time if image.width * image.height > LARGE_PIXELS else nullcontext():
        try:
            traits = _traits(image)
            if grey_side is not None:
                image.draft("L", (grey_side, grey_side))
                image.load()
                rgb = image
            elif at_least is not None:
                image.draft(image.mode, (at_least, at_least))
                image.load()
                rgb = _to_rgb(image)
            else:
                image.load()
                _require_size(image, max_pixels)  # an icon is as large as its picture, which its header need not say
                size, rgb = image.size, _to_rgb(image)
            turned, orientation = _upright(rgb, image)
            if orientation != 1:
                traits.add("rotated")
            width, height = size[::-1] if orientation in _ON_THEIR_SIDE else size
            tables = getattr(image, "quantization", None) or {}
            return Picture(turned, width, height, image.format or "", frozenset(traits), sum(map(sum, tables.values())))
        except Image.DecompressionBombError as error:
            raise DecodeError("too_large", str(error)) from error
        except _BROKEN as error:
            raise _as_decode_error(error) from error


def _most_pixels(image: Image.Image, max_pixels: int) -> int:
    in_python = isinstance(image, ImageFile.ImageFile) and any(part[0] in Image.DECODERS for part in image.tile)
    return min(max_pixels, LARGE_PIXELS) if in_python else max_pixels


def _require_size(image: Image.Image, max_pixels: int) -> None:
    width, height = image.size
    if width < 1 or height < 1:
        raise DecodeError("undecodable", f"{width} by {height} pixels")
    if width * height > max_pixels:
        raise DecodeError("too_large", f"{width} by {height} pixels, above the limit of {max_pixels}")


@lru_cache(maxsize=1)
def _formats() -> tuple[str, ...]:
    """The formats of `FORMATS` that this build of Pillow can open."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _as_decode_error(error: Exception) -> DecodeError:
    said = str(error) or type(error).__name__
    short = ("truncated", "Truncated", "broken PNG", "not enough image data", "unexpected end", "Unexpected EOF")
    return DecodeError("truncated" if any(word in said for word in short) else "undecodable", said)


def _traits(image: Image.Image) -> set[str]:
    mode = image.mode
    traits = set()
    if image.format in _MOVING and getattr(image, "is_animated", False):
        traits.add("animated")
    if "A" in mode.replace("LAB", "") or "a" in mode or "transparency" in image.info:
        traits.add("alpha")
    if mode in ("P", "PA"):
        traits.add("palette")
    elif mode in ("1", "L", "LA", "La"):
        traits.add("grey")
    elif mode.startswith("I") or mode == "F":
        traits.update(("grey", "deep"))
    elif mode == "CMYK":
        traits.add("cmyk")
    elif mode not in ("RGB", "RGBA", "RGBa", "RGBX", "YCbCr"):
        traits.add("other_mode")
    if image.info.get("icc_profile"):
        traits.add("profile")
    return traits


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        return Image.fromarray(_to_eight_bits(np.asarray(image), image.mode)).convert("RGB")
    if image.mode in ("LA", "PA", "La", "RGBA", "RGBa") or "transparency" in image.info:
        opaque = image.convert("RGBA")
        white = Image.new("RGBA", opaque.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, opaque).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _to_eight_bits(values: np.ndarray, mode: str) -> np.ndarray:
    """Grey values of more than 8 bits to uint8, by the module's rule."""
    blocks = [values[first : first + _BLOCK_ROWS] for first in range(0, len(values), _BLOCK_ROWS)]
    greatest = max(float(_known(block).max()) for block in blocks)
    if mode == "F":
        scale = 255.0 if greatest <= 1.0 else 1.0 if greatest <= 255.0 else 255.0 / greatest
    else:
        scale = 1 / 257 if greatest <= 65535 else 255.0 / greatest
    return np.concatenate([np.rint(_known(block) * scale).astype(np.uint8) for block in blocks])


def _known(values: np.ndarray) -> np.ndarray:
    return np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0).clip(min=0.0)


def _upright(rgb: Image.Image, original: Image.Image) -> tuple[Image.Image, int]:
    """The picture as its EXIF orientation says it stands; an orientation that cannot be read is none."""
    try:
        orientation = original.getexif().get(_ORIENTATION, 1)
    except _BROKEN:
        return rgb, 1
    turn = _TURNS.get(orientation) if isinstance(orientation, int) else None
    return (rgb, 1) if turn is None else (rgb.transpose(turn), orientation)


def ending_fits(path: str, file_format: str) -> bool:
    """Whether a file's ending is one that its format goes by; no ending says nothing and fits.

    >>> ending_fits("a.png", "JPEG"), ending_fits("a.JPG", "JPEG"), ending_fits("digits/0001", "PPM")
    (False, True, True)
    """
    ending = path.rpartition("/")[2].rpartition(".")[2].lower() if "." in path.rpartition("/")[2] else ""
    return not ending or ending in _ENDINGS.get(file_format, {file_format.lower()})
