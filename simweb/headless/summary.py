"""What a run found, as JSON and in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from analysis.core.report import ReportData, label_agreement
from analysis.core.report.words import number
from analysis.core.scales import Bits, Cosine
from simweb.headless.plan import Overlap
from simweb.headless.results import Told


def summary(overlap: Overlap, told: Told, *, out: Path, files: Sequence[str], labels: bool) -> dict[str, Any]:
    """Everything as plain data. The first signal's numbers stand at the top too, where they were when it was alone.

    Args:
        overlap: what was found.
        told: what people must know of it.
        out: the folder of the files.
        files: paths in it.
        labels: whether to say how labels agree.
    """
    data = overlap.data
    signals = [_signal(data, i, method, labels) for i, method in enumerate(overlap.methods)]
    first = signals[0]
    return {
        **{key: first[key] for key in ("signal", "threshold", "bits")},
        "scope": data.scope,
        **{key: first[key] for key in ("compared", "pairs_across", "pairs_within")},
        "datasets": [
            {
                "name": part.name,
                "images": len(part.names),
                "left_out": part.left_out,
                "refused": [{"path": path, "reason": reason} for path, reason in part.refused],
            }
            for part in data.datasets
        ],
        "cells": first["cells"],
        "signals": signals,
        "device": overlap.device,
        "out": str(out),
        "files": list(files),
        "versions": dict(data.versions),
        "notes": list(told.notes),
        "problems": list(told.problems),
    }


def _signal(data: ReportData, i: int, method: str, labels: bool) -> dict[str, Any]:
    part = data.signals[i]
    across = int(np.count_nonzero(data.is_across(i)))
    found: dict[str, Any] = {
        "method": method,
        "signal": part.name,
        "threshold": part.threshold,
        "unit": part.scale.unit,
        "bits": int(part.scale.largest) if isinstance(part.scale, Bits) else None,
        "similarity": round(1 - part.threshold, 6) if isinstance(part.scale, Cosine) else None,
        "compared": data.compared(i),
        "pairs_across": across,
        "pairs_within": len(part.pairs) - across,
        "cells": [
            {
                "a": data.datasets[cell.a].name,
                "b": data.datasets[cell.b].name,
                "pairs": cell.pairs,
                "images_a": cell.images_a,
                "images_b": cell.images_b,
            }
            for cell in data.cells(i)
        ],
    }
    return found | ({"label_agreement": label_agreement(data, i).to_json()} if labels else {})


def sentences(overlap: Overlap, told: Told, *, out: Path, labels: bool) -> str:
    """The same for people, as far as one screen goes."""
    data = overlap.data
    lines = []
    for i, part in enumerate(data.signals):
        lines.append(f"{part.title}, {part.at_most}: {number(len(part.pairs), 'pair')}.")
        for cell in data.cells(i):
            a, b = data.datasets[cell.a].name, data.datasets[cell.b].name
            lines.append(
                f"  {a}: {number(cell.pairs, 'pair')} inside it, {number(cell.images_a, 'image')} in them"
                if cell.a == cell.b
                else f"  {a} – {b}: {number(cell.pairs, 'pair')}, {number(cell.images_a, 'image')} of {a}, "
                f"{cell.images_b:,} of {b}"
            )
        if labels:
            found = label_agreement(data, i)
            lines.append(
                f"  {number(found.labelled, 'pair')} with labels on both sides: {found.same:,} with the same labels, "
                f"{found.some:,} with some in common, {found.none:,} with none"
            )
    refused = sum(len(part.refused) for part in data.datasets)
    if refused:
        lines.append(f"{number(refused, 'file was', 'files were')} refused; the report says why.")
    return "\n".join([*lines, *told.notes, f"Report: {out / 'report.html'}"])
