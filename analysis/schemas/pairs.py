"""Pairs, and what people said of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ninja import Field, Schema

from analysis import queries
from analysis.models import Verdict
from analysis.queries import PairRow
from catalog.models import Image


class PairImage(Schema):
    """One image of a pair."""

    id: int
    dataset: str = Field(description="The dataset's slug.", examples=["artdl"])
    name: str = Field(examples=["2_00000000"])
    labels: list[str]

    @classmethod
    def of(cls, image: Image) -> PairImage:
        """An image with its dataset and labels read."""
        labels = [label.name for label in image.labels.all()]
        return cls(id=image.pk, dataset=image.dataset.slug, name=image.name, labels=labels)


class PairOut(Schema):
    """Two images and their distance under the list's signal."""

    a: PairImage
    b: PairImage
    distance: float = Field(examples=[4])
    decision: str | None = Field(description="The verdict that holds now; null while nobody judged the pair.")

    @classmethod
    def of(cls, row: PairRow) -> PairOut:
        """A row of a list of pairs."""
        return cls(a=PairImage.of(row.a), b=PairImage.of(row.b), distance=row.distance, decision=row.choice or None)


class PairPage(Schema):
    """A page of pairs, the closest first."""

    items: list[PairOut]
    next: str | None = Field(description="Ask again with it as `after`; null on the last page.")


class Distance(Schema):
    """The distance of a pair under one signal."""

    signal: str = Field(examples=["phash-8"])
    distance: float = Field(examples=[4])
    unit: str = Field(examples=["bits"])
    of_bits: int | None = Field(examples=[64])
    orientation: int | None = Field(
        description="EXIF orientation that turns b to match a, where the signal tries all eight.", examples=[None]
    )


class VerdictIn(Schema):
    """What you say of a pair."""

    choice: str = Field(
        description="same_image, same_object, detail, related, different or unsure", examples=["same_image"]
    )
    note: str = ""
    seconds: float | None = Field(None, description="From the pair's appearance to the verdict, if it was taken.")


class VerdictOut(Schema):
    """What one annotator said; append-only."""

    id: int
    annotator: str
    choice: str = Field(description="As given; `withdrawn` takes the latest standing verdict before it back.")
    note: str
    seconds: float | None
    created_at: datetime
    standing: bool = Field(description="Whether it is what its annotator says now.")


class PairDetail(Schema):
    """Everything known of a pair."""

    a: PairImage
    b: PairImage
    distances: list[Distance] = Field(description="Under every signal that found it.")
    decision: str | None
    verdicts: list[VerdictOut] = Field(description="The newest first.")
    withheld: int = Field(
        description="Verdicts of others that are kept back until you have judged the pair yourself, so that they do "
        "not lead you. Viewers, who do not judge, see all."
    )

    @classmethod
    def of(cls, a: Image, b: Image, *, person: int, blind: bool) -> PairDetail:
        """A pair in canonical order, as one person may see it.

        Args:
            a: the first image.
            b: the second image.
            person: the id of who asks.
            blind: whether others' verdicts are kept back until one of the person's own stands.
        """
        said = list(queries.verdicts(a, b))
        stacks = queries.standing_stacks(reversed(said))
        standing = {stack[-1].pk for stack in stacks.values()}
        shown = [one for one in said if not blind or person in stacks or one.annotator_id == person]
        decided = queries.decision(a, b)
        images = queries.images_by_id([a.pk, b.pk])
        return cls(
            a=PairImage.of(images[a.pk]),
            b=PairImage.of(images[b.pk]),
            distances=[
                Distance(
                    signal=found.known.name,
                    distance=found.distance,
                    unit=found.known.scale.unit,
                    of_bits=found.known.n_bits,
                    orientation=found.orientation,
                )
                for found in queries.measurements(a, b)
            ],
            decision=decided.choice if decided and len(shown) == len(said) else None,
            verdicts=[VerdictOut(**_verdict(one), standing=one.pk in standing) for one in shown],
            withheld=len(said) - len(shown),
        )


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "id": verdict.pk,
        "annotator": verdict.annotator.get_username(),
        "choice": verdict.choice,
        "note": verdict.note,
        "seconds": verdict.seconds,
        "created_at": verdict.created_at,
    }
