"""Images reach a model as its library prepares them, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from analysis.core.encoders._fit import Fit
from analysis.core.encoders._torch import import_library, split_transform
from analysis.core.encoders.openclip import RECOMMENDED as CLIP_RECOMMENDED
from analysis.core.encoders.openclip import _config, _tags, _trained
from analysis.core.encoders.timm import RECOMMENDED as TIMM_RECOMMENDED
from tests.core.golden import pictures


def of_clip(model: str) -> Any:
    """open_clip's preprocessing of an architecture with published weights."""
    transform = import_library("open_clip.transform")
    architecture, _, tag = model.partition("/")
    size = (_config(architecture) or {})["vision_cfg"]["image_size"]
    how = transform.PreprocessCfg(size=size, **_trained(_tags(architecture)[tag]).preprocessing)
    return transform.image_transform_v2(how, is_train=False)


def of_timm(model: str) -> Any:
    """timm's preprocessing of a model with published weights."""
    timm = import_library("timm")
    how = timm.data.resolve_data_config({}, pretrained_cfg=timm.get_pretrained_cfg(model).to_dict())
    return timm.data.create_transform(**how, is_training=False)


@pytest.mark.parametrize("model", [*CLIP_RECOMMENDED, *TIMM_RECOMMENDED])
def test_the_preprocessing_of_every_recommended_model_is_the_librarys(model: str) -> None:
    """Bit for bit, and without the library: it is recognised and compiled."""
    composed = of_clip(model) if model in CLIP_RECOMMENDED else of_timm(model)
    resize, _, _ = split_transform(model, composed)
    assert isinstance(resize, Fit)
    for height, width in ((300, 400), (400, 300), (700, 701), (90, 90), (37, 401), (1200, 900)):
        rgb = pictures.random("photograph", height, width, np.random.default_rng(height))
        expected = Image.fromarray(rgb)
        for step in composed.transforms[:-2]:
            expected = step(expected)
        np.testing.assert_array_equal(resize(rgb), np.asarray(expected))


def test_a_preprocessing_that_is_not_recognised_is_left_to_the_library() -> None:
    transforms = import_library("torchvision.transforms")
    ending = [transforms.ToTensor(), transforms.Normalize((0.5,) * 3, (0.5,) * 3)]
    rgb = pictures.draw()["photograph"]
    for steps in (
        [transforms.Resize(64), transforms.CenterCrop(80)],
        [transforms.Resize(64, max_size=70), transforms.CenterCrop(60)],
        [transforms.CenterCrop(60), transforms.Resize(64)],
        [transforms.Pad(3)],
    ):
        expected = transforms.Compose(steps)(Image.fromarray(rgb))
        resize, _, _ = split_transform("mine", transforms.Compose([*steps, *ending]))
        assert not isinstance(resize, Fit)
        np.testing.assert_array_equal(resize(rgb), np.asarray(expected))
