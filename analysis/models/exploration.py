"""What is computed from embeddings to be looked at: projections, and how two models agree."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from analysis.models.descriptors import Signal
from catalog.models import Dataset, Job, Project


class Projection(Job):
    """Two coordinates for each embedding of some datasets under one signal, stored so that no page recomputes them."""

    class Method(models.TextChoices):
        PCA = "pca", "PCA"
        TSNE = "tsne", "t-SNE"
        UMAP = "umap", "UMAP"

    project = models.ForeignKey(Project, models.CASCADE, related_name="projections")
    signal = models.ForeignKey(Signal, models.PROTECT, related_name="+")
    datasets: models.ManyToManyField[Dataset, models.Model] = models.ManyToManyField(Dataset, related_name="+")
    method = models.CharField(max_length=10, choices=Method)
    parameters = models.JSONField(default=dict, help_text="Perplexity or neighbours, and the seed.")
    n_images = models.PositiveIntegerField(default=0)
    points = models.BinaryField(
        default=b"", help_text="n_images records, little-endian: image id int64, x float32, y float32."
    )
    versions = models.JSONField(default=dict, help_text="Library versions and parameters behind it.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.get_method_display()} of {self.signal}"


class ModelComparison(Job):
    """How far two encoders agree on the neighbours of the same images."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="model_comparisons")
    datasets: models.ManyToManyField[Dataset, models.Model] = models.ManyToManyField(Dataset, related_name="+")
    signal_a = models.ForeignKey(Signal, models.PROTECT, related_name="+")
    signal_b = models.ForeignKey(Signal, models.PROTECT, related_name="+")
    k = models.PositiveIntegerField(help_text="Neighbours of each image that are compared.")
    result = models.JSONField(
        default=dict, help_text="Agreement, rank correlation, pairs on which the models differ most."
    )
    versions = models.JSONField(default=dict, help_text="Library versions and parameters behind it.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.signal_a} and {self.signal_b}"
