"""Projections, as the REST API takes and gives them."""

from __future__ import annotations

from typing import Any, Literal

from ninja import Field, Schema

from analysis.core.projection import Method, method_from
from analysis.models import Projection
from catalog.schemas import NEXT, JobOut


class ProjectionIn(Schema):
    """A projection of the embeddings of some datasets."""

    signal: str = Field(description="An embedding signal.", examples=["openclip:ViT-B-32/openai"])
    datasets: list[str] = Field([], description="Slugs or names; empty for all that have such embeddings.")
    method: Literal["pca", "tsne", "umap"] = "pca"
    parameters: dict[str, float] = Field(
        {},
        description="t-SNE: `perplexity` (30), `seed` (0). UMAP: `neighbours` (15), `min_dist` (0.1), `seed` (0). "
        "Those left out stand at the value in brackets. PCA has none.",
        examples=[{"perplexity": 30, "seed": 0}],
    )

    def chosen(self) -> Method:
        """The method with its parameters.

        Raises:
            InvalidProjection: a parameter that the method does not have, or one out of range.
        """
        return method_from(self.method, self.parameters)


class ProjectionOut(JobOut):
    """A projection: two coordinates for each image, once it is done."""

    id: int
    signal: str
    datasets: list[str] = Field(description="Slugs.")
    method: str = Field(examples=["tsne"])
    parameters: dict[str, Any] = Field(examples=[{"perplexity": 30.0, "seed": 0}])
    n_images: int = Field(description="Images when it was computed; 0 before.")
    explained: list[float] | None = Field(description="PCA: share of the variance along each axis; else null.")
    versions: dict[str, str] = Field(description="Of the libraries behind it.")

    @staticmethod
    def resolve_signal(projection: Projection) -> str:
        """The signal's name."""
        return projection.signal.name

    @staticmethod
    def resolve_datasets(projection: Projection) -> list[str]:
        """The datasets' slugs."""
        return [dataset.slug for dataset in projection.datasets.all()]

    @staticmethod
    def resolve_explained(projection: Projection) -> list[float] | None:
        """From what was computed."""
        explained: list[float] | None = projection.versions.get("explained")
        return explained

    @staticmethod
    def resolve_versions(projection: Projection) -> dict[str, str]:
        """From what was computed."""
        libraries: dict[str, str] = projection.versions.get("libraries", {})
        return libraries


class ProjectionPage(Schema):
    """A page of projections, the newest first."""

    items: list[ProjectionOut]
    next: int | None = NEXT


class PointsOut(Schema):
    """Coordinates as columns of one length, in order of dataset, then of image id."""

    image: list[int] = Field(description="Image ids.")
    name: list[str]
    dataset: list[str] = Field(description="The name of each image's dataset.")
    x: list[float]
    y: list[float]
