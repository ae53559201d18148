from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps, JpegImagePlugin

from deepenough.data.decode import FORMATS, decode_picture, decode_rgb, ending_fits, quiet
from deepenough.errors import DecodeError

RAMP = (np.arange(12 * 10, dtype=np.uint16).reshape(10, 12) * 546).astype(np.uint16)


def traits(encoded: bytes) -> frozenset[str]:
    with quiet():
        return decode_picture(encoded).traits


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_that_claims(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header claims a size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = png_chunk(b"IHDR", header), png_chunk(b"IDAT", zlib.compress(b"\0")), png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_decoding_applies_exif_orientation_pixel_for_pixel_as_pillow_does(orientation, file_format, photo, encode):
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if file_format == "WEBP" else {}
    encoded = encode(photo(1), file_format, exif=exif, **options)
    with Image.open(io.BytesIO(encoded)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    np.testing.assert_array_equal(decode_rgb(encoded), expected)
    assert expected.shape == ((24, 32, 3) if orientation < 5 else (32, 24, 3))


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_decoding_ignores_an_orientation_that_does_not_exist(orientation, photo, encode):
    exif = Image.Exif()
    exif[0x0112] = orientation
    encoded = encode(photo(1), "PNG", exif=exif)
    np.testing.assert_array_equal(decode_rgb(encoded), photo(1))


def test_decoding_ignores_exif_that_is_garbage(photo, encode):
    encoded = encode(photo(1), "PNG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff garbage")
    np.testing.assert_array_equal(decode_rgb(encoded), photo(1))


def test_grey_becomes_three_equal_channels(photo, encode):
    grey = photo(2)[..., 0]
    np.testing.assert_array_equal(decode_rgb(encode(grey)), np.repeat(grey[..., None], 3, axis=2))


def test_one_bit_becomes_black_and_white(encode):
    bits = Image.fromarray(np.eye(9, dtype=bool))
    np.testing.assert_array_equal(decode_rgb(encode(bits))[..., 1], np.eye(9) * 255)


def test_a_palette_is_looked_up(encode):
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((1, 0), 1)
    encoded = encode(image)
    assert decode_rgb(encoded).tolist() == [[[10, 20, 30], [200, 100, 50]]]
    assert "palette" in traits(encoded)


def test_a_transparent_palette_entry_shows_white(encode):
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((1, 0), 1)
    for encoded in (encode(image, transparency=0), encode(image, "GIF", transparency=0)):
        assert decode_rgb(encoded).tolist() == [[[255, 255, 255], [200, 100, 50]]]
        assert "alpha" in traits(encoded)


def test_a_transparent_colour_shows_white(encode):
    rgb = np.array([[[1, 2, 3], [4, 5, 6]]], dtype=np.uint8)
    assert decode_rgb(encode(rgb, transparency=(1, 2, 3))).tolist() == [[[255] * 3, [4, 5, 6]]]
    grey = np.array([[7, 8]], dtype=np.uint8)
    assert decode_rgb(encode(grey, transparency=7)).tolist() == [[[255] * 3, [8] * 3]]


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_is_laid_over_white_by_the_closed_form(mode, photo, encode):
    alpha = np.linspace(0, 255, 24 * 32).reshape(24, 32).astype(np.uint8)
    colour = photo(3) if mode == "RGBA" else photo(3)[..., :1]
    image = Image.fromarray(np.concatenate([colour, alpha[..., None]], axis=2), mode=None)
    share = alpha[..., None] / 255.0
    expected = np.broadcast_to(colour * share + 255.0 * (1 - share), (24, 32, 3))
    decoded = decode_rgb(encode(image)).astype(float)
    assert np.abs(decoded - expected).max() <= 1.0
    assert "alpha" in traits(encode(image))


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_sixteen_bit_grey_is_divided_by_257(file_format, encode):
    encoded = encode(Image.fromarray(RAMP), file_format)
    np.testing.assert_array_equal(decode_rgb(encoded)[..., 0], np.rint(RAMP / 257.0))
    assert "deep" in traits(encoded)


def test_sixteen_bit_grey_of_big_endian_tiff_reads_the_same(encode):
    image = Image.frombytes("I;16B", (12, 10), RAMP.astype(">u2").tobytes())
    np.testing.assert_array_equal(decode_rgb(encode(image, "TIFF"))[..., 2], np.rint(RAMP / 257.0))


def test_whole_numbers_beyond_sixteen_bits_are_scaled_by_their_greatest(encode):
    values = np.array([[-5, 0, 1_000_000, 2_000_000]], dtype=np.int32)
    assert decode_rgb(encode(Image.fromarray(values), "TIFF"))[0, :, 0].tolist() == [0, 0, 128, 255]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([-3.0, 100.0, 255.0], [0, 100, 255]),
        ([0.0, 500.0, 1000.0], [0, 128, 255]),
        ([np.nan, np.inf, 0.2], [0, 0, 51]),
    ],
)
def test_decimal_numbers_follow_the_declared_rule(values, expected, encode):
    encoded = encode(Image.fromarray(np.array([values], dtype=np.float32)), "TIFF")
    assert decode_rgb(encoded)[0, :, 0].tolist() == expected


