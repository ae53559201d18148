"""Hostile files made by code, each kind with what must become of it: used, left out or ignored, by a named rule."""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import unicodedata
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from deepenough import cli
from deepenough.data import open_source, prepare
from deepenough.data.decode import FORMATS
from deepenough.data.rules import REASONS, TRAITS, as_markdown

USED = "used"
LEAST_KINDS = 60
SAVED = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "MPO", "JPEG2000", "AVIF", "DIB", "ICO", "TGA", "PCX")
SAVED += ("SGI", "DDS", "ICNS", "QOI", "XBM", "IM", "MSP")


def picture(seed: int, height: int = 64, width: int = 80) -> Image.Image:
    """Coarse noise, enlarged: every seed is another picture, and none resembles another."""
    rng = np.random.default_rng(seed)
    noise = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8))
    return noise.resize((width, height), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, file_format: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, file_format, **options)
    return stream.getvalue()


def in_format(file_format: str, seed: int) -> bytes:
    """A small picture in a format that Pillow writes."""
    image = picture(seed).resize((64, 64))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # IM leaves Pillow one day
        return encoded(image.convert("1") if file_format in ("XBM", "MSP") else image, file_format)


def cut(file_format: str, seed: int) -> bytes:
    noise = Image.fromarray(np.random.default_rng(seed).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    whole = encoded(noise, file_format)
    return whole[: len(whole) * 6 // 10]


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of_zeros(side: int) -> bytes:
    """A whole one-bit PNG: 30,000 by 30,000 pixels in some 110 kB."""
    packer = zlib.compressobj(9)
    row = b"\0" * (1 + (side + 7) // 8)
    body = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", body) + png_chunk(b"IEND", b"")


def with_header(image: bytes, place: int, form: str, *values: int) -> bytes:
    """The file with numbers of its header overwritten."""
    return image[:place] + struct.pack(form, *values) + image[place + struct.calcsize(form) :]


def with_frame(seed: int, height: int) -> bytes:
    """A JPEG whose header claims another height."""
    whole = encoded(picture(seed), "JPEG")
    return with_header(whole, whole.index(b"\xff\xc0") + 5, ">H", height)


def with_marker(seed: int, marker: int) -> bytes:
    """A JPEG whose header claims another process of coding."""
    whole = encoded(picture(seed), "JPEG")
    return with_header(whole, whole.index(b"\xff\xc0") + 1, ">B", marker)


def run_length_bmp(width: int, height: int, rows: bytes) -> bytes:
    """A BMP of 256 greys whose rows are run-length encoded; Pillow unpacks them in Python."""
    palette = b"".join(bytes([value, value, value, 0]) for value in range(256))
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(rows), 0, 0, 256, 0)
    start = 14 + len(info) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(rows), 0, 0, start) + info + palette + rows


def png_with_chunk(seed: int, kind: bytes, body: bytes) -> bytes:
    whole = encoded(picture(seed))
    at = whole.index(b"IDAT") - 4
    return whole[:at] + png_chunk(kind, body) + whole[at:]


def icon_with(png: bytes) -> bytes:
    """An icon that claims 16 by 16 pixels and holds a PNG."""
    return struct.pack("<HHHBBBBHHII", 0, 1, 1, 16, 16, 0, 0, 1, 32, len(png), 22) + png


def turned(orientation: int, seed: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(picture(seed), "JPEG", exif=exif)


def moving(file_format: str, seed: int) -> bytes:
    return encoded(picture(seed), file_format, save_all=True, append_images=[picture(seed + 500), picture(seed + 600)])


def deep(mode: str, kind: type, top: float, seed: int) -> bytes:
    values = np.random.default_rng(seed).random((64, 80)) * top
    return encoded(Image.fromarray(values.astype(kind), mode=None).convert(mode), "TIFF")


def looped_tiff(seed: int) -> bytes:
    """A TIFF whose list of pages leads back to the first."""
    whole = encoded(picture(seed), "TIFF")
    first = struct.unpack_from("<I", whole, 4)[0]
    entries = struct.unpack_from("<H", whole, first)[0]
    return with_header(whole, first + 2 + 12 * entries, "<I", first)


def sun_raster(seed: int) -> bytes:
    grey = np.asarray(picture(seed).convert("L"))
    return struct.pack(">8I", 0x59A66A95, 80, 64, 8, grey.size, 1, 0, 0) + grey.tobytes()


def xpm(seed: int) -> bytes:
    bits = np.asarray(picture(seed).convert("1"))
    rows = ",\n".join('"' + "".join("ab"[int(bit)] for bit in row) + '"' for row in bits)
    return f'/* XPM */\nstatic char *x[] = {{\n"80 64 2 1",\n"a c #102030",\n"b c #f0e0d0",\n{rows}\n}};\n'.encode()


def dcx(seed: int) -> bytes:
    return struct.pack("<III", 987654321, 12, 0) + encoded(picture(seed), "PCX")


def psd(seed: int) -> bytes:
    planes = np.asarray(picture(seed)).transpose(2, 0, 1)
    head = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 64, 80, 8, 3)
    return head + struct.pack(">IIIH", 0, 0, 0, 0) + planes.tobytes()


class Explodes:
    def __reduce__(self):
        return os.system, ("touch exploded",)


def content() -> dict[str, tuple[str, Callable[[], bytes], str]]:
    """Kind -> (ending of the file, its bytes, what becomes of it: a reason, `used`, or the trait it is used with)."""
    from PIL.JpegImagePlugin import JpegImageFile  # noqa: F401  registers MPO as well

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    whole = encoded(picture(1), "JPEG")
    png = encoded(picture(2))
    tiff = encoded(picture(3), "TIFF")
    kinds: dict[str, tuple[str, Callable[[], bytes], str]] = {}
    endings = {"JPEG": "jpg", "JPEG2000": "jp2"}
    for number, name in enumerate(SAVED):
        ending = endings.get(name, name.lower())
        kinds[f"{name} file"] = (ending, lambda name=name, number=number: in_format(name, 100 + number), USED)
    kinds |= {
        "SUN file": ("sun", lambda: sun_raster(130), USED),
        "XPM file": ("xpm", lambda: xpm(131), USED),
        "DCX file": ("dcx", lambda: dcx(132), USED),
        "PSD file": ("psd", lambda: psd(133), USED),
        "progressive JPEG": ("jpg", lambda: encoded(picture(134), "JPEG", progressive=True), USED),
        "zero bytes": ("png", lambda: b"", "empty"),
        "text": ("jpg", lambda: b"not a picture", "not_an_image"),
        "HTML": ("png", lambda: b"<html><script>alert(1)</script></html>", "not_an_image"),
        "SVG": ("svg", lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not_an_image"),
        "PDF": ("pdf", lambda: b"%PDF-1.7\n%%EOF", "not_an_image"),
        "zip": ("png", lambda: b"PK\x03\x04" + b"\0" * 60, "not_an_image"),
        "PostScript": ("eps", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not_an_image"),
        "metafile": ("wmf", lambda: b"\xd7\xcd\xc6\x9a" + b"\0" * 40, "not_an_image"),
        "film": ("mp4", lambda: b"\0\0\0\x18ftypmp42" + b"\0" * 400, "not_an_image"),
        "HEIC": ("heic", lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 400, "not_an_image"),
        "pickle that runs code": ("png", lambda: pickle.dumps(Explodes()), "not_an_image"),
        "random bytes": ("jpg", lambda: np.random.default_rng(4).bytes(3000), "not_an_image"),
        "bytes before a JPEG": ("jpg", lambda: b"garbage" + whole, "not_an_image"),
        "bytes after a JPEG": ("jpg", lambda: whole + b"PK\x03\x04 and more", USED),
        "JPEG of a header alone": ("jpg", lambda: whole[:20], "not_an_image"),
        "PNG without its end": ("png", lambda: encoded(picture(5))[:-12], USED),
        "PNG with a false checksum": ("png", lambda: with_header(png, png.index(b"IDAT") + 8, ">I", 7), "undecodable"),
        "PNG of no width": ("png", lambda: png[:16] + struct.pack(">II", 0, 5) + png[24:], "not_an_image"),
        "PNG with a bomb of text": (
            "png",
            lambda: png_with_chunk(6, b"zTXt", b"k\0\0" + zlib.compress(b"a" * 90_000_000)),
            "undecodable",
        ),
        "wrong ending": ("png", lambda: encoded(picture(7), "JPEG"), "wrong_ending"),
        "two endings": ("jpg.exe", lambda: encoded(picture(8), "JPEG"), "wrong_ending"),
        "no ending": ("", lambda: encoded(picture(9), "JPEG"), USED),
        "animated GIF": ("gif", lambda: moving("GIF", 10), "animated"),
        "animated PNG": ("png", lambda: moving("PNG", 11), "animated"),
        "animated WebP": ("webp", lambda: moving("WEBP", 12), "animated"),
        "animated AVIF": ("avif", lambda: moving("AVIF", 13), "animated"),
        "TIFF of pages": ("tif", lambda: moving("TIFF", 14), "animated"),
        "TIFF whose pages loop": ("tif", lambda: looped_tiff(15), USED),
        "EXIF that is garbage": ("png", lambda: encoded(picture(16), exif=b"Exif\0\0MM\0*\xff\xff\xff\xff"), USED),
        "EXIF orientation of 99": ("jpg", lambda: turned(99, 17), USED),
        "CMYK": ("jpg", lambda: encoded(picture(18).convert("CMYK"), "JPEG"), "cmyk"),
        "16-bit grey": ("tif", lambda: deep("I;16", np.uint16, 65535, 19), "deep"),
        "32-bit grey": ("tif", lambda: deep("I", np.int32, 2e9, 20), "deep"),
        "decimal grey": ("tif", lambda: deep("F", np.float32, 1, 21), "deep"),
        "palette": ("png", lambda: encoded(picture(22).quantize(64)), "palette"),
        "transparency": ("png", lambda: encoded(picture(23).convert("RGBA")), "alpha"),
        "transparent colour": ("png", lambda: encoded(picture(24), transparency=(1, 2, 3)), "alpha"),
        "grey with alpha": ("png", lambda: encoded(picture(25).convert("LA")), "alpha"),
        "LAB": ("tif", lambda: encoded(ImageCms.applyTransform(*lab(26)), "TIFF"), "other_mode"),
        "colour profile": ("png", lambda: encoded(picture(27), icc_profile=profile), "profile"),
        "false colour profile": ("jpg", lambda: encoded(picture(28), "JPEG", icc_profile=b"nonsense"), "profile"),
        "one pixel": ("png", lambda: encoded(picture(29, 1, 1)), "tiny"),
        "a line of pixels": ("png", lambda: encoded(picture(30, 1, 5000)), "extreme_aspect"),
        "a tower": ("jpg", lambda: encoded(picture(31, 900, 20), "JPEG"), "extreme_aspect"),
        "PNG bomb of 900 megapixels": ("png", lambda: png_of_zeros(30_000), "too_large"),
        "PNG bomb of 144 megapixels": ("png", lambda: png_of_zeros(12_000), "too_large"),
        "GIF that claims 4 gigapixels": (
            "gif",
            lambda: with_header(encoded(picture(32), "GIF"), 6, "<HH", 65535, 65535),
            "too_large",
        ),
        "BMP that claims 2 gigapixels": (
            "bmp",
            lambda: with_header(encoded(picture(33), "BMP"), 18, "<ii", 50000, 40000),
            "too_large",
        ),
        "run-length BMP of 75 megapixels": ("bmp", lambda: run_length_bmp(8_388_658, 9, b"\0\0" * 8), "too_large"),
        "run-length BMP": ("bmp", lambda: run_length_bmp(16, 12, b"\x08\x10\x08\xf0\0\0" * 12 + b"\0\1"), USED),
        "GIF of no frames": (
            "gif",
            lambda: struct.pack("<6sHHBBB", b"GIF89a", 16, 16, 0x80, 0, 0) + bytes(6) + b";",
            "not_an_image",
        ),
        "two JPEGs in one": ("jpg", lambda: encoded(picture(330), "JPEG") + encoded(picture(331), "JPEG"), USED),
        "truncated progressive JPEG": (
            "jpg",
            lambda: encoded(picture(332), "JPEG", progressive=True)[:-40],
            "truncated",
        ),
        "JPEG of no height": ("jpg", lambda: with_frame(333, 0), "not_an_image"),
        "BMP from top to bottom": ("bmp", lambda: with_header(encoded(picture(334), "BMP"), 22, "<i", -64), USED),
        "BMP of the least height": (
            "bmp",
            lambda: with_header(encoded(picture(335), "BMP"), 22, "<i", -(2**31)),
            "too_large",
        ),
        "PNG whose colour profile is a bomb": (
            "png",
            lambda: png_with_chunk(336, b"iCCP", b"k\0\0" + zlib.compress(bytes(90_000_000))),
            "undecodable",
        ),
        "PNG with a bomb of foreign text": (
            "png",
            lambda: png_with_chunk(337, b"iTXt", b"k\0\1\0\0\0" + zlib.compress(bytes(90_000_000))),
            "undecodable",
        ),
        "JPEG XL": ("jxl", lambda: b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(100), "not_an_image"),
        "zipped SVG": ("svgz", lambda: b"\x1f\x8b\x08\0" + bytes(40), "not_an_image"),
        "GIF that is a script": ("gif", lambda: b"GIF89a/*" + bytes(50) + b"*/=1;alert(1)", "not_an_image"),
        "TIFF of no number": (
            "tif",
            lambda: encoded(Image.fromarray(np.full((32, 32), np.nan, np.float32)), "TIFF"),
            "deep",
        ),
        "QOI that claims 98 megapixels": (
            "qoi",
            lambda: b"qoif" + struct.pack(">IIBB", 9900, 9900, 3, 0) + b"\xfd" * 99,
            "too_large",
        ),
        "XPM that claims 81 megapixels": (
            "xpm",
            lambda: b'/* XPM */\nstatic char *x[] = {\n"9000 9000 1 1",\n"a c #000",\n"a",\n};\n',
            "too_large",
        ),
        "plain PPM that is short": ("pbm", lambda: b"P1\n5000 5000\n" + b"1" * 1000, "truncated"),
        "PPM whose width has 5,000 digits": ("ppm", lambda: b"P5\n" + b"9" * 5000 + b" 5 255\n", "undecodable"),
        "lossless JPEG": ("jpg", lambda: with_marker(338, 0xC3), "undecodable"),
        "WebP of 4 GiB": (
            "webp",
            lambda: with_header(encoded(picture(339), "WEBP"), 4, "<I", 0xFFFFFFF0),
            "undecodable",
        ),
        "icon that holds itself": ("ico", lambda: with_header(icon_with(encoded(picture(340))), 18, "<I", 0), "cut"),
        "empty icons": ("icns", lambda: b"icns" + struct.pack(">I4sI", 16, b"ic07", 8), "undecodable"),
        "icon with a bomb in it": ("ico", lambda: icon_with(png_of_zeros(12_000)), "too_large"),
        "TIFF with a false start": ("tif", lambda: with_header(tiff, 4, "<I", 0xFFFFFFF0), "not_an_image"),
    }
    for number, name in enumerate(("JPEG", "PNG", "GIF", "BMP")):
        kinds[f"truncated {name}"] = (name.lower(), lambda name=name, n=number: cut(name, 200 + n), "truncated")
    for number, name in enumerate(("TIFF", "WEBP", "PPM", "JPEG2000", "AVIF", "QOI", "TGA", "SGI", "DDS")):
        ending = endings.get(name, name.lower())
        kinds[f"cut {name}"] = (ending, lambda name=name, n=number: cut(name, 210 + n), "cut")
    for orientation in range(2, 9):
        kinds[f"EXIF orientation {orientation}"] = (
            "jpg",
            lambda orientation=orientation: turned(orientation, 230 + orientation),
            "rotated",
        )
    return kinds


def lab(seed: int) -> tuple[Image.Image, ImageCms.ImageCmsTransform]:
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    return picture(seed), ImageCms.buildTransform(*profiles, "RGB", "LAB")


NAMES: dict[str, tuple[bytes, str]] = {
    "newline": (b"a\nb.png", "odd_name"),
    "tab": (b"a\tb.png", "odd_name"),
    "terminal colours": (b"\x1b[31mred.png", "odd_name"),
    "text from right to left": ("\u202egnp.exe.png".encode(), "odd_name"),
    "not UTF-8": (b"caf\xe9.png", "odd_name"),
    "emoji": ("\U0001f600.png".encode(), USED),
    "markup": (b"<img src=x onerror=alert(1)>.png", USED),
    "quotes": (b'\'; drop table "x".png', USED),
    "an option": (b"--help.png", USED),
    "blanks": (b"  a b .png", USED),
    "255 bytes": (b"n" * 251 + b".png", USED),
    "hidden": (b".hidden.png", "hidden"),
    "Finder's": (b".DS_Store", "hidden"),
    "Finder's shadow": (b"._photo.jpg", "hidden"),
    "Explorer's": (b"Thumbs.db", "hidden"),
    "Explorer's settings": (b"Desktop.ini", "hidden"),
}


def objects(root: Path) -> dict[str, str]:
    """Links, pipes, copies and names that collide, written under `root`: path -> what becomes of it."""
    cat, outside = root / "cat", root.parent / "outside"
    outside.mkdir()
    (outside / "photo.png").write_bytes(encoded(picture(300)))
    (cat / "linked.png").symlink_to(outside / "photo.png")
    (cat / "dangling.png").symlink_to("nowhere.png")
    (cat / "self.png").symlink_to("self.png")
    (cat / "up").symlink_to("..")
    os.mkfifo(cat / "pipe.png")
    with socket.socket(socket.AF_UNIX) as listening, _inside(cat):
        listening.bind("socket.png")
    with (cat / "sparse.png").open("wb") as stream:
        stream.truncate(3 << 30)
    shutil.copy(cat / "good0.png", cat / "good0 copy.png")
    for folder in ("cat", "dog"):
        (root / folder / "both.png").write_bytes(encoded(picture(301)))
    for name, seed in (("Same.png", 302), ("same.PNG", 303)):
        (cat / name).write_bytes(encoded(picture(seed)))
    for form, seed in (("NFC", 304), ("NFD", 305)):
        (cat / unicodedata.normalize(form, "accent-é.png")).write_bytes(encoded(picture(seed)))
    (cat / "__MACOSX" / "deep").mkdir(parents=True)
    (cat / "__MACOSX" / "deep" / "x.png").write_bytes(encoded(picture(306)))
    (cat / "deeper" / "still").mkdir(parents=True)
    (cat / "deeper" / "still" / "x.png").write_bytes(encoded(picture(307)))
    (root / "readme.txt").write_text("beside the classes")
    return {
        "cat/linked.png": USED,
        "cat/dangling.png": "dangling_link",
        "cat/self.png": "link_loop",
        "cat/up": "link_loop",
        "cat/pipe.png": "not_a_file",
        "cat/socket.png": "not_a_file",
        "cat/sparse.png": "too_large",
        "cat/good0.png": "duplicate",
        "cat/good0 copy.png": USED,
        "cat/both.png": "conflicting_labels",
        "dog/both.png": "conflicting_labels",
        "cat/Same.png": "same_name",
        "cat/same.PNG": "same_name",
        unicodedata.normalize("NFC", "cat/accent-é.png"): "same_name",
        unicodedata.normalize("NFD", "cat/accent-é.png"): "same_name",
        "cat/__MACOSX/deep/x.png": "hidden",
        "cat/deeper/still/x.png": USED,
        "readme.txt": "outside_class_folder",
    }


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    """A moment in `folder`, since a socket's path may not be long."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def good(root: Path) -> Path:
    for number in range(12):
        folder = root / ("cat", "dog")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"good{number}.png").write_bytes(encoded(picture(900 + number)))
    return root


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> tuple[Path, dict[str, str]]:
    """A folder of all kinds at once, and what is to become of each path."""
    root = good(tmp_path_factory.mktemp("corpus") / "pictures")
    expected = {}
    for number, (ending, make, outcome) in enumerate(content().values()):
        name = f"k{number:03d}" + (f".{ending}" if ending else "")
        (root / "dog" / name).write_bytes(make())
        expected[f"dog/{name}"] = outcome
    for number, (raw, outcome) in enumerate(NAMES.values()):
        (root / "cat" / os.fsdecode(raw)).write_bytes(encoded(picture(400 + number)))
        expected["cat/" + raw.decode("utf-8", "backslashreplace")] = outcome
    return root, expected | objects(root)


@pytest.fixture(scope="module")
def checked(corpus):
    return prepare(open_source(str(corpus[0])), workers=2)


def test_the_corpus_has_more_kinds_than_were_asked_for():
    assert len(content()) + len(NAMES) > LEAST_KINDS
    assert set(SAVED) | {"SUN", "XPM", "DCX", "PSD"} == set(FORMATS)


def test_every_kind_of_file_has_its_declared_outcome(corpus, checked):
    used = set(checked.samples["path"])
    reasons = dict(checked.quarantine.select("path", "reason").iter_rows())
    wrong = {}
    for path, outcome in corpus[1].items():
        if outcome in REASONS:
            right = reasons.get(path) == outcome and path not in used
        elif outcome == "cut":
            right = reasons.get(path) in ("truncated", "undecodable", "not_an_image")
        else:
            right = path in used
        if not right:
            wrong[path] = (outcome, reasons.get(path, "used" if path in used else "dropped"))
    assert wrong == {}


def test_every_trait_is_named_for_the_files_that_have_it(corpus, checked):
    for trait in {outcome for outcome in corpus[1].values() if outcome in TRAITS}:
        expected = {path for path, outcome in corpus[1].items() if outcome == trait}
        named = next(finding for finding in checked.audit.findings if finding.kind == trait)
        assert named.count >= len(expected)
        assert named.count > 20 or expected <= set(named.paths)


def test_counts_add_up_to_the_files_in_the_folder(corpus, checked):
    found = 0
    for folder, folders, files in os.walk(corpus[0]):
        found += len(files) + sum((Path(folder) / name).is_symlink() for name in folders)
    audit = checked.audit
    assert audit.found == found
    assert audit.used + audit.quarantined + audit.ignored == found
    assert audit.ignored == sum(corpus[1][path] in ("hidden", "outside_class_folder") for path in corpus[1])
    met = [*checked.samples["path"], *checked.quarantine["path"]]
    assert len(met) == len(set(met)) == found


def check(capsys, *arguments: str) -> str:
    """What `deepenough check` says, having succeeded without a word of trouble."""
    with pytest.raises(SystemExit) as left:
        cli.main(["check", *arguments])
    said = capsys.readouterr()
    assert (left.value.code, said.err) == (0, "")
    return said.out


def test_check_says_it_without_a_traceback_and_without_moving_the_cursor(corpus, capsys):
    said = check(capsys, str(corpus[0]))
    assert all(line.isprintable() for line in said.splitlines())
    audit = json.loads(check(capsys, str(corpus[0]), "--json"))["audit"]
    assert audit["found"] == audit["used"] + audit["quarantined"] + audit["ignored"]


def test_nothing_is_run_and_nothing_is_written(corpus):
    assert not Path("exploded").exists()
    assert not list(corpus[0].rglob("exploded"))


@contextmanager
def _nobody() -> Iterator[None]:
    """A moment without a superuser's rights."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_files_and_folders_that_may_not_be_read_are_named():
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        root = good(Path(folder) / "pictures")
        (root / "cat" / "locked").mkdir()
        (root / "cat" / "locked" / "x.png").write_bytes(encoded(picture(1)))
        (root / "cat" / "good0.png").chmod(0)
        (root / "cat" / "locked").chmod(0)
        with _nobody():
            result = prepare(open_source(str(root)))
        (root / "cat" / "locked").chmod(0o700)
    assert dict(result.quarantine.select("path", "reason").iter_rows()) == {
        "cat/good0.png": "unreadable",
        "cat/locked": "unreadable",
    }


def test_a_bomb_of_900_megapixels_takes_next_to_no_memory(tmp_path):
    bomb = tmp_path / "bomb.png"
    bomb.write_bytes(png_of_zeros(30_000))
    assert bomb.stat().st_size < 150_000
    script = (
        "import resource, sys\nfrom pathlib import Path\n"
        "from deepenough.data.decode import decode_rgb\nfrom deepenough.errors import DecodeError\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try:\n    decode_rgb(Path(sys.argv[1]).read_bytes())\n"
        "except DecodeError as error:\n    print(error.reason)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(bomb)], capture_output=True, text=True, check=True)
    reason, grown_kb = done.stdout.split()
    assert reason == "too_large"
    assert int(grown_kb) < 30_000


def test_the_documentation_has_the_rules_as_they_are(repository):
    assert as_markdown() in (repository / "docs" / "data.md").read_text(encoding="utf-8")


def test_folders_deeper_than_a_path_may_be_long_are_named(tmp_path):
    root = good(tmp_path / "pictures")
    with _inside(root / "cat"):
        for _ in range(60):
            Path("d" * 100).mkdir()
            os.chdir("d" * 100)
    result = prepare(open_source(str(root)))
    assert result.audit.reasons == {"unreadable": 1}
    assert result.audit.found == 13


def test_a_link_that_vanishes_while_its_folder_is_listed_is_named(tmp_path, monkeypatch):
    root = good(tmp_path / "pictures")
    (root / "cat" / "link.png").symlink_to("nowhere.png")

    def gone(path):
        raise FileNotFoundError(2, "No such file or directory", str(path))

    monkeypatch.setattr(os, "readlink", gone)
    assert prepare(open_source(str(root))).audit.reasons == {"dangling_link": 1}


@pytest.mark.parametrize("leads_to", ["/dev/zero", "/dev/null", "/proc/self/mem", "/proc/self/status"])
def test_links_to_devices_and_the_system_end_in_no_picture(leads_to, tmp_path):
    root = good(tmp_path / "pictures")
    (root / "cat" / "link.png").symlink_to(leads_to)
    result = prepare(open_source(str(root)))
    assert set(result.audit.reasons) <= {"not_a_file", "not_an_image", "unreadable", "empty"}
    assert (result.audit.used, result.audit.quarantined) == (12, 1)
