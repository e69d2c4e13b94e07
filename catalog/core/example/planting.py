"""What the example holds: which images, which of them are copies of which, and what is wrong on purpose."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from catalog.core.example.alterations import ALTERATIONS, Parameters, choose_parameters

DEFAULT_SIZES: Mapping[str, int] = {"Harbour museum": 120, "City archive": 80, "Picture library": 60}
FOLDERS: Mapping[str, str] = {
    "Harbour museum": "harbour-museum",
    "City archive": "city-archive",
    "Picture library": "picture-library",
}
LABELS: Mapping[str, str] = {
    "bird": "one or several birds, perched or in flight",
    "flowers": "blossoms in a vase or in a meadow",
    "fruit bowl": "a dish of fruit on a table",
    "lighthouse": "a lighthouse by the sea",
    "mountains": "mountain ranges, with or without a lake",
    "portrait": "head and shoulders of one or two people",
    "ship": "sailing ships or steamers at sea",
    "tower": "church, castle and city towers",
}

# What each institution collects, as shares in the order of LABELS.
_INTERESTS: Mapping[str, tuple[float, ...]] = {
    "Harbour museum": (0.16, 0.04, 0.05, 0.22, 0.08, 0.1, 0.26, 0.09),
    "City archive": (0.06, 0.1, 0.08, 0.08, 0.1, 0.2, 0.13, 0.25),
    "Picture library": (0.15, 0.18, 0.17, 0.06, 0.17, 0.12, 0.08, 0.07),
}
# How often each alteration is planted among 26 copies.
_DECK = tuple(
    alteration for alteration, times in zip(ALTERATIONS, (4, 4, 4, 3, 4, 2, 2, 3), strict=True) for _ in range(times)
)


@dataclass(frozen=True, slots=True)
class Picture:
    """One image of the example.

    Attributes:
        dataset: name of its dataset.
        name: its name as the catalogue reads it: the path below the dataset's root without suffix, such as
            ``ship/HM-1931-0206``, ``CA-F002-0284`` (below ``JPEGImages/``) or ``pl_040127``.
        file: its path in the dataset's folder, with ``/``.
        labels: the class names that it carries there.
    """

    dataset: str
    name: str
    file: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlantedPair:
    """Two images of which one was made from the other.

    Attributes:
        dataset_a: dataset of the original.
        name_a: name of the original.
        dataset_b: dataset of the image made from it.
        name_b: name of the image made from it.
        transformation: one of ``ALTERATIONS``, or ``version`` for the same composition with other details.
        parameters: what the transformation was done with.
        labels_differ: whether the two carry different labels.
    """

    dataset_a: str
    name_a: str
    dataset_b: str
    name_b: str
    transformation: str
    parameters: Parameters
    labels_differ: bool


@dataclass(frozen=True, slots=True)
class PlantedRefusal:
    """A file that must be refused: ``truncated`` JPEG, ``text`` named as one, or ``empty``."""

    dataset: str
    file: str
    kind: str


@dataclass(frozen=True, slots=True)
class Truth:
    """Everything that is known about one example.

    Attributes:
        seed: what it was drawn from.
        pictures: every image, in order of dataset and name.
        copies: pairs that show the same picture. An original with two copies has two pairs here, see ``groups``.
        versions: pairs of two versions of a composition: alike, but not copies. Copies of either are alike as well.
        refused: files that are no images.
    """

    seed: int
    pictures: tuple[Picture, ...]
    copies: tuple[PlantedPair, ...]
    versions: tuple[PlantedPair, ...]
    refused: tuple[PlantedRefusal, ...]

    def groups(self) -> list[list[tuple[str, str]]]:
        """The (dataset, name) of all images that show the same picture, for every picture shown more than once."""
        found: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for pair in self.copies:
            original = (pair.dataset_a, pair.name_a)
            found.setdefault(original, [original]).append((pair.dataset_b, pair.name_b))
        return list(found.values())

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "Truth":
        """Read what ``write`` wrote."""
        raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            seed=raw["seed"],
            pictures=tuple(Picture(**{**row, "labels": tuple(row["labels"])}) for row in raw["pictures"]),
            copies=tuple(PlantedPair(**row) for row in raw["copies"]),
            versions=tuple(PlantedPair(**row) for row in raw["versions"]),
            refused=tuple(PlantedRefusal(**row) for row in raw["refused"]),
        )


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one image is made; ``source`` is the number of the image that it is made from, its own if it is new."""

    picture: Picture
    subject: str
    source: int
    transformation: str
    parameters: Parameters
    suffix: str


def plan(
    *,
    seed: int = 7,
    sizes: Mapping[str, int] | None = None,
    copies: float = 0.15,
    broken: bool = True,
) -> Truth:
    """What ``generate`` would make, without drawing it. Arguments and errors as there."""
    return plan_recipes(seed, DEFAULT_SIZES if sizes is None else sizes, copies, broken=broken)[0]


