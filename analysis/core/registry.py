"""Registries: a package whose every file adds entries by itself.

A file of a registry package states its entries in a module constant ``ENTRIES``. Nothing else lists them:
forms, API, command line and contract tests read the registry.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Generic, Protocol, TypeVar

from analysis.core.errors import UnknownName


class Named(Protocol):
    """What every entry has: its name, which is a storage key and never changes its meaning."""

    @property
    def name(self) -> str:
        """The storage key."""
        ...


class Offered(Named, Protocol):
    """What people choose: it says what it is."""

    @property
    def title(self) -> str:
        """The name for people, e.g. ``pHash, 64 bits``."""
        ...

    @property
    def summary(self) -> str:
        """One sentence on what it finds, or does, and what it misses."""
        ...


Entry = TypeVar("Entry", bound=Named)


class Registry(Mapping[str, Entry], Generic[Entry]):
    """The entries of one package by name, in order of file name; files are found at the first look-up.

    Args:
        package: the dotted name of the package whose files hold the entries.
        noun: what an entry is called in messages, e.g. ``hash``.

    Raises:
        RuntimeError: two entries have one name, or a file has no ``ENTRIES``; at first look-up.
        UnknownName: (on look-up) no entry has this name; the message lists those that exist.
    """

    def __init__(self, package: str, noun: str) -> None:
        self._package = package
        self._noun = noun
        self._found: dict[str, Entry] | None = None

    def _entries(self) -> dict[str, Entry]:
        if self._found is None:
            found: dict[str, Entry] = {}
            home: dict[str, str] = {}
            package = importlib.import_module(self._package)
            for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda info: info.name):
                if info.name.startswith("_"):
                    continue
                module: ModuleType = importlib.import_module(f"{self._package}.{info.name}")
                if not hasattr(module, "ENTRIES"):
                    raise RuntimeError(f"{module.__name__} is in a registry package but states no ENTRIES.")
                for entry in module.ENTRIES:
                    if entry.name in found:
                        raise RuntimeError(
                            f"The {self._noun} {entry.name!r} stands in {home[entry.name]} and in {module.__name__}."
                        )
                    found[entry.name] = entry
                    home[entry.name] = module.__name__
            self._found = found
        return self._found

    def __getitem__(self, name: str) -> Entry:
        entries = self._entries()
        if name not in entries:
            raise UnknownName(f"There is no {self._noun} {name!r}.", remedy=f"There are: {', '.join(entries)}.")
        return entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries())

    def __len__(self) -> int:
        return len(self._entries())

    def __contains__(self, name: object) -> bool:
        return name in self._entries()
