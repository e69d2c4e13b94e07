"""Reports and splits: what people take away."""

from __future__ import annotations

from typing import Any

from ninja import Field, Schema

from analysis import queries
from analysis.core.split_table import REASONS, Clusters
from analysis.core.splits import Recipe
from analysis.models import Report, Split
from catalog.schemas import NEXT, JobOut


class ReportIn(Schema):
    """A report of a comparison at given thresholds."""

    thresholds: dict[str, float] = Field(
        {}, description="Signal → largest distance; signals left out stand at their largest explored."
    )


class ReportOut(JobOut):
    """A report: once done, an archive with the figures, tables and lists of pairs."""

    id: int
    comparison: int
    thresholds: dict[str, float] = Field(examples=[{"phash-8": 8}])

    @staticmethod
    def resolve_comparison(report: Report) -> int:
        """The comparison's number."""
        return report.comparison_id


class ReportPage(Schema):
    """A page of reports, the newest first."""

    items: list[ReportOut]
    next: int | None = NEXT


class SamplerOut(Schema):
    """A way to draw classes and support images."""

    name: str = Field(examples=["uniform"])
    title: str
    summary: str


class SplitIn(Schema):
    """The recipe of a few-shot split of one dataset."""

    dataset: str = Field(description="Slug or name.", examples=["artdl"])
    n_way: int = Field(description="Classes.", examples=[5])
    k_shot: int = Field(description="Support images of each class.", examples=[1])
    n_query: int | None = Field(None, description="Query images of each class; null takes all the rest.", examples=[15])
    seed: int = Field(0, description="The same recipe, seed and data give the same split.")
    signal: str = Field(
        "",
        description="Its pairs join copies into clusters; empty: the pairs that people accepted.",
        examples=["phash-8"],
    )
    max_distance: float | None = Field(None, description="In the signal's unit; its default if left out.", examples=[8])
    clusters: Clusters = Field("together", description="What is done with clusters: together, one or drop")
    sampler: str = "uniform"
    classes: list[str] | None = Field(None, description="Draw from these labels only.")
    name: str = ""

    def recipe(self) -> Recipe:
        """What to make.

        Raises:
            InvalidRecipe: no dataset could satisfy it.
            UnknownName: no such sampler.
        """
        return Recipe(
            n_way=self.n_way,
            k_shot=self.k_shot,
            n_query=self.n_query,
            clusters=self.clusters,
            sampler=self.sampler,
            classes=None if self.classes is None else tuple(self.classes),
        )


class LeftOut(Schema):
    """Images that are on neither side, for one reason."""

    reason: str = Field(examples=["with_support"])
    words: str = Field(examples=["in the cluster of a support image"])
    images: int


class SplitOut(JobOut):
    """A frozen split. No cluster of copies lies on both sides; the archive's manifest proves it."""

    id: int
    name: str
    dataset: str = Field(description="The dataset's slug.")
    recipe: dict[str, Any]
    seed: int
    signal: str = Field(description="Empty: clusters come from the pairs that people accepted.")
    max_distance: float | None
    left_out: list[LeftOut]
    archive_sha256: str = Field(description="Of the archive's bytes; empty until it is done.")
    versions: dict[str, Any]

    @staticmethod
    def resolve_dataset(split: Split) -> str:
        """The dataset's slug."""
        return split.dataset.slug

    @staticmethod
    def resolve_signal(split: Split) -> str:
        """The signal's name, or nothing."""
        return split.signal.name if split.signal else ""

    @staticmethod
    def resolve_left_out(split: Split) -> list[LeftOut]:
        """Reasons with words and counts."""
        return [
            LeftOut(reason=reason, words=REASONS.get(reason, reason), images=n) for reason, n in split.left_out.items()
        ]


class SplitPage(Schema):
    """A page of splits, the newest first."""

    items: list[SplitOut]
    next: int | None = NEXT


class ClassOut(Schema):
    """A class of a split."""

    label: str
    title: str
    support: int
    query: int


class SplitDetail(SplitOut):
    """A split with its classes."""

    classes: list[ClassOut]

    @staticmethod
    def resolve_classes(split: Split) -> list[ClassOut]:
        """Classes with the number of their images on each side."""
        return [ClassOut(**row) for row in queries.split_classes(split)]
