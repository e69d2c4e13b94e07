"""Draws what was planted and writes it."""

import csv
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from catalog.core.example.alterations import alter, encode
from catalog.core.example.planting import DEFAULT_SIZES, FOLDERS, LABELS, Picture, Recipe, Truth, plan_recipes
from catalog.core.example.prints import draw

_ASPECTS = (1.0, 0.8, 0.75, 2 / 3, 0.625, 1.25, 4 / 3, 1.5, 1.6)


def iterate(
    *,
    seed: int = 7,
    sizes: Mapping[str, int] | None = None,
    copies: float = 0.15,
    image_size: tuple[int, int] = (300, 700),
) -> Iterator[tuple[Picture, bytes]]:
    """Make the same images as ``generate`` one at a time: each with the bytes of its file. Arguments as there."""
    recipes = plan_recipes(seed, DEFAULT_SIZES if sizes is None else sizes, copies, broken=False)[1]
    _check_image_size(image_size)
    for number in range(len(recipes)):
        yield recipes[number].picture, _make(recipes, number, seed, image_size)


def generate(
    out: Path,
    *,
    seed: int = 7,
    sizes: Mapping[str, int] | None = None,
    copies: float = 0.15,
    image_size: tuple[int, int] = (300, 700),
    broken: bool = True,
) -> Truth:
    """Write the example: a folder for each dataset, and ``truth.json`` beside them.

    The three datasets have three layouts: *Harbour museum* a folder per class, *City archive* a Pascal VOC folder
    ``JPEGImages/`` with ``2_ground_truth.json`` and ``classes.csv``, *Picture library* a flat folder with
    ``metadata.csv``. The same arguments and library versions give the same bytes.

    Args:
        out: folder to write into; created if absent, and without an example in it.
        seed: another seed gives other images, names and copies.
        sizes: number of images by dataset, any of ``DEFAULT_SIZES``; files to be refused come on top.
        copies: share of all images that are copies of another one, 0 to 0.5; most stand in another dataset.
        image_size: smallest and largest side of a drawn image in pixels; the largest at least 1.6 times the smallest.
            Copies may be smaller or larger.
        broken: put a truncated, a mislabelled and an empty file into the first dataset.

    Returns:
        What was planted.

    Raises:
        ValueError: an argument is outside what is said above.
        FileExistsError: a dataset's folder is already there; nothing was written.
    """
    sizes = DEFAULT_SIZES if sizes is None else sizes
    _check_image_size(image_size)
    truth, recipes = plan_recipes(seed, sizes, copies, broken=broken)
    for folder in FOLDERS.values():
        if (out / folder).exists():
            raise FileExistsError(f"{out / folder} is already there: two examples in one folder would mix")
    for number, recipe in enumerate(recipes):
        path = out / FOLDERS[recipe.picture.dataset] / recipe.picture.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_make(recipes, number, seed, image_size))
    for refusal in truth.refused:
        path = out / FOLDERS[refusal.dataset] / refusal.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_broken_file(refusal.kind, seed, image_size))
    _write_tables(out, truth)
    truth.write(out / "truth.json")
    return truth


def archive(folder: Path, out: Path) -> Path:
    """Write a folder as a ZIP that is the same for the same content: sorted, without times, uncompressed.

    Args:
        folder: a dataset's folder; its content stands at the root of the archive.
        out: path of the archive, outside the folder.

    Returns:
        ``out``.
    """
    files = sorted((path.relative_to(folder).as_posix(), path) for path in folder.rglob("*") if path.is_file())
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as target:
        for name, path in files:
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            target.writestr(entry, path.read_bytes())
    return out


def _check_image_size(image_size: tuple[int, int]) -> None:
    low, high = image_size
    if low < 16 or high < low * max(_ASPECTS):
        raise ValueError(f"image_size {image_size}: smallest side at least 16, largest at least 1.6 times that")


def _draw(recipes: list[Recipe], number: int, seed: int, image_size: tuple[int, int]) -> bytes:
    """The file of an original, or of another version of one."""
    recipe = recipes[number]
    layout = np.random.default_rng([seed, 1, recipe.source])
    low, high = image_size
    aspect = _ASPECTS[layout.integers(len(_ASPECTS))]
    longest = max(aspect, 1 / aspect)
    shorter = layout.uniform(low, min(high / longest, 1.4 * low))
    size = (round(shorter * max(1.0, aspect)), round(shorter * max(1.0, 1 / aspect)))
    image = draw(
        recipe.subject,
        size,
        layout=layout,
        detail=np.random.default_rng([seed, 2, number]),
        version=recipe.transformation == "version",
    )
    return encode(image, recipe.suffix)


def _make(recipes: list[Recipe], number: int, seed: int, image_size: tuple[int, int]) -> bytes:
    recipe = recipes[number]
    if recipe.transformation in ("", "version"):
        return _draw(recipes, number, seed, image_size)
    original = _draw(recipes, recipe.source, seed, image_size)
    return alter(original, recipe.transformation, recipe.parameters, recipe.suffix)


def _broken_file(kind: str, seed: int, image_size: tuple[int, int]) -> bytes:
    if kind == "text":
        return b"On loan until spring: HM-1902-0031, HM-1911-0120. Ask at the desk.\n"
    if kind == "empty":
        return b""
    layout, detail = np.random.default_rng([seed, 3]), np.random.default_rng([seed, 4])
    whole = encode(draw("ship", (image_size[0], image_size[0]), layout=layout, detail=detail), ".jpg")
    return whole[: len(whole) * 2 // 5]


def _write_tables(out: Path, truth: Truth) -> None:
    """The label files of the two layouts that have one."""
    archived = [picture for picture in truth.pictures if picture.dataset == "City archive"]
    if archived:
        folder = out / FOLDERS["City archive"]
        rows = [{"item": picture.name, "class": label} for picture in archived for label in picture.labels]
        (folder / "2_ground_truth.json").write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
        with (folder / "classes.csv").open("w", newline="", encoding="utf-8") as file:
            classes = csv.writer(file)
            classes.writerow(["ID", "Label", "Description"])
            classes.writerows([label, label, description] for label, description in LABELS.items())
    listed = [picture for picture in truth.pictures if picture.dataset == "Picture library"]
    if listed:
        with (out / FOLDERS["Picture library"] / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
            metadata = csv.writer(file)
            metadata.writerow(["file_name", "label"])
            metadata.writerows([picture.file, label] for picture in listed for label in picture.labels)
