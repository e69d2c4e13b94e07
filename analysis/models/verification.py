"""A second look at pairs from their pixels."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from analysis.models.comparison import Comparison
from analysis.models.descriptors import Signal
from catalog.models import Dataset, Image, Job


class Verification(models.Model):
    """What a verifier found in the pixels of a pair: a fact, as a measurement is, under the verifier's name.

    A pair is two images in canonical order (see `Measurement`). The transformation maps image_a to image_b.
    """

    pk = models.CompositePrimaryKey("image_a", "image_b", "verifier")
    dataset_a = models.ForeignKey(Dataset, models.CASCADE, related_name="+", db_constraint=False, db_index=False)
    dataset_b = models.ForeignKey(Dataset, models.CASCADE, related_name="+", db_constraint=False, db_index=False)
    image_a = models.ForeignKey(Image, models.CASCADE, related_name="+", db_index=False)
    image_b = models.ForeignKey(Image, models.CASCADE, related_name="+")
    verifier = models.CharField(max_length=50, help_text="A storage key: what it computes never changes.")
    keypoints_a = models.PositiveIntegerField()
    keypoints_b = models.PositiveIntegerField()
    matches = models.PositiveIntegerField(help_text="Keypoints matched by the ratio test.")
    inliers = models.PositiveIntegerField(help_text="Matches that one homography explains.")
    mirrored = models.BooleanField(default=False, help_text="Whether image_b matched only as its mirror image.")
    geometry = models.JSONField(
        default=dict,
        help_text="The transformation, where one was found; in `lines` a sample of the matches, for drawing.",
    )
    versions = models.JSONField(default=dict)
    computed_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [
            models.Index(fields=["verifier", "dataset_a", "dataset_b", "inliers"], name="verification_by_inliers")
        ]

    def __str__(self) -> str:
        return f"{self.image_a_id}–{self.image_b_id} {self.verifier}: {self.inliers} of {self.matches}"

    @property
    def inlier_ratio(self) -> float:
        """The share of the matches that one homography explains; 0 without matches."""
        return self.inliers / self.matches if self.matches else 0.0


class VerificationRun(Job):
    """All pairs of a comparison up to a distance, looked at by one verifier."""

    comparison = models.ForeignKey(Comparison, models.CASCADE, related_name="verification_runs")
    signal = models.ForeignKey(Signal, models.PROTECT, related_name="+")
    max_distance = models.FloatField()
    verifier = models.CharField(max_length=50)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.verifier} on {self.comparison_id}"
