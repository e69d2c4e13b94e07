"""`manage.py models`: what is here, what could be, and a real download from a hub on this machine."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pty
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from safetensors.torch import save as save_tensors

from analysis.core.encoders import find
from analysis.core.encoders._download import Refused, Source, download
from analysis.core.encoders._store import Store
from analysis.core.errors import ModelUnavailable
from tests.analysis.hub import COMMIT, Hub, have_library_ask, serving
from tests.core.model_files import CLIP, clip_weights, describe, mean_colour_onnx, save, timm_weights

ROOT = Path(__file__).resolve().parents[2]
NAME = "timm:efficientnet_b0.ra_in1k"
FILE = "timm/efficientnet_b0.ra_in1k/model.safetensors"


@pytest.fixture
def models(settings: Any, tmp_path: Path) -> Path:
    settings.MODELS_DIR = tmp_path / "models"
    return tmp_path / "models"


@pytest.fixture(scope="module")
def weights() -> bytes:
    return save_tensors(timm_weights("efficientnet_b0"))


def manage(*words: object) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("models", *map(str, words), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


@pytest.fixture
def no_internet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The hub's library asks an address where nobody answers, and has nothing in its cache."""
    have_library_ask(monkeypatch, "http://127.0.0.1:9", tmp_path / "cache")


def test_list_says_what_is_here_and_what_could_be_fetched(models: Path) -> None:
    describe(mean_colour_onnx(models / "onnx" / "mean.onnx"), title="Mean colour", dim=3)
    mean_colour_onnx(models / "onnx" / "undescribed.onnx")
    out, err = manage("list")
    rows = [line.split("\t") for line in out.splitlines()]
    name, where, size, dimensions, checksum, title = rows[0]
    assert name.startswith("onnx:mean~")
    assert (where, dimensions, checksum, title) == ("here", "3", "none", "Mean colour")
    assert int(size) == sum((models / "onnx" / f"mean.{suffix}").stat().st_size for suffix in ("onnx", "json"))
    assert ["timm:resnet18.a1_in1k", "to be fetched", "0", "512", "", "ResNet-18"] in rows
    assert "undescribed.onnx has no description" in err
    assert f"Models lie in {models}." in err
    listed = json.loads(manage("list", "--json")[0])
    assert [row["name"] for row in listed["models"]] == [row[0] for row in rows]
    assert len(listed["problems"]) == 1


def test_an_empty_folder_is_no_error(models: Path) -> None:
    assert "to be fetched" in manage("list")[0]
    out, err = manage("check")
    assert out == ""
    assert "There is no model in" in err
    assert not models.exists()


def test_check_runs_every_model_and_names_each_that_fails(models: Path) -> None:
    good = describe(mean_colour_onnx(models / "onnx" / "good.onnx"))
    describe(mean_colour_onnx(models / "onnx" / "wrong.onnx"), size=16)
    describe(mean_colour_onnx(models / "onnx" / "changed.onnx"))
    (models / "onnx" / "changed.onnx.sha256").write_text(f"{'0' * 64}  changed.onnx\n")
    digest = hashlib.sha256(good.read_bytes()).hexdigest()
    (models / "onnx" / "good.onnx.sha256").write_text(f"{digest}  good.onnx\n")
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(CommandError) as failed:
        call_command("models", "check", stdout=out, stderr=err)
    assert "has the checksum of good.onnx.sha256; 2 pictures gave unit vectors of 3 dimensions on" in out.getvalue()
    assert "wrong.onnx takes tensor(float)" in str(failed.value)
    assert "another checksum than changed.onnx.sha256" in str(failed.value)
    [name] = [line.split(":")[1] for line in out.getvalue().splitlines()]
    assert manage("check", f"onnx:{name}", "--device", "cpu")[0] == out.getvalue()


