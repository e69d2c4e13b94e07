"""The labels of an import: made where they are missing, given to images, taken back where the upload is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import connection

from catalog.core.layouts import ImageEntry, LabelInfo, Layout
from catalog.models import Dataset, Image, ImageLabel, Label

LABELS_SPACE = 0x5159
"""Of advisory locks: held shared by each import into a project, alone by one that takes labels back."""


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels that an upload speaks of.

    Attributes:
        ids: name → id.
        made: ids of those that the project did not have before.
    """

    ids: Mapping[str, int]
    made: Sequence[int]


def store_labels(dataset: Dataset, layout: Layout) -> Labels:
    """Make the labels that are missing. Those that are there stay as they are: see `describe_labels`."""
    described = {info.name: info for info in layout.labels}
    names = set(described) | {label for entry in layout.images for label in entry.labels}
    of_project = Label.objects.filter(project_id=dataset.project_id, name__in=names)
    before = set(of_project.values_list("name", flat=True))
    infos = [described.get(name, LabelInfo(name)) for name in sorted(names - before)]
    Label.objects.bulk_create(
        [
            Label(project_id=dataset.project_id, name=info.name, title=info.title, description=info.description)
            for info in infos
        ],
        ignore_conflicts=True,
        batch_size=5000,
    )
    ids = dict(of_project.values_list("name", "pk"))
    return Labels(ids, [pk for name, pk in ids.items() if name not in before])


def describe_labels(dataset: Dataset, infos: Iterable[LabelInfo]) -> None:
    """Give a title and a description to labels that have none."""
    told = {info.name: info for info in infos if info.title or info.description}
    changed = []
    for label in Label.objects.filter(project_id=dataset.project_id, name__in=told):
        info = told[label.name]
        if (info.title and not label.title) or (info.description and not label.description):
            label.title, label.description = label.title or info.title, label.description or info.description
            changed.append(label)
    Label.objects.bulk_update(changed, ["title", "description"], batch_size=1000)


def attach_labels(images: Sequence[Image], entries: Sequence[ImageEntry], labels: Labels) -> None:
    """Let new images carry their labels."""
    ImageLabel.objects.bulk_create(
        [
            ImageLabel(image_id=image.pk, label_id=labels.ids[name])
            for image, entry in zip(images, entries, strict=True)
            for name in dict.fromkeys(entry.labels)
        ],
        batch_size=10_000,
    )


def forget_labels(dataset: Dataset, labels: Labels) -> None:
    """Remove labels that a refused upload has made, unless another import into the project may be using them now."""
    key = [LABELS_SPACE, dataset.project_id % 2**31]
    with connection.cursor() as cursor:
        # The import's own shared lock does not stand in its way, anybody else's does.
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", key)
        if not cursor.fetchone()[0]:
            return
        try:
            Label.objects.filter(pk__in=labels.made, image_labels__isnull=True).delete()
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", key)