def plan_recipes(seed: int, sizes: Mapping[str, int], copies: float, *, broken: bool) -> tuple[Truth, list[Recipe]]:
    """Plan an example: its truth, and how each image in ``Truth.pictures`` is made, in the same order."""
    unknown = set(sizes) - set(FOLDERS)
    if unknown or any(size < 0 for size in sizes.values()) or not 0 <= copies <= 0.5:
        raise ValueError(f"sizes {dict(sizes)} must be of {list(FOLDERS)} and not negative, copies {copies} in 0-0.5")
    if seed < 0:
        raise ValueError(f"seed {seed} is negative")
    rng = np.random.default_rng([seed, 0])
    dataset_of = [name for name in FOLDERS for _ in range(sizes.get(name, 0))]
    total = len(dataset_of)
    planned = round(copies * total)
    versions = min(max(3, round(0.01 * total)), total // 4) if copies else 0
    made = rng.permutation(total)[: planned + versions].tolist()
    deck = [str(kind) for k in range(0, planned, len(_DECK)) for kind in rng.permutation(_DECK)][:planned]
    kinds = dict(zip(made, [*deck, *["version"] * versions], strict=True))
    names = _names(rng, sizes)
    subjects = [str(rng.choice(tuple(LABELS), p=_INTERESTS[name])) for name in dataset_of]
    suffixes = [_suffix(rng, name) for name in dataset_of]
    originals = {name: [i for i in range(total) if dataset_of[i] == name and i not in kinds] for name in FOLDERS}

    recipes: list[Recipe] = []
    sources: list[int] = []
    used: set[int] = set()
    last: int | None = None
    for number, dataset in enumerate(dataset_of):
        source = number
        if number in kinds:
            # A file copied as it is keeps its format, which has to suit every layout.
            jpeg_only = kinds[number] == "identical"
            source = _choose_source(rng, originals, dataset, jpeg_only=jpeg_only, suffixes=suffixes, used=used)
            # Now and then the picture copied last is copied again, so that some are shown three times.
            again = kinds[number] != "version" and rng.random() < 0.08
            if again and last is not None and not (jpeg_only and suffixes[last] != ".jpg"):
                source = last
            used.add(source)
            last = source if kinds[number] != "version" else last
        sources.append(source)
    for number, dataset in enumerate(dataset_of):
        kind, source = kinds.get(number, ""), sources[number]
        subject = label = subjects[source]
        # Every fifth copy or so was catalogued by somebody who saw something else in it.
        if kind and kind != "version" and rng.random() < 0.2:
            label = str(rng.choice([other for other in LABELS if other != subject]))
        suffix = suffixes[source] if kind == "identical" else ".jpg" if kind == "reencoded" else suffixes[number]
        name = f"{label}/{names[number]}" if dataset == "Harbour museum" else names[number]
        picture = Picture(dataset, name, _file(dataset, name, suffix), (label,))
        parameters = choose_parameters(kind, rng)
        recipes.append(Recipe(picture, subject, source, kind, parameters, suffix))
    pairs = [_pair(recipes[recipe.source].picture, recipe) for recipe in recipes if recipe.transformation]
    first = next((name for name in FOLDERS if sizes.get(name, 0)), None)
    truth = Truth(
        seed=seed,
        pictures=tuple(recipe.picture for recipe in recipes),
        copies=tuple(pair for pair in pairs if pair.transformation != "version"),
        versions=tuple(pair for pair in pairs if pair.transformation == "version"),
        refused=_refusals(first) if broken and first else (),
    )
    return truth, recipes


def _names(rng: np.random.Generator, sizes: Mapping[str, int]) -> list[str]:
    """Inventory numbers by each institution's own habit, ascending, with the gaps that real ones have."""
    names: list[str] = []
    steps = {name: np.cumsum(rng.integers(1, 9, sizes.get(name, 0))) for name in FOLDERS}
    years = np.sort(rng.integers(1896, 1979, len(steps["Harbour museum"])))
    names += [f"HM-{year}-{number:04d}" for year, number in zip(years, steps["Harbour museum"], strict=True)]
    names += [f"CA-F{number // 200 + 1:03d}-{number:04d}" for number in steps["City archive"]]
    names += [f"pl_{number + 40_000:06d}" for number in steps["Picture library"]]
    return names


def _suffix(rng: np.random.Generator, dataset: str) -> str:
    if dataset == "City archive":
        return ".jpg"
    return str(rng.choice([".jpg", ".png", ".webp"], p=[0.84, 0.06, 0.1]))


def _file(dataset: str, name: str, suffix: str) -> str:
    return f"JPEGImages/{name}{suffix}" if dataset == "City archive" else f"{name}{suffix}"


def _choose_source(
    rng: np.random.Generator,
    originals: Mapping[str, list[int]],
    dataset: str,
    *,
    jpeg_only: bool,
    suffixes: Sequence[str],
    used: set[int],
) -> int:
    """An original to copy, from another dataset in four of five cases; a used one only where others are scarce."""
    here, elsewhere = originals[dataset], [name for name in originals if name != dataset and originals[name]]
    within = not elsewhere or (bool(here) and rng.random() < 0.2)
    pool = here if within else originals[elsewhere[rng.integers(len(elsewhere))]]
    choice = pool[rng.integers(len(pool))]
    for _ in range(50):
        fits = not jpeg_only or suffixes[choice] == ".jpg"
        if fits and choice not in used:
            break
        choice = pool[rng.integers(len(pool))]
    return choice


def _pair(original: Picture, recipe: Recipe) -> PlantedPair:
    made = recipe.picture
    return PlantedPair(
        original.dataset,
        original.name,
        made.dataset,
        made.name,
        recipe.transformation,
        recipe.parameters,
        labels_differ=original.labels != made.labels,
    )


def _refusals(dataset: str) -> tuple[PlantedRefusal, ...]:
    folder = "ship/" if dataset == "Harbour museum" else ""
    kinds = {"scan-0017": "truncated", "notes-on-loans": "text", "scan-0018": "empty"}
    return tuple(PlantedRefusal(dataset, _file(dataset, folder + name, ".jpg"), kind) for name, kind in kinds.items())
