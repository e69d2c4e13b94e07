"""“Have we seen this?”: by picture, hash and vector, over what the person may see and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image as Picture

from analysis import bulk
from analysis.core.arrays import Vectors
from analysis.core.hashes import HASHES, compute
from analysis.models import Hash, Signal
from catalog.core.images import read_image
from catalog.models import Dataset, Image, Project
from catalog.workspace import add_part, begin_upload, create_project, dataset_for, finish_upload
from tests.web.script import Script

Draw = Callable[..., bytes]
Import = Callable[..., Dataset]


class Asker:
    """A script with a token that looks things up."""

    def __init__(self, user: User) -> None:
        self.script = Script(user)

    def picture(self, content: bytes, expect: int = 200, **more: Any) -> Any:
        data = {"image": SimpleUploadedFile("x.bin", content), **more}
        return self.script.json(self.script.form("/lookup", data), expect)

    def json(self, body: dict[str, Any], expect: int = 200) -> Any:
        return self.script.post("/lookup", body, expect)


@pytest.fixture
def ask(owner: User) -> Asker:
    return Asker(owner)


@pytest.fixture
def birds(import_files: Import, picture: Draw) -> Dataset:
    return import_files("Birds", {f"crow{n}.png": picture(n) for n in range(6)})


def elsewhere(owner: User, files: dict[str, bytes], name: str = "Elsewhere") -> Project:
    """Another project of somebody with a dataset of these files."""
    from catalog.tasks import import_upload

    project = create_project(name=name, owner=owner)
    dataset = dataset_for(project=project, name=f"{name} images", by=None)
    upload = begin_upload(dataset=dataset, kind="folder", source_name="x", bytes_expected=0, by=None)
    for number, (path, content) in enumerate(files.items()):
        add_part(upload=upload, number=number, content=content, path=path)
    finish_upload(upload=upload)
    import_upload(upload.pk)
    return project


def altered(content: bytes, *, size: tuple[int, int] = (70, 58), turn: bool = False) -> bytes:
    out = BytesIO()
    image = Picture.open(BytesIO(content)).convert("RGB").resize(size)
    (image.transpose(Picture.Transpose.ROTATE_90) if turn else image).save(out, "JPEG")
    return out.getvalue()


def names(answer: Any) -> list[str]:
    return [match["image"]["name"] for match in answer["matches"]]


def test_the_same_file_the_same_pixels_and_a_copy_are_told_apart(ask: Asker, birds: Dataset, picture: Draw) -> None:
    found = ask.picture(picture(2))
    assert (found["seen"], names(found), found["datasets"], found["images"]) == (True, ["crow2"], 1, 6)
    [match] = found["matches"]
    assert (match["same_file"], match["same_pixels"]) == (True, True)
    image = Image.objects.get(name="crow2")
    assert found["sha256"] == image.sha256
    assert match["image"] == {
        "id": image.pk,
        "project": "saints-in-art",
        "dataset": "birds",
        "name": "crow2",
        "labels": [],
        "link": f"http://testserver/p/saints-in-art/images/{image.pk}/",
    }
    imported = [name for name, entry in HASHES.items() if entry.at_import]
    assert sorted(each["signal"] for each in match["evidence"]) == sorted(imported)
    assert {each["distance"] for each in match["evidence"]} == {0}

    [match] = ask.picture(picture(2, format="BMP"))["matches"]
    assert (match["same_file"], match["same_pixels"]) == (False, True)

    [match] = ask.picture(altered(picture(2)))["matches"]
    assert (match["same_file"], match["same_pixels"], match["image"]["name"]) == (False, False, "crow2")
    near = {each["signal"]: each for each in match["evidence"]}
    stored = Hash.objects.get(image=image, signal__name="phash-8").bits
    described = compute(read_image(altered(picture(2))).rgb, ["phash-8"])["phash-8"].tobytes()
    assert near["phash-8"]["distance"] == HASHES["phash-8"].metric.distance(described, bytes(stored))
    assert (near["phash-8"]["unit"], near["phash-8"]["similarity"], near["phash-8"]["orientation"]) == ("bits", None, 1)


def test_what_nobody_has_is_not_seen(ask: Asker, birds: Dataset, picture: Draw) -> None:
    found = ask.picture(picture(77))
    assert (found["seen"], found["matches"]) == (False, [])
    assert {each["signal"]: each["max_distance"] for each in found["signals"]}["phash-8"] == 8


def test_a_turned_copy_is_found_where_that_is_asked_for(ask: Asker, birds: Dataset, picture: Draw) -> None:
    content = altered(picture(4), turn=True)
    assert not ask.picture(content, signal="phash-8")["seen"]
    [match] = ask.picture(content, signal="phash-8", any_orientation="true")["matches"]
    # Turned to the left by the test, so it is to the right that it comes back.
    assert (match["image"]["name"], match["evidence"][0]["orientation"]) == ("crow4", 6)
    assert names(ask.picture(content, signal="phash-8@any")) == ["crow4"]


def test_by_hash_in_either_form_and_as_far_as_asked(ask: Asker, birds: Dataset) -> None:
    image = Image.objects.get(name="crow3")
    bits = bytes(Hash.objects.get(image=image, signal__name="phash-8").bits)
    flipped = bytes([bits[0] ^ 0b111, *bits[1:]])
    for written in (flipped.hex(), "".join(f"{byte:08b}" for byte in flipped)):
        found = ask.json({"hash": written, "signal": ["phash-8"]})
        assert (names(found), found["matches"][0]["evidence"][0]["distance"]) == (["crow3"], 3)
    assert ask.json({"hash": flipped.hex(), "signal": "phash-8", "max_distance": 2})["seen"] is False
    everything = ask.json({"hash": flipped.hex(), "signal": "phash-8", "max_distance": 64})
    assert len(everything["matches"]) == 6
    some = ask.json({"hash": flipped.hex(), "signal": "phash-8", "max_distance": 64, "limit": 2})
    assert (len(some["matches"]), some["signals"][0]["more"]) == (2, True)


def test_a_pdq_hash_is_asked_for_as_other_tools_write_it(ask: Asker, birds: Dataset, picture: Draw) -> None:
    """Its 256 bits in 64 digits; the byte of quality that is stored behind them may come along."""
    described = compute(read_image(picture(3)).rgb, ["pdq-256"])["pdq-256"].tobytes()
    signal = Signal.objects.get_or_create(name="pdq-256")[0]
    image = Image.objects.get(name="crow3")
    rows = np.frombuffer(described, np.uint8)[None]
    bulk.write_descriptors(dataset_id=birds.pk, signal_id=signal.pk, image_ids=np.array([image.pk]), rows=rows)
    bits = described[:32]
    for written in (bits.hex(), "".join(f"{byte:08b}" for byte in bits), described.hex()):
        found = ask.json({"hash": written, "signal": "pdq-256"})
        assert (names(found), found["matches"][0]["evidence"][0]["distance"]) == (["crow3"], 0)
    assert "64 hexadecimal digits" in ask.json({"hash": "ff", "signal": "pdq-256"}, expect=422)["remedy"]


@pytest.fixture
def vectors(birds: Dataset, project: Project) -> np.ndarray[Any, Any]:
    """Brought vectors of the birds, under a signal of their project."""
    rows = np.linalg.qr(np.random.default_rng(3).normal(size=(8, 8)))[0][:6].astype(np.float32)
    signal = Signal.objects.create(name=f"vectors:{project.pk}/mine-8", dim=8, project=project)
    ids = bulk.read_image_ids(dataset_id=birds.pk)
    bulk.write_embeddings(dataset_id=birds.pk, signal_id=signal.pk, image_ids=ids, vectors=Vectors(rows))
    return rows


def test_by_vector_of_any_length(ask: Asker, vectors: np.ndarray[Any, Any], project: Project) -> None:
    name = f"vectors:{project.pk}/mine-8"
    query = (5 * vectors[4] + 0.5 * vectors[1]).tolist()
    found = ask.json({"vector": query, "signal": name})
    assert names(found) == ["crow4"]
    [evidence] = found["matches"][0]["evidence"]
    assert evidence["similarity"] == pytest.approx(5 / np.hypot(5, 0.5), abs=1e-6)
    assert evidence["distance"] == pytest.approx(1 - evidence["similarity"])
    assert names(ask.json({"vector": query, "signal": name, "max_distance": 0.95})) == ["crow4", "crow1"]
    # As a form carries it.
    form = {"vector": json.dumps(query), "signal": name}
    answer = ask.script.form("/lookup", form)
    assert names(answer.json()) == ["crow4"]


def test_only_what_the_token_may_see_is_searched(
    ask: Asker, birds: Dataset, stranger: User, owner: User, picture: Draw
) -> None:
    elsewhere(stranger, {"secret.png": picture(50), "crow.png": picture(1)})
    assert ask.picture(picture(50))["seen"] is False
    assert names(ask.picture(picture(1))) == ["crow1"]
    theirs = Asker(stranger)
    assert names(theirs.picture(picture(50))) == ["secret"]
    assert names(theirs.picture(picture(1))) == ["crow"]
    assert theirs.picture(picture(2))["seen"] is False
    # With both memberships, both are found, and can be narrowed.
    mine = elsewhere(owner, {"again.png": picture(1)}, name="Second")
    both = ask.picture(picture(1))
    assert sorted(names(both)) == ["again", "crow1"]
    assert {match["image"]["project"] for match in both["matches"]} == {"saints-in-art", mine.slug}
    assert names(ask.picture(picture(1), projects=mine.slug)) == ["again"]
    assert names(ask.picture(picture(1), datasets="birds")) == ["crow1"]
    refused = ask.picture(picture(1), projects="elsewhere", expect=422)
    assert refused["detail"] == "You belong to no project “elsewhere”."
    assert ask.picture(picture(1), datasets="elsewhere-images", expect=422)["detail"].startswith("There is no dataset")


def test_anothers_vectors_do_not_even_exist(
    ask: Asker, vectors: np.ndarray[Any, Any], project: Project, stranger: User, picture: Draw
) -> None:
    elsewhere(stranger, {"a.png": picture(50)})
    body = {"vector": vectors[0].tolist(), "signal": f"vectors:{project.pk}/mine-8"}
    refused = Asker(stranger).json(body, expect=404)
    assert "no signal" in refused["detail"]
    assert ask.json(body)["seen"] is True
    assert Asker(stranger).json({**body, "signal": "phash-99"}, expect=404)["detail"].startswith("There is no hash")


def test_a_person_without_projects_has_seen_nothing(stranger: User, picture: Draw) -> None:
    found = Asker(stranger).picture(picture(1))
    assert (found["seen"], found["datasets"], found["images"]) == (False, 0, 0)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "Nothing was sent to look for."),
        ({"hash": "ff", "vector": [1]}, "hash and vector were sent to look for."),
        ({"hash": "ff"}, "A hash belongs to one signal, and none is named."),
        ({"hash": "ff", "signal": ["phash-8", "dhash-8"]}, "A hash belongs to one signal, and 2 is named."),
        ({"hash": "xyz", "signal": "phash-8"}, "'xyz' is no phash-8 hash"),
        ({"hash": "ff" * 8, "signal": "phash-8", "max_distance": 65}, "65 is no distance under phash-8"),
        ({"hash": "ff" * 8, "signal": "phash-8", "max_distance": -1}, "max_distance: "),
        ({"vector": [1, 2], "signal": "phash-8"}, "phash-8 is a hash, not an embedding."),
        ({"vector": "nonsense", "signal": "phash-8"}, "vector."),
        ({"hash": "ff" * 8, "signal": "phash-8", "limit": 10_000}, "limit: "),
    ],
)
def test_what_cannot_be_asked_is_said_in_words(ask: Asker, birds: Dataset, body: dict[str, Any], detail: str) -> None:
    refused = ask.json(body, expect=422)
    assert refused["detail"].startswith(detail), refused
    assert refused["remedy"]


def test_vectors_that_do_not_fit_are_refused(ask: Asker, vectors: np.ndarray[Any, Any], project: Project) -> None:
    name = f"vectors:{project.pk}/mine-8"
    for vector, said in (([1.0] * 7, "has 8 values, not 7"), ([0.0] * 8, "no direction")):
        assert said in ask.json({"vector": vector, "signal": name}, expect=422)["detail"]
    hexadecimal = ask.json({"hash": "ff", "signal": name}, expect=422)
    assert hexadecimal["detail"] == f"{name} is no hash."


@pytest.mark.parametrize("scale", [1.0, 1e308, 1e-320])
def test_only_the_direction_of_a_vector_counts(
    ask: Asker, vectors: np.ndarray[Any, Any], project: Project, scale: float
) -> None:
    asked = (np.sign(vectors[0].astype(np.float64)) * scale).tolist()
    plain = np.sign(vectors[0]).tolist()
    name = f"vectors:{project.pk}/mine-8"
    found = [ask.json({"vector": vector, "signal": name, "max_distance": 2}) for vector in (asked, plain)]
    assert found[0]["matches"] == found[1]["matches"]
    assert found[0]["matches"]


def test_a_picture_cannot_be_described_as_vectors_that_came_without_a_model(
    ask: Asker, vectors: np.ndarray[Any, Any], project: Project, picture: Draw
) -> None:
    refused = ask.picture(picture(1), expect=422, signal=f"vectors:{project.pk}/mine-8")
    assert "came without their model" in refused["detail"]


def test_untrusted_files_are_refused_in_words(
    ask: Asker, birds: Dataset, picture: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    from analysis.neighbours import _picture
    from catalog.core.images import Limits

    assert ask.picture(b"GIF89a nonsense", expect=422)["detail"]
    assert ask.picture(b"<svg xmlns='http://www.w3.org/2000/svg'/>", expect=422)["detail"].startswith(
        "The file is an SVG"
    )
    monkeypatch.setattr(_picture, "LIMITS", Limits(max_bytes=100, max_pixels=10))
    assert "at most 100" in ask.picture(picture(1), expect=422)["detail"]
    monkeypatch.setattr(_picture, "LIMITS", Limits(max_pixels=10))
    assert "96 × 80 pixels" in ask.picture(picture(1), expect=422)["detail"]


def test_a_broken_body_is_not_understood(ask: Asker, birds: Dataset) -> None:
    answer = ask.script.call("POST", "/lookup", data="{", content_type="application/json")
    assert answer.status_code == 422
    assert answer.json()["remedy"] == "Send it as /api/v1/docs describes it."


def test_without_a_token_it_is_401(db: None) -> None:
    assert Client().post("/api/v1/lookup", {}).status_code == 401


def test_images_that_came_since_are_seen(ask: Asker, birds: Dataset, import_files: Import, picture: Draw) -> None:
    assert ask.picture(altered(picture(30)))["seen"] is False
    import_files("Birds", {"late.png": picture(30)})
    assert names(ask.picture(altered(picture(30)))) == ["late"]
    Dataset.objects.all().delete()
    assert ask.picture(altered(picture(30)))["seen"] is False


def test_nothing_of_the_picture_is_kept(ask: Asker, birds: Dataset, picture: Draw, settings: Any) -> None:
    from pathlib import Path

    root = Path(settings.STORAGES["default"]["OPTIONS"]["location"])
    before = sorted(root.rglob("*"))
    ask.picture(picture(60))
    ask.picture(picture(1))
    assert sorted(root.rglob("*")) == before
    assert Image.objects.count() == 6
