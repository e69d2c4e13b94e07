"""compute_overlap by embeddings: real vectors against brute force, a real model, every option, what stops a half."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from numpy.typing import NDArray
from PIL import Image
from pytest_django import Settings

from tests.core.model_files import clip_weights, describe, mean_colour_onnx, save
from tests.shared import shared_data

SAINTS = ("ArtDL", "ICONCLASS", "wikidata")
Pair = frozenset[tuple[str, str]]


def compute(out: Path, *datasets: str, **options: object) -> dict[str, Any]:
    """The printed summary, which is the one in the folder too."""
    said = io.StringIO()
    named = [word for name in datasets for word in ("--datasets", name)]
    given = {key: value for key, value in options.items() if value is not None}
    try:
        call_command("compute_overlap", *named, "--out", str(out), "--json", stdout=said, **given)
    finally:
        if said.getvalue():
            summary: dict[str, Any] = json.loads(said.getvalue())
            assert json.loads((out / "overlap_summary.json").read_text()) == summary
            assert files_in(out) == {*summary["files"], "overlap_summary.json"}
    return summary


def files_in(out: Path) -> set[str]:
    return {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}


def pairs_in(path: Path) -> set[Pair]:
    read = json.loads(path.read_text())
    found = {frozenset((side["dataset"], side["name"]) for side in pair) for pair in read}
    assert len(found) == len(read)
    return found


def near(
    a: str, b: str, vectors: dict[str, NDArray[np.float64]], names: dict[str, list[str]], similarity: float
) -> set[Pair]:
    """The pairs at least that alike, by the whole matrix."""
    close = vectors[a] @ vectors[b].T >= similarity
    if a == b:
        close = np.triu(close, 1)
    return {frozenset([(a, names[a][i]), (b, names[b][j])]) for i, j in np.argwhere(close)}


def unit(rows: NDArray[Any]) -> NDArray[np.float64]:
    values = rows.astype(np.float64)
    return np.asarray(values / np.linalg.norm(values, axis=1, keepdims=True))


def is_picture(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        image.load()
        assert image.format == "PNG"
        return image.size


# ---- the study's vectors ----


@pytest.mark.shared_data
def test_brought_vectors_give_the_pairs_of_brute_force(tmp_path: Path) -> None:
    root = shared_data() / "saints" / "embeddings"
    out = tmp_path / "out"
    summary = compute(
        out,
        *SAINTS,
        root=root,
        method="cosine",
        cosine_threshold=0.9,
        projections="none",
        use_ground_truth=True,
    )
    names = {each: json.loads((root / each / "names.json").read_text()) for each in SAINTS}
    labels = {each: json.loads((root / each / "labels.json").read_text()) for each in SAINTS}
    vectors = {each: unit(np.load(root / each / "embeddings.npy")) for each in SAINTS}
    across = set()
    for i, a in enumerate(SAINTS):
        assert pairs_in(out / a / "cosine_duplicates.json") == near(a, a, vectors, names, 0.9)
        for b in SAINTS[i + 1 :]:
            found = pairs_in(out / f"{a}_{b}_cosine_duplicates.json")
            assert found == near(a, b, vectors, names, 0.9)
            across |= found
    assert (summary["pairs_across"], summary["pairs_within"]) == (len(across), 0) == (93, 0)
    assert pairs_in(out / "embeddings-512_cross_duplicates.json") == across
    published = pairs_in(shared_data() / "saints" / "published" / "perceptual_cross_duplicates.json")
    assert len({pair for pair in published & across if {side for side, _ in pair} == {"ArtDL", "wikidata"}}) == 26

    [signal] = summary["signals"]
    label_of = {(each, name): label for each in SAINTS for name, label in zip(names[each], labels[each], strict=True)}
    same = sum(len({label_of[side] for side in pair}) == 1 for pair in across)
    assert signal["label_agreement"] == {"labelled": 93, "same": same, "some": 0, "none": 93 - same}
    assert (signal["similarity"], signal["unit"], signal["method"]) == (0.9, "cosine distance", "cosine")
    for each in SAINTS:
        np.testing.assert_allclose(np.load(out / each / "embeddings.npy"), vectors[each], atol=1e-6)
        assert json.loads((out / each / "names.json").read_text()) == names[each]
        assert json.loads((out / each / "labels.json").read_text()) == labels[each]
    assert is_picture(out / "venn_diagram_cosine.png")
    assert not list(out.rglob("*_examples.png"))


@pytest.mark.shared_data
def test_what_it_writes_of_embeddings_can_be_brought_again(tmp_path: Path) -> None:
    root = shared_data() / "saints" / "embeddings"
    once = compute(tmp_path / "a", *SAINTS[1:], root=root, method="cosine", projections="none", max_images=200)
    again = compute(tmp_path / "b", *SAINTS[1:], root=tmp_path / "a", method="cosine", projections="none")
    assert again["signals"] == once["signals"]
    assert [each["left_out"] for each in once["datasets"]] == [392, 518]
    assert [each["left_out"] for each in again["datasets"]] == [0, 0]


# ---- a real model on real images ----

MOBILENET = {"input": "input", "output": "embedding", "size": 224, "resize": "whole", "scale": 1, "mean": 127.5}


@pytest.mark.shared_data
def test_a_real_model_and_hashes_side_by_side(tmp_path: Path, settings: Settings) -> None:
    settings.MODELS_DIR = tmp_path / "models"
    model = settings.MODELS_DIR / "onnx" / "mobilenet.onnx"
    describe(model, **MOBILENET, std=127.5, title="MobileNetV2")
    shutil.copy(shared_data() / "models" / "mobilenet_v2_1.0_224.onnx", model)
    for each in ("ICONCLASS", "wikidata"):
        shutil.copytree(shared_data() / "saints" / "images" / each, tmp_path / each)
        truth = shared_data() / "saints" / "fingerprints" / each / "2_ground_truth.json"
        shutil.copy(truth, tmp_path / each)
    out = tmp_path / "out"
    summary = compute(
        out,
        "ICONCLASS",
        "wikidata",
        root=tmp_path,
        method="both",
        clip_model="onnx:mobilenet",
        batch_size=7,
        cosine_threshold=0.7,
        projections="tsne",
        use_ground_truth=True,
    )
    hashed, embedded = summary["signals"]
    assert (hashed["signal"], hashed["pairs_across"]) == ("phash-8", 2)
    assert embedded["signal"].startswith("onnx:mobilenet~")
    assert summary["device"] == "cpu"
    assert "onnxruntime" in summary["versions"]

    names = {each: json.loads((out / each / "names.json").read_text()) for each in ("ICONCLASS", "wikidata")}
    vectors = {each: unit(np.load(out / each / "embeddings.npy")) for each in names}
    assert {each: found.shape for each, found in vectors.items()} == {"ICONCLASS": (11, 1280), "wikidata": (41, 1280)}
    assert pairs_in(out / "wikidata" / "cosine_duplicates.json") == near("wikidata", "wikidata", vectors, names, 0.7)
    assert pairs_in(out / "ICONCLASS_wikidata_cosine_duplicates.json") == near(
        "ICONCLASS", "wikidata", vectors, names, 0.7
    )
    copies = pairs_in(out / "ICONCLASS_wikidata_perceptual_duplicates.json")
    assert copies <= pairs_in(out / "ICONCLASS_wikidata_cosine_duplicates.json")

    for each, here in names.items():
        listed = (shared_data() / "saints" / "fingerprints" / each / "2_test.txt").read_text().split()
        published = json.loads(
            (shared_data() / "saints" / "fingerprints" / each / "perceptual_hashes.json").read_text()
        )
        hashes = json.loads((out / each / "hashes.json").read_text())
        assert list(hashes) == here
        assert hashes == {name: published[listed.index(name)] for name in here}
        page = (out / each / "tsne.html").read_text()
        assert '"shown":"label"' in page
        assert page.count("/9j/") == len(here)
        assert is_picture(out / each / "tsne.png")
    for by in ("dataset", "label"):
        assert is_picture(out / f"combined_tsne_by_{by}.png")
        assert f'"shown":"{by}"' in (out / f"combined_tsne_by_{by}.html").read_text()
    assert not list(out.rglob("*umap*"))
    assert is_picture(out / "ICONCLASS_wikidata_cosine_examples.png")[0] == 1590
    report = (out / "report.html").read_text()
    assert "combined_tsne_by_label.html" in report


# ---- every option, on small pictures ----


@pytest.fixture
def flat() -> Callable[[int, int, int], bytes]:
    """A picture of one colour."""

    def draw(*colour: int) -> bytes:
        out = io.BytesIO()
        Image.new("RGB", (16, 12), colour).save(out, "PNG")
        return out.getvalue()

    return draw


@pytest.fixture
def colours(tmp_path: Path, settings: Settings, flat: Callable[..., bytes]) -> Path:
    """Datasets A and B of 12 colours each, two of them shared, and a model that sees nothing but the mean colour."""
    settings.MODELS_DIR = tmp_path / "models"
    describe(mean_colour_onnx(settings.MODELS_DIR / "onnx" / "mean.onnx"), default_distance=0.0001, title="Mean colour")
    rng = np.random.default_rng(5)
    drawn = [tuple(int(part) for part in colour) for colour in rng.integers(20, 256, (22, 3))]
    for name, chosen in {"A": drawn[:12], "B": drawn[10:]}.items():
        for i, colour in enumerate(chosen):
            place = tmp_path / "root" / name / ("warm" if colour[0] > 128 else "cold")
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{i}.png").write_bytes(flat(*colour))
    return tmp_path / "root"


COSINE = {"method": "cosine", "clip_model": "onnx:mean", "projections": "none"}


def test_similarity_and_distance_say_the_same(tmp_path: Path, colours: Path) -> None:
    by_model = compute(tmp_path / "out", "A", "B", root=colours, **COSINE)
    assert (by_model["threshold"], by_model["pairs_across"]) == (np.float32(0.0001), 2)
    similarity = compute(tmp_path / "out", "A", "B", root=colours, **COSINE, cosine_threshold=0.95)
    distance = compute(tmp_path / "out", "A", "B", root=colours, **COSINE, cosine_distance=0.05)
    assert similarity["signals"] == distance["signals"]
    assert similarity["pairs_across"] > 2
    everything = compute(tmp_path / "out", "A", "B", root=colours, **COSINE, cosine_threshold=-1)
    assert everything["pairs_across"] == everything["compared"] == 144


def test_scope_decides_what_is_listed(tmp_path: Path, colours: Path) -> None:
    def listed(scope: str | None) -> tuple[int, int, set[str]]:
        found = compute(tmp_path / "out", "A", "B", root=colours, **COSINE, cosine_threshold=0.9, scope=scope)
        lists = {path for path in found["files"] if path.endswith("_duplicates.json") and "onnx" not in path}
        return found["pairs_across"], found["pairs_within"], lists

    inside = {"A/cosine_duplicates.json", "B/cosine_duplicates.json"}
    across, none, lists = listed("across")
    assert (none, lists) == (0, {"A_B_cosine_duplicates.json"})
    assert listed(None) == (across, 0, {"A_B_cosine_duplicates.json", *inside})
    none, within, lists = listed("within")
    assert (none, lists) == (0, inside)
    assert within > 0
    assert listed("both") == (across, within, {"A_B_cosine_duplicates.json", *inside})
    assert sum(len(pairs_in(tmp_path / "out" / path)) for path in inside) == within


def test_a_sample_is_the_same_every_time(tmp_path: Path, colours: Path) -> None:
    def sampled(most: int) -> list[str]:
        found = compute(tmp_path / "out", "A", "B", root=colours, **COSINE, max_images=most)
        assert [each["left_out"] for each in found["datasets"]] == [max(12 - most, 0)] * 2
        if most < 12:
            assert f"{most} of 12 images of A were taken" in found["notes"][0]
            assert f"{most} of 12 ({100 * most / 12:.1f} %) of A" in (tmp_path / "out" / "report.html").read_text()
        names: list[str] = json.loads((tmp_path / "out" / "A" / "names.json").read_text())
        return names

    whole = sampled(12)
    five, seven = sampled(5), sampled(7)
    assert set(five) < set(seven) < set(whole) == set(sampled(99))
    assert five == [name for name in whole if name in five]
    assert set(five) == set(sorted(whole, key=lambda name: hashlib.sha256(name.encode()).digest())[:5])


@pytest.mark.parametrize(("projections", "drawn"), [("tsne", {"tsne"}), ("umap", {"umap"}), (None, {"tsne", "umap"})])
def test_projections_fit_few_images_and_say_so(
    tmp_path: Path, colours: Path, projections: str | None, drawn: set[str]
) -> None:
    options = {**COSINE, "projections": projections, "tsne_perplexity": 40, "umap_neighbors": 5}
    found = compute(tmp_path / "out", "A", "B", root=colours, **options)
    stems = {Path(path).name.partition(".")[0] for path in found["files"] if "umap" in path or "tsne" in path}
    assert stems == {name for each in drawn for name in (each, f"combined_{each}_by_dataset")}
    said = [note for note in found["notes"] if "perplexity" in note]
    assert len(said) == (3 if "tsne" in drawn else 0)
    for each in drawn:
        page = (tmp_path / "out" / "B" / f"{each}.html").read_text()
        assert ("Perplexity 3, seed 0" if each == "tsne" else "5 neighbours") in page
        assert is_picture(tmp_path / "out" / f"combined_{each}_by_dataset.png")


def test_labels_colour_and_agree_only_where_asked(tmp_path: Path, colours: Path) -> None:
    options = {**COSINE, "projections": "tsne", "cosine_threshold": 0.9}
    plain = compute(tmp_path / "out", "A", "B", root=colours, **options)
    assert "label_agreement" not in plain["signals"][0]
    labelled = compute(tmp_path / "out", "A", "B", root=colours, **options, use_ground_truth=True)
    assert set(labelled["files"]) - set(plain["files"]) == {
        "combined_tsne_by_label.png",
        "combined_tsne_by_label.html",
    }
    label_of = {
        (each, name): label
        for each in ("A", "B")
        for name, label in zip(
            *(json.loads((tmp_path / "out" / each / f"{list_}.json").read_text()) for list_ in ("names", "labels")),
            strict=True,
        )
    }
    assert set(label_of.values()) == {"warm", "cold"}
    pairs = pairs_in(tmp_path / "out" / "A_B_cosine_duplicates.json")
    same = sum(len({label_of[side] for side in pair}) == 1 for pair in pairs)
    expected = {"labelled": len(pairs), "same": same, "some": 0, "none": len(pairs) - same}
    assert labelled["signals"][0]["label_agreement"] == expected
    assert 0 < same < len(pairs)


def test_an_open_clip_checkpoint_is_found_by_its_file(tmp_path: Path, colours: Path, settings: Settings) -> None:
    save(clip_weights(), settings.MODELS_DIR / "openclip" / "ViT-S-32-alt" / "mine.safetensors")
    found = compute(
        tmp_path / "out", "A", "B", root=colours, method="cosine", clip_model="ViT-S-32-alt/mine", projections="none"
    )
    assert found["signal"].startswith("openclip:ViT-S-32-alt/mine~")
    assert np.load(tmp_path / "out" / "A" / "embeddings.npy").shape == (12, 256)


def test_an_archive_gives_what_its_folder_gives_in_whatever_order_it_is_packed(tmp_path: Path, colours: Path) -> None:
    with zipfile.ZipFile(colours / "A.zip", "w") as archive:
        for path in sorted((colours / "A").rglob("*.png"), reverse=True):
            archive.write(path, str(path.relative_to(colours / "A")))
    compute(tmp_path / "out", "A", "A.zip", root=colours, **{**COSINE, "method": "both"}, batch_size=5, threads=3)
    folder, packed = tmp_path / "out" / "A", tmp_path / "out" / "A.zip"
    for name in ("names.json", "labels.json", "hashes.json", "embeddings.npy"):
        assert (packed / name).read_bytes() == (folder / name).read_bytes()


# ---- vectors that folders bring ----


def bring(folder: Path, names: list[str], rows: object, file_name: str = "embeddings.npy") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / file_name, np.array(rows, np.float32))
    (folder / "names.json").write_text(json.dumps(names))


def test_vectors_beside_images_are_used_where_nobody_names_a_model(tmp_path: Path, colours: Path) -> None:
    names = sorted(str(path.relative_to(colours / "A"))[:-4] for path in (colours / "A").rglob("*.png"))
    (colours / "A" / "aaa.png").write_bytes(b"broken")
    # Rows in another order than the images, one of an image that is broken, and one image without a row.
    rows = np.eye(12)[: len(names)]
    bring(colours / "A", [*reversed(names[1:]), "aaa"], rows[: len(names)])
    bring(colours / "C", ["x", "y"], rows[[0, 11]])
    found = compute(tmp_path / "out", "A", "C", root=colours, method="cosine", projections="none")
    assert found["signal"] == "embeddings-12"
    assert json.loads((tmp_path / "out" / "A" / "names.json").read_text()) == names[1:]
    assert np.array_equal(np.load(tmp_path / "out" / "A" / "embeddings.npy"), rows[: len(names) - 1][::-1])
    assert pairs_in(tmp_path / "out" / "A_C_cosine_duplicates.json") == {frozenset([("A", names[-1]), ("C", "x")])}
    assert is_picture(tmp_path / "out" / "A_C_cosine_examples.png")
    assert (
        "1 image of A without such an embedding could not be compared" in (tmp_path / "out" / "report.md").read_text()
    )


def test_a_named_model_takes_images_and_brought_vectors_together(tmp_path: Path, colours: Path) -> None:
    first = compute(tmp_path / "once", "A", "B", root=colours, **COSINE)
    shutil.copytree(tmp_path / "once" / "B", colours / "V")
    (colours / "V" / "hashes.json").unlink(missing_ok=True)
    with pytest.raises(CommandError, match=r"V brings vectors.*nothing says which model.*--clip-model"):
        compute(tmp_path / "out", "A", "V", root=colours, method="cosine", projections="none")
    assert not (tmp_path / "out").exists()
    found = compute(tmp_path / "out", "A", "V", root=colours, **COSINE)
    assert found["pairs_across"] == first["pairs_across"] == 2
    assert found["notes"] == [
        f"V was compared by the vectors that it brings (embeddings.npy), taken to be of {found['signal']}."
    ]
    bring(colours / "W", ["x"], [[1, 0]])
    with pytest.raises(CommandError, match=r"dimensions, and embeddings.npy of W has 2"):
        compute(tmp_path / "out", "A", "W", root=colours, **COSINE)


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"embeddings.npy": 3, "clip.npy": 2}, None),
        ({"a.npy": 3, "b.npy": 3}, "several files of vectors: a.npy, b.npy"),
        ({"clip.npy": 3}, "called embeddings-3, those of W clip-3: they are not of one model"),
        ({"embeddings.npy": 2}, "called embeddings-3, those of W embeddings-2"),
        ({}, "no hashes|no images|brings no vectors|nothing says"),
    ],
)
def test_vectors_of_unknown_kin_are_not_compared(tmp_path: Path, files: dict[str, int], says: str | None) -> None:
    bring(tmp_path / "V", ["x", "y"], np.eye(3)[:2])
    (tmp_path / "W").mkdir()
    (tmp_path / "W" / "perceptual_hashes.json").write_text('["0123456789abcdef", "0123456789abcdee"]')
    (tmp_path / "W" / "names.json").write_text('["p", "q"]')
    for name, dim in files.items():
        bring(tmp_path / "W", ["p", "q"], np.eye(dim)[:2], name)
    if says is None:
        assert compute(tmp_path / "out", "V", "W", root=tmp_path, method="cosine")["pairs_across"] == 2
        return
    with pytest.raises(CommandError, match=says):
        compute(tmp_path / "out", "V", "W", root=tmp_path, method="cosine")


# ---- what stops one half, and what stops everything ----


def test_a_model_that_is_broken_stops_only_its_half(tmp_path: Path, colours: Path) -> None:
    both = compute(tmp_path / "out", "A", "B", root=colours, **{**COSINE, "method": "both"})
    assert [signal["method"] for signal in both["signals"]] == ["perceptual", "cosine"]
    (tmp_path / "models" / "onnx" / "mean.onnx").write_bytes(b"cut short")
    with pytest.raises(
        CommandError, match=r"The cosine half was stopped.*the perceptual half is complete.*mean.onnx cannot"
    ):
        compute(tmp_path / "out", "A", "B", root=colours, **{**COSINE, "method": "both"})
    left = json.loads((tmp_path / "out" / "overlap_summary.json").read_text())
    assert [signal["method"] for signal in left["signals"]] == ["perceptual"]
    assert left["signals"][0] == both["signals"][0]
    # Nothing of the cosine half is left, not even of the run before.
    assert not [path for path in left["files"] if "cosine" in path or "onnx" in path or path.endswith(".npy")]
    assert "The cosine half was stopped" in (tmp_path / "out" / "report.html").read_text()
    assert "The cosine half was stopped" in (tmp_path / "out" / "report.md").read_text()


def test_a_model_that_fails_half_way_leaves_the_hashes_whole(
    tmp_path: Path, colours: Path, flat: Callable[..., bytes]
) -> None:
    for i in range(40):
        (colours / "A" / "cold" / f"more{i}.png").write_bytes(flat(i, 90, 200))
    # The mean of black has no direction.
    (colours / "A" / "cold" / "more20.png").write_bytes(flat(0, 0, 0))
    with pytest.raises(CommandError, match="nothing but zeros"):
        compute(tmp_path / "out", "A", "B", root=colours, **{**COSINE, "method": "both"}, batch_size=4)
    assert len(json.loads((tmp_path / "out" / "A" / "hashes.json").read_text())) == 52
    with pytest.raises(CommandError, match="nothing but zeros"):
        compute(tmp_path / "other", "A", "B", root=colours, **COSINE, batch_size=4)
    assert not (tmp_path / "other").exists()


def test_hashes_that_are_missing_stop_only_their_half(tmp_path: Path) -> None:
    bring(tmp_path / "V", ["x", "y"], np.eye(3)[:2])
    bring(tmp_path / "W", ["p", "q"], np.eye(3)[1:])
    with pytest.raises(CommandError, match=r"The perceptual half was stopped.*the cosine half is complete"):
        compute(tmp_path / "out", "V", "W", root=tmp_path, method="both", projections="none")
    assert pairs_in(tmp_path / "out" / "V_W_cosine_duplicates.json") == {frozenset([("V", "y"), ("W", "p")])}
    assert not (tmp_path / "out" / "V" / "hashes.json").exists()
    np.save(tmp_path / "W" / "embeddings.npy", np.zeros((2, 3), np.float32))
    with pytest.raises(CommandError, match=r"(?s)perceptual: V has no images.*cosine: .*embeddings.npy"):
        compute(tmp_path / "none", "V", "W", root=tmp_path, method="both")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"clip_model": "nothing:like-it"}, "no architecture 'nothing:like-it'|no encoder"),
        ({"clip_model": "RN50"}, "does not say which weights"),
        ({"cosine_threshold": 1.5}, "similarity from -1 to 1, not 1.5"),
        ({"cosine_distance": -0.1}, "--cosine-distance: -0.1 is no cosine distance"),
        ({"tsne_perplexity": 0.5}, "perplexity of 0.5 is out of range"),
        ({"umap_neighbors": 1}, "1 neighbours is out of range"),
        ({"max_images": "0"}, "0 is no whole number from 1 on"),
        ({"batch_size": "many"}, "many is no whole number from 1 on"),
    ],
)
def test_options_that_mean_nothing_are_refused_before_anything_is_read(
    tmp_path: Path, colours: Path, options: dict[str, object], says: str
) -> None:
    words = [f"--{key.replace('_', '-')}={value}" for key, value in options.items()]
    named = ("--datasets", "A", "--datasets", "B", "--method", "both", "--root", str(colours))
    with pytest.raises(CommandError, match=says):
        call_command("compute_overlap", *named, "--out", str(tmp_path / "out"), *words)
    assert not (tmp_path / "out").exists()


def test_no_label_at_all_is_said_before_anything_is_computed(tmp_path: Path) -> None:
    bring(tmp_path / "V", ["x", "y"], np.eye(3)[:2])
    bring(tmp_path / "W", ["p", "q"], np.eye(3)[1:])
    with pytest.raises(CommandError, match="No image of V, W has a label"):
        compute(tmp_path / "out", "V", "W", root=tmp_path, method="cosine", use_ground_truth=True)
    (tmp_path / "W" / "labels.json").write_text('["a", "b"]')
    found = compute(tmp_path / "out", "V", "W", root=tmp_path, method="cosine", use_ground_truth=True)
    assert "No image of V has a label." in found["notes"]


def test_options_of_the_other_method_are_told_to_have_no_effect(tmp_path: Path, colours: Path) -> None:
    found = compute(tmp_path / "out", "A", "B", root=colours, clip_model="onnx:mean", tsne_perplexity=5)
    assert found["notes"] == ["Without effect under --method perceptual: --clip-model, --tsne-perplexity."]
    found = compute(tmp_path / "out", "A", "B", root=colours, **COSINE, hash_size=16)
    assert found["notes"] == ["Without effect under --method cosine: --hash-size."]


# ---- the folder of results ----


def test_results_never_lie_among_the_files_of_a_dataset(tmp_path: Path, colours: Path) -> None:
    for out in (colours, colours / "A", colours / "A" / "results"):
        with pytest.raises(CommandError, match="among the files of the dataset"):
            compute(out, "A", "B", root=colours, **COSINE)
    assert not (colours / "A" / "results").exists()


def test_an_earlier_run_is_replaced_and_strangers_files_stay(tmp_path: Path, colours: Path) -> None:
    out = tmp_path / "out"
    compute(out, "A", "B", root=colours, **{**COSINE, "method": "both"})
    compute(out, "A", "B", root=colours)
    assert not (out / "venn_diagram_cosine.png").exists()
    (out / "notes.txt").write_text("mine")
    (out / "A" / "mine.txt").write_text("mine")
    elsewhere = tmp_path / "elsewhere.txt"
    elsewhere.write_text("mine")
    found = json.loads((out / "overlap_summary.json").read_text())
    (out / "overlap_summary.json").write_text(json.dumps(found | {"files": [*found["files"], "../elsewhere.txt"]}))
    words = ("--datasets", "B", "--root", str(colours), "--out", str(out), "--scope", "within")
    call_command("compute_overlap", *words, stdout=io.StringIO())
    assert elsewhere.read_text() == (out / "A" / "mine.txt").read_text() == (out / "notes.txt").read_text() == "mine"
    assert not (out / "A_B_perceptual_duplicates.json").exists()
    assert [path.name for path in (out / "A").iterdir()] == ["mine.txt"]
    assert not [path for path in out.iterdir() if path.name.startswith(".writing")]


def test_a_dataset_may_be_called_as_a_file_of_the_report(tmp_path: Path, colours: Path) -> None:
    for name in ("datasets", "report.html"):
        shutil.copytree(colours / "A", colours / name)
    found = compute(tmp_path / "out", "datasets", "report.html", root=colours, **COSINE)
    assert {"datasets~2/names.json", "report.html~2/names.json", "report.html"} <= set(found["files"])
    assert "datasets_2_report.html_2_cosine_duplicates.json" in found["files"]
