"""From the bytes of a file to RGB pixels, by rules that never depend on the file's name, and to a thumbnail.

The rules are stated for people in docs/decoding.md; every number that the dashboard shows rests on them.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, TiffImagePlugin, UnidentifiedImageError

from catalog.core._shrink import shrink
from catalog.core.errors import RefusedImage

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF", "JPEG2000")
"""Pillow's names of the formats that are read; PPM includes PGM and PBM."""

THUMBNAIL_MEDIA_TYPE = "image/jpeg"

_READABLE = "JPEG, PNG, GIF, WebP, BMP, TIFF, PPM, PGM, PBM, AVIF or JPEG 2000"
_CONVERT = f"Save the picture as {_READABLE} and upload it again."
_EXPORT_AGAIN = "Copy or export the file again from its source; it may not have been transferred completely."

# Signatures long enough that a file which begins with one was meant to be that format.
_READABLE_SIGNATURES = (
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"GIF87a",
    b"GIF89a",
    b"II*\0",
    b"MM\0*",
    b"II+\0",
    b"MM\0+",
    b"\xff\x4f\xff\x51",
    b"\0\0\0\x0cjP  ",
)
_OTHER_FORMATS = (
    (b"8BPS", "Photoshop"),
    (b"%PDF", "PDF"),
    (b"%!PS", "PostScript"),
    (b"\0\0\1\0", "Windows icon"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\x76\x2f\x31\x01", "OpenEXR"),
    (b"DDS ", "DirectDraw surface"),
    (b"qoif", "QOI"),
    (b"gimp xcf", "GIMP"),
    (b"PK\3\4", "ZIP archive"),
)
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")

_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a file may be before it is refused.

    Attributes:
        max_bytes: size of the file.
        max_pixels: width x height, read from the header before a pixel is decoded. Pillow's own limit, which is the
            default here, holds too: a larger number does not lift it.
    """

    max_bytes: int = 256 * 2**20
    max_pixels: int = 178_956_970


DEFAULT = Limits()


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """The first frame of an image file, upright, in RGB.

    Attributes:
        rgb: the pixels, uint8, shape (height, width, 3), read-only.
        format: Pillow's name of the format found in the bytes, e.g. ``JPEG``; ``MPO`` is a JPEG with further pictures
            behind it, as some cameras write.
        mode: Pillow's mode as stored in the file, e.g. ``P``, ``CMYK``, ``I;16``.
        frames: number of frames or pages in the file; only the first is decoded.
        orientation: EXIF orientation (1 to 8) that was applied; 1 where the file states none.
        sha256: hexadecimal SHA-256 of the file's bytes.
        pixel_hash: hexadecimal SHA-256 of width and height (unsigned 32-bit, big-endian) and the RGB bytes, row by
            row: equal for two files if and only if they decode to the same pixels.
    """

    rgb: NDArray[np.uint8]
    format: str
    mode: str
    frames: int
    orientation: int
    sha256: str
    pixel_hash: str

    @property
    def width(self) -> int:
        """Width in pixels after orientation."""
        return int(self.rgb.shape[1])

    @property
    def height(self) -> int:
        """Height in pixels after orientation."""
        return int(self.rgb.shape[0])


def read_image(data: bytes, *, limits: Limits = DEFAULT) -> Decoded:
    """Decode the bytes of an image file.

    Raises:
        RefusedImage: the bytes are refused; its `code` is one of ``empty``, ``too-many-bytes``, ``svg``,
            ``unsupported-format``, ``not-an-image``, ``too-many-pixels``, ``zero-size``, ``truncated``, ``corrupt``,
            ``out-of-memory``.
    """
    with _refusing(data, limits):
        frame = _first_frame(data, limits)
        image, pixels = frame.image, frame.image.tobytes()
    digest = hashlib.sha256(image.width.to_bytes(4, "big") + image.height.to_bytes(4, "big"))
    digest.update(pixels)
    return Decoded(
        rgb=np.frombuffer(pixels, np.uint8).reshape(image.height, image.width, 3),
        format=frame.format,
        mode=frame.mode,
        frames=frame.frames,
        orientation=frame.orientation,
        sha256=hashlib.sha256(data).hexdigest(),
        pixel_hash=digest.hexdigest(),
    )


def read_pixels(data: bytes, *, limits: Limits = DEFAULT) -> NDArray[np.uint8]:
    """The pixels of `read_image` alone, for those who need no checksums: uint8, shape (height, width, 3), read-only.

    Raises:
        RefusedImage: as `read_image` does.
    """
    with _refusing(data, limits):
        return np.asarray(_first_frame(data, limits).image)


@dataclass(frozen=True, slots=True)
class _Frame:
    """The first frame, upright, in RGB, and what the file says of itself; as in `Decoded`."""

    image: Image.Image
    format: str
    mode: str
    frames: int
    orientation: int


def _first_frame(data: bytes, limits: Limits) -> _Frame:
    with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
        _check_size(opened.width, opened.height, limits)
        image_format, mode = str(opened.format), opened.mode
        frames = int(getattr(opened, "n_frames", 1))
        orientation = _orientation(opened)
        opened.load()
        # Pillow has already turned a TIFF upright when it loads one.
        turn = None if isinstance(opened, TiffImagePlugin.TiffImageFile) else _TRANSPOSE.get(orientation)
        image = _to_rgb(opened)
        return _Frame(image if turn is None else image.transpose(turn), image_format, mode, frames, orientation)


@contextlib.contextmanager
def _refusing(data: bytes, limits: Limits) -> Iterator[None]:
    """Whatever decoding raises becomes the reason why this one file is refused."""
    if not data:
        raise RefusedImage("empty", "The file is empty (0 bytes).", remedy=_EXPORT_AGAIN)
    if len(data) > limits.max_bytes:
        raise RefusedImage(
            "too-many-bytes",
            f"The file has {len(data):,} bytes; at most {limits.max_bytes:,} are read.",
            remedy="Save the picture smaller or more strongly compressed.",
        )
    # A decoder given hostile bytes may raise anything at all.
    try:
        yield
    except RefusedImage:
        raise
    except MemoryError:
        raise RefusedImage(
            "out-of-memory",
            "The picture did not fit into memory while it was decoded.",
            remedy="Scale the picture down, or ask whoever runs the service for a worker with more memory.",
        ) from None
    except UnidentifiedImageError:
        raise _unidentified(data) from None
    except Image.DecompressionBombError:
        raise _too_many_pixels("more pixels than can be decoded safely", limits) from None
    except Exception as error:
        raise _undecodable(error) from error


def thumbnail(rgb: NDArray[np.uint8], size: int) -> bytes:
    """A JPEG of the image that fits in `size` x `size` pixels; a smaller image keeps its size.

    Args:
        rgb: uint8, shape (height, width, 3), contiguous.
        size: pixels.
    """
    rows, columns, _ = rgb.shape
    scale = min(size / columns, size / rows, 1.0)
    width, height = max(1, round(columns * scale)), max(1, round(rows * scale))
    image = Image.fromarray(rgb if scale == 1.0 else shrink(rgb, height, width))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80)
    return out.getvalue()


def turned_jpeg(jpeg: bytes, orientation: int) -> bytes:
    """A JPEG of our own making (see `thumbnail`) as an EXIF orientation from 2 to 8 turns it.

    Raises:
        KeyError: no such orientation.
    """
    out = io.BytesIO()
    with Image.open(io.BytesIO(jpeg)) as opened:
        opened.transpose(_TRANSPOSE[orientation]).save(out, "JPEG", quality=90)
    return out.getvalue()


def _check_size(width: int, height: int, limits: Limits) -> None:
    if width < 1 or height < 1:
        raise RefusedImage("zero-size", f"The picture has no pixels ({width} × {height}).", remedy=_EXPORT_AGAIN)
    if width * height > limits.max_pixels:
        raise _too_many_pixels(f"{width} × {height} pixels", limits)


def _too_many_pixels(found: str, limits: Limits) -> RefusedImage:
    return RefusedImage(
        "too-many-pixels",
        f"The picture has {found}; at most {limits.max_pixels / 1e6:.0f} megapixels are decoded.",
        remedy="Scale the picture down, or cut it into parts.",
    )


def _orientation(opened: Image.Image) -> int:
    # An image whose EXIF block is broken is still an image: it is taken as it lies.
    try:
        orientation = opened.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:
        return 1
    return orientation if isinstance(orientation, int) and orientation in _TRANSPOSE else 1


def _to_rgb(opened: Image.Image) -> Image.Image:
    """The pixels in RGB: alpha over white, grey of any depth brought to 8 bits."""
    if opened.mode.startswith("I") or opened.mode == "F":
        grey = Image.fromarray(_grey_8bit(np.asarray(opened), opened.info.get("transparency")))
        return grey.convert("RGB")
    if opened.has_transparency_data:
        rgba = opened.convert("RGBA")
        white = Image.new("RGB", rgba.size, "white")
        white.paste(rgba, mask=rgba.getchannel("A"))
        return white
    return opened if opened.mode == "RGB" else opened.convert("RGB")


def _grey_8bit(values: NDArray[Any], transparent: object) -> NDArray[np.uint8]:
    """Grey samples wider than 8 bits as 8 bits, by the rules of docs/decoding.md."""
    if values.dtype.kind == "f":
        finite = np.isfinite(values)
        known = values[finite]
        low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
        if low >= 0.0 and high <= 1.0:
            low, high = 0.0, 1.0
        grey = np.where(finite, _stretch(np.where(finite, values, low), low, high), 0).astype(np.uint8)
    else:
        low, high = float(values.min()), float(values.max())
        sixteen_bit = low >= 0 and high <= 0xFFFF
        grey = (values >> 8).astype(np.uint8) if sixteen_bit else _stretch(values, low, high)
    if isinstance(transparent, int):
        grey[values == transparent] = 255
    return grey


def _stretch(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Linear from low..high to 0..255, rounded to the nearest (a half to even); all 0 where low equals high."""
    span = high - low
    if span <= 0:
        return np.zeros(values.shape, np.uint8)
    return np.rint((values.astype(np.float64) - low) * (255.0 / span)).astype(np.uint8)


def _undecodable(error: Exception) -> RefusedImage:
    words = str(error)
    if "truncated" in words.lower() or isinstance(error, EOFError):
        return RefusedImage("truncated", "The file breaks off before the picture ends.", remedy=_EXPORT_AGAIN)
    return RefusedImage(
        "corrupt", f"The picture data is damaged ({words or type(error).__name__}).", remedy=_EXPORT_AGAIN
    )


def _unidentified(data: bytes) -> RefusedImage:
    """Why bytes that no decoder claims are refused, as exactly as their beginning tells."""
    head = data[:4096]
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"<svg") or (text.startswith((b"<?xml", b"<!--", b"<!DOCTYPE")) and b"<svg" in head):
        return RefusedImage(
            "svg",
            "The file is an SVG drawing: it holds shapes, and its pixels depend on the program drawing it.",
            remedy="Export the drawing as PNG at the size you train with.",
        )
    if head.startswith(_READABLE_SIGNATURES) or head[4:12] in (b"ftypavif", b"ftypavis") or head[8:12] == b"WEBP":
        return RefusedImage(
            "corrupt", "The file begins like an image, but its header is damaged.", remedy=_EXPORT_AGAIN
        )
    other = next((name for signature, name in _OTHER_FORMATS if head.startswith(signature)), None)
    if head[4:8] == b"ftyp":
        other = "HEIC" if head[8:12] in _HEIF_BRANDS else "video"
    if other is not None:
        return RefusedImage("unsupported-format", f"The file is a {other} file, which is not read.", remedy=_CONVERT)
    return RefusedImage("not-an-image", "The file is not an image in any format that is read.", remedy=_CONVERT)
