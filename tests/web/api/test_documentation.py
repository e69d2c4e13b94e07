"""The API's schema and documents: complete, open, and true to the letter."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from simweb.api import api
from simweb.celery import app as celery_app
from tests.conftest import ROOT

DOCS = (ROOT / "docs" / "api.md").read_text()
Draw = Callable[..., bytes]


def test_every_operation_documents_its_errors_and_is_described() -> None:
    schema = api.get_openapi_schema()
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            name = operation["operationId"]
            assert operation["summary"], name
            assert operation["description"], name
            assert operation["tags"], name
            assert "401" in map(str, operation["responses"]), name
            if "{project}" in path:
                assert {"404", "422"} <= {str(code) for code in operation["responses"]}, name
                assert method == "get" or "403" in map(str, operation["responses"]), name


def test_the_docs_page_and_the_schema_are_open_and_an_unknown_address_is_json(db: None) -> None:
    client = Client()
    page = client.get("/api/v1/docs")
    assert page.status_code == 200
    assert "cdn" not in page.content.decode()
    assert "script-src 'self'" in page["Content-Security-Policy"]
    assert client.get("/api/v1/openapi.json").json()["info"]["title"] == "simweb"
    unknown = client.get("/api/v1/nothing/here")
    assert (unknown.status_code, unknown.json()["detail"]) == (404, "The API has no address /nothing/here.")


def test_every_operation_is_documented_with_its_address() -> None:
    told = re.findall(r"^\| `(\w+)` \| (\w+) (\S+) \|", DOCS, re.MULTILINE)
    real = {
        (operation["operationId"], method.upper(), path.removeprefix("/api/v1"))
        for path, methods in api.get_openapi_schema()["paths"].items()
        for method, operation in methods.items()
    }
    assert set(told) == real


@pytest.fixture
def at_once() -> Iterator[None]:
    """Tasks are computed where they are queued."""
    celery_app.conf.task_always_eager = True
    yield
    celery_app.conf.task_always_eager = False


@pytest.mark.django_db(transaction=True)
def test_the_example_script_runs(
    live_server: Any, at_once: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, picture: Draw
) -> None:
    """The script in the docs, word for word; the tasks that it queues are computed at once."""
    User.objects.create_user("olga", password="correct horse battery")
    monkeypatch.chdir(tmp_path)
    for name, numbers in {"one.zip": (1, 2, 3), "two.zip": (2, 3, 4)}.items():
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for n in numbers:
                archive.writestr(f"{n}.png", picture(n))
    [script] = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
    told: dict[str, Any] = {}
    exec(compile(script.replace("http://localhost:8000", live_server.url), "docs/api.md", "exec"), told)
    assert [row["pairs"] for row in told["overlap"]["between"]] == [2]
    assert zipfile.ZipFile(tmp_path / "report.zip").testzip() is None
