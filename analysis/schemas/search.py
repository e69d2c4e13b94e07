"""What neighbour search and look-up take and give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from ninja import Field, Schema
from pydantic import BeforeValidator

from analysis.core.scales import Cosine
from analysis.neighbours import Evidence, Match
from analysis.signals import KnownSignal
from catalog.models import Image

MOST = 500
"""Images of one answer at most."""

LinkTo = Callable[[Image], str]


def _numbers(value: Any) -> Any:
    """A form carries a list of numbers as text."""
    return [part for part in value.strip("[] \n").split(",") if part.strip()] if isinstance(value, str) else value


def _several(value: Any) -> Any:
    """A form may name one, or several with commas."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Numbers = Annotated[list[float] | None, BeforeValidator(_numbers)]
Names = Annotated[list[str], BeforeValidator(_several)]

_ORIENTATION = (
    "EXIF orientation of the query that is nearest: 1 as it was sent, 2 to 8 mirrored or turned (only where "
    "`any_orientation` was asked for)."
)


class AskedBy(Schema):
    """What is looked for: a picture (in a form, as the file `image`), a hash, or a vector."""

    hash: str = Field("", description="Instead of a picture: a hash under `signal`, hexadecimal or 0 and 1.")
    vector: Numbers = Field(None, description="Instead of a picture: an embedding under `signal`, of any length.")
    any_orientation: bool = Field(False, description="Also mirror and turn the picture, in all eight orientations.")


class SearchIn(AskedBy):
    """A search in one project."""

    image_id: int = Field(0, description="Instead of a picture: an image of the project.")
    text: str = Field("", description="Instead of a picture: words, under a signal that knows texts.")
    signal: str = Field("phash-8", examples=["phash-8", "openclip:ViT-B-32/openai"])
    datasets: Names = Field([], description="Slugs or names; all of the project's if empty.")
    k: int = Field(24, ge=1, le=MOST, description="Images asked for.")


class LookUpIn(AskedBy):
    """A question to everything that you may see."""

    signal: Names = Field(
        [], description="Names of signals; for a picture all hashes that every import computes if empty."
    )
    max_distance: float | None = Field(
        None, ge=0, description="In the unit of the one signal named; each signal's usual distance if left out."
    )
    projects: Names = Field([], description="Slugs; all that you belong to if empty.")
    datasets: Names = Field([], description="Slugs or names; all if empty.")
    limit: int = Field(50, ge=1, le=MOST, description="Images for each signal, the nearest.")


class ImageOut(Schema):
    """An image and where it is."""

    id: int
    project: str = Field(description="The project's slug.", examples=["saints-in-art"])
    dataset: str = Field(description="The dataset's slug.", examples=["artdl"])
    name: str = Field(examples=["2_00000000"])
    labels: list[str]
    link: str = Field(description="The image's page.")

    @classmethod
    def of(cls, image: Image, link_to: LinkTo) -> ImageOut:
        """An image with its dataset, project and labels read."""
        return cls(
            id=image.pk,
            project=image.dataset.project.slug,
            dataset=image.dataset.slug,
            name=image.name,
            labels=[label.name for label in image.labels.all()],
            link=link_to(image),
        )


class NeighbourOut(Schema):
    """An image near the query."""

    image: ImageOut
    distance: float = Field(description="In the signal's unit.", examples=[0.125])
    similarity: float | None = Field(description="1 − cosine distance, for embeddings.", examples=[0.875])
    orientation: int = Field(description=_ORIENTATION)


class SearchOut(Schema):
    """The nearest images, nearest first."""

    signal: str
    unit: str = Field(examples=["cosine distance"])
    default_distance: float = Field(description="Most copies lie within it.")
    items: list[NeighbourOut]


class EvidenceOut(Schema):
    """A signal under which the image was found."""

    signal: str = Field(examples=["phash-8"])
    distance: float = Field(examples=[2])
    unit: str = Field(examples=["bits"])
    similarity: float | None
    orientation: int = Field(description=_ORIENTATION)

    @classmethod
    def of(cls, evidence: Evidence) -> EvidenceOut:
        """Why an image was found."""
        return cls(
            signal=evidence.known.name,
            distance=evidence.distance,
            unit=evidence.known.scale.unit,
            similarity=similarity(evidence.known, evidence.distance),
            orientation=evidence.orientation,
        )


class MatchOut(Schema):
    """An image that was seen before, and how that is known."""

    image: ImageOut
    same_file: bool = Field(description="Its file is the same, byte by byte.")
    same_pixels: bool = Field(description="It decodes to the same pixels.")
    evidence: list[EvidenceOut] = Field(description="By signal, the nearest in parts of its usual distance first.")

    @classmethod
    def of(cls, match: Match, image: Image, link_to: LinkTo) -> MatchOut:
        """A match with its image read."""
        return cls(
            image=ImageOut.of(image, link_to),
            same_file=match.same_file,
            same_pixels=match.same_pixels,
            evidence=[EvidenceOut.of(each) for each in match.evidence],
        )


class SignalReach(Schema):
    """A signal that was asked, and how far."""

    signal: str
    max_distance: float
    unit: str
    more: bool = Field(description="Whether there are more within it than `limit`.")


class LookUpOut(Schema):
    """“Have we seen this?”"""

    seen: bool
    matches: list[MatchOut] = Field(description="The surest first: equal files, equal pixels, then by evidence.")
    signals: list[SignalReach]
    datasets: int = Field(description="Datasets that were searched.")
    images: int = Field(description="Images in them; some may lack a hash or vector.")
    sha256: str = Field(description="Of the file that was sent; else empty.")


def similarity(known: KnownSignal, distance: float) -> float | None:
    """1 − cosine distance; None where distances are others."""
    return 1 - distance if isinstance(known.scale, Cosine) else None