def test_check_says_whether_texts_are_understood_and_on_which_device(models: Path) -> None:
    save(clip_weights(), models / "openclip" / CLIP / "mine.safetensors")
    out, _ = manage("check", "--device", "cpu")
    assert "2 pictures gave unit vectors of 256 dimensions on cpu, and so did a text" in out
    with pytest.raises(CommandError, match=r"openclip:.*'abacus' is not on this machine"):
        manage("check", "--device", "abacus")


def test_names_are_asked_for_and_checked(models: Path) -> None:
    for words, said in (
        (["fetch"], "Name one or more"),
        (["fetch", "timm:resnet18"], "does not say which weights"),
        (["check", "timm:resnet18.a1_in1k"], "Run: python manage.py models fetch timm:resnet18.a1_in1k"),
    ):
        with pytest.raises(CommandError, match=said):
            manage(*words)


def test_fetch_brings_what_a_machine_without_internet_needs(
    tmp_path: Path, weights: bytes, models: Path, settings: Any, no_internet: None
) -> None:
    wrong, missing = "timm:resnet18.a1_in1k", "timm:resnet50.a1_in1k"
    with serving({FILE: weights, "timm/resnet18.a1_in1k/model.safetensors": b"something else"}) as hub:
        hub.stated["timm/resnet18.a1_in1k/model.safetensors"] = "0" * 64
        environment = os.environ | {
            "SIMWEB_VAR": str(tmp_path / "var"),
            "MODELS_DIR": str(models),
            "HF_HOME": str(tmp_path / "hub"),
            "HF_ENDPOINT": hub.url,
        }
        command = [sys.executable, "manage.py", "models", "fetch", wrong, NAME, missing]
        said = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    # Each is tried, whatever befalls another.
    assert (said.returncode, said.stdout) == (1, f"{NAME} is here: {len(weights) / 1e6:.1f} MB in {models}.\n")
    assert "resnet18.a1_in1k: model.safetensors does not have the checksum that the hub states" in said.stderr
    assert "resnet50.a1_in1k has none of model.safetensors, pytorch_model.bin" in said.stderr
    assert f"On a machine with internet run: python manage.py models fetch {missing}; then copy" in said.stderr
    assert "Traceback" not in said.stderr
    assert not find(wrong, models).on_disk
    home = models / "fetched" / "timm" / "efficientnet_b0.ra_in1k"
    assert (home / "SHA256SUMS").read_text() == f"{hashlib.sha256(weights).hexdigest()}  model.safetensors\n"
    assert json.loads((home / "model.json").read_text())["origin"] == {"model.safetensors": f"{FILE} at {COMMIT}"}
    assert sorted(path.name for path in home.iterdir()) == ["SHA256SUMS", "model.json", "model.safetensors"]

    # The folder alone is enough on another machine, which reaches no hub.
    other = settings.MODELS_DIR = tmp_path / "other machine"
    shutil.copytree(models, other)
    manage("fetch", NAME)
    [row] = json.loads(manage("check", "--json", "--device", "cpu")[0])["models"]
    assert (row["name"], row["checksum"]) == (NAME, "fetched")
    assert "has the checksum it was fetched with; 2 pictures gave unit vectors of 1,280 dimensions" in row["said"]
    path = other / home.relative_to(models) / "model.safetensors"
    path.write_bytes(weights[:-1] + b"\xff")
    for work in (find(NAME, other).load, find(NAME, other).verify):
        with pytest.raises(ModelUnavailable, match=r"is not what was fetched.*models fetch timm:efficientnet_b0"):
            work()
    path.unlink()
    with pytest.raises(ModelUnavailable, match="cannot be read"):
        find(NAME, other).load()


