"""What a file says of how its picture was made: camera, date, software. Said by the file, and believed by nobody."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import IO

from PIL import ExifTags, Image

from catalog.core.images import FORMATS

LONGEST = 120
"""Characters that are kept of a text: files may carry any amount of it."""

_DATE = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d:\d\d:\d\d)\Z")
_UNREADABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]+")


@dataclass(frozen=True, slots=True)
class Exif:
    """The EXIF block of a file, in words; a text is empty where the file says nothing.

    Attributes:
        camera: make and model.
        taken: when the picture was taken.
        changed: when the file was last changed, as its software says.
        software: the program that wrote it.
        rights: artist and copyright.
        orientation: 1 to 8; 0 where none is stated.
        has_position: whether it says where the picture was taken. The place itself is not read.
    """

    camera: str = ""
    taken: str = ""
    changed: str = ""
    software: str = ""
    rights: str = ""
    orientation: int = 0
    has_position: bool = False


NOTHING = Exif()


def read_exif(stream: IO[bytes]) -> Exif:
    """The EXIF block of an image file; `NOTHING` where there is none, or none that can be read."""
    # The block is written by anyone and read by us: whatever is wrong in it, the picture is as good as before.
    try:
        with Image.open(stream, formats=FORMATS) as opened:
            block = opened.getexif()
            more = block.get_ifd(ExifTags.IFD.Exif)
            position = block.get_ifd(ExifTags.IFD.GPSInfo)
    except Exception:
        return NOTHING
    tag = ExifTags.Base
    make, model = _text(block.get(tag.Make)), _text(block.get(tag.Model))
    orientation = block.get(tag.Orientation)
    rights = [_text(block.get(each)) for each in (tag.Artist, tag.Copyright)]
    return Exif(
        # Most models begin with their make: “Canon”, “Canon EOS 5D”.
        camera=model if model.lower().startswith(make.lower()) else f"{make} {model}".strip(),
        taken=_date(more.get(tag.DateTimeOriginal)) or _date(more.get(tag.DateTimeDigitized)),
        changed=_date(block.get(tag.DateTime)),
        software=_text(block.get(tag.Software)),
        rights=", ".join(dict.fromkeys(filter(None, rights))),
        orientation=orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 0,
        has_position=any(key in position for key in (ExifTags.GPS.GPSLatitude, ExifTags.GPS.GPSLongitude)),
    )


def _text(value: object) -> str:
    """A text on one line, of bounded length; empty for anything that is no text."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return ""
    line = " ".join(_UNREADABLE.sub(" ", value).split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def _date(value: object) -> str:
    """“2018:12:11 16:28:39” as “2018-12-11 16:28:39”; anything else as it stands; empty for a date of zeros."""
    text = _text(value)
    found = _DATE.match(text)
    if found and found[1] == "0000":
        return ""
    return f"{found[1]}-{found[2]}-{found[3]} {found[4]}" if found else text
