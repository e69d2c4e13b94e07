"""The arrays that the arithmetic passes around: shapes, dtypes and values are checked once, here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from analysis.core.errors import InvalidArray

_HEXADECIMAL = frozenset("0123456789abcdefABCDEF")

UNIT_TOLERANCE = 1e-3
"""How far the length of an embedding may be from 1: what half precision loses at 2,048 dimensions."""


def _freeze(array: NDArray[Any]) -> NDArray[Any]:
    """A C-contiguous read-only view (or copy, where the array is not contiguous)."""
    frozen = np.ascontiguousarray(array).view()
    frozen.flags.writeable = False
    return frozen


@dataclass(frozen=True, slots=True, eq=False)
class PackedBits:
    """n hashes of `n_bits` bits each, packed as `numpy.packbits` does (first bit highest).

    Attributes:
        packed: uint8, shape (n, ceil(n_bits / 8)); the bits beyond `n_bits` are zero.
        n_bits: length of each hash in bits.

    Raises:
        InvalidArray: wrong dtype, shape, or padding bits that are set.
    """

    packed: NDArray[np.uint8]
    n_bits: int

    def __post_init__(self) -> None:
        if self.n_bits < 1:
            raise InvalidArray(f"A hash has at least 1 bit, not {self.n_bits}.")
        width = -(-self.n_bits // 8)
        if self.packed.dtype != np.uint8 or self.packed.ndim != 2 or self.packed.shape[1] != width:
            raise InvalidArray(
                f"Hashes of {self.n_bits} bits are an array uint8 of shape (n, {width}), "
                f"not {self.packed.dtype} of shape {self.packed.shape}."
            )
        padding = width * 8 - self.n_bits
        if padding and self.packed.size and (self.packed[:, -1] & ((1 << padding) - 1)).any():
            raise InvalidArray(f"The last {padding} bits of a hash of {self.n_bits} bits must be zero.")
        object.__setattr__(self, "packed", _freeze(self.packed))

    def __len__(self) -> int:
        return len(self.packed)

    @classmethod
    def from_bool(cls, bits: NDArray[np.bool_]) -> Self:
        """Pack booleans of shape (n, n_bits)."""
        if bits.dtype != np.bool_ or bits.ndim != 2 or bits.shape[1] == 0:
            raise InvalidArray(f"Bits are booleans of shape (n, n_bits), not {bits.dtype} of shape {bits.shape}.")
        return cls(np.packbits(bits, axis=1), bits.shape[1])

    @classmethod
    def from_hex(cls, values: Sequence[str], n_bits: int) -> Self:
        """Read hashes from hexadecimal text, as ImageHash prints them (n_bits a multiple of 4).

        Raises:
            InvalidArray: a text that is not hexadecimal or not of `n_bits` bits; the message names its row.
        """
        digits = n_bits // 4
        for row, value in enumerate(values):
            if len(value) != digits:
                raise InvalidArray(f"Hash {row + 1} has {len(value)} hexadecimal digits, not {digits}: {value[:80]!r}.")
            if not set(value) <= _HEXADECIMAL:
                raise InvalidArray(f"Hash {row + 1} is not hexadecimal: {value[:80]!r}.")
        raw = bytes.fromhex("".join(value if digits % 2 == 0 else value + "0" for value in values))
        return cls(np.frombuffer(raw, np.uint8).reshape(len(values), -(-n_bits // 8)), n_bits)

    def to_bool(self) -> NDArray[np.bool_]:
        """Booleans of shape (n, n_bits)."""
        return np.unpackbits(self.packed, axis=1, count=self.n_bits).astype(np.bool_)

    def to_hex(self) -> list[str]:
        """Hexadecimal text of each hash, as ImageHash prints it."""
        digits = -(-self.n_bits // 4)
        return [row.tobytes().hex()[:digits] for row in self.packed]


@dataclass(frozen=True, slots=True, eq=False)
class Vectors:
    """n embeddings of unit length.

    Attributes:
        values: float32, shape (n, dim), every row finite and of Euclidean length 1 within `UNIT_TOLERANCE`.

    Raises:
        InvalidArray: wrong dtype or shape, a value that is not finite, or a row that is not of unit length.
    """

    values: NDArray[np.float32]

    def __post_init__(self) -> None:
        values = self.values
        if values.dtype != np.float32 or values.ndim != 2 or values.shape[1] == 0:
            raise InvalidArray(
                f"Embeddings are an array float32 of shape (n, dim), not {values.dtype} of shape {values.shape}."
            )
        lengths = np.sqrt(np.einsum("ij,ij->i", values, values, dtype=np.float64))
        wrong = np.flatnonzero(~(np.abs(lengths - 1.0) <= UNIT_TOLERANCE))
        if wrong.size:
            row = int(wrong[0])
            finite = np.isfinite(lengths[row])
            what = f"has length {lengths[row]:.4f}" if finite else "has values that are not finite"
            raise InvalidArray(
                f"Embedding {row + 1} {what}; {wrong.size} of {len(values)} are not unit vectors.",
                remedy="Divide each vector by its Euclidean length.",
            )
        object.__setattr__(self, "values", _freeze(values))

    def __len__(self) -> int:
        return len(self.values)

    @property
    def dim(self) -> int:
        """Number of dimensions."""
        return int(self.values.shape[1])


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """m pairs of rows with their distance, each pair once.

    Attributes:
        a: int64, shape (m,), row in the first set.
        b: int64, shape (m,), row in the second set (in the same set, then always a < b).
        distance: float32, shape (m,): Hamming bits (whole numbers), cosine or Euclidean distance.
        orientation: int8, shape (m,): the EXIF orientation (1 to 8) that turns image b to match image a; None where
            none was looked for.

    Raises:
        InvalidArray: wrong dtypes or unequal lengths.
    """

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    distance: NDArray[np.float32]
    orientation: NDArray[np.int8] | None = None

    def __post_init__(self) -> None:
        for name, dtype in (("a", np.int64), ("b", np.int64), ("distance", np.float32), ("orientation", np.int8)):
            array: NDArray[Any] | None = getattr(self, name)
            if array is None:
                continue
            if array.dtype != dtype or array.ndim != 1:
                wanted = f"{np.dtype(dtype)} of shape (m,)"
                raise InvalidArray(f"Pairs.{name} is an array {wanted}, not {array.dtype} of shape {array.shape}.")
            if len(array) != len(self.a):
                raise InvalidArray(f"Pairs of unequal lengths: {len(self.a)} of a, {len(array)} of {name}.")
            object.__setattr__(self, name, _freeze(array))

    def __len__(self) -> int:
        return len(self.a)

    @classmethod
    def empty(cls) -> Self:
        """No pairs."""
        none = np.empty(0, np.int64)
        return cls(none, none, np.empty(0, np.float32))

    def take(self, chosen: slice | NDArray[np.bool_] | NDArray[np.int64]) -> Pairs:
        """Some of the pairs, as an index of numpy chooses them."""
        orientation = None if self.orientation is None else self.orientation[chosen]
        return Pairs(self.a[chosen], self.b[chosen], self.distance[chosen], orientation)

    def sorted(self) -> Pairs:
        """The same pairs in canonical order: by a, then b."""
        return self.take(np.lexsort((self.b, self.a)))

    def within(self, distance: float) -> Pairs:
        """The pairs at most `distance` apart."""
        return self.take(self.distance <= np.float32(distance))
