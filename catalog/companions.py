"""What comes without pictures, or beside them: names with hashes, and vectors that were made elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial

from django.db import transaction
from django.db.models import F

from catalog.core.errors import BrokenTable
from catalog.core.labels import matcher
from catalog.core.layouts import Layout, VectorFile
from catalog.core.memory import bounded
from catalog.core.sources import Refusal, Source, shown
from catalog.hooks import BroughtHashes, BroughtVectors, observers
from catalog.labelling import Labels, attach_labels
from catalog.models import Dataset, Image, Upload

EXAMPLES = 3
"""How many unknown names are told."""
NAMES_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of files that are no pictures.

    Attributes:
        description: what was recognised, in words for people.
        said: what was read, in words for people.
        warnings: sentences: what deserves a look.
        refused: files of vectors that were not taken, beside pictures that were.
    """

    description: str
    said: Sequence[str]
    warnings: Sequence[str]
    refused: Sequence[Refusal]


def take_fingerprints(upload: Upload, source: Source, layout: Layout, labels: Labels) -> Outcome:
    """Take a collection without pictures, in the caller's transaction.

    New names are new images, except where the dataset has pictures: there hashes and vectors are of its images. Those
    of images that are there already are added to them.

    Raises:
        BrokenTable: a file of hashes or vectors cannot be read, is of images that are not there, or says something
            else of an image than what is stored.
    """
    dataset = upload.dataset
    if Image.objects.filter(dataset=dataset).exclude(file="").exists():
        return _outcome(layout, _said(dataset, source, layout), known=len(layout.images))
    images = {image.name: image for image in _of_names(dataset, [entry.name for entry in layout.images])}
    known = sum(image.upload_id != upload.pk for image in images.values())
    new = [entry for entry in layout.images if entry.name not in images]
    made = Image.objects.bulk_create(
        [Image(dataset=dataset, upload=upload, name=entry.name, path=entry.name) for entry in new], batch_size=10_000
    )
    attach_labels(made, new, labels)
    Dataset.objects.filter(pk=dataset.pk).update(image_count=F("image_count") + len(made))
    return _outcome(layout, _said(dataset, source, layout), known=known)


def take_vectors(upload: Upload, source: Source, layout: Layout) -> Outcome:
    """Take the vectors that came beside pictures, in the caller's transaction, each file wholly or not at all."""
    said: list[str] = []
    refused: list[Refusal] = []
    pictures = frozenset(entry.name for entry in layout.images)
    for file in layout.vectors:
        try:
            with transaction.atomic():
                said += _take(upload.dataset, source, file, refused=pictures)
        except BrokenTable as error:
            refused.append(Refusal(file.path, "broken-vectors", str(error)))
    return Outcome(layout.description, said, [], refused)


def _outcome(layout: Layout, said: Sequence[str], *, known: int) -> Outcome:
    if not known:
        return Outcome(layout.description, said, [], [])
    kinds = " and ".join(name for name, held in (("hashes", layout.companions), ("vectors", layout.vectors)) if held)
    description = f"{kinds.capitalize()} of {_counted(known, 'image')} here before"
    if new := len(layout.images) - known:
        description += f", and of {_counted(new, 'new image')} without pictures"
    warnings = []
    if any(entry.labels for entry in layout.images):
        warnings.append("Images that were here before keep their labels; those of this upload were not used for them.")
    return Outcome(description, said, warnings, [])


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _said(dataset: Dataset, source: Source, layout: Layout) -> list[str]:
    said = _take_hashes(dataset, source, layout) if layout.companions else []
    return said + [line for file in layout.vectors for line in _take(dataset, source, file, refused=frozenset())]


def _take_hashes(dataset: Dataset, source: Source, layout: Layout) -> list[str]:
    """Have the files of hashes read.

    Raises:
        BrokenTable: one of them is not taken.
    """
    found = _meant(dataset, " and ".join(sorted(layout.companions)), layout.names, refused=frozenset())
    brought = BroughtHashes(
        names=layout.names,
        image_ids=[pk for pk in found if pk is not None],
        files={name: source.read(path) for name, path in layout.companions.items()},
    )
    return [line for observer in observers() for line in observer.companions_brought(dataset, brought)]


def _take(dataset: Dataset, source: Source, file: VectorFile, *, refused: AbstractSet[str]) -> list[str]:
    """Have one file of vectors read.

    Args:
        dataset: whose images its rows are of.
        source: where it lies.
        file: the file.
        refused: names of pictures of this upload; those among them that are no images by now were refused.

    Raises:
        BrokenTable: the file is not taken.
    """
    file_name = file.path.rpartition("/")[2]
    image_ids = _meant(dataset, file_name, file.names, refused=refused)
    brought = BroughtVectors(file_name, file.names, image_ids, partial(source.open, file.path))
    with bounded():
        said = [line for observer in observers() for line in observer.vectors_brought(dataset, brought)]
    if left := image_ids.count(None):
        said.append(f"left out, since the file was refused: {_counted(left, 'row')} of {file_name}")
    return said


def _meant(dataset: Dataset, what: str, names: Sequence[str], *, refused: AbstractSet[str]) -> list[int | None]:
    """The image of each name; None for a picture that was refused.

    Args:
        dataset: whose images.
        what: the names are of it, for messages.
        names: as images are named, or by less or more of their path.
        refused: names of pictures of this upload.

    Raises:
        BrokenTable: a name means no image, or more than one, or two mean the same.
    """
    found = _images_of(dataset, names, refused)
    unknown = [name for name in names if name not in found]
    if unknown:
        examples = ", ".join(shown(name, longest=60) for name in unknown[:EXAMPLES])
        more = f" and {len(unknown) - EXAMPLES:,} more" if len(unknown) > EXAMPLES else ""
        raise BrokenTable(
            f"{what}: {len(unknown):,} of its {len(names):,} names mean no image here, or more than one: "
            f"{examples}{more}.",
            remedy="Name the rows as the images are named here, by their path without suffix, or leave these rows out.",
        )
    image_ids = [found[name] for name in names]
    _refuse_twice(what, names, image_ids)
    return image_ids


def _images_of(dataset: Dataset, names: Sequence[str], refused: AbstractSet[str]) -> dict[str, int | None]:
    """Name → id of the one image that it means; None where that is a refused picture, absent where there is none."""
    found: dict[str, int | None] = {image.name: image.pk for image in _of_names(dataset, names)}
    others = [name for name in names if name not in found]
    if others:
        ids = dict(Image.objects.filter(dataset=dataset).values_list("name", "pk").iterator())
        find = matcher([*ids, *refused])
        found |= {name: ids.get(meant) for name in others if (meant := find(name)) is not None}
    return found


def _of_names(dataset: Dataset, names: Sequence[str]) -> Iterable[Image]:
    for start in range(0, len(names), NAMES_AT_ONCE):
        part = names[start : start + NAMES_AT_ONCE]
        yield from Image.objects.filter(dataset=dataset, name__in=part).only("name", "upload_id")


def _refuse_twice(file_name: str, names: Sequence[str], image_ids: Sequence[int | None]) -> None:
    first: dict[int, str] = {}
    for name, image_id in zip(names, image_ids, strict=True):
        if image_id is not None and first.setdefault(image_id, name) != name:
            raise BrokenTable(
                f"{file_name}: {shown(first[image_id])} and {shown(name)} mean the same image.",
                remedy="Keep one row for each image.",
            )
