"""The hashes give ImageHash's bits and the published ones, on real images and on hostile random ones."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
import pywt
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from analysis.core.errors import InvalidArray, UnknownName
from analysis.core.hashes import HASHES, Rendition, _haar, as_stored, bit_lengths, compute
from analysis.core.hashes._square import SquareHash
from analysis.core.metrics import Hamming
from catalog.core.images import read_image
from tests.core.golden import peers, pictures
from tests.shared import shared_data

AT_IMPORT = [name for name, entry in HASHES.items() if entry.at_import]
GOLDEN = Path(__file__).parent / "golden" / "hashes.json"


def assert_equal_to_library(rgb: NDArray[np.uint8]) -> None:
    image = Image.fromarray(rgb)
    for name, packed in compute(rgb, AT_IMPORT).items():
        np.testing.assert_array_equal(np.unpackbits(packed).astype(np.bool_), peers.bits(image, name), name)


def distance(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> int:
    return int(np.bitwise_count(a ^ b).sum())


def phash_of(path: Path) -> NDArray[np.uint8]:
    return compute(read_image(path.read_bytes()).rgb, ["phash-8"])["phash-8"]


def test_imports_compute_the_nine_hashes_of_the_first_release() -> None:
    assert set(AT_IMPORT) == set(peers.NAMES)


def test_files_may_list_the_hashes_that_are_compared_by_their_bits() -> None:
    lengths = bit_lengths()
    assert lengths.items() >= {"phash-8": 64, "whash-16": 256, "marr_hildreth-576": 576, "pdq-256": 256}.items()
    assert not lengths.keys() & {"color_moments-42", "radial_variance-40", "crop_resistant-64"}


@pytest.mark.parametrize("name", bit_lengths())
def test_what_a_file_lists_is_stored_as_what_is_computed(name: str) -> None:
    rgb, metric = pictures.draw()["painting"], HASHES[name].metric
    own = compute(rgb, [name])[name]
    (row,) = as_stored(name, metric.stack(own[None]))
    assert row.shape == (metric.width,)
    assert metric.distance(own.tobytes(), row.tobytes()) == 0
    assert np.array_equal(row, own) == (name != "pdq-256")


@pytest.mark.parametrize("name", AT_IMPORT)
def test_every_hash_keeps_its_contract(name: str) -> None:
    entry = HASHES[name]
    assert isinstance(entry, SquareHash)
    rgb = pictures.draw()["painting"]
    bits = entry.compute(Rendition(rgb))
    assert entry.name == name
    assert entry.title
    assert entry.summary.endswith(".")
    assert bits.dtype == np.bool_
    assert bits.shape == (entry.n_bits,)
    assert 0 < entry.default_distance < entry.n_bits / 4
    assert entry.metric == Hamming(entry.n_bits)
    packed = compute(rgb, [name])[name]
    assert packed.dtype == np.uint8
    np.testing.assert_array_equal(np.unpackbits(packed, count=entry.n_bits).astype(np.bool_), bits)


def test_one_hash_does_not_change_another() -> None:
    rgb = pictures.draw()["photograph"]
    together = compute(rgb, list(reversed(AT_IMPORT)))
    for name in AT_IMPORT:
        np.testing.assert_array_equal(compute(rgb, [name])[name], together[name])


def test_golden_values_stored_from_imagehash() -> None:
    golden = json.loads(GOLDEN.read_text())
    for picture, rgb in pictures.draw().items():
        packed = compute(rgb, AT_IMPORT)
        assert {name: bits.tobytes().hex() for name, bits in packed.items()} == golden[picture], picture


@pytest.mark.parametrize("picture", list(pictures.draw()))
def test_bits_equal_imagehash_on_drawn_pictures(picture: str) -> None:
    assert_equal_to_library(pictures.draw()[picture])


SIDE = st.one_of(st.integers(1, 40), st.integers(41, 700), st.sampled_from([8, 15, 16, 17, 31, 32, 33, 64, 256, 1999]))


@settings(max_examples=120, deadline=None)
@given(width=SIDE, height=SIDE, kind=st.sampled_from(pictures.KINDS), seed=st.integers(0, 2**32 - 1))
def test_bits_equal_imagehash_on_random_images(width: int, height: int, kind: str, seed: int) -> None:
    # Very long images cost the library seconds and show nothing that shorter ones do not.
    height = min(height, 400_000 // width)
    assert_equal_to_library(pictures.random(kind, height, width, np.random.default_rng(seed)))


@pytest.mark.parametrize(("width", "height"), [(1, 5000), (5000, 1), (3, 4000), (4000, 3), (2500, 1700), (1, 1)])
def test_bits_equal_imagehash_at_the_extremes(width: int, height: int) -> None:
    assert_equal_to_library(pictures.random("photograph", height, width, np.random.default_rng(7)))


@settings(max_examples=300, deadline=None)
@given(size=st.tuples(*[st.integers(1, 90)] * 4), seed=st.integers(0, 2**32 - 1))
def test_reductions_equal_pillow_to_any_size(size: tuple[int, int, int, int], seed: int) -> None:
    height, width, n_rows, n_columns = size
    rgb = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    expected = Image.fromarray(rgb).convert("L").resize((n_columns, n_rows), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(Rendition(rgb).reduced(n_columns, n_rows), np.asarray(expected))


@settings(max_examples=60, deadline=None)
@given(
    side=st.sampled_from([16, 32, 128, 512]),
    size=st.sampled_from([8, 16]),
    kind=st.sampled_from(pictures.KINDS),
    seed=st.integers(0, 2**32 - 1),
)
def test_haar_cells_are_rounded_as_pywavelets_rounds_them(side: int, size: int, kind: str, seed: int) -> None:
    square = pictures.random(kind, side, side, np.random.default_rng(seed))[..., 0].copy()
    coefficients = list(pywt.wavedec2(square / 255.0, "haar"))
    coefficients[0] *= 0
    rebuilt = pywt.waverec2(coefficients, "haar")
    expected = pywt.wavedec2(rebuilt, "haar", level=int(math.log2(side // size)))[0]
    np.testing.assert_array_equal(_haar.approximation(square, size), expected)


def test_arrays_that_are_no_image_are_refused() -> None:
    for wrong in (
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3)),
        np.zeros((0, 4, 3), np.uint8),
    ):
        with pytest.raises(InvalidArray, match="height, width, 3"):
            compute(wrong, ["phash-8"])  # type: ignore[arg-type]
    with pytest.raises(UnknownName, match="phash-9"):
        compute(np.zeros((4, 4, 3), np.uint8), ["phash-9"])


def test_views_hash_like_copies() -> None:
    rgb = pictures.draw()["painting"]
    view = rgb[::-1, ::2]
    assert {n: b.tobytes() for n, b in compute(view, AT_IMPORT).items()} == {
        n: b.tobytes() for n, b in compute(view.copy(), AT_IMPORT).items()
    }


@pytest.mark.shared_data
def test_saint_images_give_their_published_hashes() -> None:
    saints = shared_data() / "saints"
    rows = list(csv.DictReader((saints / "manifest.csv").open()))
    assert len(rows) == 98
    for row in rows:
        decoded = read_image((saints / "images" / row["file"]).read_bytes())
        bits = compute(decoded.rgb, ["phash-8", "block_mean-16"])
        assert bits["phash-8"].tobytes().hex() == row["phash_golden"], row["file"]
        assert "".join(map(str, np.unpackbits(bits["block_mean-16"]))) == row["robust_golden"], row["file"]


@pytest.mark.shared_data
def test_all_bits_of_real_images_equal_imagehash() -> None:
    data = shared_data()
    paths = [
        *sorted((data / "saints" / "images").rglob("*.jpg"))[::12],
        *sorted((data / "copies" / "caltech_resized").glob("*.jpg"))[::12],
        *sorted((data / "copies" / "potatoes_two_folders").rglob("*.png"))[::16],
        *sorted((data / "copies" / "bridge_edits").glob("*.jpg"))[::6],
    ]
    assert len(paths) > 15
    for path in paths:
        assert_equal_to_library(read_image(path.read_bytes()).rgb)


@pytest.mark.shared_data
@pytest.mark.parametrize("picture", ["Landscape", "Portrait"])
def test_every_exif_orientation_hashes_alike(picture: str) -> None:
    exif = shared_data() / "exif"
    upright = phash_of(exif / f"{picture}_1.jpg")
    for orientation in range(9):
        assert distance(phash_of(exif / f"{picture}_{orientation}.jpg"), upright) == 0, orientation


@pytest.mark.shared_data
def test_resized_copies_fall_into_their_groups() -> None:
    hashes = [phash_of(path) for path in sorted((shared_data() / "copies" / "caltech_resized").glob("*.jpg"))]
    assert len(hashes) == 82
    for largest in (4, 8, 10):
        group = list(range(len(hashes)))
        for i, a in enumerate(hashes):
            for j in range(i):
                if distance(a, hashes[j]) <= largest and group[i] != group[j]:
                    group = [group[j] if g == group[i] else g for g in group]
        assert len(set(group)) == 17, largest


@pytest.mark.shared_data
def test_edits_stay_near_and_turned_copies_do_not() -> None:
    copies = shared_data() / "copies"
    for folder, low, high in (("bridge_edits", 0, 4), ("bridge_rotations", 28, 32)):
        original = phash_of(next((copies / folder).glob("*orig*")))
        others = [p for p in (copies / folder).glob("*.jpg") if "orig" not in p.name]
        assert others
        assert all(low <= distance(phash_of(path), original) <= high for path in others)
