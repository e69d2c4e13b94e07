"""Decoding: each rule of docs/decoding.md, and each refusal with its code."""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import struct
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, features

from catalog.core.errors import RefusedImage
from catalog.core.images import Limits, read_image, read_pixels, thumbnail
from tests.shared import shared_data

RNG = np.random.default_rng(11)
PIXELS = RNG.integers(0, 256, (21, 34, 3), np.uint8)


def encode(image: Image.Image, image_format: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, image_format, **options)
    return out.getvalue()


def code_of(data: bytes, **options: Limits) -> str:
    with pytest.raises(RefusedImage) as caught:
        read_image(data, **options)
    with pytest.raises(RefusedImage, match=re.escape(str(caught.value))):
        read_pixels(data, **options)
    assert caught.value.message.endswith(".")
    assert caught.value.remedy.endswith(".")
    return caught.value.code


def png_header(width: int, height: int) -> bytes:
    """A PNG that ends after stating its size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


LOSSLESS = {
    "PNG": {},
    "BMP": {},
    "TIFF": {},
    "PPM": {},
    "WEBP": {"lossless": True},
    "JPEG2000": {"irreversible": False},
}


@pytest.mark.parametrize("image_format", LOSSLESS)
def test_lossless_formats_give_the_same_pixels_and_pixel_hash(image_format: str) -> None:
    data = encode(Image.fromarray(PIXELS), image_format, **LOSSLESS[image_format])
    decoded = read_image(data)
    np.testing.assert_array_equal(decoded.rgb, PIXELS)
    np.testing.assert_array_equal(read_pixels(data), PIXELS)
    assert (decoded.format, decoded.mode, decoded.frames, decoded.orientation) == (image_format, "RGB", 1, 1)
    assert (decoded.width, decoded.height) == (34, 21)
    assert decoded.sha256 == hashlib.sha256(data).hexdigest()
    assert decoded.pixel_hash == hashlib.sha256(struct.pack(">II", 34, 21) + PIXELS.tobytes()).hexdigest()
    assert not decoded.rgb.flags.writeable


def test_pixel_hash_tells_shapes_with_equal_bytes_apart() -> None:
    wide, tall = (read_image(encode(Image.new("RGB", size), "PNG")) for size in ((6, 2), (2, 6)))
    assert wide.rgb.tobytes() == tall.rgb.tobytes()
    assert wide.pixel_hash != tall.pixel_hash


@pytest.mark.parametrize("image_format", ["JPEG", "GIF", *(["AVIF"] if features.check("avif") else [])])
def test_lossy_formats_are_read_as_pillow_reads_them(image_format: str) -> None:
    data = encode(Image.fromarray(PIXELS), image_format)
    decoded = read_image(data)
    np.testing.assert_array_equal(decoded.rgb, np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))
    assert decoded.format == image_format


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("image_format", ["PNG", "TIFF", "WEBP"])
def test_orientation_is_applied_once(image_format: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = {
        1: PIXELS,
        2: PIXELS[:, ::-1],
        3: PIXELS[::-1, ::-1],
        4: PIXELS[::-1],
        5: PIXELS.transpose(1, 0, 2),
        6: np.rot90(PIXELS, -1),
        7: np.rot90(PIXELS, 2).transpose(1, 0, 2),
        8: np.rot90(PIXELS),
    }[orientation]
    data = encode(Image.fromarray(PIXELS), image_format, exif=exif, **LOSSLESS[image_format])
    decoded = read_image(data)
    np.testing.assert_array_equal(decoded.rgb, turned)
    np.testing.assert_array_equal(read_pixels(data), turned)
    assert decoded.orientation == orientation
    assert (decoded.height, decoded.width) == turned.shape[:2]


def test_a_broken_or_senseless_orientation_is_none() -> None:
    exif = Image.Exif()
    exif[0x0112] = 9
    jpeg = Image.fromarray(PIXELS)
    assert read_image(encode(jpeg, "JPEG", exif=exif)).orientation == 1
    assert read_image(encode(jpeg, "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")).orientation == 1


def test_alpha_is_composited_over_white() -> None:
    alpha = RNG.integers(0, 256, (21, 34), np.uint8)
    over_white = (PIXELS * (alpha[..., None] / 255.0) + 255.0 * (1 - alpha[..., None] / 255.0)).round()
    decoded = read_image(encode(Image.fromarray(np.dstack([PIXELS, alpha])), "PNG"))
    assert decoded.mode == "RGBA"
    assert np.abs(decoded.rgb - over_white).max() <= 1
    np.testing.assert_array_equal(decoded.rgb[alpha == 255], PIXELS[alpha == 255])
    assert (decoded.rgb[alpha == 0] == 255).all()

    grey = read_image(encode(Image.fromarray(np.dstack([PIXELS[..., 0], alpha]), "LA"), "PNG"))
    assert np.abs(grey.rgb - over_white[..., :1]).max() <= 1


def test_transparent_colours_become_white() -> None:
    palette = Image.fromarray(np.array([[0, 1, 2]], np.uint8), "P")
    palette.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    assert read_image(encode(palette, "PNG")).rgb.tolist() == [[[10, 20, 30], [40, 50, 60], [70, 80, 90]]]
    for image_format in ("PNG", "GIF"):
        decoded = read_image(encode(palette, image_format, transparency=1))
        assert decoded.rgb.tolist() == [[[10, 20, 30], [255, 255, 255], [70, 80, 90]]]
    rgb = Image.fromarray(np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8))
    assert read_image(encode(rgb, "PNG", transparency=(4, 5, 6))).rgb.tolist() == [[[1, 2, 3], [255, 255, 255]]]
    deep = Image.fromarray(np.array([[256, 512]], np.uint16))
    assert read_image(encode(deep, "PNG", transparency=512)).rgb[..., 0].tolist() == [[1, 255]]


@pytest.mark.parametrize("image_format", ["PNG", "TIFF", "PPM"])
def test_grey_of_16_bits_keeps_its_upper_byte(image_format: str) -> None:
    values = np.array([[0, 255, 256, 32767, 65280, 65535]], np.uint16)
    decoded = read_image(encode(Image.fromarray(values), image_format))
    assert decoded.rgb[..., 1].tolist() == [[0, 0, 1, 127, 255, 255]]
    assert (decoded.rgb == decoded.rgb[..., :1]).all()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0, 256, 65535]], np.int32), [[0, 1, 255]]),
        (np.array([[0, 100_000, 200_000]], np.int32), [[0, 128, 255]]),
        (np.array([[-500, 0, 500]], np.int32), [[0, 128, 255]]),
        (np.array([[-7, -7]], np.int32), [[0, 0]]),
        (np.array([[0.0, 0.5, 1.0]], np.float32), [[0, 128, 255]]),
        (np.array([[0.25, 0.25]], np.float32), [[64, 64]]),
        (np.array([[-1.0, 0.0, 3.0]], np.float32), [[0, 64, 255]]),
        (np.array([[np.nan, 10.0, 20.0, np.inf]], np.float32), [[0, 0, 255, 0]]),
        (np.array([[np.nan]], np.float32), [[0]]),
    ],
)
def test_grey_of_32_bits_and_floats_is_scaled_never_clipped(values: np.ndarray, expected: list[list[int]]) -> None:
    assert read_image(encode(Image.fromarray(values), "TIFF")).rgb[..., 0].tolist() == expected


def test_one_bit_and_cmyk_are_read_as_pillow_reads_them() -> None:
    bits = Image.fromarray(PIXELS[..., 0] > 127)
    np.testing.assert_array_equal(read_image(encode(bits, "PNG")).rgb[..., 0], np.where(PIXELS[..., 0] > 127, 255, 0))
    data = encode(Image.fromarray(PIXELS).convert("CMYK"), "JPEG")
    decoded = read_image(data)
    assert decoded.mode == "CMYK"
    np.testing.assert_array_equal(decoded.rgb, np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))


def test_the_first_frame_is_read_and_all_are_counted() -> None:
    frames = [Image.new("RGB", (4, 3), colour) for colour in ("red", "green", "blue")]
    for image_format in ("GIF", "TIFF", "WEBP", "PNG"):
        options = {"lossless": True} if image_format == "WEBP" else {}
        decoded = read_image(encode(frames[0], image_format, save_all=True, append_images=frames[1:], **options))
        assert decoded.frames == 3, image_format
        assert (decoded.rgb == [255, 0, 0]).all(), image_format


def test_a_jpeg_with_further_pictures_behind_it_is_read_as_its_first() -> None:
    frames = [Image.new("RGB", (16, 8), colour) for colour in ("red", "blue")]
    decoded = read_image(encode(frames[0], "MPO", save_all=True, append_images=frames[1:]))
    assert (decoded.format, decoded.frames) == ("MPO", 2)
    assert np.abs(decoded.rgb.astype(int) - [255, 0, 0]).max() < 4


def test_one_pixel_is_an_image() -> None:
    decoded = read_image(encode(Image.new("RGB", (1, 1), (1, 2, 3)), "PNG"))
    assert decoded.rgb.tolist() == [[[1, 2, 3]]]
    assert thumbnail(decoded.rgb, 320)


@pytest.mark.parametrize(
    ("code", "data"),
    [
        ("empty", b""),
        ("svg", b'<svg xmlns="http://www.w3.org/2000/svg" width="9"/>'),
        ("svg", b'\xef\xbb\xbf\n<?xml version="1.0"?>\n<!-- drawn -->\n<svg></svg>'),
        ("not-an-image", b"name,label\na,b\n"),
        ("not-an-image", b"<?xml version='1.0'?><note/>"),
        ("not-an-image", bytes(100)),
        ("not-an-image", b"BM but a text"),
        ("corrupt", b"P5 but a text"),
        ("unsupported-format", b"%PDF-1.7\n"),
        ("unsupported-format", b"8BPS\0\1" + bytes(30)),
        ("unsupported-format", b"PK\3\4" + bytes(30)),
        ("unsupported-format", b"\0\0\0\x18ftypheic" + bytes(30)),
        ("unsupported-format", b"\0\0\0\x18ftypisom" + bytes(30)),
        ("corrupt", b"\xff\xd8\xff\xe0" + bytes(60)),
        ("corrupt", b"\x89PNG\r\n\x1a\n" + bytes(60)),
        ("corrupt", b"RIFF\x10\0\0\0WEBPVP8 " + bytes(60)),
        ("corrupt", b"II*\0\xff\xff\xff\xff"),
        ("too-many-pixels", png_header(60_000, 60_000)),
        ("too-many-pixels", png_header(2**31 - 1, 2**31 - 1)),
        ("too-many-pixels", b"P6 50000 50000 255\n"),
        ("too-many-pixels", b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b"," + bytes(9) + b"\2\0;"),
    ],
)
def test_what_is_no_readable_image_is_refused_with_its_reason(code: str, data: bytes) -> None:
    assert code_of(data) == code


def test_no_pixels_are_refused() -> None:
    assert code_of(png_header(0, 5)) in {"zero-size", "corrupt"}
    assert code_of(b"P6 0 5 255\n") in {"zero-size", "corrupt", "not-an-image"}


def test_limits_are_kept_exactly() -> None:
    data = encode(Image.fromarray(PIXELS), "PNG")
    assert read_image(data, limits=Limits(max_bytes=len(data), max_pixels=21 * 34)).width == 34
    assert code_of(data, limits=Limits(max_bytes=len(data) - 1)) == "too-many-bytes"
    assert code_of(data, limits=Limits(max_pixels=21 * 34 - 1)) == "too-many-pixels"


def test_lack_of_memory_is_not_blamed_on_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Image.Image) -> None:
        raise MemoryError

    data = encode(Image.fromarray(PIXELS), "PNG")
    monkeypatch.setattr(Image.Image, "tobytes", fail)
    assert code_of(data) == "out-of-memory"


@pytest.mark.parametrize("image_format", ["JPEG", *LOSSLESS, "GIF", *(["AVIF"] if features.check("avif") else [])])
def test_a_file_that_breaks_off_is_refused(image_format: str) -> None:
    big = Image.fromarray(np.random.default_rng(3).integers(0, 256, (90, 120, 3), np.uint8))
    data = encode(big, image_format)
    for share in (0.3, 0.6, 0.9):
        assert code_of(data[: int(len(data) * share)]) in {"truncated", "corrupt"}


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "JPEG2000"]),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=8),
    st.floats(0, 1),
)
def test_damaged_files_decode_or_are_refused_and_nothing_else(
    image_format: str, edits: list[tuple[float, int]], keep: float
) -> None:
    data = bytearray(encode(Image.fromarray(PIXELS), image_format))
    for place, value in edits:
        data[int(place * (len(data) - 1))] = value
    damaged = bytes(data[: max(1, int(len(data) * min(1.0, keep + 0.3)))])
    try:
        decoded = read_image(damaged, limits=Limits(max_pixels=1_000_000))
    except RefusedImage:
        return
    assert decoded.rgb.shape == (decoded.height, decoded.width, 3)
    np.testing.assert_array_equal(read_pixels(damaged), decoded.rgb)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes_are_refused_or_decoded(data: bytes) -> None:
    with contextlib.suppress(RefusedImage):
        read_image(data)


@pytest.mark.parametrize(
    ("width", "height", "expected"), [(900, 300, (320, 107)), (100, 80, (100, 80)), (4000, 1, (320, 1))]
)
def test_thumbnails_fit_and_never_grow(width: int, height: int, expected: tuple[int, int]) -> None:
    y, x = np.mgrid[0:height, 0:width]
    smooth = np.dstack([x * 255 // width, y * 255 // height, np.full_like(x, 90)]).astype(np.uint8)
    made = Image.open(io.BytesIO(thumbnail(read_pixels(encode(Image.fromarray(smooth), "PNG")), 320)))
    assert (made.format, made.mode, made.size) == ("JPEG", "RGB", expected)
    wanted = np.asarray(Image.fromarray(smooth).resize(expected, Image.Resampling.BOX)).astype(int)
    assert np.abs(np.asarray(made).astype(int) - wanted).mean() < 3


def test_threads_do_not_disturb_each_other() -> None:
    files = [encode(Image.fromarray(np.roll(PIXELS, i, 1)), "PNG") for i in range(16)]
    alone = [read_image(data).pixel_hash for data in files]
    found: dict[int, list[str]] = {}

    def work(key: int) -> None:
        found[key] = [read_image(data).pixel_hash for data in files]

    threads = [threading.Thread(target=work, args=(key,)) for key in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(found[key] == alone for key in range(4))


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "image_format", "mode", "size"),
    [
        ("Iggy.1024.ppm", "PPM", "RGB", (1024, 1024)),
        ("alpha_channel_image.png", "PNG", "RGBA", (640, 480)),
        ("baboon.pgm", "PPM", "L", (512, 512)),
        ("copyleft.tiff", "TIFF", "RGB", (220, 220)),
        ("giphy.gif", "GIF", "P", (314, 400)),
        ("marbles.pbm", "PPM", "1", (1152, 813)),
        ("ukbench09380.webp", "WEBP", "RGB", (640, 480)),
        # These three carry another suffix than what they hold; the bytes decide.
        ("ukbench09380.bmp", "JPEG", "RGB", (640, 480)),
        ("ukbench09380.png", "JPEG", "RGB", (640, 480)),
        ("ukbench09380.svg", "JPEG", "RGB", (640, 480)),
    ],
)
def test_odd_formats_are_read_by_their_bytes(name: str, image_format: str, mode: str, size: tuple[int, int]) -> None:
    data = (shared_data() / "formats" / name).read_bytes()
    decoded = read_image(data)
    np.testing.assert_array_equal(read_pixels(data), decoded.rgb)
    assert (decoded.format, decoded.mode, (decoded.width, decoded.height)) == (image_format, mode, size)


@pytest.mark.shared_data
def test_the_corrupt_photograph_is_refused() -> None:
    assert code_of(Path(shared_data() / "formats" / "ukbench09268_corrupt.jpg").read_bytes()) == "not-an-image"
