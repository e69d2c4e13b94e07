"""Signals, and what was computed from single images under them."""

from django.db import models
from pgvector.django import VectorField

from catalog.models import Dataset, Image, Project


class Signal(models.Model):
    """A way to compare two images, known by its name; the row gives it the small key that large tables carry.

    What a signal computes never changes: a change is a new name.
    """

    id = models.SmallAutoField(primary_key=True)
    name = models.CharField(max_length=200, unique=True)
    dim = models.PositiveIntegerField(
        null=True, blank=True, help_text="Dimensions of its embeddings; empty for hashes, and before the first one."
    )
    project = models.ForeignKey(
        Project,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="Whose it is, where people brought its vectors ready-made; nobody else sees it.",
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Hash(models.Model):
    """The packed bits of one image under one signal, as `numpy.packbits` packs them.

    Kept as bytes, not as pgvector's `bit`: the exact join reads them straight into an array through COPY.
    The dataset stands here too, so that a dataset's hashes are read without joining two large tables.
    """

    pk = models.CompositePrimaryKey("image", "signal")
    image = models.ForeignKey(Image, models.CASCADE, related_name="hashes", db_index=False)
    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="+", db_constraint=False, db_index=False)
    signal = models.ForeignKey(Signal, models.PROTECT, related_name="+", db_index=False)
    bits = models.BinaryField()

    class Meta:
        indexes = [models.Index(fields=["dataset", "signal", "image"], name="hash_by_dataset")]

    def __str__(self) -> str:
        return f"{self.image_id} {self.signal_id}"


class Embedding(models.Model):
    """The unit vector of one image under one signal.

    The column has no fixed dimension, so a new encoder needs no migration; the dimension stands with the signal.
    Neighbour search makes a partial index for each signal (see `analysis.neighbours`), exact joins read by COPY.
    """

    pk = models.CompositePrimaryKey("image", "signal")
    image = models.ForeignKey(Image, models.CASCADE, related_name="embeddings", db_index=False)
    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="+", db_constraint=False, db_index=False)
    signal = models.ForeignKey(Signal, models.PROTECT, related_name="+", db_index=False)
    vector = VectorField()

    class Meta:
        indexes = [models.Index(fields=["dataset", "signal", "image"], name="embedding_by_dataset")]

    def __str__(self) -> str:
        return f"{self.image_id} {self.signal_id}"
