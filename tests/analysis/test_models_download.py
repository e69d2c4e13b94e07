"""Downloads of models that break off or hang: said in words, nothing half-fetched taken for a model, tried again."""

from __future__ import annotations

import io
import json
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from safetensors.torch import save as save_tensors

from analysis.core.encoders import _download, find
from analysis.core.encoders._download import Refused, Source, download
from analysis.core.encoders._store import Store
from analysis.core.encoders._tokens import Tokens
from analysis.core.errors import ModelUnavailable
from tests.analysis.hub import Hub, have_library_ask, serving
from tests.core.model_files import timm_weights

NAME = "timm:test_resnet.r160_in1k"
KEY = "timm/test_resnet.r160_in1k"
FILE = f"{KEY}/model.safetensors"
OTHER = "timm:resnet18.a1_in1k"


def nothing_said(what: str, done: int, total: int) -> None:
    """Nobody listens to the progress."""


@pytest.fixture(scope="module")
def weights() -> bytes:
    return save_tensors(timm_weights("test_resnet"))


@pytest.fixture
def hub(weights: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """A hub that the library asks, and that has the weights of one model."""
    with serving({FILE: weights}) as found:
        have_library_ask(monkeypatch, found.url, tmp_path / "cache")
        yield found


@pytest.fixture
def models(settings: Any, tmp_path: Path) -> Path:
    settings.MODELS_DIR = tmp_path / "models"
    return tmp_path / "models"


@contextmanager
def answering(*parts: bytes | float) -> Iterator[str]:
    """The address of a server that answers with these bytes, waits the seconds between them, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            try:
                connection, _ = server.accept()
                with connection:
                    connection.recv(65536)
                    for part in parts:
                        if isinstance(part, bytes):
                            connection.sendall(part)
                        else:
                            time.sleep(part)
            except OSError:
                pass

        threading.Thread(target=answer, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/net.safetensors"


BEGIN = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + bytes(50)


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ((BEGIN,), "the connection broke off"),
        ((b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf",), "IncompleteRead"),
        ((BEGIN, 1.0), "timed out"),
        ((1.0,), "timed out"),
        ((b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n",), "503"),
        ((b"220 this is a mail server\r\n",), "220 this is a mail server"),
        ((b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",), "'many'"),
        ((), "closed connection"),
    ],
)
def test_an_answer_that_is_no_file_is_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parts: Sequence[bytes | float], says: str
) -> None:
    monkeypatch.setattr(_download, "TIMEOUT_SECONDS", 0.3)
    store = Store(tmp_path / "models", KEY, NAME)
    with answering(*parts) as url, pytest.raises(ModelUnavailable) as refused:
        store.fetch([Source(url=url)], {"name": NAME}, nothing_said, optional=False)
    assert refused.value.message.startswith(f"{NAME} cannot be downloaded ({url}: ")
    assert says in refused.value.message
    assert f"models fetch {NAME}" in refused.value.remedy
    assert store.about() is None
    assert not find(NAME, tmp_path / "models").on_disk


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/net.pt", "http://[half/net.pt", ""])
def test_an_address_where_nobody_is_is_refused_in_words(tmp_path: Path, url: str) -> None:
    with pytest.raises(Refused) as refused:
        download(Source(url=url), tmp_path, nothing_said)
    assert (url or "nowhere") in str(refused.value)


def test_a_download_from_the_hub_that_breaks_off_is_begun_anew_the_next_time(
    hub: Hub, models: Path, weights: bytes
) -> None:
    hub.cut.add(FILE)
    with pytest.raises(CommandError, match=f"{NAME} cannot be downloaded .hub repository {KEY}: .*On a machine with"):
        call_command("models", "fetch", NAME)
    assert not find(NAME, models).on_disk
    with pytest.raises(ModelUnavailable, match="not on this machine"):
        find(NAME, models).load()
    hub.cut.clear()
    out = io.StringIO()
    call_command("models", "fetch", NAME, stdout=out)
    assert f"{NAME} is here" in out.getvalue()
    assert find(NAME, models).load("cpu").dim == 96
    home = models / "fetched" / KEY
    assert (home / "model.safetensors").read_bytes() == weights
    assert not [
        path for path in (models / "fetched" / ".partial").rglob("*") if path.is_file() and path.suffix != ".lock"
    ]


def test_what_was_fetched_and_what_was_not_are_one_json(hub: Hub, models: Path, weights: bytes) -> None:
    out = io.StringIO()
    with pytest.raises(CommandError, match=OTHER):
        call_command("models", "fetch", OTHER, NAME, "--json", stdout=out)
    told = json.loads(out.getvalue())
    [row] = told["models"]
    assert (row["name"], row["where"], row["checksum"]) == (NAME, "here", "fetched")
    assert row["size"] >= len(weights)
    [problem] = told["problems"]
    assert problem.startswith(f"{OTHER} cannot be downloaded")
    listed = io.StringIO()
    call_command("models", "list", OTHER, NAME, stdout=listed)
    assert [line.split("\t")[:2] for line in listed.getvalue().splitlines()] == [
        [OTHER, "to be fetched"],
        [NAME, "here"],
    ]


def test_a_models_folder_that_cannot_be_written_is_named(hub: Hub, models: Path) -> None:
    models.mkdir()
    (models / "fetched").write_text("a file where a folder should be")
    with pytest.raises(CommandError, match=r"cannot be written: .*Check the rights of the models folder"):
        call_command("models", "fetch", NAME)
    assert (models / "fetched").read_text() == "a file where a folder should be"


def test_a_tokenizer_that_breaks_off_is_no_tokenizer_and_is_fetched_the_next_time(hub: Hub, models: Path) -> None:
    files = ("tokenizer_config.json", "tokenizer.json", "config.json")
    hub.files |= {f"owner/words/{name}": b'{"a": 1}' for name in files}
    hub.cut.add("owner/words/tokenizer.json")
    text = {"hf_tokenizer_name": "owner/words"}
    tokens = Tokens(name="openclip:x", architecture="ViT-B-16-SigLIP", text=text, folder=models)
    home = models / "fetched" / "tokenizers" / "owner" / "words"
    with pytest.raises(ModelUnavailable, match=r"openclip:x cannot be downloaded .hub repository owner/words"):
        tokens.fetch(nothing_said)
    assert not home.exists()
    hub.cut.clear()
    tokens.fetch(nothing_said)
    # Of the files that tokenizers may have, this one has three; the others are not missed.
    assert sorted(path.name for path in home.iterdir()) == sorted([*files, "SHA256SUMS", "model.json"])


def test_two_that_fetch_the_same_download_it_once(hub: Hub, models: Path) -> None:
    start, failed = threading.Barrier(2), list[BaseException]()

    def fetch() -> None:
        start.wait()
        try:
            find(NAME, models).fetch(nothing_said)
        except BaseException as error:
            failed.append(error)

    both = [threading.Thread(target=fetch) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join(60)
    assert failed == []
    assert find(NAME, models).on_disk
    # The library asks twice for the checksum and once for the file; who comes second finds it here.
    assert len(hub.asked) <= 3
