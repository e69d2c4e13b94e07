"""Each family gives what its library gives, from the operator's files and from published ones, at unit length."""

from __future__ import annotations

import csv
import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from analysis.core.encoders import FAMILIES, Encoder, LoadedEncoder, embed, find, is_encoder, offered, problems
from analysis.core.encoders._device import DEVICE_VARIABLE
from analysis.core.encoders._torch import import_library
from analysis.core.encoders.openclip import RECOMMENDED as CLIP_RECOMMENDED
from analysis.core.encoders.openclip import _agreed, _tags, _tokens, _Trained, _trained
from analysis.core.encoders.openclip import _build as build_clip
from analysis.core.encoders.openclip import _source as clip_source
from analysis.core.encoders.timm import RECOMMENDED as TIMM_RECOMMENDED
from analysis.core.encoders.timm import _source as timm_source
from analysis.core.errors import ModelUnavailable, UnknownName
from catalog.core.images import read_image
from tests.core import model_files
from tests.core.golden import pictures
from tests.core.model_files import CLIP, TIMM, describe, mean_colour_onnx, script
from tests.shared import shared_data

Rgb = NDArray[np.uint8]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with a checkpoint of each kind."""
    root = tmp_path_factory.mktemp("models")
    clip = model_files.clip_weights()
    model_files.save(clip, root / "openclip" / CLIP / "mine.pt")
    model_files.save(clip, root / "openclip" / CLIP / "mine.safetensors")
    weights = model_files.timm_weights(TIMM)
    model_files.save(weights, root / "timm" / TIMM / "mine.safetensors")
    model_files.save({"epoch": 3, "state_dict": weights}, root / "timm" / TIMM / "mine.pth")
    describe(mean_colour_onnx(root / "onnx" / "mean.onnx"), default_distance=0.3, title="Mean colour")
    describe(script(model_files.MeanColour(), root / "torchscript" / "mean.pt"))
    return root


@pytest.fixture(scope="session")
def images() -> list[Rgb]:
    drawn = list(pictures.draw().values())
    odd = [pictures.random("photograph", h, w, np.random.default_rng(3)) for h, w in ((7, 300), (300, 7), (1, 1))]
    return [*drawn, *odd]


def named(folder: Path, beginning: str, suffix: str = "") -> Encoder:
    [found] = [
        encoder
        for encoder in offered(folder)
        if encoder.name.startswith(beginning) and str(_files(encoder)[0]).endswith(suffix)
    ]
    return found


def _files(encoder: Encoder) -> tuple[Path, ...]:
    weights = encoder.weights()
    return weights.files if weights else (Path(),)


def vectors(loaded: LoadedEncoder, images: list[Rgb]) -> NDArray[np.float32]:
    return loaded.encode([loaded.prepare(image) for image in images]).values


def normalised(features: torch.Tensor) -> NDArray[np.float32]:
    return torch.nn.functional.normalize(features.double(), dim=1).float().numpy()


def batch_of(transform: Callable[[Image.Image], torch.Tensor], images: list[Rgb]) -> torch.Tensor:
    return torch.stack([transform(Image.fromarray(image)) for image in images])


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_open_clip_checkpoint_gives_what_the_library_gives(folder: Path, images: list[Rgb], suffix: str) -> None:
    open_clip = import_library("open_clip")
    path = folder / "openclip" / CLIP / f"mine{suffix}"
    model, _, transform = open_clip.create_model_and_transforms(CLIP, pretrained=str(path))
    encoder = named(folder, f"openclip:{CLIP}/mine~", suffix)
    loaded = encoder.load("cpu")
    texts = ["a painting of a saint", "two birds", ""]
    with torch.inference_mode():
        expected = normalised(model.eval().encode_image(batch_of(transform, images)))
        expected_text = normalised(model.encode_text(open_clip.get_tokenizer(CLIP)(texts)))
    np.testing.assert_allclose(vectors(loaded, images), expected, atol=2e-6)
    np.testing.assert_allclose(loaded.encode_text(texts).values, expected_text, atol=2e-6)
    assert encoder.dim == loaded.dim == 256
    assert encoder.has_text


def test_weights_trained_with_openais_activation_are_run_with_it(folder: Path, images: list[Rgb]) -> None:
    open_clip = import_library("open_clip")
    path = folder / "openclip" / CLIP / "mine.safetensors"
    ways = {}
    for quick in (False, True):
        trained = _Trained({}, quick_gelu=quick)
        loaded = build_clip("openclip:x", CLIP, path, device="cpu", folder=folder, trained=trained)
        model, _, transform = open_clip.create_model_and_transforms(CLIP, pretrained=str(path), force_quick_gelu=quick)
        with torch.inference_mode():
            expected = normalised(model.eval().encode_image(batch_of(transform, images[:2])))
        ways[quick] = vectors(loaded, images[:2])
        np.testing.assert_allclose(ways[quick], expected, atol=2e-6)
    assert np.abs(ways[True] - ways[False]).max() > 1e-3


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_timm_checkpoint_gives_what_the_library_gives(folder: Path, images: list[Rgb], suffix: str) -> None:
    timm = import_library("timm")
    model = timm.create_model(TIMM, num_classes=0)
    weights = model_files.timm_weights(TIMM)
    model.load_state_dict({key: value for key, value in weights.items() if key in model.state_dict()})
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model), is_training=False)
    loaded = named(folder, f"timm:{TIMM}/mine~", suffix).load("cpu")
    with torch.inference_mode():
        expected = normalised(model.eval()(batch_of(transform, images)))
    np.testing.assert_allclose(vectors(loaded, images), expected, atol=2e-6)
    assert loaded.dim == 96


@pytest.mark.parametrize(
    "architecture",
    [
        "resnet18",
        "test_vit",
        "test_efficientnet",
        "test_convnext",
        "mobilenetv3_small_050",
        "deit_tiny_distilled_patch16_224",
    ],
)
@pytest.mark.parametrize("classes", [None, 7, 0])
def test_timm_checkpoints_of_any_head_give_features(tmp_path: Path, architecture: str, classes: int | None) -> None:
    timm = import_library("timm")
    torch.manual_seed(1)
    whole = timm.create_model(architecture, **({} if classes is None else {"num_classes": classes})).eval()
    path = model_files.save(whole.state_dict(), tmp_path / "timm" / architecture / "own.safetensors")
    loaded = offered(tmp_path)[0].load("cpu")
    features = timm.create_model(architecture, num_classes=0).eval()
    features.load_state_dict({key: value for key, value in whole.state_dict().items() if key in features.state_dict()})
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(features), is_training=False)
    rgb = pictures.draw()["photograph"]
    with torch.inference_mode():
        expected = normalised(features(batch_of(transform, [rgb])))
    np.testing.assert_allclose(vectors(loaded, [rgb]), expected, atol=2e-6, err_msg=str(path))


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_every_family_gives_unit_vectors_that_do_not_depend_on_the_batch(
    folder: Path, images: list[Rgb], family: str
) -> None:
    loaded = next(encoder for encoder in offered(folder) if encoder.name.startswith(f"{family}:")).load("cpu")
    together = vectors(loaded, images)
    assert together.dtype == np.float32
    assert together.shape == (len(images), loaded.dim)
    np.testing.assert_allclose(np.linalg.norm(together.astype(np.float64), axis=1), 1, atol=1e-6)
    for size in (1, 3):
        parts = [vectors(loaded, images[start : start + size]) for start in range(0, len(images), size)]
        np.testing.assert_allclose(np.concatenate(parts), together, atol=1e-5)
    streamed = embed(loaded, [partial(np.asarray, image) for image in images], batch_size=4)
    np.testing.assert_allclose(np.concatenate([part.values for part in streamed]), together, atol=1e-5)
    if not loaded.name.startswith("openclip:"):
        with pytest.raises(ModelUnavailable, match="no text tower"):
            loaded.encode_text(["a word"])


def test_what_is_here_comes_first_and_what_could_be_fetched_after_it(folder: Path) -> None:
    found = offered(folder)
    here = [encoder.on_disk for encoder in found]
    assert here == sorted(here, reverse=True)
    assert sum(here) == 6
    names = [encoder.name for encoder in found]
    assert len(set(names)) == len(names)
    assert all(is_encoder(name) for name in names)
    assert {"openclip:ViT-B-32/openai", "openclip:ViT-B-16-SigLIP/webli", "timm:resnet18.a1_in1k"} <= set(names)
    assert problems(folder) == []
    for encoder in found:
        assert find(encoder.name, folder).name == encoder.name
        assert encoder.title
        assert encoder.summary.endswith(".")
        assert 0 < encoder.default_distance < 1


def test_listing_and_finding_what_is_here_imports_no_heavy_library(folder: Path) -> None:
    script_text = (
        "import sys; from pathlib import Path; from analysis.core.encoders import find, offered; "
        "folder = Path(sys.argv[1]); [find(e.name, folder) for e in offered(folder)]; "
        "print(sorted({'torch', 'timm', 'open_clip', 'onnxruntime', 'torchvision'} & set(sys.modules)))"
    )
    root = Path(__file__).resolve().parents[2]
    said = subprocess.run(
        [sys.executable, "-c", script_text, str(folder)], cwd=root, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "[]"


def test_names_that_say_too_little_are_refused_with_what_there_is(folder: Path) -> None:
    for name, words in (
        ("timm:resnet18", "does not say which weights.*timm:resnet18.a1_in1k"),
        ("timm:resnet18.nobody", "no weights.*timm:resnet18.a1_in1k"),
        ("openclip:ViT-B-32", "does not say which weights.*openclip:ViT-B-32/openai"),
        ("openclip:ViT-B-32/nobody", "no weights 'nobody'.*openclip:ViT-B-32/openai"),
        ("openclip:ViT-Z/openai", "no architecture 'ViT-Z'.*ViT-B-32"),
        ("onnx:nothing", "no encoder.*models list"),
        ("timm:../../openclip/ViT-S-32-alt/mine", "no encoder"),
        ("openclip:../timm/x", "no architecture"),
        ("phash-8", "Names begin with onnx:, openclip:, timm:, torchscript:"),
    ):
        with pytest.raises(UnknownName, match=words):
            find(name, folder)
    assert not is_encoder("phash-8")


def test_recommended_models_are_those_that_the_libraries_have(folder: Path) -> None:
    timm = import_library("timm")
    for model, (_, dim, _) in TIMM_RECOMMENDED.items():
        assert find(f"timm:{model}", folder).source == timm_source(model)  # type: ignore[attr-defined]
        assert timm.create_model(model, num_classes=0).num_features == dim
    for model in CLIP_RECOMMENDED:
        encoder: Any = find(f"openclip:{model}", folder)
        assert encoder.source == clip_source(*model.split("/"))
        assert encoder.dim in (512, 768)


def test_published_weights_are_used_as_they_were_trained() -> None:
    openai = _trained(_tags("ViT-B-32")["openai"])
    assert openai.quick_gelu
    assert openai.preprocessing["resize_mode"] == "shortest"
    siglip = _agreed("ViT-B-16-SigLIP").preprocessing
    assert (siglip["mean"], siglip["std"], siglip["resize_mode"]) == ((0.5,) * 3, (0.5,) * 3, "squash")
    # Where published weights disagree, open_clip's own preprocessing holds.
    assert _agreed("ViT-L-14").preprocessing == {}


def test_any_model_the_libraries_list_can_be_named(folder: Path) -> None:
    assert find("openclip:ViT-B-32/laion2b_s34b_b79k", folder).dim == 512
    encoder = find("timm:resnet34.a1_in1k", folder)
    assert not encoder.on_disk
    with pytest.raises(ModelUnavailable, match=r"Run: python manage.py models fetch timm:resnet34.a1_in1k"):
        encoder.load()


def test_the_tokenizer_of_siglip_is_asked_for_only_by_texts(tmp_path: Path) -> None:
    tokens = _tokens("openclip:ViT-B-16-SigLIP/webli", "ViT-B-16-SigLIP", tmp_path)
    missing = "transformers" if importlib.util.find_spec("transformers") is None else "models fetch"
    with pytest.raises(ModelUnavailable, match=missing):
        tokens(["a bird"])


def test_the_device_is_chosen_or_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = named(folder, "onnx:mean~")
    monkeypatch.setenv(DEVICE_VARIABLE, "cpu")
    assert encoder.load().device == "cpu"
    assert named(folder, "torchscript:mean~").load().device == "cpu"
    monkeypatch.setenv(DEVICE_VARIABLE, "abacus")
    with pytest.raises(ModelUnavailable, match=r"'abacus' is not on this machine.*MODELS_DEVICE"):
        encoder.load()
    monkeypatch.delenv(DEVICE_VARIABLE)
    assert encoder.load().device in {"cpu", "cuda"}
    if not torch.cuda.is_available():
        with pytest.raises(ModelUnavailable, match="'cuda:3' is not on this machine"):
            named(folder, "torchscript:mean~").load("cuda:3")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device: half precision is not compared")
def test_half_precision_stays_near(folder: Path, images: list[Rgb]) -> None:
    encoder = named(folder, f"openclip:{CLIP}/mine~", ".pt")
    exact, half = vectors(encoder.load("cpu"), images), vectors(encoder.load("cuda"), images)
    assert np.einsum("ij,ij->i", exact, half).min() > 0.999


def saints() -> tuple[list[str], list[str], list[Path]]:
    root = shared_data() / "saints"
    rows = list(csv.DictReader((root / "manifest.csv").open()))
    return (
        [row["dataset"] for row in rows],
        [row["name"] for row in rows],
        [root / "images" / row["file"] for row in rows],
    )


@pytest.mark.shared_data
def test_a_trained_model_separates_the_published_pairs(tmp_path: Path) -> None:
    datasets, names, paths = saints()
    (tmp_path / "onnx").mkdir()
    path = tmp_path / "onnx" / "mobilenet_v2_1.0_224.onnx"
    path.symlink_to(shared_data() / "models" / path.name)
    describe(path, size=224, resize="whole", interpolation="bilinear", mean=0.5, std=0.5, output="embedding")
    loaded = offered(tmp_path)[0].load("cpu")
    assert loaded.dim == 1280
    readers = [lambda path=path: read_image(path.read_bytes()).rgb for path in paths]
    values = np.concatenate([part.values for part in embed(loaded, readers, batch_size=16)])
    similarity = values @ values.T
    row = {key: number for number, key in enumerate(zip(datasets, names, strict=True))}
    published = set()
    for pair in json.loads((shared_data() / "saints/published/perceptual_cross_duplicates.json").read_text()):
        a, b = (row.get((side["dataset"], side["name"])) for side in pair)
        if a is not None and b is not None:
            published.add((min(a, b), max(a, b)))
    assert len(published) > 40
    inside = np.array([similarity[pair] for pair in published])
    others = [
        similarity[a, b]
        for a in range(len(paths))
        for b in range(a + 1, len(paths))
        if datasets[a] != datasets[b] and (a, b) not in published
    ]
    assert round(float(np.median(inside)), 3) == 0.993
    assert round(float(inside.min()), 3) == 0.707
    assert max(others) < 0.752
