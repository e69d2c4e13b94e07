"""Comparisons (what a team asks to be computed), coverage (what has been computed) and measurements (facts)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from analysis.models.descriptors import Signal
from catalog.models import Dataset, Image, Job, Project


class Comparison(Job):
    """Datasets × signals × scope, each signal with the largest distance explored."""

    class Scope(models.TextChoices):
        ACROSS = "across", "Across: pairs of different datasets"
        WITHIN = "within", "Within: pairs inside one dataset"
        BOTH = "both", "Both: across and within"

    project = models.ForeignKey(Project, models.CASCADE, related_name="comparisons")
    name = models.CharField(max_length=300, blank=True, help_text="Empty: the names of its datasets.")
    scope = models.CharField(max_length=10, choices=Scope, default=Scope.ACROSS)
    datasets: models.ManyToManyField[Dataset, models.Model] = models.ManyToManyField(
        Dataset, related_name="comparisons"
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    data_changed_at = models.DateTimeField(
        null=True, blank=True, help_text="When an import last changed one of its datasets after it was computed."
    )

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name or f"Comparison {self.pk}"


class ComparisonSignal(models.Model):
    """One signal of a comparison, with the largest distance explored."""

    comparison = models.ForeignKey(Comparison, models.CASCADE, related_name="signals")
    signal = models.ForeignKey(Signal, models.PROTECT, related_name="+")
    max_distance = models.FloatField(help_text="Hamming bits, or cosine distance.")
    error = models.TextField(
        blank=True, help_text="Why this signal could not be computed and what to do; the others were."
    )

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["comparison", "signal"], name="comparison_signal_once")]

    def __str__(self) -> str:
        return f"{self.signal} ≤ {self.max_distance:g}"


class Coverage(models.Model):
    """All pairs of two datasets (or inside one) under a signal up to a distance have been found.

    It speaks of the images with ids up to `upto_a` and `upto_b`. Ids of a dataset grow with its imports, so what is
    missing for newer images, or for a larger distance, follows from this row alone. Deleted when descriptors are
    brought later for images that it already counts.
    """

    signal = models.ForeignKey(Signal, models.PROTECT, related_name="+", db_index=False)
    dataset_a = models.ForeignKey(Dataset, models.CASCADE, related_name="+")
    dataset_b = models.ForeignKey(Dataset, models.CASCADE, related_name="+", help_text="dataset_a ≤ dataset_b by id.")
    max_distance = models.FloatField()
    upto_a = models.BigIntegerField()
    upto_b = models.BigIntegerField()
    computed_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["signal", "dataset_a", "dataset_b"], name="coverage_once"),
            models.CheckConstraint(condition=models.Q(dataset_a__lte=models.F("dataset_b")), name="coverage_canonical"),
        ]

    def __str__(self) -> str:
        return f"{self.signal_id}: {self.dataset_a_id}–{self.dataset_b_id} ≤ {self.max_distance:g}"


class Block(Job):
    """A rectangle of a join that is missing: the images of two id ranges, compared by one worker in one go.

    It belongs to no comparison, since what it finds are facts: comparisons that miss the same rectangle at the same
    time share its row, and any worker may do it. The rows go when the comparison that needs them has written its
    coverage. `total` counts its comparisons of two images.
    """

    comparisons: models.ManyToManyField[Comparison, models.Model] = models.ManyToManyField(
        Comparison, related_name="blocks"
    )
    signal = models.ForeignKey(Signal, models.PROTECT, related_name="+", db_index=False)
    dataset_a = models.ForeignKey(Dataset, models.CASCADE, related_name="+")
    dataset_b = models.ForeignKey(Dataset, models.CASCADE, related_name="+", help_text="dataset_a ≤ dataset_b by id.")
    after_a = models.BigIntegerField(help_text="Images of dataset_a with after_a < id ≤ upto_a.")
    upto_a = models.BigIntegerField()
    after_b = models.BigIntegerField(help_text="Likewise; the same range inside one dataset is joined with itself.")
    upto_b = models.BigIntegerField()
    max_distance = models.FloatField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "signal",
                    "dataset_a",
                    "dataset_b",
                    "after_a",
                    "upto_a",
                    "after_b",
                    "upto_b",
                    "max_distance",
                ],
                name="block_once",
            )
        ]

    def __str__(self) -> str:
        ranges = f"{self.dataset_a_id}:{self.after_a}–{self.upto_a} × {self.dataset_b_id}:{self.after_b}–{self.upto_b}"
        return f"{self.signal_id}: {ranges} ≤ {self.max_distance:g}"


class Measurement(models.Model):
    """The distance of a pair under one signal: a fact, owned by no comparison.

    A pair is two images in canonical order: by dataset, then by image id. The datasets stand here too (an image never
    changes its dataset), so that the pairs of two datasets in order of distance are one range of an index.
    """

    pk = models.CompositePrimaryKey("image_a", "image_b", "signal")
    signal = models.ForeignKey(Signal, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    dataset_a = models.ForeignKey(Dataset, models.CASCADE, related_name="+", db_constraint=False, db_index=False)
    dataset_b = models.ForeignKey(Dataset, models.CASCADE, related_name="+", db_constraint=False, db_index=False)
    image_a = models.ForeignKey(Image, models.CASCADE, related_name="+", db_index=False)
    image_b = models.ForeignKey(Image, models.CASCADE, related_name="+")
    distance = models.FloatField()
    orientation = models.SmallIntegerField(
        null=True,
        help_text="EXIF orientation, 1 to 8, that turns image_b to match image_a; only where all eight were tried.",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(dataset_a__lt=models.F("dataset_b"))
                | models.Q(dataset_a=models.F("dataset_b"), image_a__lt=models.F("image_b")),
                name="measurement_canonical",
            ),
        ]
        indexes = [
            models.Index(
                fields=["signal", "dataset_a", "dataset_b", "distance", "image_a", "image_b"],
                name="measurement_by_distance",
            )
        ]

    def __str__(self) -> str:
        return f"{self.image_a_id}–{self.image_b_id}: {self.distance:g}"


class Summary(models.Model):
    """The overlap of a comparison under one signal at every threshold (see `analysis.core.overlap`)."""

    comparison = models.ForeignKey(Comparison, models.CASCADE, related_name="summaries")
    signal = models.ForeignKey(Signal, models.PROTECT, related_name="+")
    curve = models.JSONField()
    versions = models.JSONField(help_text="Library versions and parameters behind it.")
    computed_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["comparison", "signal"], name="summary_once")]

    def __str__(self) -> str:
        return f"{self.comparison_id}: {self.signal_id}"
