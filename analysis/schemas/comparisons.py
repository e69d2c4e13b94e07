"""Signals and comparisons."""

from __future__ import annotations

from datetime import datetime

from ninja import Field, Schema

from analysis.models import Comparison, ComparisonSignal
from analysis.signals import KnownSignal
from catalog.schemas import NEXT, JobOut


class SignalOut(Schema):
    """A way to compare two images."""

    name: str = Field(description="A storage key: what it computes never changes.", examples=["phash-8"])
    title: str = Field(examples=["pHash, 64 bits"])
    summary: str
    unit: str = Field(description="What distances are counted in.", examples=["bits"])
    largest: float = Field(description="No distance is larger.", examples=[64])
    n_bits: int | None = Field(description="Bits of a hash: distances are whole numbers up to this.", examples=[64])
    on_disk: bool = Field(description="Whether it can be computed here without fetching a model first.")
    default_distance: float = Field(description="Most copies lie within it.", examples=[8])

    @classmethod
    def of(cls, known: KnownSignal) -> SignalOut:
        """A signal as the API tells it."""
        return cls(
            name=known.name,
            title=known.title,
            summary=known.summary,
            unit=known.scale.unit,
            largest=known.scale.largest,
            n_bits=known.n_bits,
            on_disk=known.encoder is None or known.encoder.on_disk,
            default_distance=known.default_distance,
        )


class SignalAsked(Schema):
    """A signal with the largest distance to explore."""

    name: str = Field(examples=["phash-8"])
    max_distance: float | None = Field(None, description="In the signal's unit; its default if left out.", examples=[8])


class ComparisonIn(Schema):
    """What is to be compared."""

    datasets: list[str] = Field([], description="Slugs or names; all of the project's if empty.", examples=[["artdl"]])
    signals: list[SignalAsked]
    scope: str = Field("across", description="across (pairs of different datasets), within, or both")
    name: str = ""


class ComparisonSignalOut(Schema):
    """A signal of a comparison with the largest distance explored."""

    name: str = Field(examples=["phash-8"])
    max_distance: float = Field(examples=[8])
    error: str = Field(description="Why this signal could not be computed, and what to do; the others were.")

    @staticmethod
    def resolve_name(row: ComparisonSignal) -> str:
        """The signal's name."""
        return row.signal.name


class ComparisonOut(JobOut):
    """Datasets × signals × scope. Running it again computes only what is missing."""

    id: int
    name: str = Field(description="Empty: it is called after its datasets.")
    datasets: list[str] = Field(description="Slugs, in the project's order.", examples=[["artdl", "wikidata"]])
    signals: list[ComparisonSignalOut]
    scope: str = Field(examples=["across"])
    data_changed_at: datetime | None = Field(
        description="When an import last changed one of its datasets after it was computed: run it again."
    )

    @staticmethod
    def resolve_datasets(comparison: Comparison) -> list[str]:
        """Slugs of the datasets."""
        return [dataset.slug for dataset in comparison.datasets.all()]

    @staticmethod
    def resolve_signals(comparison: Comparison) -> list[ComparisonSignal]:
        """The signals in the order in which they were asked for."""
        return list(comparison.signals.all())


class ComparisonPage(Schema):
    """A page of comparisons, the newest first."""

    items: list[ComparisonOut]
    next: int | None = NEXT
