"""Signals, and what was computed from single images under them."""

from django.db import models

from catalog.models import Dataset, Image


class Signal(models.Model):
    """A way to compare two images, known by its name; the row gives it the small key that large tables carry.

    What a signal computes never changes: a change is a new name.
    """

    id = models.SmallAutoField(primary_key=True)
    name = models.CharField(max_length=200, unique=True)

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
