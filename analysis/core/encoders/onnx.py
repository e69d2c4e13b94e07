"""ONNX: model files of any origin, run by onnxruntime, with a description of their input and output beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.core.arrays import Vectors
from analysis.core.encoders._described import DescribedFamily, DescribedModel
from analysis.core.encoders._device import choose_device
from analysis.core.encoders._memory import says_out_of_memory, too_large
from analysis.core.encoders._vectors import features, no_text_tower, unit
from analysis.core.encoders._weights import refusal
from analysis.core.encoders._words import brief
from analysis.core.errors import ModelUnavailable

_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
_BATCH_SIZES = {"cpu": 32, "cuda": 128}


class LoadedOnnx:
    """A model in a session of onnxruntime.

    Args:
        model: the file with its description.
        session: the session that was made of it.
        device: ``cpu`` or ``cuda``, with a number or without.

    Raises:
        ModelUnavailable: its input or output is not what is described, or it does not run.
    """

    def __init__(self, model: DescribedModel, session: Any, device: str) -> None:
        self.name = model.name
        self.device = device
        self._session = session
        self._image = model.description.image
        taken = _one_of(model, "input", model.description.input, session.get_inputs())
        self._input = taken.name
        self._output = _one_of(model, "output", model.description.output, session.get_outputs()).name
        self._dtype, self._channels_last, self._fixed = _input_form(model, taken)
        self.batch_size = self._fixed or _BATCH_SIZES[device.partition(":")[0]]
        mean, std = (np.array(values, np.float64) for values in self._image.in_units_of_255())
        self._factor = (1 / (255 * std)).astype(np.float32)
        self._offset = (-mean / std).astype(np.float32)
        self.dim = int(self._raw(self.prepare(np.full((64, 64, 3), 128, np.uint8))[None]).shape[1])

    def prepare(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The image at the model's size: uint8, shape (height, width, 3). A quarter of the bytes of floats."""
        return self._image.prepare(rgb)

    def encode(self, prepared: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> Vectors:
        """The vectors of a batch."""
        batch = prepared if isinstance(prepared, np.ndarray) else np.stack(list(prepared))
        return unit(self.name, self._raw(batch))

    def encode_text(self, texts: Sequence[str]) -> Vectors:
        """Models of this family have no text tower."""
        raise no_text_tower(self.name)

    def _raw(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        step = self._fixed or len(batch)
        parts = [self._run(batch[start : start + step], step) for start in range(0, len(batch), step)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _run(self, batch: NDArray[np.uint8], n_taken: int) -> NDArray[np.float32]:
        """Run it on up to as many images as it takes; where it takes a fixed number, empty ones fill the rest."""
        try:
            n, height, width, _ = batch.shape
            values = np.zeros((n_taken, 3, height, width), np.float32)
            for channel, (factor, offset) in enumerate(zip(self._factor, self._offset, strict=True)):
                np.multiply(batch[..., channel], factor, out=values[:n, channel])
                values[:n, channel] += offset
            if self._channels_last:
                values = np.ascontiguousarray(values.transpose(0, 2, 3, 1))
            [raw] = self._session.run([self._output], {self._input: values.astype(self._dtype, copy=False)})
        except Exception as error:
            if says_out_of_memory(error):
                raise too_large(self.name, f"on {self.device}") from error
            raise ModelUnavailable(
                f"{self.name} does not run ({brief(error)}).", remedy="Check that its file and its description fit."
            ) from error
        return features(self.name, np.asarray(raw), n_taken)[:n]


def _one_of(model: DescribedModel, field: str, wanted: str, there: Sequence[Any]) -> Any:
    """The input or output that is described, or the only one.

    Raises:
        ModelUnavailable: there is none of this name, or several and none is named.
    """
    names = [each.name for each in there]
    if wanted in names:
        return there[names.index(wanted)]
    if not wanted and len(there) == 1:
        return there[0]
    what = f"says “{wanted}”, which the model does not have" if wanted else "is missing, and the model has several"
    raise ModelUnavailable(f"{model.file.sidecar}: the field “{field}” {what}.", remedy=f"It has: {', '.join(names)}.")


def _input_form(model: DescribedModel, taken: Any) -> tuple[Any, bool, int]:
    """Number type of the input, whether channels come last, and its number of images (0 where any number goes).

    Raises:
        ModelUnavailable: it takes no images of the size that is described.
    """
    height, width = model.description.image.size
    shape = [side if isinstance(side, int) and side > 0 else 0 for side in taken.shape or ()]
    for channels_last, wanted in ((False, (3, height, width)), (True, (height, width, 3))):
        fits = len(shape) == 4 and all(side in (0, want) for side, want in zip(shape[1:], wanted, strict=True))
        if fits and taken.type in _TYPES:
            return _TYPES[taken.type], channels_last, shape[0]
    raise ModelUnavailable(
        f"{model.file.path.name} takes {taken.type} of shape {taken.shape} as “{taken.name}”, not images of "
        f"{height} × {width} pixels.",
        remedy=f"Correct the field “size” of {model.file.sidecar}, or export the model for such images.",
    )


def _load(model: DescribedModel, device: str | None) -> LoadedOnnx:
    import onnxruntime

    there = {"cuda": 64 if "CUDAExecutionProvider" in onnxruntime.get_available_providers() else 0, "cpu": 1}
    chosen = choose_device(device, there)
    kind, _, number = chosen.partition(":")
    providers: list[Any] = ["CPUExecutionProvider"]
    if kind == "cuda":
        providers.insert(0, ("CUDAExecutionProvider", {"device_id": int(number or 0)}))
    options = onnxruntime.SessionOptions()
    # A thread that waits for work by spinning takes the core from those that decode the next images.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(str(model.file.path), options, providers=providers)
    except Exception as error:
        raise refusal(model.name, model.file.path, error) from error
    return LoadedOnnx(model, session, chosen)


ENTRIES = (DescribedFamily("onnx", (".onnx",), _load),)
