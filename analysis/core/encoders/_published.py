"""Models whose weights are published: on this machine once they have been fetched, or in the library's own cache."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.core.encoders import _checksums
from analysis.core.encoders._download import Source, in_cache, stated_in_cache
from analysis.core.encoders._memory import check_room
from analysis.core.encoders._protocol import DEFAULT_DISTANCE, Advance, LoadedEncoder, Weights, silent
from analysis.core.encoders._store import Store, keys
from analysis.core.encoders._words import fetch_command, not_here
from analysis.core.errors import ModelUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedModel(ABC):
    """A model by the name that its library has for it.

    Attributes:
        name: the encoder's name, without digits: what is published under it does not change.
        title: the name for people.
        summary: one sentence on what it finds.
        dim: number of dimensions; None where only loading tells.
        source: where its weights are published; None where the library has to be asked.
        store: its place in the models folder.
    """

    name: str
    title: str
    summary: str
    dim: int | None
    source: Source | None
    store: Store

    has_text = False
    default_distance = DEFAULT_DISTANCE

    @property
    def on_disk(self) -> bool:
        """Whether it has been fetched, or lies in the library's cache."""
        return self.store.about() is not None or self._cached() is not None

    def weights(self) -> Weights | None:
        """What was fetched, else what the cache has."""
        if self.store.about() is not None:
            files: Sequence[Path] = self.store.files()
            # A file that is gone has no size; `verify` says which it is.
            return Weights(tuple(files), sum(file.stat().st_size for file in files if file.is_file()), "fetched")
        cached = self._cached()
        return None if cached is None else Weights((cached,), cached.stat().st_size, "cache")

    def verify(self) -> str:
        """Compare the files, read again, with what was fetched, or with the name that the cache gave them."""
        if self.store.about() is not None:
            self.store.verify(again=True)
            return "it has the checksum it was fetched with"
        cached = self._cached()
        if cached is None:
            raise not_here(self.name)
        stated = stated_in_cache(cached)
        if stated and _checksums.compute(cached) != stated:
            raise ModelUnavailable(
                f"{cached} is not what the library downloaded: its checksum differs.",
                remedy=f"Delete it, then run: {fetch_command(self.name)}",
            )
        return "it has the checksum of the library's cache" if stated else "the library's cache states no checksum"

    def fetch(self, advance: Advance = silent) -> None:
        """Download the weights into the models folder."""
        self.store.fetch([self.published()], self.about(), advance, optional=False)

    def load(self, device: str | None = None, *, may_fetch: bool = False) -> LoadedEncoder:
        """Load it; what was fetched must still be what it was."""
        if may_fetch and not self.on_disk:
            self.fetch()
        weights = self.weights()
        if weights is None:
            raise not_here(self.name)
        if weights.checksum == "fetched":
            self.store.verify(again=False)
        check_room(self.name, weights.size)
        loaded = self.build(weights.files[0], device)
        if self.dim is None and weights.checksum == "fetched":
            self.store.remember({"dim": loaded.dim})
        return loaded

    def about(self) -> dict[str, Any]:
        """What is remembered with the files, so that listing them needs no library."""
        return {"name": self.name, "title": self.title, "dim": self.dim}

    @abstractmethod
    def published(self) -> Source:
        """Where its weights are published, asking the library where need be."""

    @abstractmethod
    def build(self, path: Path, device: str | None) -> LoadedEncoder:
        """The model with the weights of this file."""

    def _cached(self) -> Path | None:
        return in_cache(self.source) if self.source else None


def present(
    folder: Path, family: str, recommended: Collection[str], published: Callable[[str, Path], PublishedModel | None]
) -> Iterator[PublishedModel]:
    """The published models of a family that are on this machine.

    Args:
        folder: the models folder.
        family: its name.
        recommended: models that come first, in this order, by name without the family.
        published: from such a name and the models folder to the model; None where the library knows none.
    """
    for model in recommended:
        found = published(model, folder)
        if found is not None and found.on_disk:
            yield found
    for model in keys(folder, family):
        found = None if model in recommended else published(model, folder)
        if found is not None:
            yield found
