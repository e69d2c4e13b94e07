"""Projections over the API."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User

from analysis.models import Projection
from analysis.plots import Plot
from analysis.signals import KnownSignal
from analysis.tasks import run_projection
from catalog.models import Dataset, Project
from tests.analysis.embedded import around, embedded, vectors_of
from tests.web.explore.plot import CENTRES
from tests.web.script import Script


def test_a_script_makes_a_projection_and_reads_it(
    project: Project,
    datasets: list[Dataset],
    known: KnownSignal,
    owner: User,
    viewer: User,
    sent: list[int],
    django_capture_on_commit_callbacks: Any,
) -> None:
    script, reader = Script(owner), Script(viewer)
    body = {"signal": known.name, "method": "tsne", "parameters": {"perplexity": 4}}
    assert "viewer" in reader.post("/projects/saints-in-art/projections", body, expect=403)["detail"]
    # Datasets that have no such embeddings are left out where none are named.
    embedded(project, "Bare", around(CENTRES, [0]), vectors_of(project, 16, "other"))
    with django_capture_on_commit_callbacks(execute=True):
        made = script.post("/projects/saints-in-art/projections", body)
    assert made["datasets"] == ["a", "b", "c"]
    assert (made["status"], made["n_images"], made["explained"]) == ("queued", 0, None)
    assert made["parameters"] == {"perplexity": 4.0, "seed": 0}
    assert sent == [made["id"]]
    at_points = f"/projects/saints-in-art/projections/{made['id']}/points"
    assert "not there yet" in reader.get(at_points, expect=409)["detail"]
    run_projection(made["id"])
    done = reader.get(f"/projects/saints-in-art/projections/{made['id']}")
    assert (done["status"], done["n_images"]) == ("done", 27)
    assert "umap-learn" in done["versions"]
    assert script.post("/projects/saints-in-art/projections", body)["id"] == made["id"]
    points = reader.get(at_points)
    plot = Plot(Projection.objects.get(pk=made["id"]))
    assert points["image"] == plot.ids.tolist()
    np.testing.assert_array_equal(np.array([points["x"], points["y"]], np.float32).T, plot.points)
    assert points["name"][:2] == ["A-0", "A-1"]
    assert points["dataset"][-1] == "C"
    rows = reader.call("GET", f"{at_points}.csv").content.decode().splitlines()
    assert rows[0] == "image,dataset,label,x,y"
    assert len(rows) == 28
    assert [each["id"] for each in reader.get("/projects/saints-in-art/projections")["items"]] == [made["id"]]
    with django_capture_on_commit_callbacks(execute=True):
        again = script.post(f"/projects/saints-in-art/projections/{made['id']}/run", None, expect=202)
    assert again["status"] == "queued"
    assert sent == [made["id"]] * 2
    assert reader.call("DELETE", f"/projects/saints-in-art/projections/{made['id']}").status_code == 403
    assert script.call("DELETE", f"/projects/saints-in-art/projections/{made['id']}").status_code == 204
    reader.get(at_points, expect=404)


@pytest.mark.parametrize(
    ("changes", "status", "says"),
    [
        ({"method": "mds"}, 422, "method"),
        ({"parameters": {"neighbours": 5}}, 422, "t-SNE has no parameter “neighbours”"),
        ({"parameters": {"perplexity": 30}}, 422, "there are 27"),
        ({"signal": "nothing"}, 404, "nothing"),
        ({"signal": "phash-8"}, 422, "embeddings"),
        ({"datasets": ["nobodys"]}, 422, "no dataset “nobodys”"),
    ],
)
def test_a_script_is_told_what_is_wrong(
    datasets: list[Dataset], known: KnownSignal, owner: User, changes: dict[str, Any], status: int, says: str
) -> None:
    body = {"signal": known.name, "method": "tsne", "parameters": {"perplexity": 4}} | changes
    assert says in Script(owner).post("/projects/saints-in-art/projections", body, expect=status)["detail"]
    assert not Projection.objects.exists()


def test_a_script_of_a_stranger_finds_nothing(pca: Projection, stranger: User) -> None:
    script = Script(stranger)
    for end in ("", f"/{pca.pk}", f"/{pca.pk}/points", f"/{pca.pk}/points.csv"):
        script.get(f"/projects/saints-in-art/projections{end}", expect=404)
