"""The example: what it promises about bytes, layouts, copies, and how far apart its images lie."""

import csv
import hashlib
import io
import json
import zipfile
from collections import Counter
from pathlib import Path

import imagehash
import numpy as np
import pytest
from PIL import Image

from catalog.core.archives import ArchiveSource
from catalog.core.example import (
    ALTERATIONS,
    DEFAULT_SIZES,
    FOLDERS,
    LABELS,
    Picture,
    Truth,
    archive,
    generate,
    iterate,
    plan,
)
from catalog.core.layouts import recognise

SMALL = {"Harbour museum": 14, "City archive": 10, "Picture library": 8}
TINY = (48, 80)


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Truth]:
    out = tmp_path_factory.mktemp("example")
    return out, generate(out)


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def path_of(out: Path, picture: Picture) -> Path:
    return out / FOLDERS[picture.dataset] / picture.file


@pytest.fixture(scope="module")
def distances(example: tuple[Path, Truth]) -> tuple[dict[tuple[str, str], int], np.ndarray]:
    """Row of each image, and the 64-bit phash distances of all pairs as ImageHash gives them."""
    out, truth = example
    bits = []
    for picture in truth.pictures:
        with Image.open(path_of(out, picture)) as image:
            bits.append(imagehash.phash(image.convert("RGB")).hash.ravel())
    signs = np.where(np.array(bits), 1, -1)
    rows = {(picture.dataset, picture.name): row for row, picture in enumerate(truth.pictures)}
    return rows, (64 - signs @ signs.T) // 2


def test_same_seed_same_bytes_other_seed_other_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        generate(tmp_path / name, seed=seed, sizes=SMALL, image_size=TINY)
    first, second, third = (digests(tmp_path / name) for name in "abc")
    assert first == second
    assert not set(first.values()) & set(third.values()) - {
        # What holds no drawing does not depend on the seed.
        first["city-archive/classes.csv"],
        *(digest for name, digest in first.items() if "notes-on-loans" in name or "scan-0018" in name),
    }


def test_iterate_makes_the_files_that_generate_writes(tmp_path: Path) -> None:
    truth = generate(tmp_path, sizes=SMALL, image_size=TINY)
    made = list(iterate(sizes=SMALL, image_size=TINY))
    assert tuple(picture for picture, _ in made) == truth.pictures
    for picture, data in made:
        assert path_of(tmp_path, picture).read_bytes() == data


def test_an_image_does_not_depend_on_those_drawn_before_it() -> None:
    recipes = list(iterate(sizes=SMALL, copies=0, image_size=TINY))
    again = iterate(sizes=SMALL, copies=0, image_size=TINY)
    next(again)
    assert next(again) == recipes[1]


def test_truth_is_written_beside_the_datasets_and_reads_back(example: tuple[Path, Truth]) -> None:
    out, truth = example
    assert Truth.read(out / "truth.json") == truth
    assert plan() == truth
    assert sorted(path.name for path in out.iterdir()) == sorted([*FOLDERS.values(), "truth.json"])


def test_every_file_is_accounted_for(example: tuple[Path, Truth]) -> None:
    out, truth = example
    tables = {"city-archive/2_ground_truth.json", "city-archive/classes.csv", "picture-library/metadata.csv"}
    known = {f"{FOLDERS[picture.dataset]}/{picture.file}" for picture in truth.pictures}
    known |= {f"{FOLDERS[refusal.dataset]}/{refusal.file}" for refusal in truth.refused}
    assert set(digests(out)) == known | tables | {"truth.json"}
    assert Counter(picture.dataset for picture in truth.pictures) == DEFAULT_SIZES
    assert len({(picture.dataset, picture.name) for picture in truth.pictures}) == len(truth.pictures)


def test_layouts_carry_the_labels_of_the_truth(example: tuple[Path, Truth]) -> None:
    out, truth = example
    labels = {(picture.dataset, picture.name): picture.labels for picture in truth.pictures}
    assert {label for carried in labels.values() for label in carried} == set(LABELS)
    for picture in truth.pictures:
        if picture.dataset == "Harbour museum":
            assert picture.name.split("/")[0] == picture.labels[0]
    rows = json.loads((out / "city-archive" / "2_ground_truth.json").read_text())
    assert {("City archive", row["item"]): (row["class"],) for row in rows} == {
        key: value for key, value in labels.items() if key[0] == "City archive"
    }
    with (out / "city-archive" / "classes.csv").open(newline="") as file:
        assert {row["ID"]: row["Description"] for row in csv.DictReader(file)} == LABELS
    with (out / "picture-library" / "metadata.csv").open(newline="") as file:
        listed = {row["file_name"]: (row["label"],) for row in csv.DictReader(file)}
    assert listed == {p.file: p.labels for p in truth.pictures if p.dataset == "Picture library"}


