"""The tables of a source, read when something needs them, and which of them were used."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from catalog.core import labels as label_tables
from catalog.core._entries import Refusal, shown
from catalog.core._files import Sorted, folder_of, folders_above
from catalog.core._tables import MAX_TABLE_BYTES
from catalog.core._vectors import VectorTable, read_vector_table
from catalog.core.errors import BrokenTable
from catalog.core.labels import LabelInfo, LabelRow
from catalog.core.memory import bounded
from catalog.core.sources import Source

_PARALLEL_LIST = re.compile(rb"(\xef\xbb\xbf)?\s*\[\s*[^\s{\]]")


class TableReader:
    """The tables of a source, read on demand; keeps account of those used."""

    def __init__(self, source: Source, files: Sorted, companions: Mapping[str, str]) -> None:
        self.files = files
        self.companions = companions
        self.used: list[str] = []
        self.home = folder_of(next(iter(companions.values()))) if companions else ""
        self._source = source
        self._sizes = {entry.path: entry.size for entry in source.entries()}

    def _read(self, path: str) -> bytes:
        if self._sizes[path] > MAX_TABLE_BYTES:
            raise BrokenTable(
                f"{shown(path)} has {self._sizes[path]:,} bytes; tables are read up to {MAX_TABLE_BYTES:,}.",
                remedy="Divide the dataset, or leave out columns that are not needed.",
            )
        return self._source.read(path)

    @cached_property
    def names(self) -> tuple[Sequence[str], tuple[str, ...]]:
        """The paths of the list of names, and the names: beside the hashes, else nearest to the root.

        Without a list, the keys of hashes that are an object by name. Not read where nothing needs it: other files are
        called names.txt too.
        """
        lists = self.files.tables["names"]
        if self.companions:
            lists = [path for path in lists if folder_of(path) == self.home]
        if not lists:
            for path in self.companions.values():
                data = self._read(path)
                if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
                    return (), label_tables.read_keys(path, data)
            return (), ()
        nearest = min(path.count("/") for path in lists)
        return self._agreed([path for path in lists if path.count("/") == nearest])

    def _agreed(self, lists: Sequence[str]) -> tuple[Sequence[str], tuple[str, ...]]:
        """Lists that must say the same, and what they say."""
        chosen, *others = lists
        names = label_tables.read_names(chosen, self._read(chosen))
        for other in others:
            if label_tables.read_names(other, self._read(other)) != names:
                raise BrokenTable(
                    f"{shown(chosen)} and {shown(other)} list different names, or in another order.",
                    remedy="Keep one list of names; several datasets are uploaded one by one.",
                )
        return lists, names

    def use_names(self) -> tuple[str, ...]:
        """The names; from now on their list counts as used, where it is a file of its own."""
        lists, names = self.names
        self._use(lists)
        return names

    def _use(self, paths: Iterable[str]) -> None:
        self.used += [path for path in paths if path not in self.used]

    def _names_near(self, path: str) -> tuple[str, ...]:
        """What the list of names beside a file says, or else the nearest above it; from now on it counts as used."""
        for folder in folders_above(folder_of(path)):
            lists = [each for each in self.files.tables["names"] if folder_of(each) == folder]
            if lists:
                self._use(lists)
                return self._agreed(lists)[1]
        return ()

    @property
    def vectors(self) -> Mapping[str, VectorTable]:
        """Each file of vectors, and whose they are."""
        return self._vectors[0]

    @property
    def broken_vectors(self) -> Mapping[str, BrokenTable]:
        """Each file of vectors of which nobody can tell whose they are, and why."""
        return self._vectors[1]

    @cached_property
    def _vectors(self) -> tuple[Mapping[str, VectorTable], Mapping[str, BrokenTable]]:
        told: dict[str, VectorTable] = {}
        untold: dict[str, BrokenTable] = {}
        for path in self.files.vectors:
            if path.casefold().endswith(".npy"):
                if names := self._names_near(path):
                    told[path] = VectorTable(names, ())
                else:
                    untold[path] = BrokenTable(
                        f"{shown(path)}: nothing says which image each row is of.",
                        remedy="Add names.json beside it: a list of the images' names in the order of the rows.",
                    )
                continue
            try:
                with self._source.open(path) as stream, bounded():
                    told[path] = read_vector_table(path, stream)
            except BrokenTable as error:
                untold[path] = error
        return told, untold

    def rows(self, homes: Sequence[str], *, everywhere: bool) -> tuple[list[str], list[tuple[str, LabelRow]]]:
        """The label tables of the first kind that is there, and their rows, each with the folder of its table.

        Where there is none, tables of vectors may say labels too.

        Args:
            homes: folders in which tables may lie, the nearest first.
            everywhere: whether metadata tables may lie in any folder, as they do in the folders of train and test.
        """
        for kind in ("ground-truth", "metadata", "labels"):
            paths = self.files.tables[kind]
            if not (kind == "metadata" and everywhere):
                home = next((home for home in homes if any(folder_of(path) == home for path in paths)), None)
                paths = [path for path in paths if folder_of(path) == home]
            found = [(path, rows) for path in paths if (rows := self._label_rows(path)) is not None]
            if found:
                self.used.extend(path for path, _ in found)
                return [path for path, _ in found], [(folder_of(path), row) for path, rows in found for row in rows]
        labelled = [path for path, table in self.vectors.items() if table.rows]
        return labelled, [(folder_of(path), row) for path in labelled for row in self.vectors[path].rows]

    def _label_rows(self, path: str) -> tuple[LabelRow, ...] | None:
        data = self._read(path)
        if path.casefold().endswith(".csv"):
            return label_tables.read_label_csv(path, data)
        if path.casefold().endswith(".jsonl"):
            return label_tables.read_label_jsonl(path, data)
        names = self.use_names() if _PARALLEL_LIST.match(data) else ()
        return label_tables.read_label_json(path, data, names or None)

    def classes(self, homes: Sequence[str]) -> tuple[LabelInfo, ...]:
        """The classes of the nearest classes.csv; none without one."""
        for home in homes:
            for path in self.files.tables["classes"]:
                if folder_of(path) == home:
                    self.used.append(path)
                    return label_tables.read_classes(path, self._read(path))
        return ()

    def unused(self) -> list[Refusal]:
        """A refusal for each table that was not needed."""
        message = "A table that was not used: another takes its place, it has no labels, or it is not where it counts."
        tables = sorted(path for paths in self.files.tables.values() for path in paths)
        return [Refusal(path, "unused-table", message) for path in tables if path not in self.used]
