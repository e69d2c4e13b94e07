"""The description beside a model file: read strictly, and followed to the last value."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from analysis.core.encoders import find, offered, problems
from analysis.core.encoders._declared import ImageInput
from analysis.core.encoders._sidecar import Fields
from analysis.core.encoders._torch import import_library
from analysis.core.errors import ModelUnavailable
from tests.core import model_files
from tests.core.golden import pictures
from tests.core.model_files import Rgb, describe, mean_colour_onnx, only, script


def colour(rgb: tuple[int, int, int]) -> Rgb:
    return np.full((9, 12, 3), rgb, np.uint8)


def test_values_reach_the_model_as_they_are_described(tmp_path: Path) -> None:
    """The mean of each channel shows which value reached which channel."""
    path = mean_colour_onnx(tmp_path / "onnx" / "mean.onnx")
    rgb = colour((200, 100, 50))

    def given_out(**fields: object) -> list[float]:
        describe(path, **fields)
        loaded = only(tmp_path).load("cpu")
        raw = loaded._raw(loaded.prepare(rgb)[None])  # type: ignore[attr-defined]
        return [round(float(value), 4) for value in raw[0]]

    assert given_out() == [round(value / 255, 4) for value in (200, 100, 50)]
    assert given_out(scale=1) == [200, 100, 50]
    assert given_out(scale=1, channels="BGR", mean=[1, 2, 3]) == [49, 98, 197]
    assert given_out(mean=0.5, std=0.5)[0] == round((200 - 127.5) / 127.5, 4)
    assert given_out(mean=[0, 0.5, 0], std=[2, 1, 0.5]) == [
        round(200 / 255 / 2, 4),
        round(100 / 255 - 0.5, 4),
        round(50 / 255 / 0.5, 4),
    ]
    script(model_files.MeanColour(), tmp_path / "torchscript" / "mean.pt")
    describe(tmp_path / "torchscript" / "mean.pt", scale=1, channels="BGR", mean=[1, 2, 3], std=[1, 1, 2])
    [torchscript] = [encoder for encoder in offered(tmp_path) if encoder.name.startswith("torchscript:")]
    loaded = torchscript.load("cpu")
    raw = loaded._raw(loaded.prepare(rgb)[None])  # type: ignore[attr-defined]
    np.testing.assert_allclose(raw[0], [49, 98, 98.5], rtol=1e-6)


SIDES = st.integers(1, 300)


@settings(max_examples=40, deadline=None)
@given(width=SIDES, height=SIDES, crop=st.sampled_from([1.0, 0.875, 0.95, 0.5]), size=st.sampled_from([8, 32, 224]))
def test_the_shorter_side_is_resized_as_torchvision_does(width: int, height: int, crop: float, size: int) -> None:
    transforms = import_library("torchvision.transforms")
    # Very long images would be enlarged to millions of pixels, which shows nothing more.
    width, height = min(width, 8 * height), min(height, 8 * width)
    rgb = pictures.random("photograph", height, width, np.random.default_rng(width))
    how = ImageInput((size, size), "shorter-side", crop, "bilinear", "RGB", (0, 0, 0), (1, 1, 1), 255)
    bilinear = transforms.InterpolationMode.BILINEAR
    expected = transforms.Compose(
        [transforms.Resize(round(size / crop), interpolation=bilinear), transforms.CenterCrop(size)]
    )(Image.fromarray(rgb))
    np.testing.assert_array_equal(how.prepare(rgb), np.asarray(expected))


def test_the_middle_is_cut_out_and_the_whole_is_squeezed(tmp_path: Path) -> None:
    framed = np.zeros((100, 200, 3), np.uint8)
    framed[25:75, 50:150] = 255
    half = ImageInput((8, 16), "centre-crop", 0.5, "box", "RGB", (0, 0, 0), (1, 1, 1), 255)
    assert half.prepare(framed).shape == (8, 16, 3)
    assert half.prepare(framed).min() == 255
    whole = ImageInput((4, 4), "whole", 1.0, "box", "RGB", (0, 0, 0), (1, 1, 1), 255)
    assert whole.prepare(framed)[:, :, 0].tolist() == [[0] * 4, [0, 255, 255, 0], [0, 255, 255, 0], [0] * 4]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"size": None}, "“size” is missing"),
        ({"mean": None}, "“mean” is missing"),
        ({"resize": None}, "“resize” is missing"),
        ({"size": 0}, "“size” is a whole number of pixels"),
        ({"size": [8, 8, 3]}, "“size” is a whole number of pixels"),
        ({"size": True}, "“size” is a whole number of pixels"),
        ({"size": "8"}, "“size” is a whole number of pixels"),
        ({"mean": [0, 0]}, "“mean” is a number, or one for each"),
        ({"mean": "0.5"}, "“mean” is a number, or one for each"),
        ({"std": [1, 0, 1]}, "“std” is greater than 0"),
        ({"resize": "squash"}, "“resize” is one of whole, shorter-side, centre-crop, not 'squash'"),
        ({"crop": 0.9}, "“crop” has no meaning"),
        ({"resize": "centre-crop", "crop": 1.5}, "“crop” is a number from 0.01 to 1, not 1.5"),
        ({"resize": "shorter-side", "size": [8, 16]}, "“resize” is “shorter-side”, which needs a square"),
        ({"interpolation": "linear"}, "“interpolation” is one of"),
        ({"channels": "rgb"}, "“channels” is one of RGB, BGR"),
        ({"default_distance": 3}, "“default_distance” is a number from 0 to 2"),
        ({"default_distance": True}, "“default_distance” is a number"),
        ({"dim": 0}, "“dim” is a whole number"),
        ({"title": " "}, "“title” is a text"),
        ({"output": 1}, "“output” is a text"),
        ({"std_dev": 1}, "“std_dev” is not known"),
        ({"scale": 0}, "“scale” is a number"),
    ],
)
def test_a_wrong_field_is_named_with_its_file(tmp_path: Path, fields: dict[str, object], words: str) -> None:
    path = describe(mean_colour_onnx(tmp_path / "onnx" / "mean.onnx"), **fields)
    written = json.loads(path.with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps({k: v for k, v in written.items() if v is not None}))
    [problem] = problems(tmp_path)
    assert words in problem.message
    assert "mean.json" in problem.message
    assert problem.remedy
    assert all(not encoder.on_disk for encoder in offered(tmp_path))
    with pytest.raises(ModelUnavailable, match=r"mean.json"):
        find("onnx:mean~00000000", tmp_path)


def test_the_examples_for_people_are_understood(tmp_path: Path) -> None:
    told = (Path(__file__).resolve().parents[2] / "docs" / "models.md").read_text()
    examples = re.findall(r"```(json|toml)\n(.*?)```", told, re.DOTALL)
    assert len(examples) == 2
    for number, (kind, text) in enumerate(examples):
        path = tmp_path / "onnx" / f"example{number}.onnx"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
        path.with_suffix(f".{kind}").write_text(text)
    assert problems(tmp_path) == []
    assert [encoder.title for encoder in offered(tmp_path)[:2]] == ["MobileNetV2", "SSCD, DISC mixup"]


@pytest.mark.parametrize("text", ["{", "[1]", "\xff", '{"size": NaN}', ""])
def test_a_description_that_cannot_be_read_is_named(tmp_path: Path, text: str) -> None:
    path = mean_colour_onnx(tmp_path / "onnx" / "mean.onnx")
    path.with_suffix(".json").write_bytes(text.encode("latin-1"))
    assert "mean.json" in str(problems(tmp_path)[0])


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["size", "mean", "std", "resize", "crop", "scale", "channels", "title"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("whole"),
            lambda inner: st.lists(inner, max_size=3),
        ),
    )
)
def test_no_description_whatever_raises_anything_else(fields: dict[str, object]) -> None:
    reader = Fields(None)
    reader._left = dict(fields)
    try:
        found = ImageInput.read(reader)
    except ModelUnavailable:
        return
    assert min(found.size) >= 1
    assert min(found.std) > 0


@pytest.mark.parametrize(
    ("make", "fields", "words"),
    [
        (mean_colour_onnx, {"output": "logits"}, "“output” says “logits”.*It has: embedding"),
        (mean_colour_onnx, {"input": "pixels"}, "“input” says “pixels”.*It has: input"),
        (mean_colour_onnx, {"size": 16}, r"takes tensor\(float\) of shape .*not images of 16 × 16.*“size” of"),
        (mean_colour_onnx, {"dim": 5}, "“dim” says 5, the model gives 3"),
        (lambda path: mean_colour_onnx(path, more_outputs=True), {}, "“output” is missing.*embedding, pooled"),
        (lambda path: mean_colour_onnx(path, ("n", 4, 8, 8)), {}, "not images of"),
        (lambda path: path.write_bytes(b"no model") and path, {}, "cannot be loaded"),
    ],
)
def test_an_onnx_file_that_does_not_fit_its_description(
    tmp_path: Path, make: Callable[[Path], Path], fields: dict[str, object], words: str
) -> None:
    path = tmp_path / "onnx" / "mean.onnx"
    path.parent.mkdir()
    describe(make(path), **fields)
    with pytest.raises(ModelUnavailable, match=words):
        only(tmp_path).load("cpu")


def test_onnx_inputs_of_other_forms(tmp_path: Path) -> None:
    path = tmp_path / "onnx" / "mean.onnx"
    describe(mean_colour_onnx(path, more_outputs=True), output="pooled")
    pooled = only(tmp_path).load("cpu")
    assert pooled.dim == 3
    describe(mean_colour_onnx(path, (2, 3, 8, 8)))
    fixed = only(tmp_path).load("cpu")
    images = [fixed.prepare(colour((10 * n + 1, 50, 90))) for n in range(5)]
    np.testing.assert_allclose(fixed.encode(images).values, pooled.encode(images).values, atol=1e-6)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "“output” is missing, and the model gives several.*0, 1"),
        ({"output": "2"}, "says “2”, which the model does not give.*0, 1"),
        ({"output": "embedding"}, "says “embedding”"),
    ],
)
def test_a_program_with_several_outputs_has_one_named(tmp_path: Path, fields: dict[str, object], words: str) -> None:
    path = script(model_files.Several(), tmp_path / "torchscript" / "several.pt")
    describe(path, **fields)
    with pytest.raises(ModelUnavailable, match=words):
        only(tmp_path).load("cpu")
    describe(path, output="1")
    assert only(tmp_path).load("cpu").dim == 3
