"""Search pages and their API: from an image, a picture and a text; the ladder; what nobody may see."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from analysis import neighbours
from analysis.core.encoders import offered
from analysis.models import Embedding, Hash, Measurement, Projection
from analysis.neighbours import _models
from analysis.signals import signal
from analysis.tasks import run_comparison
from analysis.workspace import create_comparison
from catalog.models import Dataset, Image, Project
from catalog.workspace import create_project
from tests.analysis.embedded import around, embedded, vectors_of
from tests.core import model_files
from tests.web.script import Script

Draw = Callable[..., bytes]
Import = Callable[..., Dataset]


@pytest.fixture
def signed_in(client: Client, viewer: User) -> Client:
    """A viewer: searching changes nothing."""
    client.force_login(viewer)
    return client


@pytest.fixture
def two(import_files: Import, picture: Draw) -> list[Dataset]:
    """Seven pictures, of which b0 is a smaller copy of a0."""
    return [
        import_files("A", {f"a{n}.png": picture(n) for n in range(4)}),
        import_files(
            "B", {"b0.jpg": picture(0, size=(72, 60), format="JPEG"), "b1.png": picture(11), "b2.png": picture(12)}
        ),
    ]


def image(name: str) -> Image:
    return Image.objects.get(name=name)


def hits(html: str) -> list[int]:
    return [int(pk) for pk in re.findall(r'<li data-hit="(\d+)">', html)]


def page(client: Client, query: str = "", status: int = 200, path: str = "/p/saints-in-art/search/") -> str:
    response = client.get(f"{path}?{query}")
    assert response.status_code == status
    return str(response.content.decode())


def by_hand(name: str, datasets: list[Dataset]) -> list[int]:
    """All other images in order of their distance under phash-8."""
    known = signal("phash-8")
    rows = {
        pk: bytes(bits)
        for pk, bits in Hash.objects.filter(signal_id=known.id, dataset__in=datasets).values_list("image_id", "bits")
    }
    own = bytes(Hash.objects.get(image=image(name), signal_id=known.id).bits)
    return sorted(
        (pk for pk in rows if pk != image(name).pk), key=lambda pk: (known.hash.metric.distance(own, rows[pk]), pk)
    )


def test_an_empty_project_says_what_to_do(signed_in: Client, project: Project) -> None:
    assert "There is nothing to search yet" in page(signed_in)
    assert "There are no images yet" in page(signed_in, path="/p/saints-in-art/search/ladder/")


def test_the_empty_page_offers_pictures_to_start_from(signed_in: Client, two: list[Dataset]) -> None:
    html = page(signed_in)
    assert html.count("?signal=") >= 7
    assert f"image={image('a3').pk}" in html
    assert hits(html) == []


def test_from_an_image_the_others_come_in_order(signed_in: Client, two: list[Dataset]) -> None:
    html = page(signed_in, f"signal=phash-8&image={image('a0').pk}")
    assert hits(html) == by_hand("a0", two)
    assert hits(html)[0] == image("b0").pk
    assert f"/pairs/{image('a0').pk}-{image('b0').pk}/" in html
    assert "One of them is as near as most copies are, within 8 of 64 bits." in " ".join(html.split())
    ring = json.loads(re.search(r'<script id="ring-data"[^>]*>(.*?)</script>', html, re.S)[1])  # type: ignore[index]
    assert [point["id"] for point in ring["points"]] == hits(html)
    assert ring["query"]["name"] == "a0"


def test_datasets_and_number_are_chosen_in_the_address(signed_in: Client, two: list[Dataset]) -> None:
    html = page(signed_in, f"signal=phash-8&image={image('a0').pk}&dataset=a")
    assert hits(html) == by_hand("a0", two[:1])
    # What is no dataset or number is as if it were not said.
    assert hits(page(signed_in, f"signal=none&image={image('a0').pk}&dataset=x&k=7"))
    assert 'value="a" checked' in html
    assert 'value="b" checked' not in html


def test_the_query_is_turned_where_that_is_asked_for(signed_in: Client, import_files: Import, picture: Draw) -> None:
    from io import BytesIO

    from PIL import Image as Picture

    out = BytesIO()
    Picture.open(BytesIO(picture(0))).transpose(Picture.Transpose.FLIP_LEFT_RIGHT).save(out, "PNG")
    import_files("A", {"a0.png": picture(0), "mirrored.png": out.getvalue(), "a1.png": picture(1)})
    plain = page(signed_in, f"signal=phash-8&image={image('a0').pk}")
    turned = page(signed_in, f"signal=phash-8&image={image('a0').pk}&turned=1")
    assert "mirrored left–right" not in plain
    assert hits(turned)[0] == image("mirrored").pk
    assert "query mirrored left–right" in turned
    assert hits(page(signed_in, f"signal=phash-8@any&image={image('a0').pk}"))[0] == image("mirrored").pk


def test_an_image_of_another_project_is_not_there(signed_in: Client, two: list[Dataset], stranger: User) -> None:
    other = create_project(name="Other", owner=stranger)
    signed_in.force_login(stranger)
    assert signed_in.get(f"/p/other/search/?image={image('a0').pk}").status_code == 404
    assert signed_in.get("/p/saints-in-art/search/").status_code == 404
    assert signed_in.get("/p/saints-in-art/search/ladder/").status_code == 404
    assert "There is nothing to search yet" in page(signed_in, path=f"/p/{other.slug}/search/")


def test_a_picture_is_looked_at_and_forgotten(
    signed_in: Client, two: list[Dataset], picture: Draw, settings: Settings
) -> None:
    stored = sorted(Path(settings.STORAGES["default"]["OPTIONS"]["location"]).rglob("*"))
    sent = SimpleUploadedFile("mine.webp", picture(0, size=(200, 170), format="WEBP"))
    response = signed_in.post(
        "/p/saints-in-art/search/?signal=phash-8&k=12", {"picture": sent}, headers={"HX-Request": "true"}
    )
    html = response.content.decode()
    assert response.status_code == 200
    assert "<html" not in html
    assert set(hits(html)[:2]) == {image("a0").pk, image("b0").pk}
    assert 'src="data:image/jpeg;base64,' in html
    assert "mine.webp" in html
    # There is no image of it to be compared with.
    assert "/pairs/" not in html
    assert sorted(Path(settings.STORAGES["default"]["OPTIONS"]["location"]).rglob("*")) == stored
    # The same without a script, as a whole page.
    sent.seek(0)
    assert "<html" in signed_in.post("/p/saints-in-art/search/?signal=phash-8", {"picture": sent}).content.decode()


@pytest.mark.parametrize(("sent", "said"), [(b"no picture", "not an image"), (None, "No picture was sent.")])
def test_what_is_no_picture_is_refused_on_the_page(
    signed_in: Client, two: list[Dataset], sent: bytes | None, said: str
) -> None:
    data = {} if sent is None else {"picture": SimpleUploadedFile("x.png", sent)}
    response = signed_in.post("/p/saints-in-art/search/?signal=phash-8", data)
    assert response.status_code == 422
    assert said in response.content.decode()


def test_names_and_texts_cannot_break_out_of_the_page(signed_in: Client, import_files: Import, picture: Draw) -> None:
    import_files("A", {"</script><img src=x onerror=1>.png": picture(0), "b.png": picture(1)})
    html = page(signed_in, f"signal=phash-8&image={image('b').pk}")
    assert "<img src=x" not in html
    assert len(hits(html)) == 1


def test_a_hash_knows_no_texts(signed_in: Client, two: list[Dataset]) -> None:
    assert "compares pictures only" in page(signed_in, "signal=phash-8&text=a+lion", 422)
    assert "Needs embeddings of a model that was trained with texts" in page(signed_in)


@pytest.fixture
def vectors(project: Project) -> list[Dataset]:
    """Brought vectors of two datasets around three centres."""
    known = vectors_of(project, 16)
    centres = np.random.default_rng(0).normal(size=(3, 16))
    return [
        embedded(project, name, around(centres, [n % 3 for n in range(30)], seed=seed, noise=0.2), known)
        for name, seed in (("A", 1), ("B", 2))
    ]


def test_embeddings_are_as_far_apart_as_a_comparison_measures(
    signed_in: Client, vectors: list[Dataset], project: Project
) -> None:
    known = vectors_of(project, 16)
    comparison = create_comparison(project=project, datasets=vectors, signals={known.name: 0.4}, scope="both", by=None)
    run_comparison(comparison.pk)
    asker = image("A-3")
    query = neighbours.of_image(asker, known)
    found = neighbours.nearest(query, dataset_ids=[each.pk for each in vectors], k=15)
    assert asker.pk not in found.image_ids
    for pk, distance in zip(found.image_ids.tolist(), found.distance.tolist(), strict=True):
        a, b = sorted([asker.pk, pk])
        measured = Measurement.objects.filter(signal_id=known.id, image_a=a, image_b=b).values_list(
            "distance", flat=True
        )
        assert not measured or measured[0] == distance
    html = page(signed_in, f"signal={known.name}&image={asker.pk}")
    assert hits(html)[:15] == found.image_ids.tolist()
    assert known.words(float(found.distance[0])).partition(" ")[2] in html
    # A picture cannot be described: nobody knows the model.
    assert (
        "came without their model"
        in signed_in.post(
            f"/p/saints-in-art/search/?signal={known.name}", {"picture": SimpleUploadedFile("x.png", _png())}
        ).content.decode()
    )


def _png() -> bytes:
    from io import BytesIO

    from PIL import Image as Picture

    out = BytesIO()
    Picture.new("RGB", (20, 20), "red").save(out, "PNG")
    return out.getvalue()


def test_the_plot_marks_query_and_results(signed_in: Client, vectors: list[Dataset], project: Project) -> None:
    known = vectors_of(project, 16)
    asker = image("A-3")
    html = page(signed_in, f"signal={known.name}&image={asker.pk}&k=12")
    ids = ",".join(map(str, hits(html)))
    assert f'href="/p/saints-in-art/explore/?results={ids}&amp;query={asker.pk}"' in html
    made = Projection.objects.create(project=project, signal_id=known.id, method="pca", status=Projection.Status.DONE)
    html = page(signed_in, f"signal={known.name}&image={asker.pk}&k=12")
    assert f'href="/p/saints-in-art/explore/{made.pk}/?results={ids}&amp;query={asker.pk}"' in html


def test_an_image_known_by_fingerprint_cannot_be_turned(
    signed_in: Client, vectors: list[Dataset], project: Project
) -> None:
    name = vectors_of(project, 16).name
    assert "so it cannot be turned" in page(signed_in, f"signal={name}&image={image('A-3').pk}&turned=1", 422)


def test_anothers_vectors_are_not_offered(
    signed_in: Client, vectors: list[Dataset], two: list[Dataset], stranger: User, picture: Draw
) -> None:
    create_project(name="Other", owner=stranger)
    assert "Brought vectors" in page(signed_in)
    signed_in.force_login(stranger)
    assert "Brought vectors" not in page(signed_in, path="/p/other/search/")


@pytest.fixture
def clip(settings: Settings, tmp_path: Path) -> str:
    """The name of a real CLIP architecture with weights that have learned nothing, on this machine."""
    model_files.save(model_files.clip_weights(), tmp_path / "models" / "openclip" / model_files.CLIP / "mine.pt")
    settings.MODELS_DIR = tmp_path / "models"
    _models._kept.clear()
    return next(each.name for each in offered(settings.MODELS_DIR) if "mine~" in each.name)


def test_pictures_and_texts_under_a_model_with_a_text_tower(
    signed_in: Client, two: list[Dataset], clip: str, project: Project, picture: Draw
) -> None:
    comparison = create_comparison(project=project, datasets=two, signals={clip: 0.0}, scope="across", by=None)
    run_comparison(comparison.pk)
    assert Embedding.objects.count() == 7
    # The very picture is at distance 0, described by the web process as by the worker.
    sent = SimpleUploadedFile("x.png", picture(2))
    response = signed_in.post(f"/p/saints-in-art/search/?signal={clip}", {"picture": sent})
    found = response.context["hits"]
    assert found[0].image.name == "a2"
    assert found[0].distance == pytest.approx(0, abs=1e-5)
    assert list(_models._kept) == [clip]
    # Words are placed in the same space; what they are near to means nothing here, but each distance is its own.
    with _models.loaded(neighbours._query.encoder_of(signal(clip))) as model:
        words = model.encode_text(["a saint with a lion"]).values[0].astype(np.float64)
    html = page(signed_in, f"signal={clip}&text=a+saint++with+a+lion")
    assert len(hits(html)) == 7
    nearest = neighbours.nearest(
        neighbours.of_text("a saint with a lion", signal(clip)), dataset_ids=[d.pk for d in two], k=7
    )
    for pk, distance in zip(nearest.image_ids.tolist(), nearest.distance.tolist(), strict=True):
        vector = np.asarray(Embedding.objects.get(image_id=pk).vector, np.float64)
        assert distance == pytest.approx(1 - vector @ words, abs=1e-6)
    assert hits(html) == nearest.image_ids.tolist()
    assert "A text is never as near to a picture" in html
    # In eight orientations the picture itself stays the nearest, as it is.
    sent.seek(0)
    turned = signed_in.post(f"/p/saints-in-art/search/?signal={clip}&turned=1", {"picture": sent}).context["hits"]
    assert (turned[0].image.name, turned[0].turned) == ("a2", "")


def test_the_ladder_shows_the_same_pairs_each_time(
    signed_in: Client, vectors: list[Dataset], two: list[Dataset], project: Project
) -> None:
    address = "/p/saints-in-art/search/ladder/"
    known = vectors_of(project, 16)
    first = signed_in.get(address, {"signal": known.name})
    assert [rung["title"] for rung in first.context["rungs"]] == [
        f"Similarity {each}" for each in (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95)
    ]
    pairs = [pair for rung in first.context["rungs"] for pair in rung["pairs"]]
    assert pairs
    rows = dict(Embedding.objects.values_list("image_id", "vector"))
    for one, other, distance in pairs:
        apart = 1 - np.asarray(rows[one.pk], np.float64) @ np.asarray(rows[other.pk], np.float64)
        assert distance == pytest.approx(apart, abs=1e-6)
    for rung in first.context["rungs"]:
        away = [abs(distance - rung["distance"]) for _, _, distance in rung["pairs"]]
        assert away == sorted(away)
        assert len({each.pk for one, other, _ in rung["pairs"] for each in (one, other)}) == 2 * len(rung["pairs"])
    again = signed_in.get(address, {"signal": known.name})
    assert [pair for rung in again.context["rungs"] for pair in rung["pairs"]] == pairs
    # Of hashes the rungs are bits, and of datasets only those that are chosen.
    bits = signed_in.get(address, {"signal": "phash-8", "dataset": "a"})
    assert [rung["title"] for rung in bits.context["rungs"]] == [
        f"{n} of 64 bits" for n in (24, 16, 12, 10, 8, 6, 4, 2, 0)
    ]
    assert {
        each.dataset.name for rung in bits.context["rungs"] for one, other, _ in rung["pairs"] for each in (one, other)
    } == {"A"}


@pytest.mark.parametrize("name", ["crop_resistant-64", "color_moments-42"])
def test_a_ladder_of_hashes_that_are_no_bits(
    signed_in: Client, two: list[Dataset], project: Project, name: str
) -> None:
    run_comparison(create_comparison(project=project, datasets=two, signals={name: 0}, scope="both", by=None).pk)
    response = signed_in.get("/p/saints-in-art/search/ladder/", {"signal": name})
    assert response.status_code == 200
    assert any(rung["pairs"] for rung in response.context["rungs"])


class Searcher:
    """A caller of the API of searches."""

    path = "/projects/saints-in-art/search"

    def __init__(self, user: User) -> None:
        self.script = Script(user)

    def get(self, query: str, expect: int = 200) -> Any:
        return self.script.get(f"{self.path}?{query}", expect)

    def post(self, body: dict[str, Any], expect: int = 200) -> Any:
        if "image" in body:
            return self.script.json(self.script.form(self.path, body), expect)
        return self.script.post(self.path, body, expect)


@pytest.fixture
def script(viewer: User) -> Searcher:
    return Searcher(viewer)


def ids(answer: Any) -> list[int]:
    return [item["image"]["id"] for item in answer["items"]]


def test_the_api_answers_as_the_page(script: Searcher, two: list[Dataset], picture: Draw) -> None:
    from_image = script.get(f"image={image('a0').pk}&k=3")
    assert ids(from_image) == by_hand("a0", two)[:3]
    assert (from_image["signal"], from_image["unit"], from_image["default_distance"]) == ("phash-8", "bits", 8)
    first = from_image["items"][0]
    assert (first["image"]["dataset"], first["image"]["name"], first["similarity"], first["orientation"]) == (
        "b",
        "b0",
        None,
        1,
    )
    assert ids(script.get(f"image={image('a0').pk}&dataset=a&dataset=b")) == by_hand("a0", two)
    assert ids(script.get(f"image={image('a0').pk}&dataset=A")) == by_hand("a0", two[:1])
    sent = script.post({"image": SimpleUploadedFile("x", picture(0)), "datasets": "a,b", "k": "2"})
    assert set(ids(sent)) == {image("a0").pk, image("b0").pk}
    bits = bytes(Hash.objects.get(image=image("a1"), signal__name="phash-8").bits).hex()
    by_hash = script.post({"hash": bits, "k": 1})
    assert (ids(by_hash), by_hash["items"][0]["distance"]) == ([image("a1").pk], 0)
    assert ids(script.post({"image_id": image("a0").pk, "k": 3})) == ids(from_image)


def test_the_api_searches_vectors_with_their_similarity(
    script: Searcher, vectors: list[Dataset], project: Project
) -> None:
    name = vectors_of(project, 16).name
    vector = np.asarray(Embedding.objects.get(image=image("B-7")).vector)
    found = script.post({"vector": (3 * vector).tolist(), "signal": name, "k": 2, "datasets": ["b"]})
    assert found["items"][0]["image"]["name"] == "B-7"
    assert found["items"][0]["distance"] == pytest.approx(0, abs=1e-6)
    for item in found["items"]:
        assert item["similarity"] == pytest.approx(1 - item["distance"])


def test_the_api_says_what_is_wrong(script: Searcher, two: list[Dataset], stranger: User) -> None:
    assert script.get("", 422)["detail"] == "Nothing was sent to look for."
    assert script.get("image=1&text=x", 422)["detail"] == "image_id and text were sent to look for."
    assert script.get("text=x", 422)["detail"] == "pHash, 64 bits compares pictures only."
    assert script.get(f"image={image('a0').pk}&signal=nothing", 404)
    assert script.get(f"image={image('a0').pk}&dataset=nothing", 422)
    assert script.get("image=99999999", 404)
    assert script.get(f"image={image('a0').pk}&k=0", 422)
    assert Searcher(stranger).get("image=1", 404)


def test_a_model_that_is_not_here_is_no_fault_of_the_service(script: Searcher, two: list[Dataset]) -> None:
    known = signal("openclip:ViT-B-32/openai")
    Embedding.objects.create(
        image=image("a0"), dataset=image("a0").dataset, signal_id=known.id, vector=np.eye(1, 512)[0]
    )
    refused = script.get(f"text=a+lion&signal={known.name}", 422)
    assert "is not on this machine" in refused["detail"]
    assert refused["remedy"].endswith(f"python manage.py models fetch {known.name}")
    assert script.get(f"image={image('a0').pk}&signal={known.name}")["items"] == []


def test_links_lead_here(signed_in: Client, two: list[Dataset]) -> None:
    a0 = image("a0").pk
    assert f"/search/?image={a0}" in page(signed_in, path=f"/p/saints-in-art/images/{a0}/")
    assert f"/search/?image={a0}" in page(signed_in, path=f"/p/saints-in-art/pairs/{a0}-{image('b0').pk}/")
    assert "/search/ladder/" in page(signed_in, path="/p/saints-in-art/search/")


def test_the_dialog_of_every_page_looks_a_picture_up(signed_in: Client, two: list[Dataset], picture: Draw) -> None:
    html = page(signed_in, path="/p/saints-in-art/")
    assert 'data-look-up="/p/saints-in-art/look-up"' in html
    answer = signed_in.post("/p/saints-in-art/look-up", {"picture": SimpleUploadedFile("x.png", picture(0))})
    assert [match.image_id for match, _ in answer.context["matches"]] == [image("a0").pk, image("b0").pk]
    said = " ".join(answer.content.decode().split())
    assert "Seen before: 2 images." in said
    assert "the same file" in said
    unseen = signed_in.post("/p/saints-in-art/look-up", {"picture": SimpleUploadedFile("x.png", picture(70))})
    assert "Not seen before." in unseen.content.decode()
    refused = signed_in.post("/p/saints-in-art/look-up", {"picture": SimpleUploadedFile("x.png", b"x")})
    assert refused.status_code == 422
    assert 'role="alert"' in refused.content.decode()
    assert signed_in.get("/p/saints-in-art/look-up").status_code == 405
