"""A registry finds the files of its package, refuses a name twice, and says what exists."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from analysis.core.errors import UnknownName
from analysis.core.registry import Named, Registry


def package(root: Path, name: str, files: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Registry[Named]:
    folder = root / name
    folder.mkdir()
    (folder / "__init__.py").touch()
    for file, entries in files.items():
        text = f"from types import SimpleNamespace as E\n{entries}\n"
        (folder / f"{file}.py").write_text(text)
    monkeypatch.syspath_prepend(root)
    sys.modules.pop(name, None)
    return Registry(name, "thing")


def test_a_new_file_is_found_by_being_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"b": "ENTRIES = (E(name='two'),)", "a": "ENTRIES = (E(name='one'), E(name='three'))", "_private": ""}
    registry = package(tmp_path, "things_found", files, monkeypatch)
    assert list(registry) == ["one", "three", "two"]
    assert registry["two"].name == "two"
    assert "four" not in registry
    assert len(registry) == 3


def test_an_unknown_name_lists_those_that_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = package(tmp_path, "things_unknown", {"a": "ENTRIES = (E(name='one'),)"}, monkeypatch)
    with pytest.raises(UnknownName, match=r"no thing 'two'.*one"):
        registry["two"]


def test_a_name_twice_is_refused_with_both_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"a": "ENTRIES = (E(name='one'),)", "b": "ENTRIES = (E(name='one'),)"}
    registry = package(tmp_path, "things_twice", files, monkeypatch)
    with pytest.raises(RuntimeError, match=r"things_twice\.a and in things_twice\.b"):
        len(registry)


def test_a_file_without_entries_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = package(tmp_path, "things_empty", {"a": ""}, monkeypatch)
    with pytest.raises(RuntimeError, match="states no ENTRIES"):
        len(registry)