def test_the_catalogue_reads_names_and_labels_as_the_truth_has_them(
    example: tuple[Path, Truth], tmp_path: Path
) -> None:
    out, truth = example
    for dataset, folder in FOLDERS.items():
        with ArchiveSource(archive(out / folder, tmp_path / f"{folder}.zip")) as source:
            read = recognise(source)
        refused = {refusal.file for refusal in truth.refused if refusal.dataset == dataset}
        pictures = [picture for picture in truth.pictures if picture.dataset == dataset]
        found = {(image.path, image.name, image.labels) for image in read.images if image.path not in refused}
        assert found == {(picture.file, picture.name, picture.labels) for picture in pictures}
        assert len(read.images) == len(pictures) + len(refused)


def test_an_example_is_not_mixed_with_another(tmp_path: Path) -> None:
    generate(tmp_path, sizes=SMALL, image_size=TINY)
    before = digests(tmp_path)
    with pytest.raises(FileExistsError, match="harbour-museum"):
        generate(tmp_path, seed=8, sizes=SMALL, image_size=TINY)
    assert digests(tmp_path) == before


def test_formats_and_sizes_vary(example: tuple[Path, Truth]) -> None:
    out, truth = example
    made = {(pair.dataset_b, pair.name_b) for pair in truth.copies}
    formats: Counter[str] = Counter()
    sizes = set()
    for picture in truth.pictures:
        with Image.open(path_of(out, picture)) as image:
            image.load()
            kind = str(image.format)
            formats[kind] += 1
            assert {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp"}[kind] == Path(picture.file).suffix
            if (picture.dataset, picture.name) not in made:
                sizes.add(image.size)
    assert formats["JPEG"] > 0.7 * len(truth.pictures)
    assert min(formats["PNG"], formats["WEBP"]) >= 3
    assert min(min(size) for size in sizes) >= 300
    assert max(max(size) for size in sizes) <= 700
    assert len({round(width / height, 1) for width, height in sizes}) >= 6


def test_refused_files_are_what_they_are_said_to_be(example: tuple[Path, Truth]) -> None:
    out, truth = example
    assert sorted(refusal.kind for refusal in truth.refused) == ["empty", "text", "truncated"]
    for refusal in truth.refused:
        path = out / FOLDERS[refusal.dataset] / refusal.file
        if refusal.kind == "truncated":
            with Image.open(path) as image, pytest.raises(OSError, match="truncated"):
                image.load()
        else:
            with pytest.raises(OSError, match="cannot identify"):
                Image.open(path)
    assert not plan(broken=False).refused


def test_all_alterations_are_planted_across_and_within_with_label_conflicts(example: tuple[Path, Truth]) -> None:
    truth = example[1]
    labels = {(picture.dataset, picture.name): picture.labels for picture in truth.pictures}
    across = sum(pair.dataset_a != pair.dataset_b for pair in truth.copies)
    assert {pair.transformation for pair in truth.copies} == set(ALTERATIONS)
    assert len(truth.copies) == round(0.15 * len(truth.pictures))
    assert across > 0.6 * len(truth.copies)
    assert across < len(truth.copies)
    for pair in truth.copies:
        differ = labels[pair.dataset_a, pair.name_a] != labels[pair.dataset_b, pair.name_b]
        assert pair.labels_differ == differ
    assert 3 <= sum(pair.labels_differ for pair in truth.copies) <= len(truth.copies) / 2
    assert len(truth.versions) == 3
    assert any(len(group) > 2 for group in truth.groups())


def test_identical_copies_are_the_only_equal_files(example: tuple[Path, Truth]) -> None:
    out, truth = example
    by_digest: dict[str, set[tuple[str, str]]] = {}
    for picture in truth.pictures:
        digest = hashlib.sha256(path_of(out, picture).read_bytes()).hexdigest()
        by_digest.setdefault(digest, set()).add((picture.dataset, picture.name))
    equal = {frozenset(names) for names in by_digest.values() if len(names) > 1}
    planted: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for pair in truth.copies:
        if pair.transformation == "identical":
            original = (pair.dataset_a, pair.name_a)
            planted.setdefault(original, {original}).add((pair.dataset_b, pair.name_b))
    assert equal == {frozenset(names) for names in planted.values()}


def test_copies_are_as_far_apart_as_their_alteration_makes_them(
    example: tuple[Path, Truth], distances: tuple[dict[tuple[str, str], int], np.ndarray]
) -> None:
    rows, matrix = distances
    found: dict[str, list[int]] = {}
    for pair in example[1].copies:
        distance = matrix[rows[pair.dataset_a, pair.name_a], rows[pair.dataset_b, pair.name_b]]
        upright = pair.transformation != "rotated" or pair.parameters["degrees"] in (90, 270)
        found.setdefault(pair.transformation if upright else "tilted", []).append(int(distance))
    assert max(found["identical"]) == 0
    for alteration in ("reencoded", "resized", "recoloured", "watermarked"):
        assert max(found[alteration]) <= 8, alteration
    assert min(found["mirrored"] + found["rotated"]) > 20
    assert max(found["cropped"]) < 30


def test_unrelated_images_lie_far_apart(
    example: tuple[Path, Truth], distances: tuple[dict[tuple[str, str], int], np.ndarray]
) -> None:
    truth, (rows, matrix) = example[1], distances
    related = np.eye(len(rows), dtype=bool)
    group_of = {member: group for group in truth.groups() for member in group}
    for pair in truth.versions:
        a, b = (pair.dataset_a, pair.name_a), (pair.dataset_b, pair.name_b)
        for member in group_of.get(a, [a]):
            related[rows[member], rows[b]] = related[rows[b], rows[member]] = True
    for group in truth.groups():
        members = [rows[member] for member in group]
        related[np.ix_(members, members)] = True
    unrelated = matrix[~related]
    assert unrelated.min() > 8
    assert np.mean(unrelated <= 12) < 1e-3
    assert 31 < unrelated.mean() < 33


def test_versions_are_alike_and_not_the_same(
    example: tuple[Path, Truth], distances: tuple[dict[tuple[str, str], int], np.ndarray]
) -> None:
    out, truth = example
    rows, matrix = distances
    pictures = {(picture.dataset, picture.name): picture for picture in truth.pictures}
    for pair in truth.versions:
        a, b = (pair.dataset_a, pair.name_a), (pair.dataset_b, pair.name_b)
        assert matrix[rows[a], rows[b]] <= 16
        with Image.open(path_of(out, pictures[a])) as first, Image.open(path_of(out, pictures[b])) as second:
            assert first.size == second.size
            change = np.asarray(first.convert("RGB"), dtype=float) - np.asarray(second.convert("RGB"))
        assert np.mean(np.abs(change) > 24) > 0.02


def test_any_size_can_be_planned_without_drawing() -> None:
    truth = plan(sizes={"City archive": 3000, "Picture library": 2000}, seed=1)
    assert len(truth.pictures) == 5000
    assert len(truth.copies) == 750
    assert len(truth.versions) == 50
    copied = {(pair.dataset_b, pair.name_b) for pair in (*truth.copies, *truth.versions)}
    assert len(copied) == 800
    assert not copied & {(pair.dataset_a, pair.name_a) for pair in truth.copies}
    for total in range(6):
        assert len(plan(sizes={"City archive": total}, copies=0.5).pictures) == total


@pytest.mark.parametrize(
    "wrong",
    [
        {"sizes": {"Town hall": 3}},
        {"sizes": {"City archive": -1}},
        {"copies": 0.6},
        {"seed": -1},
        {"image_size": (300, 400)},
        {"image_size": (4, 40)},
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_written(wrong: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        generate(tmp_path / "out", **wrong)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_archive_is_the_same_for_the_same_content(tmp_path: Path) -> None:
    generate(tmp_path / "a", sizes=SMALL, image_size=TINY)
    generate(tmp_path / "b", sizes=SMALL, image_size=TINY)
    first = archive(tmp_path / "a" / "city-archive", tmp_path / "a.zip")
    second = archive(tmp_path / "b" / "city-archive", tmp_path / "b.zip")
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(io.BytesIO(first.read_bytes())) as packed:
        assert packed.testzip() is None
        assert packed.namelist() == sorted(packed.namelist())
        unpacked = {name: hashlib.sha256(packed.read(name)).hexdigest() for name in packed.namelist()}
    assert unpacked == digests(tmp_path / "a" / "city-archive")
