"""Texts and numbers that no database takes, wherever a script or an address may send one: refused in words."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from catalog.models import Dataset
from tests.web.script import Script

PROJECT = "/projects/saints-in-art"


@pytest.fixture
def pair(two: list[Dataset]) -> str:
    a, b = (dataset.images.earliest("pk").pk for dataset in two)
    return f"{PROJECT}/pairs/{a}-{b}"


@pytest.fixture
def two(import_files: Any, picture: Any) -> list[Dataset]:
    return [import_files(name, {"1.png": picture(1), "2.png": picture(2)}) for name in ("A", "B")]


SIGNALS = [{"name": "phash-8", "max_distance": 3}]


@pytest.mark.parametrize("text", ["a\0b", "half \ud800 of a pair"], ids=["null", "surrogate"])
@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/projects", {}, "name"),
        ("/projects", {"name": "Fine"}, "description"),
        (f"{PROJECT}/comparisons", {"datasets": ["a", "b"], "signals": SIGNALS}, "name"),
        ("pair", {"choice": "unsure"}, "note"),
        (f"{PROJECT}/splits", {"dataset": "a", "n_way": 2, "k_shot": 1}, "name"),
        ("/tokens", {"password": "x"}, "username"),
    ],
)
def test_a_text_that_is_none(script: Script, pair: str, path: str, body: dict[str, Any], field: str, text: str) -> None:
    answer = script.call("POST", f"{pair}/verdicts" if path == "pair" else path, {**body, field: text})
    assert answer.status_code == 422, answer.content
    assert "cannot be stored or looked for" in answer.json()["detail"]
    assert answer.json()["remedy"]


def test_a_text_that_is_none_in_an_address(script: Script, two: list[Dataset], client: Client, owner: Any) -> None:
    lookup = {"hash": "00" * 8, "signal": ["phash-8"], "projects": ["a\0b"]}
    assert script.call("PUT", f"{PROJECT}/members/a%00b", {"role": "viewer"}).status_code == 422
    assert script.call("POST", "/lookup", lookup).status_code == 422
    client.force_login(owner)
    answer = client.get("/p/saints-in-art/datasets/a/?label=%00")
    assert answer.status_code == 422
    assert "cannot be stored or looked for" in answer.content.decode()


def test_more_bytes_than_a_column_counts(script: Script, two: list[Dataset]) -> None:
    said = {"dataset": "x", "kind": "archive", "source_name": "x.zip", "bytes_expected": 2**70}
    assert script.call("POST", f"{PROJECT}/uploads", said).status_code == 422
