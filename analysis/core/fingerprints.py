"""Files of hashes, as the published overlap study writes them: read strictly, written the same.

A file is a JSON list parallel to the dataset's list of names, or an object by name; each hash is hexadecimal or a text
of 0 and 1, first bit first.
"""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from analysis.core.arrays import PackedBits
from analysis.core.errors import AnalysisError, UnknownName

PUBLISHED_FILES: Mapping[str, str] = MappingProxyType(
    {"phash-8": "perceptual_hashes.json", "block_mean-16": "robust_hashes.json"}
)
"""Signal -> the file name under which the study publishes it. Every other signal lies in ``<signal>.json``."""

PUBLISHED_BITS: Mapping[str, int] = MappingProxyType({"phash-8": 64, "block_mean-16": 256})

_WRITTEN_IN_BITS = frozenset({"block_mean-16"})
_BINARY = frozenset("01")
_HEX = frozenset("0123456789abcdefABCDEF")
_SHOWN = 60


class BrokenFingerprints(AnalysisError):
    """A file of hashes that cannot be read; the message names the file, the row and the image."""


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprints:
    """The hashes of one file.

    Attributes:
        signal: the signal they belong to.
        bits: the hashes, one row each.
        rows: int64, shape (len(bits),): the index into the names that each hash belongs to, ascending.
    """

    signal: str
    bits: PackedBits
    rows: NDArray[np.int64]


def file_name_of(signal: str) -> str:
    """The name of the file that holds the hashes of a signal, such as ``perceptual_hashes.json``."""
    return PUBLISHED_FILES.get(signal, f"{signal}.json")


def signal_of(file_name: str, known: Mapping[str, int] = PUBLISHED_BITS) -> str:
    """The signal whose hashes a file of this name holds.

    Args:
        file_name: with or without folders.
        known: signal -> number of bits.

    Raises:
        UnknownName: no known signal has this file name.
    """
    base = file_name.rpartition("/")[2]
    for signal in {**PUBLISHED_BITS, **known}:
        if base in (file_name_of(signal), f"{signal}.json"):
            return signal
    raise UnknownName(
        f"No signal has its hashes in a file named {base[:_SHOWN]!r}.",
        remedy=f"There are: {', '.join(file_name_of(signal) for signal in {**PUBLISHED_BITS, **known})}.",
    )


def read_fingerprints(
    file_name: str,
    data: bytes,
    n_names: int | None,
    names: Sequence[str],
    *,
    known: Mapping[str, int] = PUBLISHED_BITS,
) -> Fingerprints:
    """Read one file of hashes.

    Args:
        file_name: names the signal (see `signal_of`), and stands in messages.
        data: the file's content, JSON in UTF-8.
        n_names: how many hashes a list must have; None for one for each of `names`. An object may have fewer.
        names: the dataset's names, in the order of its list of names; unique.
        known: signal -> number of bits, for signals beyond the two published.

    Raises:
        UnknownName: no known signal has this file name.
        BrokenFingerprints: no JSON list or object of hashes, a wrong number of them, a hash of wrong length or
            alphabet, an image that is not among the names, or one that comes twice.
    """
    signal = signal_of(file_name, known)
    n_bits = {**PUBLISHED_BITS, **known}[signal]
    value = _parse(file_name, data)
    if isinstance(value, list):
        hashes = value
        expected = len(names) if n_names is None else n_names
        if len(value) != expected:
            _break(
                file_name,
                f"{len(value):,} hashes for {expected:,} names",
                "Write one hash for each name, in the order of the list of names.",
            )
        rows = np.arange(len(value), dtype=np.int64)
    else:
        rows, hashes = _by_name(file_name, value, names)
    return Fingerprints(signal, _pack(file_name, hashes, rows, names, n_bits), rows)


def write_fingerprints(signal: str, names: Sequence[str], bits: PackedBits) -> bytes:
    """The file of a signal's hashes, as the study publishes them: a JSON list parallel to the names.

    ``block_mean-16`` is written as 0 and 1, every other signal in hexadecimal, which takes whole fours of bits.

    Args:
        signal: decides the form; `file_name_of` gives the file's name.
        names: the names in the order of the list of names published beside it.
        bits: one hash for each name.

    Raises:
        BrokenFingerprints: not one hash for each name.
    """
    if len(bits) != len(names):
        _break(file_name_of(signal), f"{len(bits):,} hashes for {len(names):,} names", "Give one hash for each name.")
    if signal in _WRITTEN_IN_BITS or bits.n_bits % 4:
        digits = bits.to_bool().astype(np.uint8) + ord("0")
        texts = [row.tobytes().decode("ascii") for row in digits]
    else:
        texts = bits.to_hex()
    return json.dumps(texts).encode()


