"""Small real model files: checkpoints of real architectures with seeded weights, minimal ONNX and TorchScript files.

Nothing here has learned anything, so no test says that their vectors mean something.
"""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from analysis.core.encoders import Encoder, offered, problems
from analysis.core.encoders._torch import import_library

Rgb = NDArray[np.uint8]

TIMM = "test_resnet"
"""A real architecture of timm, of half a million weights."""

CLIP = "ViT-S-32-alt"
"""The smallest architecture that open_clip lists and whose tokenizer comes with it."""


def timm_weights(architecture: str, seed: int = 0) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    return import_library("timm").create_model(architecture).state_dict()  # type: ignore[no-any-return]


def clip_weights(seed: int = 0) -> dict[str, torch.Tensor]:
    """In half precision, as such files often are: half the bytes."""
    torch.manual_seed(seed)
    model = import_library("open_clip").create_model(CLIP)
    return {key: value.half() for key, value in model.state_dict().items()}


def save(weights: Mapping[str, object], path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".safetensors":
        save_file(dict(weights), path)  # type: ignore[arg-type]
    else:
        torch.save(weights, path)
    return path


class Touch:
    """Makes a pickle that writes a file when it is read by a reader that runs programs."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.target),)


def hostile(path: Path, target: Path) -> Path:
    """A checkpoint as torch saves it, whose pickle makes a folder when it is trusted."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"state_dict": {"weight": torch.zeros(2)}, "extra": Touch(target)}, path)
    return path


def bare_pickle(path: Path, target: Path) -> Path:
    """The same as a plain pickle, which torch still reads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(Touch(target)))
    return path


def mean_colour_onnx(path: Path, shape: Iterable[int | str] = ("n", 3, 8, 8), more_outputs: bool = False) -> Path:
    """An ONNX file that gives the mean of each channel: as ``embedding`` (n, 3), on request as ``pooled`` too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pool = _message((1, b"input"), (2, b"pooled"), (4, b"GlobalAveragePool"))
    flatten = _message((1, b"pooled"), (2, b"embedding"), (4, b"Flatten"))
    outputs = [_value("embedding", ("n", 3))] + ([_value("pooled", ("n", 3, 1, 1))] if more_outputs else [])
    graph = _message(
        *((1, node) for node in (pool, flatten)),
        (2, b"mean colour"),
        (11, _value("input", shape)),
        *((12, output) for output in outputs),
    )
    path.write_bytes(_message((1, 8), (7, graph), (8, _message((2, 13)))))
    return path


def _value(name: str, shape: Iterable[int | str]) -> bytes:
    """A tensor of floats; sides are numbers or names."""
    sides = [_message((1, side)) if isinstance(side, int) else _message((2, side.encode())) for side in shape]
    tensor = _message((1, 1), (2, _message(*((1, side) for side in sides))))
    return _message((1, name.encode()), (2, _message((1, tensor))))


def _message(*fields: tuple[int, int | bytes]) -> bytes:
    """Fields as Protocol Buffers writes them: numbers as varints, everything else with its length."""
    out = b""
    for number, value in fields:
        if isinstance(value, int):
            out += _varint(number << 3) + _varint(value)
        else:
            out += _varint(number << 3 | 2) + _varint(len(value)) + value
    return out


def _varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


class MeanColour(torch.nn.Module):
    """The mean of each channel."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean(dim=[2, 3])


class Hungry(torch.nn.Module):
    """The mean of each channel, for as many images as fit; more ask for more memory than there is on any machine."""

    def __init__(self, fits: int) -> None:
        super().__init__()
        self.fits = fits

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if images.size(0) > self.fits:
            images = images + torch.empty([1 << 50]).sum()
        return images.mean(dim=[2, 3])


class Several(torch.nn.Module):
    """Two outputs by number: one for each pixel, one for each image."""

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return images.flatten(1), images.mean(dim=[2, 3])


def script(module: torch.nn.Module, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.jit.script(module).save(str(path))  # type: ignore[no-untyped-call]
    return path


def describe(path: Path, **fields: object) -> Path:
    """The description beside a model file, with what it needs where nothing else is said."""
    needed: dict[str, object] = {"size": 8, "resize": "whole", "mean": 0, "std": 1}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".json").write_text(json.dumps(needed | fields))
    return path


def only(folder: Path) -> Encoder:
    """The one encoder that a models folder holds."""
    here = [encoder for encoder in offered(folder) if encoder.on_disk]
    assert len(here) == 1, [str(problem) for problem in problems(folder)]
    return here[0]
