"""Verdicts: what people said of pairs. They belong to the two images and to no comparison."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from catalog.models import Dataset, Image


class Choice(models.TextChoices):
    """What an annotator can say of a pair."""

    SAME_IMAGE = "same_image", "Same image"
    SAME_OBJECT = "same_object", "Same object"
    DETAIL = "detail", "Detail"
    RELATED = "related", "Related"
    DIFFERENT = "different", "Different"
    UNSURE = "unsure", "Unsure"
    WITHDRAWN = "withdrawn", "Withdrawn"


ACCEPTED = (Choice.SAME_IMAGE, Choice.SAME_OBJECT, Choice.DETAIL)
"""Verdicts that join two images into one cluster: they show, wholly or in part, the same thing."""


class Verdict(models.Model):
    """What one annotator said of one pair, append-only; taking it back is another row.

    The pair is in canonical order (see `Measurement`).
    """

    image_a = models.ForeignKey(Image, models.CASCADE, related_name="+", db_index=False)
    image_b = models.ForeignKey(Image, models.CASCADE, related_name="+")
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="verdicts")
    choice = models.CharField(max_length=12, choices=Choice)
    note = models.TextField(blank=True)
    seconds = models.FloatField(null=True, help_text="From the pair's appearance to the verdict.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["image_a", "image_b", "id"], name="verdict_by_pair"),
            models.Index(fields=["annotator", "-id"], name="verdict_by_annotator"),
        ]

    def __str__(self) -> str:
        return f"{self.image_a_id}–{self.image_b_id}: {self.choice}"


class Decision(models.Model):
    """What holds of a pair now: derived from its verdicts, written in the same transaction.

    The latest verdict that stands decides; a pair whose verdicts are all withdrawn has no row.
    """

    image_a = models.ForeignKey(Image, models.CASCADE, related_name="+", db_index=False)
    image_b = models.ForeignKey(Image, models.CASCADE, related_name="+")
    dataset_a = models.ForeignKey(Dataset, models.CASCADE, related_name="+", db_constraint=False, db_index=False)
    dataset_b = models.ForeignKey(Dataset, models.CASCADE, related_name="+", db_constraint=False, db_index=False)
    choice = models.CharField(max_length=12, choices=Choice)
    verdict = models.ForeignKey(Verdict, models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["image_a", "image_b"], name="decision_once")]
        indexes = [models.Index(fields=["dataset_a", "dataset_b", "choice"], name="decision_by_datasets")]

    def __str__(self) -> str:
        return f"{self.image_a_id}–{self.image_b_id}: {self.choice}"
