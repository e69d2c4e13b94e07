"""Encoders: one file per family of embedding models. Their heavy libraries are imported only when one is loaded."""

from __future__ import annotations

from pathlib import Path

from analysis.core.encoders._pipeline import embed
from analysis.core.encoders._protocol import (
    DEFAULT_DISTANCE,
    Advance,
    Encoder,
    Family,
    LoadedEncoder,
    Weights,
)
from analysis.core.errors import ModelUnavailable, UnknownName
from analysis.core.registry import Registry

__all__ = [
    "DEFAULT_DISTANCE",
    "FAMILIES",
    "Advance",
    "Encoder",
    "Family",
    "LoadedEncoder",
    "Weights",
    "embed",
    "find",
    "is_encoder",
    "offered",
    "problems",
]

FAMILIES: Registry[Family] = Registry("analysis.core.encoders", "family of encoders")


def is_encoder(name: str) -> bool:
    """Whether a signal's name has the form of an encoder's, known or not."""
    return name.partition(":")[0] in FAMILIES


def find(name: str, folder: Path) -> Encoder:
    """The encoder of this name.

    Args:
        name: an encoder's storage key, e.g. ``timm:resnet18.a1_in1k``.
        folder: the models folder, which need not exist.

    Raises:
        UnknownName: no family knows such a model.
        ModelUnavailable: it names the operator's own file, which has changed since, is broken or gone.
    """
    family, colon, rest = name.partition(":")
    if not colon or family not in FAMILIES:
        raise UnknownName(
            f"There is no encoder {name!r}.",
            remedy=f"Names begin with {', '.join(f'{known}:' for known in FAMILIES)}; "
            "python manage.py models list shows those that are here.",
        )
    return FAMILIES[family].find(rest, folder)


def offered(folder: Path) -> list[Encoder]:
    """What can be chosen: every encoder on this machine first, then the recommended ones that could be fetched."""
    here = [
        found
        for family in FAMILIES.values()
        for found in family.present(folder)
        if not isinstance(found, ModelUnavailable)
    ]
    recommended = [found for family in FAMILIES.values() for found in family.recommended(folder)]
    names = {found.name for found in here}
    return [*here, *(found for found in recommended if found.name not in names)]


def problems(folder: Path) -> list[ModelUnavailable]:
    """What keeps files of the models folder from being offered; each names its file and field."""
    everything = (found for family in FAMILIES.values() for found in family.present(folder))
    return [found for found in everything if isinstance(found, ModelUnavailable)]
