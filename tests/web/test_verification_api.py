"""Verification over the API and from the command line."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import cv2
import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from analysis.models import Comparison, VerificationRun
from analysis.tasks import run_verification
from catalog.models import Image

pytestmark = pytest.mark.django_db


def image(name: str) -> Image:
    return Image.objects.select_related("dataset").get(name=name)


def test_the_api_looks_at_a_pair(client: Client, scenes_compared: Comparison, annotator: User, viewer: User) -> None:
    root = f"/api/v1/projects/{scenes_compared.project.slug}"
    path = f"{root}/pairs/{image('b2').pk}-{image('a2').pk}/verifications"
    client.force_login(viewer)
    assert [each["name"] for each in client.get("/api/v1/verifiers").json()] == ["akaze-1", "orb-1", "sift-1"]
    assert client.get(path).json() == []
    assert client.post(path, {"verifier": "orb-1"}, content_type="application/json").status_code == 403
    client.force_login(annotator)
    answer = client.post(path, {"verifier": "orb-1"}, content_type="application/json")
    assert answer.status_code == 201
    found = answer.json()
    assert (found["a"], found["b"]) == (image("a2").pk, image("b2").pk)
    assert found["sure"] is True
    assert found["mirrored"] is True
    assert found["inlier_ratio"] == found["inliers"] / found["matches"]
    assert found["transformation"]["words"] == ["Both show the whole picture.", "The second is mirrored left–right."]
    assert found["transformation"]["scale"] == pytest.approx(1, abs=0.01)
    homography = np.array(found["transformation"]["homography"])
    middle = cv2.perspectiveTransform(np.array([[[100.0, 240.0]]]), homography)[0, 0]
    assert middle == pytest.approx([539, 240], abs=1.5)
    assert found["versions"]["opencv"] == cv2.__version__
    client.force_login(viewer)
    assert client.get(path).json() == [found]
    client.force_login(annotator)
    assert client.post(path, {"verifier": "x"}, content_type="application/json").status_code == 404
    other = f"{root}/pairs/{image('a1').pk}-{image('b9').pk}/verifications"
    nothing = client.post(other, {}, content_type="application/json").json()
    assert (nothing["inliers"], nothing["sure"], nothing["transformation"]) == (0, False, None)


def test_the_api_runs_over_a_comparison(
    client: Client,
    scenes_compared: Comparison,
    annotator: User,
    viewer: User,
    runs_sent: list[int],
    django_capture_on_commit_callbacks: Any,
) -> None:
    root = f"/api/v1/projects/{scenes_compared.project.slug}"
    path = f"{root}/comparisons/{scenes_compared.pk}/verifications"
    client.force_login(viewer)
    asked = {"verifier": "orb-1", "signal": "phash-8", "max_distance": 64}
    assert client.post(path, asked, content_type="application/json").status_code == 403
    client.force_login(annotator)
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(path, asked, content_type="application/json")
    assert answer.status_code == 202
    run = answer.json()
    assert runs_sent == [run["id"]]
    assert (run["status"], run["found"]) == ("queued", {"pairs": 6, "looked_at": 0, "sure": 0, "mirrored": 0})
    run_verification(run["id"])
    client.force_login(viewer)
    run = client.get(f"{root}/verifications/{run['id']}").json()
    assert (run["status"], run["found"]) == ("done", {"pairs": 6, "looked_at": 6, "sure": 2, "mirrored": 1})
    seen: list[Any] = []
    after: str | None = ""
    while after is not None:
        part = client.get(f"{root}/verifications/{run['id']}/pairs?limit=4&after={after}").json()
        seen += part["items"]
        after = part["next"]
    assert len(seen) == 6
    sure = client.get(f"{root}/verifications/{run['id']}/pairs?min_inliers=20").json()["items"]
    assert sure == [each for each in seen if each["inliers"] >= 20]
    assert [(each["a"]["name"], each["b"]["name"], each["mirrored"]) for each in sure] == [
        ("a1", "b1", False),
        ("a2", "b2", True),
    ]
    assert client.get(f"{root}/verifications/{run['id']}/pairs?after=x").status_code == 422
    assert client.get(f"{root}/verifications/{run['id'] + 1}").status_code == 404


def test_the_api_tells_strangers_nothing(
    client: Client, scenes_compared: Comparison, stranger: User, owner: User
) -> None:
    run = VerificationRun.objects.create(
        comparison=scenes_compared, signal=scenes_compared.signals.all()[0].signal, max_distance=8, verifier="orb-1"
    )
    root = f"/api/v1/projects/{scenes_compared.project.slug}"
    pair = f"{root}/pairs/{image('a1').pk}-{image('b1').pk}/verifications"
    client.force_login(stranger)
    for path in (pair, f"{root}/verifications/{run.pk}", f"{root}/verifications/{run.pk}/pairs"):
        assert client.get(path).status_code == 404
    for path in (pair, f"{root}/comparisons/{scenes_compared.pk}/verifications"):
        assert client.post(path, {}, content_type="application/json").status_code == 404
    # Nor through a project of their own.
    from catalog.workspace import create_project

    own = f"/api/v1/projects/{create_project(name='Own', owner=stranger).slug}"
    assert client.get(f"{own}/verifications/{run.pk}").status_code == 404
    assert client.get(f"{own}/pairs/{image('a1').pk}-{image('b1').pk}/verifications").status_code == 404


def test_the_command_looks_lists_and_prints_json(scenes_compared: Comparison, owner: User) -> None:
    def run(*more: str) -> str:
        out = StringIO()
        call_command(
            "verify", scenes_compared.project.slug, str(scenes_compared.pk), "--user", owner.username, *more, stdout=out
        )
        return out.getvalue()

    said = run("--wait", "--signal", "phash-8", "--max-distance", "64")
    assert "ORB has looked at 6 of 6 pairs: 2 surely show the same thing, 1 of them mirrored." in said
    lines = run("--wait", "--max-distance", "64", "--list").splitlines()
    assert [line.split("\t")[:2] for line in lines] == [["a/a1", "b/b1"], ["a/a2", "b/b2"]]
    shown = json.loads(run("--wait", "--max-distance", "64", "--json"))
    assert (shown["status"], shown["found"]["sure"], shown["verifier"]) == ("done", 2, "orb-1")
    with pytest.raises(CommandError, match="akaze-1"):
        run("--verifier", "none")
    with pytest.raises(CommandError, match=f"It has: {scenes_compared.pk}"):
        call_command("verify", scenes_compared.project.slug, "999999", "--user", owner.username)
