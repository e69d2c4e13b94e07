"""torch, the device that it computes on, and models that run on it."""

from __future__ import annotations

import contextlib
import importlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from analysis.core.arrays import Vectors
from analysis.core.encoders._device import choose_device
from analysis.core.encoders._fit import of_transforms
from analysis.core.encoders._memory import says_out_of_memory, too_large
from analysis.core.encoders._vectors import features, no_text_tower, unit
from analysis.core.encoders._words import brief
from analysis.core.errors import AnalysisError, ModelUnavailable

if TYPE_CHECKING:
    import torch

# Threads of torch that wait for the next layer by spinning take the cores from those that decode the next images, and
# from everybody else on the machine. torch reads this when it is imported first.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

BATCH_SIZES = {"cpu": 32, "mps": 32, "cuda": 256}
"""To begin with; the pipeline halves what does not fit."""

_importing = threading.Lock()
_kept: list[object] = []


def import_library(name: str) -> Any:
    """A module that stands on torchvision, also where torchvision's operators do not fit this build of torch.

    The build from the package registry is linked to CUDA. Beside torch for the processor alone its operators do not
    load, and the import stops at the first one that it describes. Its transforms, which are all that is needed, run
    once those operators are declared; nothing here calls them.
    """
    with _importing:
        try:
            importlib.import_module("torchvision")
        except RuntimeError:
            _declare_operators()
        return importlib.import_module(name)


def _declare_operators() -> None:
    import torch

    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for operator in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, operator):
            schema = f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
            library.define(schema)  # type: ignore[no-untyped-call]
    # The declarations last as long as this object.
    _kept.append(library)


def torch_device(asked: str | None) -> str:
    """The device to compute on with torch.

    Raises:
        ModelUnavailable: the one asked for is not there.
    """
    import torch

    there = {"cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available()), "cpu": 1}
    return choose_device(asked, there)


@contextlib.contextmanager
def computing(name: str, device: str) -> Iterator[None]:
    """Inference without gradients, on CUDA in half precision; says in plain words what stopped it.

    Raises:
        OutOfMemory: memory was not enough.
        ModelUnavailable: the model stopped with an error of its own.
    """
    import torch

    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.inference_mode())
        if device.startswith("cuda"):
            half = torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
            stack.enter_context(torch.autocast("cuda", dtype=half))
        try:
            yield
        except AnalysisError:
            raise
        except Exception as error:
            if says_out_of_memory(error):
                raise too_large(name, f"on {device}") from error
            raise ModelUnavailable(
                f"{name} does not run ({brief(error)}).", remedy="Check that its file and its description fit together."
            ) from error


Resize = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]


class TorchEncoder:
    """A model of torch in memory.

    Args:
        name: the encoder's name.
        device: where the model lies.
        forward: from normalised images, float32 of shape (n, 3, height, width), to features (n, dim).
        resize: from pixels, uint8 of shape (height, width, 3), to those of the size that the model takes.
        normalise: from values in 0..1, shape (n, 3, height, width), to what `forward` takes; may change them in place.
        tokens: from texts to what `forward_text` takes; None where there is no text tower.
        forward_text: from tokens to features (n, dim).

    Raises:
        ModelUnavailable: it does not run, or gives something that is no vector.
    """

    def __init__(
        self,
        *,
        name: str,
        device: str,
        forward: Callable[[torch.Tensor], torch.Tensor],
        resize: Resize,
        normalise: Callable[[torch.Tensor], torch.Tensor],
        tokens: Callable[[Sequence[str]], torch.Tensor] | None = None,
        forward_text: Callable[[torch.Tensor], torch.Tensor] | None = None,
    ) -> None:
        self.name = name
        self.device = device
        self.batch_size = BATCH_SIZES[device.partition(":")[0]]
        self._forward = forward
        self._resize = resize
        self._normalise = normalise
        self._tokens = tokens
        self._forward_text = forward_text
        # One grey image tells the dimensions, and whether the model runs at all.
        self.dim = int(self._raw(self.prepare(np.full((64, 64, 3), 128, np.uint8))[None]).shape[1])

    def prepare(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The image at the model's size: uint8, shape (height, width, 3). A quarter of the bytes of floats."""
        return self._resize(rgb)

    def encode(self, prepared: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> Vectors:
        """The vectors of a batch."""
        batch = prepared if isinstance(prepared, np.ndarray) else np.stack(list(prepared))
        return unit(self.name, self._raw(batch))

    def encode_text(self, texts: Sequence[str]) -> Vectors:
        """The vectors of texts."""

        if self._tokens is None or self._forward_text is None:
            raise no_text_tower(self.name)
        tokens = self._tokens(texts)
        with computing(self.name, self.device):
            raw: torch.Tensor = self._forward_text(tokens.to(self.device)).float().cpu()
        return unit(self.name, raw.numpy())

    def _raw(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        import torch

        with computing(self.name, self.device):
            # Images that share read-only memory are only read; torch cannot know.
            pixels = torch.from_numpy(batch if batch.flags.writeable else batch.copy())
            if self.device.startswith("cuda"):
                pixels = pixels.pin_memory().to(self.device, non_blocking=True)
            values = pixels.to(self.device).permute(0, 3, 1, 2).float().div_(255)
            raw: NDArray[np.float32] = self._forward(self._normalise(values.contiguous())).float().cpu().numpy()
        return features(self.name, raw, len(batch))


def normaliser(mean: Sequence[float], std: Sequence[float], device: str) -> Callable[[torch.Tensor], torch.Tensor]:
    """Subtracts the mean of each channel and divides by its standard deviation, in place, as torchvision does."""
    import torch

    centre, width = (
        torch.tensor(list(values), dtype=torch.float32, device=device).view(3, 1, 1) for values in (mean, std)
    )
    return lambda values: values.sub_(centre).div_(width)


def split_transform(name: str, transform: Any) -> tuple[Resize, list[float], list[float]]:
    """A library's preprocessing, split where images become tensors: the rest is done for a whole batch at a time.

    Args:
        name: the encoder's name, for messages.
        transform: torchvision transforms, composed, that end in conversion to a tensor and normalisation.

    Returns:
        From pixels to those of the model's size; mean and standard deviation of the channels, for values in 0..1.

    Raises:
        ModelUnavailable: it does not end so.
    """
    compose = import_library("torchvision.transforms").Compose
    *resizing, convert, normalise = transform.transforms
    if "ToTensor" not in type(convert).__name__ or type(normalise).__name__ != "Normalize":
        raise ModelUnavailable(
            f"{name} is preprocessed by this version of its library in a way that is not known here.",
            remedy="Install the version of the library that requirements.txt names.",
        )
    mean, std = ([float(value) for value in values] for values in (normalise.mean, normalise.std))
    composed = compose(resizing)
    fit = of_transforms(resizing)
    return fit or (lambda rgb: np.asarray(composed(Image.fromarray(rgb)))), mean, std
