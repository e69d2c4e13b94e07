"""The operator's model files: names that follow their content, checksums, and pickles that run nothing."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from analysis.core.encoders import find, offered, problems
from analysis.core.encoders._checksums import MEMORY, sha256_of
from analysis.core.encoders._memory import available, check_room
from analysis.core.encoders._store import Store
from analysis.core.encoders._torch import import_library
from analysis.core.errors import ModelUnavailable, UnknownName
from tests.core import model_files
from tests.core.golden import pictures
from tests.core.model_files import CLIP, TIMM, describe, mean_colour_onnx, only, script


def test_another_content_is_another_name(tmp_path: Path) -> None:
    path = describe(mean_colour_onnx(tmp_path / "onnx" / "mean.onnx"))
    known = only(tmp_path)
    former = known.name
    stat = path.stat()
    data = path.read_bytes().replace(b"mean colour", b"mean_colour")
    path.write_bytes(data)
    # Whoever replaces a file may keep its size and its time.
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with pytest.raises(ModelUnavailable, match=f"has been replaced: it is no longer {former}"):
        known.load("cpu")
    now = only(tmp_path).name
    with pytest.raises(ModelUnavailable, match=f"onnx:mean does not say which content .* It is {now} now"):
        find("onnx:mean", tmp_path)
    assert now != former
    assert now.startswith("onnx:mean~")
    with pytest.raises(ModelUnavailable, match=f"{former} has been replaced.*{now} now"):
        find(former, tmp_path)
    path.unlink()
    with pytest.raises(ModelUnavailable, match="is not on this machine"):
        find(now, tmp_path)


@pytest.mark.parametrize(
    ("field", "value", "renames"),
    [
        ("mean", 0.5, True),
        ("std", [1, 1, 0.5], True),
        ("size", [8, 8], False),
        ("interpolation", "bicubic", True),
        ("channels", "BGR", True),
        ("scale", 1, True),
        ("output", "embedding", True),
        ("title", "Means", False),
        ("summary", "The colour.", False),
        ("default_distance", 0.25, False),
        ("dim", 3, False),
    ],
)
def test_the_name_follows_what_the_vectors_depend_on(tmp_path: Path, field: str, value: object, renames: bool) -> None:
    path = describe(mean_colour_onnx(tmp_path / "onnx" / "mean.onnx"))
    former = only(tmp_path).name
    describe(path, **{field: value})
    assert (only(tmp_path).name != former) == renames


def test_json_and_toml_say_the_same(tmp_path: Path) -> None:
    path = describe(mean_colour_onnx(tmp_path / "onnx" / "mean.onnx"), mean=[0.1, 0.2, 0.3])
    former = only(tmp_path).name
    beside = path.with_suffix(".json")
    toml = 'size = 8\nresize = "whole"\nmean = [0.1, 0.2, 0.3]\nstd = 1\n'
    path.with_suffix(".toml").write_text(toml)
    assert "two descriptions, mean.json and mean.toml" in str(problems(tmp_path)[0])
    beside.unlink()
    assert only(tmp_path).name == former


def test_a_checkpoints_own_preprocessing_is_part_of_its_name(tmp_path: Path) -> None:
    path = model_files.save(model_files.timm_weights(TIMM), tmp_path / "timm" / TIMM / "mine.safetensors")
    plain = only(tmp_path)
    beside = path.with_suffix(".toml")
    beside.write_text('title = "Mine"\n')
    assert (only(tmp_path).name, only(tmp_path).title) == (plain.name, "Mine")
    beside.write_text("mean = 0\nstd = 1\ncrop = 1\n")
    other = only(tmp_path)
    assert other.name != plain.name
    rgb = pictures.draw()["painting"]
    loaded = other.load("cpu")
    timm = import_library("timm")
    model = timm.create_model(TIMM, num_classes=0)
    model.load_state_dict(model_files.timm_weights(TIMM), strict=False)
    settings_ = {"mean": (0, 0, 0), "std": (1, 1, 1), "crop_pct": 1.0}
    config = timm.data.resolve_data_config(settings_, pretrained_cfg=model.pretrained_cfg)
    transform = timm.data.create_transform(**config, is_training=False)
    with torch.inference_mode():
        raw = model.eval()(transform(Image.fromarray(rgb))[None]).numpy()
    np.testing.assert_allclose(
        loaded.encode([loaded.prepare(rgb)]).values, raw / np.linalg.norm(raw, axis=1, keepdims=True), atol=2e-6
    )


def test_checksums_are_kept_between_processes_and_computed_again_when_a_file_changes(tmp_path: Path) -> None:
    path = tmp_path / "weights.bin"
    path.write_bytes(b"one")
    assert sha256_of(path, tmp_path) == hashlib.sha256(b"one").hexdigest()
    kept = json.loads((tmp_path / MEMORY).read_text())
    assert list(kept) == [str(path)]
    path.write_bytes(b"two")
    assert sha256_of(path, tmp_path) == hashlib.sha256(b"two").hexdigest()
    (tmp_path / MEMORY).write_text("no JSON")
    path.write_bytes(b"three")
    assert sha256_of(path, tmp_path) == hashlib.sha256(b"three").hexdigest()


def test_what_cannot_be_used_is_listed_and_the_rest_goes_on(tmp_path: Path) -> None:
    describe(mean_colour_onnx(tmp_path / "onnx" / "good.onnx"))
    mean_colour_onnx(tmp_path / "onnx" / "undescribed.onnx")
    describe(mean_colour_onnx(tmp_path / "onnx" / "a b.onnx"))
    (tmp_path / "timm").mkdir()
    (tmp_path / "timm" / "stray.pt").write_bytes(b"")
    (tmp_path / "openclip" / "ViT-Z").mkdir(parents=True)
    (tmp_path / "openclip" / "ViT-Z" / "mine.pt").write_bytes(b"")
    (tmp_path / "onnx" / ".hidden.onnx").write_bytes(b"")
    (tmp_path / "onnx" / "away.onnx").symlink_to(tmp_path / "elsewhere.onnx")
    said = sorted(str(problem) for problem in problems(tmp_path))
    assert len(said) == 5
    assert any("away.onnx points to a file that is not there" in line for line in said)
    for words in ("undescribed.onnx has no description", "a b.onnx cannot be named", "stray.pt stands outside"):
        assert any(words in line for line in said), words
    assert any("ViT-Z is no architecture of open_clip" in line for line in said)
    assert only(tmp_path).name.startswith("onnx:good~")
    assert offered(tmp_path / "nothing here")
    assert problems(tmp_path / "nothing here") == []


@pytest.mark.parametrize(
    ("asked", "nearest"),
    [("vit_b_32", "ViT-B-32"), ("RN-50", "RN50"), ("convnext", "convnext_base"), ("ViT-L-14-337", "ViT-L-14-336")],
)
def test_an_unknown_architecture_of_open_clip_is_told_the_nearest_few(tmp_path: Path, asked: str, nearest: str) -> None:
    known = import_library("open_clip").list_models()
    below = tmp_path / "openclip" / asked
    below.mkdir(parents=True)
    (below / "mine.pt").write_bytes(b"")
    with pytest.raises(UnknownName, match=f"no architecture '{asked}'") as named:
        find(f"openclip:{asked}/openai", tmp_path)
    [of_folder] = problems(tmp_path)
    assert of_folder.remedy.startswith("Name the folder of mine.pt after one. The nearest are ")
    for remedy in (named.value.remedy, of_folder.remedy):
        told, _, rest = remedy.partition("The nearest are ")[2].partition("; ")
        names = told.split(", ")
        assert (names[0], len(names)) == (nearest, 5)
        assert set(names) <= set(known)
        assert rest == "open_clip.list_models() gives all."


def test_a_name_longer_than_a_file_may_have_is_told_in_words(tmp_path: Path) -> None:
    for name in ("openclip:{}/openai", "openclip:ViT-B-32/{}", "timm:{}", "timm:{}/mine~0", "onnx:{}~0"):
        with pytest.raises((UnknownName, ModelUnavailable)):
            find(name.format("a" * 100_000), tmp_path)


@pytest.mark.parametrize(("family", "architecture"), [("openclip", CLIP), ("timm", TIMM)])
@pytest.mark.parametrize("kind", [model_files.hostile, model_files.bare_pickle])
@pytest.mark.parametrize("suffix", [".pt", ".bin"])
def test_a_pickle_that_would_run_something_is_refused(
    tmp_path: Path, family: str, architecture: str, kind: Callable[[Path, Path], Path], suffix: str
) -> None:
    target = tmp_path / "made by the pickle"
    kind(tmp_path / family / architecture / f"mine{suffix}", target)
    with pytest.raises(ModelUnavailable, match=f"mine{suffix} is refused: it is a pickle.*safetensors"):
        only(tmp_path).load("cpu")
    assert not target.exists()


@pytest.mark.parametrize("kind", [model_files.hostile, model_files.bare_pickle])
def test_a_pickle_is_no_torchscript_program(tmp_path: Path, kind: Callable[[Path, Path], Path]) -> None:
    target = tmp_path / "made by the pickle"
    describe(kind(tmp_path / "torchscript" / "mine.pt", target))
    with pytest.raises(ModelUnavailable, match=r"mine.pt cannot be loaded"):
        only(tmp_path).load("cpu")
    assert not target.exists()


def test_the_hostile_pickle_does_what_it_says_where_it_is_trusted(tmp_path: Path) -> None:
    target = tmp_path / "made by the pickle"
    torch.load(model_files.hostile(tmp_path / "mine.pt", target), weights_only=False)
    assert target.is_dir()


@pytest.mark.parametrize(("family", "architecture"), [("openclip", CLIP), ("timm", TIMM)])
@pytest.mark.parametrize(
    "weights",
    [
        lambda: {"weight": torch.zeros(3)},
        lambda: model_files.timm_weights("test_vit"),
        lambda: dict(list(model_files.timm_weights(TIMM).items())[1:]),
        dict,
    ],
    ids=["one tensor", "another architecture", "one tensor missing", "none"],
)
def test_weights_that_do_not_fit_are_refused_rather_than_left_random(
    tmp_path: Path, family: str, architecture: str, weights: Callable[[], dict[str, torch.Tensor]]
) -> None:
    model_files.save(weights(), tmp_path / family / architecture / "mine.pt")
    with pytest.raises(ModelUnavailable, match=r"mine.pt cannot be loaded.*belongs to the architecture"):
        only(tmp_path).load("cpu")


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_a_file_that_breaks_off_is_refused(tmp_path: Path, suffix: str) -> None:
    path = model_files.save(model_files.timm_weights(TIMM), tmp_path / "timm" / TIMM / f"mine{suffix}")
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(ModelUnavailable, match="cannot be loaded"):
        only(tmp_path).load("cpu")


def test_a_torchscript_program_among_checkpoints_is_recognised(tmp_path: Path) -> None:
    script(model_files.MeanColour(), tmp_path / "timm" / TIMM / "mine.pt")
    with pytest.raises(ModelUnavailable, match=r"TorchScript program, not a checkpoint.*torchscript"):
        only(tmp_path).load("cpu")


def test_an_architecture_that_timm_does_not_have(tmp_path: Path) -> None:
    model_files.save({"weight": torch.zeros(3)}, tmp_path / "timm" / "resnet0" / "mine.pt")
    with pytest.raises(ModelUnavailable, match="no architecture 'resnet0'"):
        only(tmp_path).load("cpu")


def test_a_checksum_beside_a_file_is_compared(tmp_path: Path) -> None:
    path = describe(mean_colour_onnx(tmp_path / "onnx" / "mean.onnx"))
    encoder = only(tmp_path)
    assert "no mean.onnx.sha256" in encoder.verify()
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_name("mean.onnx.sha256").write_text(f"{digest}  mean.onnx\n")
    assert "mean.onnx.sha256" in only(tmp_path).verify()
    weights = only(tmp_path).weights()
    assert weights is not None
    assert weights.checksum == "beside it"
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(ModelUnavailable, match=r"another checksum than mean.onnx.sha256"):
        only(tmp_path).verify()
    path.unlink()
    for work in (encoder.verify, encoder.fetch, encoder.load):
        with pytest.raises(ModelUnavailable, match="is gone"):
            work()


def test_only_names_in_the_folder_itself_are_read_from_a_list_of_checksums(tmp_path: Path) -> None:
    store = Store(tmp_path, "timm/x", "timm:x")
    store.home.mkdir(parents=True)
    (store.home / "model.json").write_text("{}")
    (store.home / "SHA256SUMS").write_text(f"{'0' * 64}  ../../secret\n")
    assert store.files() == []
    assert store.about() is None


def test_a_model_larger_than_memory_is_refused_before_it_is_read() -> None:
    free = available()
    if free is None:
        pytest.skip("free memory is known on Linux only")
    check_room("timm:x", 1)
    with pytest.raises(ModelUnavailable, match=r"timm:x does not fit into memory.*GiB are free.*smaller"):
        check_room("timm:x", free)


def test_a_name_without_digits_names_no_file(tmp_path: Path) -> None:
    describe(mean_colour_onnx(tmp_path / "onnx" / "mean.onnx"))
    with pytest.raises(ModelUnavailable, match="onnx:mean~"):
        find("onnx:mean", tmp_path)
    with pytest.raises(UnknownName):
        find("onnx:other", tmp_path)
