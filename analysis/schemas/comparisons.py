"""Signals and comparisons."""

from __future__ import annotations

from datetime import datetime

from ninja import Field, Schema

from analysis.models import Comparison, ComparisonSignal
from catalog.schemas import NEXT, JobOut


class SignalOut(Schema):
    """A way to compare two images."""

    name: str = Field(description="A storage key: what it computes never changes.", examples=["phash-8"])
    title: str = Field(examples=["pHash, 64 bits"])
    summary: str
    n_bits: int = Field(description="Distances are whole numbers of bits from 0 to this.", examples=[64])
    default_distance: int = Field(description="Most copies lie within it.", examples=[8])


class SignalAsked(Schema):
    """A signal with the largest distance to explore."""

    name: str = Field(examples=["phash-8"])
    max_distance: float | None = Field(None, description="In bits; the signal's default if left out.", examples=[8])


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
