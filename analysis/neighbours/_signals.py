"""Which signals can be searched: those under which the chosen datasets have descriptors."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from analysis.core.errors import UnknownName
from analysis.core.hashes import HASHES
from analysis.queries import brought
from analysis.signals import KnownSignal, signal, signal_in
from catalog.models import Dataset, Project


def searchable(datasets: Sequence[Dataset]) -> list[KnownSignal]:
    """The signals under which some image of the datasets has a descriptor: embeddings by name, then hashes."""
    there = {name for names in brought(datasets).values() for name in names if "@" not in name}
    embeddings = sorted(there - set(HASHES))
    return [signal(name) for name in (*embeddings, *(name for name in HASHES if name in there))]


def at_import() -> list[KnownSignal]:
    """The hashes that every imported picture has."""
    return [signal(name) for name, entry in HASHES.items() if entry.at_import]


def signal_among(projects: Collection[Project], name: str) -> KnownSignal:
    """The signal of this name, if one of the projects may use it.

    Raises:
        UnknownName: nothing has this name, or it is another project's.
    """
    for project in projects:
        try:
            return signal_in(project, name)
        except UnknownName as error:
            refusal = error
    if not projects:
        refusal = UnknownName(f"There is no signal {name!r} to look up.", remedy="You see no dataset yet.")
    raise refusal
