"""The machine-readable files of a report: names, hashes, lists of duplicates."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from analysis.core.arrays import PackedBits
from analysis.core.fingerprints import write_fingerprints
from analysis.core.report.data import DatasetPart, ReportData

_PAIRS_AT_ONCE = 5_000


def names_json(part: DatasetPart) -> bytes:
    """The names of a dataset: the order of its lists of hashes."""
    return json.dumps(list(part.names), ensure_ascii=False, indent=0).encode()


def labels_json(part: DatasetPart) -> bytes:
    """Name -> labels."""
    return json.dumps({name: list(found) for name, found in part.labels.items()}, ensure_ascii=False, indent=0).encode()


def hashes_json(signal: str, part: DatasetPart, rows: NDArray[np.int64], bits: PackedBits) -> bytes:
    """A dataset's hashes as published: a list parallel to the names, or an object by name where some have none."""
    names = [part.names[row] for row in rows.tolist()]
    written = write_fingerprints(signal, names, bits)
    if len(names) == len(part.names):
        return written
    return json.dumps(dict(zip(names, json.loads(written), strict=True)), ensure_ascii=False).encode()


def duplicates_json(data: ReportData, signal: int, *, across: bool) -> Iterator[bytes]:
    """The pairs of different datasets, or inside one, as the study publishes them: see `chosen_json`."""
    return chosen_json(data, signal, np.flatnonzero(data.is_across(signal) == across))


def chosen_json(data: ReportData, signal: int, chosen: NDArray[np.int64]) -> Iterator[bytes]:
    """Some of a signal's pairs as the study publishes them: ``[[{...}, {...}], ...]``.

    Each image is ``{"dataset", "name", "path"}``; the closest pairs stand first.

    Args:
        data: the report.
        signal: position of the signal.
        chosen: positions of the pairs, rising.
    """
    pairs = data.signals[signal].pairs
    yield b"["
    for start in range(0, len(chosen), _PAIRS_AT_ONCE):
        part = chosen[start : start + _PAIRS_AT_ONCE]
        texts = [
            json.dumps([_image(data, a), _image(data, b)], ensure_ascii=False)
            for a, b in zip(pairs.a[part].tolist(), pairs.b[part].tolist(), strict=True)
        ]
        yield ((",\n " if start else "\n ") + ",\n ".join(texts)).encode()
    yield b"\n]\n" if len(chosen) else b"]\n"


def pairs_csv(data: ReportData, signal: int) -> Iterator[bytes]:
    """All pairs of a signal with their distance and verdict, the closest first."""
    part = data.signals[signal]
    of = f"{part.scale.largest:g}"
    header = ("dataset_a", "name_a", "path_a", "dataset_b", "name_b", "path_b", "distance", "unit", "of", "verdict")
    yield (",".join(header) + "\r\n").encode()
    for start in range(0, len(part.pairs), _PAIRS_AT_ONCE):
        rows = slice(start, start + _PAIRS_AT_ONCE)
        text = io.StringIO()
        writer = csv.writer(text)
        columns = (part.pairs.a[rows], part.pairs.b[rows], part.pairs.distance[rows], part.verdicts[rows])
        for a, b, distance, verdict in zip(*(column.tolist() for column in columns), strict=True):
            judged = data.choices[verdict] if verdict >= 0 else ""
            writer.writerow(
                [*_image(data, a).values(), *_image(data, b).values(), f"{distance:.9g}", part.scale.unit, of, judged]
            )
        yield text.getvalue().encode()


def refused_csv(data: ReportData) -> bytes:
    """Every file that was not taken, with its reason."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["dataset", "path", "reason"])
    for part in data.datasets:
        writer.writerows([part.name, path, reason] for path, reason in part.refused)
    return text.getvalue().encode()


def _image(data: ReportData, row: int) -> dict[str, str]:
    dataset, position = data.place(row)
    part = data.datasets[dataset]
    return {"dataset": part.name, "name": part.names[position], "path": part.paths[position]}
