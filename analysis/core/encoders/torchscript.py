"""TorchScript: models saved as programs of torch, such as SSCD, with a description of their input beside them."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from analysis.core.encoders._described import DescribedFamily, DescribedModel
from analysis.core.encoders._torch import TorchEncoder, normaliser, torch_device
from analysis.core.encoders._weights import refusal
from analysis.core.errors import ModelUnavailable

if TYPE_CHECKING:
    import torch


def _load(model: DescribedModel, device: str | None) -> TorchEncoder:
    import torch

    chosen = torch_device(device)
    path = model.file.path
    try:
        with warnings.catch_warnings():
            # torch prefers exported programs by now, but models are still published in this form.
            warnings.simplefilter("ignore", DeprecationWarning)
            program = torch.jit.load(str(path), map_location=chosen).eval()  # type: ignore[no-untyped-call]
    except Exception as error:
        raise refusal(model.name, path, error) from error
    image = model.description.image
    return TorchEncoder(
        name=model.name,
        device=chosen,
        forward=lambda values: _output(model, program(values)),
        resize=image.prepare,
        normalise=normaliser(*image.in_units_of_255(), chosen),
    )


def _output(model: DescribedModel, given: Any) -> torch.Tensor:
    """The tensor that the description names among what the program gave.

    Raises:
        ModelUnavailable: there is none of this name or number.
    """
    import torch

    if isinstance(given, dict):
        named = {str(key): value for key, value in given.items()}
    elif isinstance(given, tuple | list):
        named = {str(number): value for number, value in enumerate(given)}
    else:
        named = {"": given}
    wanted = model.description.output or (next(iter(named)) if len(named) == 1 else "")
    found = named.get(wanted)
    if isinstance(found, torch.Tensor):
        return found
    names = ", ".join(key for key, value in named.items() if key and isinstance(value, torch.Tensor))
    what = f"says “{wanted}”, which the model does not give" if wanted else "is missing, and the model gives several"
    raise ModelUnavailable(
        f"{model.file.sidecar}: the field “output” {what}.",
        remedy=f"It gives: {names}." if names else "It gives one tensor without a name: leave the field out.",
    )


ENTRIES = (DescribedFamily("torchscript", (".pt", ".ts", ".torchscript"), _load),)
