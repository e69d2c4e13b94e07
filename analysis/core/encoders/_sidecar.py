"""The description beside a model file, JSON or TOML, read strictly: a wrong field is named, never guessed."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from analysis.core.errors import ModelUnavailable


class Fields:
    """The fields of one description. Each is taken once; what is left in the end is a mistake.

    Args:
        path: the file; None for a description that is not there, whose every field has its default.

    Raises:
        ModelUnavailable: (by every method) the file or a field is not as it must be; the message names both.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._left = {} if path is None else _read(path)

    def refused(self, field: str, why: str) -> ModelUnavailable:
        """The error for a field."""
        return ModelUnavailable(f"{self.path}: the field “{field}” {why}.", remedy="docs/models.md lists the fields.")

    def text(self, field: str, default: str = "") -> str:
        """A text that is not empty; the default where the field is missing."""
        if field not in self._left:
            return default
        value = self._left.pop(field)
        if not isinstance(value, str) or not value.strip():
            raise self.refused(field, "is a text")
        return value.strip()

    def choice(self, field: str, choices: Sequence[str], default: str | None = None) -> str:
        """One of several words; required where there is no default."""
        value = self._take(field, default)
        if value not in choices:
            raise self.refused(field, f"is one of {', '.join(choices)}, not {value!r}")
        return str(value)

    def number(self, field: str, default: float | None, *, low: float, high: float) -> float:
        """A number from `low` to `high`; required where there is no default."""
        value = self._take(field, default)
        if not _is_number(value) or not low <= value <= high:
            raise self.refused(field, f"is a number from {low:g} to {high:g}, not {value!r}")
        return float(value)

    def whole(self, field: str, *, low: int, high: int) -> int | None:
        """A whole number from `low` to `high`; None where the field is missing."""
        if field not in self._left:
            return None
        value = self._left.pop(field)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.refused(field, f"is a whole number from {low} to {high}, not {value!r}")
        return value

    def size(self, field: str) -> tuple[int, int]:
        """Height and width in pixels: one number for both, or two."""
        value = self._take(field, None)
        sides = [value, value] if isinstance(value, int) else value
        if (
            not isinstance(sides, list)
            or len(sides) != 2
            or not all(isinstance(side, int) and not isinstance(side, bool) and 1 <= side <= 4096 for side in sides)
        ):
            raise self.refused(field, f"is a whole number of pixels, or [height, width], not {value!r}")
        return sides[0], sides[1]

    def channels(
        self, field: str, default: Sequence[float] | None, *, positive: bool = False
    ) -> tuple[float, float, float]:
        """Three finite numbers, one for each channel; one number counts for all. Required without a default."""
        value = self._take(field, default if default is None else list(default))
        three = [value] * 3 if _is_number(value) else value
        if not isinstance(three, list) or len(three) != 3 or not all(map(_is_number, three)):
            raise self.refused(field, f"is a number, or one for each of three channels, not {value!r}")
        if positive and min(three) <= 0:
            raise self.refused(field, f"is greater than 0, not {value!r}")
        return float(three[0]), float(three[1]), float(three[2])

    def has(self, field: str) -> bool:
        """Whether the field is there and has not been taken."""
        return field in self._left

    def finish(self) -> None:
        """Refuse fields that nobody asked for, which are often misspelt."""
        if self._left:
            raise self.refused(min(self._left), "is not known")

    def _take(self, field: str, default: object) -> Any:
        if field in self._left:
            return self._left.pop(field)
        if default is None:
            raise self.refused(field, "is missing")
        return default


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        found = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (OSError, ValueError) as error:
        raise ModelUnavailable(f"{path} cannot be read ({error}).", remedy="docs/models.md has an example.") from error
    if not isinstance(found, dict):
        raise ModelUnavailable(f"{path} holds no fields.", remedy="docs/models.md has an example.")
    return found
