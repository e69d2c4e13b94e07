"""What people take away: splits and reports."""

from __future__ import annotations

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import models, transaction

from analysis.models.comparison import Comparison
from analysis.models.descriptors import Signal
from catalog.models import Dataset, Image, Job, Project


class Split(Job):
    """A frozen benchmark split of one dataset: recipe, seed, and the images it chose.

    Clusters come from accepted pairs (`signal` empty) or from all pairs of a signal at most `max_distance` apart.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="splits")
    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="splits")
    name = models.CharField(max_length=200)
    recipe = models.JSONField(help_text="The fields of analysis.core.splits.Recipe.")
    seed = models.PositiveBigIntegerField()
    signal = models.ForeignKey(Signal, models.PROTECT, null=True, blank=True, related_name="+")
    max_distance = models.FloatField(null=True, blank=True)
    left_out = models.JSONField(default=dict, help_text="How many images were left out, by reason.")
    versions = models.JSONField(default=dict)
    archive = models.FileField(max_length=300, blank=True)
    archive_sha256 = models.CharField(max_length=64, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name


class SplitItem(models.Model):
    """One image of a split, in the split's order."""

    split = models.ForeignKey(Split, models.CASCADE, related_name="items")
    position = models.PositiveIntegerField()
    image = models.ForeignKey(Image, models.CASCADE, related_name="+")
    label = models.CharField(max_length=500)
    role = models.CharField(max_length=20, help_text="support or query")

    class Meta:
        ordering = ["split", "position"]
        constraints = [
            models.UniqueConstraint(fields=["split", "position"], name="split_position_once"),
            models.UniqueConstraint(fields=["split", "image"], name="split_image_once"),
        ]

    def __str__(self) -> str:
        return f"{self.split_id} {self.position}: {self.role} {self.label}"


class Report(Job):
    """A comparison's report at given thresholds, as one archive."""

    comparison = models.ForeignKey(Comparison, models.CASCADE, related_name="reports")
    thresholds = models.JSONField(default=dict, help_text="Signal name → largest distance.")
    archive = models.FileField(max_length=300, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"Report {self.pk} of {self.comparison_id}"


def delete_archive(instance: Split | Report, **_: object) -> None:
    """Delete the archive of a row that is gone, once its going is certain."""
    key = str(instance.archive)
    if key:
        transaction.on_commit(lambda: default_storage.delete(key))
