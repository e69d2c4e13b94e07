"""“Have we seen this?”: the same file, the same pixels, and what is within the usual distance of each signal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db.models import Q

from analysis.neighbours._query import Query
from analysis.neighbours._result import UPRIGHT, Nearest
from analysis.neighbours._search import nearest
from analysis.signals import KnownSignal
from catalog.models import Image


@dataclass(frozen=True, slots=True)
class Digests:
    """What tells equal files and equal pictures: see `catalog.core.images.Decoded`."""

    sha256: str
    pixel_hash: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why an image was found.

    Attributes:
        known: the signal.
        distance: on its scale.
        orientation: EXIF orientation of the query that is nearest to the image.
    """

    known: KnownSignal
    distance: float
    orientation: int

    @property
    def words(self) -> str:
        """The distance with its unit."""
        return self.known.words(self.distance)

    @property
    def is_turned(self) -> bool:
        """Whether the query had to be turned or mirrored."""
        return self.orientation != UPRIGHT


@dataclass(slots=True)
class Match:
    """An image that was seen before.

    Attributes:
        image_id: which one.
        same_file: whether its file is the same, byte by byte.
        same_pixels: whether it decodes to the same pixels.
        evidence: the signals that found it, the nearest first in parts of their usual distance.
    """

    image_id: int
    same_file: bool = False
    same_pixels: bool = False
    evidence: list[Evidence] = field(default_factory=list)

    @property
    def rank(self) -> tuple[bool, bool, int, float, int]:
        """Sorts the surest first: equal files, equal pixels, more signals, nearer under one of them."""
        nearest_of_all = min((_relative(each) for each in self.evidence), default=0.0)
        return (not self.same_file, not self.same_pixels, -len(self.evidence), nearest_of_all, self.image_id)


@dataclass(frozen=True, slots=True)
class Asked:
    """A query with how far it reaches.

    Attributes:
        query: what is looked for.
        max_distance: largest distance at which an image counts as seen.
    """

    query: Query
    max_distance: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found.

    Attributes:
        matches: the surest first.
        more: names of the signals under which there are more within the distance than were asked for.
    """

    matches: list[Match]
    more: list[str]


def look_up(
    asked: Sequence[Asked], *, dataset_ids: Sequence[int], digests: Digests | None = None, limit: int = 50
) -> Answer:
    """Every image of some datasets that a picture, hash or vector has been seen as.

    Args:
        asked: under which signals, and how far.
        dataset_ids: where; the caller answers for who may see them.
        digests: of the picture, where there is one.
        limit: images for each signal, the nearest; and for equal files and pixels.
    """
    found: dict[int, Match] = {}
    more = []
    if digests is not None:
        same = Q(sha256=digests.sha256) | Q(pixel_hash=digests.pixel_hash)
        equal = Image.objects.filter(same, dataset_id__in=list(dataset_ids)).order_by("pk")
        for image_id, sha256, pixel_hash in equal.values_list("pk", "sha256", "pixel_hash")[:limit]:
            match = found.setdefault(image_id, Match(image_id))
            match.same_file = sha256 == digests.sha256
            match.same_pixels = pixel_hash == digests.pixel_hash
    for each in asked:
        near = nearest(each.query, dataset_ids=dataset_ids, k=limit + 1, max_distance=each.max_distance)
        if len(near) > limit:
            more.append(each.query.known.name)
        _note(found, each.query.known, near.first(limit))
    for match in found.values():
        match.evidence.sort(key=_relative)
    return Answer(sorted(found.values(), key=lambda match: match.rank), more)


def _note(found: dict[int, Match], known: KnownSignal, near: Nearest) -> None:
    rows = zip(near.image_ids.tolist(), near.distance.tolist(), near.orientation.tolist(), strict=True)
    for image_id, distance, orientation in rows:
        found.setdefault(image_id, Match(image_id)).evidence.append(Evidence(known, distance, orientation))


def _relative(evidence: Evidence) -> float:
    usual = evidence.known.default_distance
    return evidence.distance / usual if usual else evidence.distance
