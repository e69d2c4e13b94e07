"""Checkpoints of torch as tensors: never as code, whatever a file pretends to be."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.core.encoders._memory import says_out_of_memory, too_large
from analysis.core.encoders._words import brief
from analysis.core.errors import AnalysisError, ModelUnavailable

if TYPE_CHECKING:
    import torch

SUFFIXES = (".safetensors", ".pt", ".pth", ".bin")
"""Files that are read as checkpoints."""

_NESTED = ("state_dict", "model_state_dict", "model")


def state_dict(name: str, path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a checkpoint, on the processor.

    Args:
        name: the encoder's name, for messages.
        path: a ``.safetensors`` file, or one of ``torch.save``. The latter is a pickle, which could run any program:
            it is read by torch's restricted reader, which knows tensors and plain containers only.

    Raises:
        ModelUnavailable: it holds anything but tensors, is broken, or does not fit into memory.
    """
    try:
        return _read(path)
    except Exception as error:
        raise refusal(name, path, error) from error


def refusal(name: str, path: Path, error: Exception) -> AnalysisError:
    """The error for a model file that a library could not load; one of ours is left as it is."""
    if isinstance(error, AnalysisError):
        return error
    if says_out_of_memory(error):
        return too_large(name, f"loading {path.name}")
    if isinstance(error, pickle.UnpicklingError):
        return ModelUnavailable(
            f"{path} is refused: it is a pickle that holds more than tensors, which could run any program "
            f"({brief(error)}).",
            remedy="Save it as .safetensors, or its tensors alone: torch.save(model.state_dict(), path).",
        )
    if "TorchScript" in str(error):
        return ModelUnavailable(
            f"{path} is a TorchScript program, not a checkpoint.",
            remedy="Put it into the folder torchscript, with a description beside it.",
        )
    return ModelUnavailable(
        f"{path} cannot be loaded ({brief(error)}).",
        remedy="Check that it is complete and belongs to the architecture of its folder.",
    )


def _read(path: Path) -> dict[str, torch.Tensor]:
    import torch

    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        found: Any = load_file(path)
    else:
        found = torch.load(path, map_location="cpu", weights_only=True)
        for key in _NESTED:
            if isinstance(found, dict) and isinstance(found.get(key), dict):
                found = found[key]
    if not isinstance(found, dict) or not any(isinstance(value, torch.Tensor) for value in found.values()):
        raise ValueError("it is no dictionary of tensors")
    tensors = {str(key): value for key, value in found.items() if isinstance(value, torch.Tensor)}
    # Training in parallel leaves this before every name.
    return {key.removeprefix("module."): value for key, value in tensors.items()}