def test_what_is_broken_is_fetched_again_and_dimensions_are_remembered(tmp_path: Path) -> None:
    name, data = "timm:test_resnet.r160_in1k", save_tensors(timm_weights("test_resnet"))
    store = Store(tmp_path, "timm/test_resnet.r160_in1k", name)
    with serving({"net.safetensors": data}) as hub:
        sources = [Source(url=f"{hub.url}/net.safetensors")]

        def fetch() -> None:
            store.fetch(sources, {"name": name}, lambda *said: None, optional=False)

        fetch()
        fetch()
        assert len(hub.asked) == 1
        encoder = find(name, tmp_path)
        assert encoder.dim is None
        assert encoder.load("cpu").dim == 96
        assert find(name, tmp_path).dim == 96
        (store.home / "net.safetensors").write_bytes(data[:-1])
        with pytest.raises(ModelUnavailable, match="not what was fetched"):
            encoder.load("cpu")
        fetch()
    assert len(hub.asked) == 2
    assert "fetched with" in encoder.verify()


def test_without_internet_a_download_fails_at_once_and_says_what_to_do(models: Path, no_internet: None) -> None:
    start = time.monotonic()
    for name in ("timm:resnet18.a1_in1k", "openclip:ViT-B-32/openai", "openclip:ViT-B-16-SigLIP/webli"):
        with pytest.raises(CommandError, match=f"On a machine with internet run: .*models fetch {name}; then copy"):
            manage("fetch", name)
        with pytest.raises(ModelUnavailable, match="cannot be downloaded"):
            find(name, models).load(may_fetch=True)
        with pytest.raises(ModelUnavailable, match=f"not on this machine.*models fetch {name}"):
            find(name, models).load()
    assert time.monotonic() - start < 30


def test_weights_in_the_librarys_own_cache_are_used(
    models: Path, no_internet: None, tmp_path: Path, weights: bytes
) -> None:
    digest = hashlib.sha256(weights).hexdigest()
    cached = tmp_path / "cache" / "models--timm--efficientnet_b0.ra_in1k"
    (cached / "blobs").mkdir(parents=True)
    (cached / "blobs" / digest).write_bytes(weights)
    (cached / "snapshots" / COMMIT).mkdir(parents=True)
    (cached / "snapshots" / COMMIT / "model.safetensors").symlink_to(cached / "blobs" / digest)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text(COMMIT)
    encoder = find(NAME, models)
    assert encoder.on_disk
    assert encoder.load("cpu").dim == 1280
    assert "checksum of the library's cache" in encoder.verify()
    (cached / "blobs" / digest).write_bytes(weights[:-1])
    with pytest.raises(ModelUnavailable, match="not what the library downloaded"):
        encoder.verify()


def test_files_of_other_places_are_compared_with_their_address(tmp_path: Path) -> None:
    data = b"weights"
    digest = hashlib.sha256(data).hexdigest()
    heard: list[tuple[str, int, int]] = []

    def get(hub: Hub, path: str) -> bytes:
        hub.files[path] = data
        found = download(Source(url=f"{hub.url}/{path}"), tmp_path, lambda *said: heard.append(said))
        assert found.sha256 == digest
        return found.path.read_bytes()

    with serving({}) as hub:
        assert get(hub, f"models/net-{digest[:8]}.pth") == data
        assert get(hub, f"models/{digest}/net.pt") == data
        assert get(hub, "models/net.pt") == data
        assert heard[-1] == ("net.pt", 7, 7)
        with pytest.raises(Refused, match="checksum that the address states"):
            get(hub, "models/net-00000000.pth")
        with pytest.raises(Refused, match="404"):
            download(Source(url=f"{hub.url}/nothing"), tmp_path, lambda *said: None)
    with pytest.raises(Refused, match="no address"):
        download(Source(url="file:///etc/hostname"), tmp_path, lambda *said: None)


def test_on_a_terminal_there_is_a_table(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    describe(mean_colour_onnx(models / "onnx" / "mean.onnx"))
    monkeypatch.setenv("COLUMNS", "140")
    control, terminal = pty.openpty()
    with os.fdopen(terminal, "w") as stdout:
        call_command("models", "list", stdout=stdout, stderr=io.StringIO())
        shown = os.read(control, 65536).decode()
    os.close(control)
    lines = shown.splitlines()
    assert "dimensions" in lines[0]
    assert any("2,048" in line and "ResNet-50" in line for line in lines)
    assert "\t" not in shown
