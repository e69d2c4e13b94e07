"""Addresses of projections, and what a page reads of a plot."""

from __future__ import annotations

import base64
import struct
from typing import Any

import numpy as np
from django.test import Client
from django.urls import reverse
from numpy.typing import NDArray

from analysis.models import Projection
from catalog.models import Project

HOSTILE = "<img src=x onerror=alert(1)>"
EVERYTHING = "00000000ffff0000ffffffff0000ffff"
CENTRES = np.random.default_rng(2).normal(size=(3, 16))


def at(name: str, project: Project, *args: Any, **query: Any) -> str:
    found = reverse(name, args=[project.slug, *args])
    pairs = [
        f"{key}={value}"
        for key, values in query.items()
        for value in (values if isinstance(values, list) else [values])
    ]
    return f"{found}?{'&'.join(pairs)}" if pairs else found


def points_of(raw: bytes) -> tuple[list[int], NDArray[np.float32]]:
    n = struct.unpack_from("<I", raw, 4)[0]
    ids = np.frombuffer(raw, "<f8", n, 32).astype(int).tolist()
    return ids, np.frombuffer(raw, "<f4", 2 * n, 32 + 8 * n).reshape(n, 2)


def grouped(client: Client, project: Project, projection: Projection, by: str) -> dict[int, str]:
    """Image id → name of its group, as the page would show it."""
    ids, _ = points_of(client.get(at("projection-points", project, projection.pk)).content)
    said = client.get(at("projection-groups", project, projection.pk, by=by)).json()
    codes = np.frombuffer(base64.b64decode(said["codes"]), "<u2").tolist()
    assert [group["count"] for group in said["groups"]] == np.bincount(codes, minlength=len(said["groups"])).tolist()
    return {pk: said["groups"][code]["name"] for pk, code in zip(ids, codes, strict=True)}