def _break(file_name: str, what: str, remedy: str) -> NoReturn:
    raise BrokenFingerprints(f"{file_name}: {what}.", remedy=remedy)


class _RepeatedKeyError(Exception):
    pass


def _each_key_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _RepeatedKeyError(Counter(key for key, _ in pairs).most_common(1)[0][0])
    return found


def _parse(file_name: str, data: bytes) -> list[object] | dict[str, object]:
    try:
        value = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_each_key_once)
    except json.JSONDecodeError as error:
        _break(
            f"{file_name}, line {error.lineno}, column {error.colno}",
            f"no valid JSON: {error.msg}",
            "Correct it there.",
        )
    except UnicodeDecodeError:
        _break(file_name, "no UTF-8 text", "Save the file as UTF-8.")
    except _RepeatedKeyError as error:
        _break(file_name, f"the image {_cut(error)} comes twice", "Keep one hash for each image.")
    except (RecursionError, ValueError):
        _break(file_name, "nested too deeply, or a number too long", "Write a flat list of hashes.")
    if not isinstance(value, list | dict):
        _break(file_name, "neither a list nor an object", "Write a list of hashes in the order of the names.")
    return value


def _by_name(
    file_name: str, hashes: Mapping[str, object], names: Sequence[str]
) -> tuple[NDArray[np.int64], list[object]]:
    """The rows, ascending, and the hashes of an object by name; keys may have a suffix that the names lack."""
    row_of = {name: row for row, name in enumerate(names)}
    found: dict[int, tuple[str, object]] = {}
    for raw, value in hashes.items():
        key = unicodedata.normalize("NFC", raw.strip()).removeprefix("./")
        row = row_of.get(key, row_of.get(key.rpartition(".")[0]))
        if row is None:
            _break(
                file_name,
                f"the image {_cut(raw)} is not among the dataset's {len(names):,} names",
                "Remove the entry, or add the name to the list of names.",
            )
        if row in found:
            _break(file_name, f"{_cut(found[row][0])} and {_cut(raw)} are one image", "Keep one hash for each image.")
        found[row] = (raw, value)
    rows = sorted(found)
    return np.array(rows, np.int64), [found[row][1] for row in rows]


def _pack(
    file_name: str, hashes: Sequence[object], rows: NDArray[np.int64], names: Sequence[str], n_bits: int
) -> PackedBits:
    """Pack hashes that are all hexadecimal or all 0 and 1, whichever the first one's length says."""
    in_bits = n_bits % 4 != 0 or (bool(hashes) and isinstance(hashes[0], str) and len(hashes[0]) == n_bits)
    length, alphabet = (n_bits, _BINARY) if in_bits else (n_bits // 4, _HEX)
    texts = [value for value in hashes if isinstance(value, str) and len(value) == length]
    joined = "".join(texts)
    if len(texts) == len(hashes) and alphabet.issuperset(joined):
        return PackedBits(_packed(joined, len(texts), n_bits, in_bits=in_bits), n_bits)
    wrong = next(
        index
        for index, value in enumerate(hashes)
        if not (isinstance(value, str) and len(value) == length and alphabet.issuperset(value))
    )
    row = int(rows[wrong])
    name = f" ({_cut(names[row])})" if row < len(names) else ""
    forms = (
        [f"{n_bits} characters 0 or 1"]
        if n_bits % 4
        else [f"{n_bits // 4} hexadecimal digits", f"{n_bits} characters 0 or 1"]
    )
    _break(
        f"{file_name}, row {row + 1}{name}",
        f"{_cut(json.dumps(hashes[wrong]))} is no hash of {n_bits} bits",
        f"Each hash has {' or '.join(forms)}, all in the form of the first.",
    )


def _packed(joined: str, count: int, n_bits: int, *, in_bits: bool) -> NDArray[np.uint8]:
    if in_bits:
        bits = np.frombuffer(joined.encode("ascii"), np.uint8).reshape(count, n_bits) - ord("0")
        return np.packbits(bits, axis=1)
    digits = np.frombuffer(joined.lower().encode("ascii"), np.uint8).reshape(count, n_bits // 4)
    values = np.where(digits >= ord("a"), digits - (ord("a") - 10), digits - ord("0"))
    if values.shape[1] % 2:
        values = np.pad(values, ((0, 0), (0, 1)))
    return (values[:, 0::2] << 4 | values[:, 1::2]).astype(np.uint8)


def _cut(value: object) -> str:
    text = str(value)
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")