def test_cmyk_becomes_rgb_as_pillow_converts_it(photo, encode):
    encoded = encode(Image.fromarray(photo(4)).convert("CMYK"), "JPEG", quality=95)
    with Image.open(io.BytesIO(encoded)) as image:
        assert image.mode == "CMYK"
        expected = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(decode_rgb(encoded), expected)
    assert "cmyk" in traits(encoded)


def test_an_animated_picture_gives_its_first_frame(photo, encode):
    first, second = (Image.fromarray(photo(seed)) for seed in (5, 6))
    for file_format, options in (("GIF", {}), ("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {})):
        encoded = encode(first, file_format, save_all=True, append_images=[second], **options)
        alone = encode(first, file_format, **options)
        np.testing.assert_array_equal(decode_rgb(encoded), decode_rgb(alone))
        assert "animated" in traits(encoded)
        assert "animated" not in traits(alone)


def test_a_colour_profile_is_noted_and_not_applied(photo, encode):
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    encoded = encode(photo(7), icc_profile=profile)
    np.testing.assert_array_equal(decode_rgb(encoded), photo(7))
    assert "profile" in traits(encoded)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "JPEG2000"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_picture_is_refused_and_never_completed(file_format, share, encode):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    encoded = encode(noise, file_format)
    with pytest.raises(DecodeError) as caught:
        decode_rgb(encoded[: int(len(encoded) * share)])
    assert caught.value.reason in ("truncated", "undecodable")
    if file_format in ("JPEG", "PNG", "GIF", "BMP"):
        assert caught.value.reason == "truncated"


def test_zero_bytes_are_empty():
    with pytest.raises(DecodeError, match="empty: zero bytes"):
        decode_rgb(b"")


@pytest.mark.parametrize(
    "encoded",
    [
        b"hello",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7\n",
        b"PK\x03\x04" + b"\0" * 60,
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"\0" * 4096,
        bytes(range(256)) * 8,
    ],
    ids=["text", "svg", "pdf", "zip", "postscript", "zeros", "bytes"],
)
def test_what_is_no_picture_is_named_so(encoded):
    with pytest.raises(DecodeError) as caught:
        decode_rgb(encoded)
    assert caught.value.reason == "not_an_image"


@pytest.mark.parametrize("side", [10_001, 30_000, 2_000_000])
def test_a_decompression_bomb_is_refused_from_its_header(side):
    with pytest.raises(DecodeError) as caught:
        decode_rgb(png_that_claims(side, side))
    assert caught.value.reason == "too_large"


def jpeg_that_claims(width: int, height: int, encoded: bytes) -> bytes:
    """A JPEG whose frame header (SOF0) claims another size than its few bytes hold."""
    at = encoded.index(b"\xff\xc0") + 5  # after the marker, the length and the bits a sample
    return encoded[:at] + struct.pack(">HH", height, width) + encoded[at + 4 :]


@pytest.mark.parametrize("reduced", [{}, {"at_least": 64}, {"grey_side": 48}], ids=["whole", "at_least", "grey_side"])
@pytest.mark.parametrize("side", [10_001, 13_000, 30_000])
def test_a_jpeg_is_measured_by_its_header_however_small_it_would_be_decoded(side, reduced, photo, encode, monkeypatch):
    drafts = []
    monkeypatch.setattr(JpegImagePlugin.JpegImageFile, "draft", lambda *given: drafts.append(given))
    bomb = jpeg_that_claims(side, side, encode(photo(3), "JPEG"))
    with quiet(), pytest.raises(DecodeError) as caught:
        decode_picture(bomb, **reduced)
    assert (caught.value.reason, drafts) == ("too_large", [])


@pytest.mark.parametrize("reduced", [{"at_least": 20}, {"grey_side": 20}])
def test_a_picture_that_is_decoded_smaller_keeps_its_size_on_record(reduced, photo, encode):
    with quiet():
        picture = decode_picture(encode(photo(3, 160, 240), "JPEG"), **reduced)
    assert (picture.width, picture.height, picture.image.size) == (240, 160, (30, 20))


def test_the_limit_of_pixels_is_the_callers_and_inclusive(photo, encode):
    encoded = encode(photo(8, 10, 10))
    assert decode_rgb(encoded, max_pixels=100).shape == (10, 10, 3)
    with pytest.raises(DecodeError, match="too_large: 10 by 10 pixels, above the limit of 99"):
        decode_rgb(encoded, max_pixels=99)


def test_a_bomb_of_text_in_a_png_is_refused(encode):
    huge = zlib.compress(b"a" * 100_000_000)
    encoded = encode(np.zeros((2, 2, 3), np.uint8))
    at = encoded.index(b"IDAT") - 4
    bomb = encoded[:at] + png_chunk(b"zTXt", b"k\0\0" + huge) + encoded[at:]
    with pytest.raises(DecodeError) as caught:
        decode_rgb(bomb)
    assert caught.value.reason == "undecodable"


def test_a_picture_of_one_pixel_is_a_picture(encode):
    assert decode_rgb(encode(np.full((1, 1, 3), 9, np.uint8))).tolist() == [[[9, 9, 9]]]


def test_flipped_bits_give_a_picture_or_a_decode_error_and_nothing_else(photo, encode):
    rng = np.random.default_rng(11)
    for file_format in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "TGA", "PCX", "ICO", "SGI", "PPM"):
        original = encode(photo(9, 16, 16), file_format)
        for _ in range(60):
            broken = bytearray(original)
            for place in rng.integers(0, len(broken), 3):
                broken[place] ^= 1 << int(rng.integers(8))
            try:
                decoded = decode_rgb(bytes(broken), max_pixels=1_000_000)
            except DecodeError:
                continue
            assert decoded.dtype == np.uint8
            assert decoded.shape[2] == 3


def test_formats_that_run_programs_are_not_opened():
    assert not {"EPS", "WMF", "HDF5", "GRIB", "BUFR"} & set(FORMATS)


def test_decoding_twice_gives_the_same_bits(photo, encode):
    encoded = encode(photo(10), "JPEG")
    np.testing.assert_array_equal(decode_rgb(encoded), decode_rgb(encoded))


@pytest.mark.parametrize(
    ("path", "file_format", "fits"),
    [("a/b.jpeg", "JPEG", True), ("b.png", "JPEG", False), ("b", "JPEG", True), ("a.b/c", "PNG", True)],
)
def test_ending_fits_its_format(path, file_format, fits):
    assert ending_fits(path, file_format) is fits


def test_a_grey_decode_of_damaged_jpegs_ends_as_the_full_one_does():
    """Cut anywhere or with bytes changed; baseline and progressive, grey and in colour."""
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (60, 90, 3), dtype=np.uint8)).resize((180, 120))
    outcomes = set()
    for mode, options in (
        ("RGB", {}),
        ("RGB", {"progressive": True}),
        ("RGB", {"subsampling": 0}),
        ("RGB", {"restart_marker_blocks": 4}),
        ("L", {"progressive": True}),
    ):
        stream = io.BytesIO()
        image.convert(mode).save(stream, "JPEG", quality=60, **options)
        whole = stream.getvalue()
        damaged = [whole[:end] for end in [*range(len(whole) - 8, len(whole)), *range(20, len(whole), 1001)]]
        for _ in range(30):
            changed = bytearray(whole)
            for place in rng.integers(2, len(whole), 3):
                changed[place] = rng.integers(0, 256)
            damaged.append(bytes(changed))
        for data in [whole, *damaged]:
            full, grey = (_outcome(data, side) for side in (None, 48))
            assert grey == full
            outcomes.add(full[0])
    assert {"used", "truncated"} <= outcomes


def _outcome(encoded: bytes, grey_side: int | None) -> tuple:
    try:
        with quiet():
            found = decode_picture(encoded, grey_side=grey_side)
    except DecodeError as error:
        return error.reason, error.detail
    return "used", found.width, found.height, found.format, found.traits, found.compression


def test_a_grey_decode_of_a_turned_jpeg_has_the_size_of_the_full_one_and_fewer_pixels():
    exif = Image.Exif()
    exif[0x0112] = 6
    stream = io.BytesIO()
    Image.new("RGB", (400, 200), (200, 90, 10)).save(stream, "JPEG", exif=exif)
    with quiet():
        found = decode_picture(stream.getvalue(), grey_side=48)
    assert (found.width, found.height) == (200, 400)
    assert found.image.mode == "L"
    assert found.image.size == (50, 100)
