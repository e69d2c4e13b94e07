"""Reading text, JSON and CSV that people wrote, so that every error names its place."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections import Counter
from collections.abc import Iterator
from typing import NoReturn

from catalog.core._entries import shown
from catalog.core.errors import BrokenTable

MAX_TABLE_BYTES = 256 * 10**6
"""A table is parsed in memory, where it takes about ten times its size."""
MAX_TEXT_LENGTH = 500
"""Characters of a label or a title; what is longer is a text in the wrong column."""

_DELIMITERS = ",;\t"


def broken(path: str, place: str, what: str, remedy: str) -> NoReturn:
    """Refuse a table: `place` is like ``line 3``, or empty for the whole file."""
    where = f"{shown(path)}, {place}" if place else shown(path)
    raise BrokenTable(f"{where}: {what}.", remedy=remedy)


def decode(path: str, data: bytes) -> str:
    """UTF-8 text, with or without a byte order mark, line ends as they are.

    Raises:
        BrokenTable: another encoding, with the line of the first wrong byte.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        broken(path, "", "the file is UTF-16", "Save it as UTF-8.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        broken(path, f"line {line}", f"byte 0x{data[error.start]:02x} is not UTF-8", "Save the file as UTF-8.")


def clean(value: str, path: str, place: str, *, longest: int | None = MAX_TEXT_LENGTH) -> str:
    """A text as it is stored: Unicode NFC without white space around it.

    Raises:
        BrokenTable: characters that no database stores, or too long a text.
    """
    text = unicodedata.normalize("NFC", value.strip())
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        broken(path, place, f"{shown(text, longest=60)!r} holds characters that are no text", "Remove them.")
    if longest is not None and len(text) > longest:
        broken(
            path,
            place,
            f"{shown(text, longest=60)!r} has {len(text):,} characters, at most {longest} are stored",
            "Shorten it, or check that the columns are in order.",
        )
    return text


class _RepeatedKeyError(Exception):
    pass


def _each_key_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A JSON object in which no key hides an earlier one of the same name."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _RepeatedKeyError(Counter(key for key, _ in pairs).most_common(1)[0][0])
    return found


def parse_json(path: str, data: bytes, *, place: str = "") -> object:
    """The value of a JSON text.

    Args:
        path: the file, for messages.
        data: its content, or one line of it.
        place: where the line stands in the file, where `data` is one line.

    Raises:
        BrokenTable: no JSON (with line and column), or an object that names a key twice.
    """
    text = decode(path, data)
    try:
        return json.loads(text, object_pairs_hook=_each_key_once)
    except json.JSONDecodeError as error:
        where = f"{place}, column {error.colno}" if place else f"line {error.lineno}, column {error.colno}"
        broken(path, where, f"no valid JSON: {error.msg}", "Correct the syntax there.")
    except _RepeatedKeyError as error:
        broken(path, place, f"the key {shown(str(error), longest=80)!r} stands twice in one object", "Join the two.")
    except (RecursionError, ValueError) as error:
        raise BrokenTable(
            f"{shown(path)}: the JSON is nested too deeply or holds too long a number.",
            remedy="Write a flat list or object.",
        ) from error


def csv_rows(path: str, data: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a CSV with a header, separated by comma, semicolon or tab (whichever the header has most).

    Yields:
        The line on which the row begins, and its cells by column name (lower case); empty lines are skipped, missing
        cells at the end of a row are empty.

    Raises:
        BrokenTable: no header, a column twice, more cells than columns, an unclosed quote.
    """
    text = decode(path, data)
    head = text.lstrip().split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True)
    columns: list[str] = []
    begin = 1
    try:
        for cells in reader:
            line, begin = begin, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if not columns:
                columns = [cell.strip().casefold() for cell in cells]
                if repeated := {name for name in columns if name and columns.count(name) > 1}:
                    broken(path, f"line {line}", f"the column {min(repeated)!r} stands twice", "Rename one.")
                continue
            if len(cells) > len(columns):
                broken(
                    path,
                    f"line {line}",
                    f"{len(cells)} cells, but the header names {len(columns)} columns",
                    'Put text that holds the separator in "quotes".',
                )
            yield line, dict(zip(columns, cells + [""] * (len(columns) - len(cells)), strict=True))
    except csv.Error as error:
        broken(path, f"line {begin}", f"no valid CSV: {error}", "Correct the quotes there.")
    if not columns:
        broken(path, "", "the file is empty", "Begin it with a line of column names.")
