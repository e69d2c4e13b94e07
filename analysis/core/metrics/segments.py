"""Several hashes for each image, one for each of its segments: two images are as close as their closest segments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.core.arrays import PackedBits, Pairs
from analysis.core.errors import InvalidArray, TooManyPairs
from analysis.core.scales import Bits
from analysis.core.search import hamming_join, too_many_rows

_SEGMENTS = 8
"""Segments of a usual picture."""
_SEGMENT_PAIRS = 1 << 22
"""Pairs of segments that are held at once, at least."""


@dataclass(frozen=True, slots=True, eq=False)
class SegmentHashes:
    """The segments of n images.

    Attributes:
        bits: the hashes of all segments, image by image; equal ones of one image stand there once.
        starts: int64, shape (n + 1,); image i has the segments `starts[i]` to `starts[i + 1]`, one at least.
    """

    bits: PackedBits
    starts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def part(self, first: int, last: int) -> SegmentHashes:
        """The images from `first` to before `last`."""
        starts = self.starts[first : last + 1]
        bits = PackedBits(self.bits.packed[starts[0] : starts[-1]], self.bits.n_bits)
        return SegmentHashes(bits, starts - starts[0])

    def images(self) -> NDArray[np.int64]:
        """The image of each segment, int64."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))


@dataclass(frozen=True, slots=True)
class Segments:
    """Any number of hashes of `n_bits` bits, packed as `numpy.packbits` does, one behind the other."""

    n_bits: int

    @property
    def scale(self) -> Bits:
        """See `Metric`."""
        return Bits(self.n_bits)

    @property
    def width(self) -> None:
        """See `Metric`."""

    @property
    def typical_width(self) -> int:
        """See `Metric`."""
        return _SEGMENTS * self._bytes

    @property
    def _bytes(self) -> int:
        return -(-self.n_bits // 8)

    def stack(self, rows: list[bytes] | NDArray[np.uint8]) -> SegmentHashes:
        """See `Metric`."""
        chunks = []
        for row, value in enumerate(rows):
            data = value if isinstance(value, bytes) else value.tobytes()
            if not data or len(data) % self._bytes:
                raise InvalidArray(
                    f"Descriptor {row + 1} has {len(data)} bytes; it is one or more hashes of {self._bytes} bytes."
                )
            chunks.append(sorted({data[at : at + self._bytes] for at in range(0, len(data), self._bytes)}))
        packed = np.frombuffer(b"".join(b"".join(chunk) for chunk in chunks), np.uint8).reshape(-1, self._bytes)
        starts = np.cumsum([0, *(len(chunk) for chunk in chunks)])
        return SegmentHashes(PackedBits(packed, self.n_bits), starts)

    def join(self, first: SegmentHashes, second: SegmentHashes | None, max_distance: float, *, max_pairs: int) -> Pairs:
        """See `Metric`."""
        limit = int(max_distance)
        parts = [Pairs.empty()]
        found = 0
        for part in _parts(first, second, limit, max(4 * max_pairs, _SEGMENT_PAIRS)):
            parts.append(part)
            found += len(part)
            if found > max_pairs:
                break
        a, b = np.concatenate([part.a for part in parts]), np.concatenate([part.b for part in parts])
        if found > max_pairs:
            other = first if second is None else second
            raise too_many_rows(
                a,
                b,
                len(first),
                lambda row: _near(first.part(row, row + 1), other, limit),
                within=second is None,
                reach=f"{limit} bits",
                limit=max_pairs,
            )
        return Pairs(a, b, np.concatenate([part.distance for part in parts])).sorted()

    def distance(self, one: bytes, other: bytes) -> float:
        """See `Metric`."""
        left, right = (
            [int.from_bytes(data[at : at + self._bytes], "big") for at in range(0, len(data), self._bytes)]
            for data in (one, other)
        )
        return float(min((a ^ b).bit_count() for a in left for b in right))


def _parts(first: SegmentHashes, second: SegmentHashes | None, limit: int, most: int) -> Iterator[Pairs]:
    """Pairs of images with their smallest distance, each in one part.

    Two images may meet in the square of their number of segments. Where that makes more than `most` pairs of segments,
    the images are dealt to halves, and these are joined each with each.
    """
    other = first if second is None else second
    try:
        found = hamming_join(first.bits, None if second is None else other.bits, limit, max_pairs=most)
    except TooManyPairs:
        if len(first) == len(other) == 1:
            raise
    else:
        yield _closest(first.images()[found.a], other.images()[found.b], found.distance, second is None)
        return
    if second is None:
        middle = len(first) // 2
        left, right = first.part(0, middle), first.part(middle, len(first))
        yield from _parts(left, None, limit, most)
        for part in _parts(right, None, limit, most):
            yield Pairs(part.a + middle, part.b + middle, part.distance)
        for part in _parts(left, right, limit, most):
            yield Pairs(part.a, part.b + middle, part.distance)
    elif len(first) >= len(second):
        middle = len(first) // 2
        yield from _parts(first.part(0, middle), second, limit, most)
        for part in _parts(first.part(middle, len(first)), second, limit, most):
            yield Pairs(part.a + middle, part.b, part.distance)
    else:
        middle = len(second) // 2
        yield from _parts(first, second.part(0, middle), limit, most)
        for part in _parts(first, second.part(middle, len(second)), limit, most):
            yield Pairs(part.a, part.b + middle, part.distance)


def _closest(a: NDArray[np.int64], b: NDArray[np.int64], distance: NDArray[np.float32], within: bool) -> Pairs:
    """Each pair of images once, with its smallest distance; within one set without those of an image with itself."""
    order = np.lexsort((distance, b, a))
    if within:
        order = order[a[order] != b[order]]
    first = np.ones(len(order), np.bool_)
    first[1:] = (np.diff(a[order]) != 0) | (np.diff(b[order]) != 0)
    return Pairs(a, b, distance).take(order[first])


def _near(one: SegmentHashes, others: SegmentHashes, limit: int) -> NDArray[np.bool_]:
    """Which images have a segment near to one of an image's."""
    near = np.zeros(len(others.bits), np.bool_)
    for segment in one.bits.packed:
        near |= np.bitwise_count(others.bits.packed ^ segment).sum(axis=1, dtype=np.int32) <= limit
    return np.asarray(np.logical_or.reduceat(near, others.starts[:-1]))
