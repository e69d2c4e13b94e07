"""The device that models compute on: the fastest one that is there, unless somebody says otherwise."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from analysis.core.errors import ModelUnavailable

DEVICE_VARIABLE = "MODELS_DEVICE"
"""Environment variable that names the device where the caller does not."""

_FORM = re.compile(r"(cpu|mps|cuda)(?::(\d+))?")


def choose_device(asked: str | None, there: Mapping[str, int]) -> str:
    """The device asked for, else that of the environment, else the fastest that is there.

    Args:
        asked: ``cpu``, ``cuda``, ``cuda:1`` or ``mps``; None leaves it to the environment and the machine.
        there: kind → how many of it there are for the library that computes, the fastest first.

    Raises:
        ModelUnavailable: the one asked for is not there.
    """
    wanted = asked or os.environ.get(DEVICE_VARIABLE, "").strip()
    if not wanted:
        return next(kind for kind, count in there.items() if count)
    form = _FORM.fullmatch(wanted)
    if form is None or int(form[2] or 0) >= there.get(form[1], 0):
        raise ModelUnavailable(
            f"The device {wanted!r} is not on this machine.",
            remedy=f"Leave {DEVICE_VARIABLE} empty to have it chosen, or set it to cpu, cuda, cuda:1 or mps.",
        )
    return wanted
