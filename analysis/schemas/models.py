"""Model comparisons, as the REST API takes and gives them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

from ninja import Field, Schema

from analysis.models import ModelComparison
from analysis.queries import DifferentPair
from analysis.schemas.pairs import PairImage
from catalog.schemas import NEXT, JobOut

Side = Literal["first", "second"]


class ModelComparisonIn(Schema):
    """Two models on the same images."""

    first: str = Field(description="An embedding signal.", examples=["openclip:ViT-B-32/openai"])
    second: str = Field(description="Another one.", examples=["timm:resnet50/a1_in1k"])
    datasets: list[str] = Field([], description="Slugs or names; all of the project's if empty.", examples=[["artdl"]])
    k: int = Field(10, description="Nearest images of each image that are compared, at most 100.")


class EstimateOut(Schema):
    """A value with the ends of its 95 % interval, of images drawn again with replacement."""

    value: float = Field(examples=[0.387])
    low: float = Field(examples=[0.349])
    high: float = Field(examples=[0.423])

    @classmethod
    def of(cls, stored: Sequence[float]) -> Self:
        """An estimate as it is stored."""
        value, low, high = stored
        return cls(value=value, low=low, high=high)


class CommonOut(Schema):
    """How many images have so many neighbours in common."""

    common: int = Field(examples=[4])
    images: int = Field(examples=[17])
    share: float = Field(description="Of all images compared.", examples=[0.173])


class CorrelationOut(Schema):
    """Spearman's rank correlation of the cosine distances of the same pairs under both models."""

    spearman: EstimateOut | None = Field(description="null where all distances of a model are equal.")
    pairs: int = Field(description="How many pairs it is of.", examples=[4753])
    every: bool = Field(description="Whether these are all pairs; else they were drawn at random, none twice.")


class DescribedOut(Schema):
    """How many images of a dataset have embeddings."""

    dataset: str = Field(description="Its name when the models were compared.")
    images: int
    first: int = Field(description="Under the first model.")
    second: int = Field(description="Under the second model.")
    both: int = Field(description="Under both: these are compared.")


class DifferentOut(Schema):
    """Pairs that one model finds near and the other far."""

    mutual: int = Field(description="Pairs that are among the k nearest of each other under the one model.")
    found: int = Field(description="Of these, pairs of which neither is among the k nearest of the other elsewhere.")


class ModelComparisonOut(JobOut):
    """How far two models agree on what is near."""

    id: int
    first: str = Field(description="Signal.", examples=["openclip:ViT-B-32/openai"])
    second: str = Field(description="Signal.", examples=["timm:resnet50/a1_in1k"])
    datasets: list[str] = Field(description="Slugs.")
    k: int = Field(examples=[10])

    @staticmethod
    def resolve_first(comparison: ModelComparison) -> str:
        """The signal's name."""
        return comparison.signal_a.name

    @staticmethod
    def resolve_second(comparison: ModelComparison) -> str:
        """The signal's name."""
        return comparison.signal_b.name

    @staticmethod
    def resolve_datasets(comparison: ModelComparison) -> list[str]:
        """The datasets' slugs."""
        return [dataset.slug for dataset in comparison.datasets.all()]


class ModelComparisonPage(Schema):
    """A page of model comparisons, the newest first."""

    items: list[ModelComparisonOut]
    next: int | None = NEXT


class AgreementOut(Schema):
    """The numbers of a comparison that is done."""

    images: int = Field(description="With embeddings under both models.", examples=[98])
    table: list[CommonOut] = Field(description="From k neighbours in common down to none.")
    overlap: EstimateOut = Field(description="Mean share of the k nearest images that are common.")
    chance: float = Field(description="The share that models with nothing in common would have: k / (images - 1).")
    jaccard: EstimateOut = Field(description="Mean of common neighbours over neighbours under either model.")
    nearest: EstimateOut = Field(description="Share of images whose nearest image is the same.")
    order: EstimateOut | None = Field(
        description="Of two common neighbours of an image, how often both models put the same one nearer; "
        "null where no image has two."
    )
    order_of: int = Field(description="How many such twos there are.")
    correlation: CorrelationOut
    described: list[DescribedOut]
    near_first: DifferentOut = Field(description="Near under the first model, far under the second.")
    near_second: DifferentOut = Field(description="Near under the second model, far under the first.")
    seed: int
    draws: int = Field(description="Draws of the images behind each interval.")
    versions: dict[str, str] = Field(description="Of the libraries behind it.")

    @classmethod
    def of(cls, comparison: ModelComparison) -> AgreementOut:
        """The result as it is stored."""
        found, versions = comparison.result, comparison.versions
        counts, images = found["counts"], found["images"]
        spearman = found["correlation"]["spearman"]
        return cls(
            images=images,
            table=[
                CommonOut(common=common, images=counts[common], share=counts[common] / images)
                for common in range(found["k"], -1, -1)
            ],
            chance=found["chance"],
            overlap=EstimateOut.of(found["overlap"]),
            jaccard=EstimateOut.of(found["jaccard"]),
            nearest=EstimateOut.of(found["nearest"]),
            order=EstimateOut.of(found["order"]) if found["order"] else None,
            order_of=found["twos"],
            correlation=CorrelationOut(
                spearman=EstimateOut.of(spearman) if spearman else None,
                pairs=found["correlation"]["pairs"],
                every=found["correlation"]["every"],
            ),
            described=[DescribedOut(dataset=row["name"], **row) for row in found["datasets"]],
            near_first=DifferentOut(**found["near_a"]),
            near_second=DifferentOut(**found["near_b"]),
            seed=versions["seed"],
            draws=versions["draws"],
            versions=versions["libraries"],
        )


class ModelComparisonDetail(ModelComparisonOut):
    """How far two models agree, once it is done."""

    agreement: AgreementOut | None = Field(description="null until it is done.")

    @staticmethod
    def resolve_agreement(comparison: ModelComparison) -> AgreementOut | None:
        """What was computed."""
        return AgreementOut.of(comparison) if comparison.status == ModelComparison.Status.DONE else None


class UnderModel(Schema):
    """A pair under one model."""

    similarity: float = Field(description="1 - cosine distance.", examples=[0.71])
    rank_of_b: int = Field(description="Place of b among all other images compared, by distance from a.", examples=[2])
    rank_of_a: int = Field(description="Place of a among all others, by distance from b.", examples=[2])


class DifferentPairOut(Schema):
    """A pair that one model finds near and the other far."""

    a: PairImage
    b: PairImage
    near: UnderModel
    far: UnderModel
    decision: str | None = Field(description="The verdict that holds now; null while nobody judged the pair.")

    @classmethod
    def of(cls, pair: DifferentPair) -> DifferentPairOut:
        """A pair with its images read."""

        def under(similarity: float, ranks: tuple[int, int]) -> dict[str, Any]:
            return {"similarity": similarity, "rank_of_b": ranks[0], "rank_of_a": ranks[1]}

        return cls(
            a=PairImage.of(pair.row.a),
            b=PairImage.of(pair.row.b),
            near=UnderModel(**under(pair.near_similarity, pair.near)),
            far=UnderModel(**under(pair.far_similarity, pair.far)),
            decision=pair.row.choice or None,
        )
