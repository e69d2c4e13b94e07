"""What files say of themselves: read where it is there, and harmless whatever it is."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from catalog.core.exif import LONGEST, NOTHING, Exif, read_exif
from tests.shared import shared_data

TAG = ExifTags.Base
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")


def photo(values: dict[int, Any], more: dict[int, Any] | None = None, gps: dict[int, Any] | None = None) -> BytesIO:
    block = Image.Exif()
    block.update(values)
    if more:
        block.get_ifd(ExifTags.IFD.Exif).update(more)
    if gps:
        block.get_ifd(ExifTags.IFD.GPSInfo).update(gps)
    out = BytesIO()
    Image.new("RGB", (8, 6)).save(out, "JPEG", exif=block)
    out.seek(0)
    return out


def test_everything_that_is_stated_is_read() -> None:
    found = read_exif(
        photo(
            {
                TAG.Make: "Canon",
                TAG.Model: "Canon EOS 5D",
                TAG.Software: "GIMP 2.10",
                TAG.DateTime: "2019:01:02 03:04:05",
                TAG.Orientation: 6,
                TAG.Artist: "Jan",
                TAG.Copyright: "Jan",
            },
            {TAG.DateTimeOriginal: "2018:12:11 16:28:39"},
            {ExifTags.GPS.GPSLatitude: (52.0, 22.0, 0.0), ExifTags.GPS.GPSLatitudeRef: "N"},
        )
    )
    assert found == Exif(
        camera="Canon EOS 5D",
        taken="2018-12-11 16:28:39",
        changed="2019-01-02 03:04:05",
        software="GIMP 2.10",
        rights="Jan",
        orientation=6,
        has_position=True,
    )


def test_make_and_model_are_said_together_and_zeros_are_no_date() -> None:
    found = read_exif(photo({TAG.Make: "NIKON", TAG.Model: "D90"}, {TAG.DateTimeOriginal: "0000:00:00 00:00:00"}))
    assert (found.camera, found.taken, found.orientation, found.has_position) == ("NIKON D90", "", 0, False)


def test_texts_are_one_line_of_bounded_length_without_tricks() -> None:
    found = read_exif(photo({TAG.Software: "a\n<b>\x07\tc\x00", TAG.Model: "x" * 5000}))
    assert found.software == "a <b> c"
    assert len(found.camera) == LONGEST
    assert found.camera.endswith("…")


@pytest.mark.parametrize("data", [b"", b"no image", b"\xff\xd8\xff\xe1\x00\x10Exif\0\0MM\0*\0\0\0\x08\xff\xff"])
def test_what_cannot_be_read_says_nothing(data: bytes) -> None:
    assert read_exif(BytesIO(data)) == NOTHING


def test_a_file_without_a_block_says_nothing() -> None:
    out = BytesIO()
    Image.new("RGB", (4, 4)).save(out, "PNG")
    assert read_exif(BytesIO(out.getvalue())) == NOTHING


@given(st.binary(max_size=300), st.integers(2, 60))
@settings(max_examples=100, deadline=None)
def test_no_block_does_harm(noise: bytes, place: int) -> None:
    data = bytearray(photo({TAG.Make: "Canon", TAG.Orientation: 3}, {TAG.DateTimeOriginal: "x"}).getvalue())
    data[place : place + len(noise)] = noise
    found = read_exif(BytesIO(bytes(data)))
    assert isinstance(found, Exif)
    assert all(len(text) <= 2 * LONGEST + 2 for text in (found.camera, found.taken, found.software, found.rights))


@pytest.mark.shared_data
def test_real_orientations_are_those_of_their_names() -> None:
    folder = shared_data() / "exif"
    for shape in ("Landscape", "Portrait"):
        for orientation in range(1, 9):
            with (folder / f"{shape}_{orientation}.jpg").open("rb") as stream:
                assert read_exif(stream).orientation == orientation
