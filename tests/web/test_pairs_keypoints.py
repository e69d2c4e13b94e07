"""What verifiers found, in the list of pairs: shown on each card, and what the list can be narrowed to."""

from __future__ import annotations

from itertools import product

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from analysis import queries
from analysis.core.errors import AnalysisError
from analysis.core.verifiers import VERIFIERS
from analysis.models import Comparison, Verification
from analysis.pipeline.review import judge
from analysis.signals import signal
from analysis.views import pairs as pairs_view
from catalog.models import Image, Project
from tests.web.overlap_data import USUAL_PAIRS, compare
from tests.web.script import Script

Names = tuple[str, str]

LOOKS: dict[Names, dict[str, int]] = {
    ("A-0", "B-0"): {"orb-1": 124, "sift-1": 1},
    ("A-1", "B-0"): {"orb-1": 0},
    ("A-2", "B-1"): {"akaze-1": VERIFIERS["akaze-1"].default_inliers},
    ("A-0", "C-0"): {"orb-1": VERIFIERS["orb-1"].default_inliers - 1, "akaze-1": 8},
}
"""Inliers by verifier; the other pairs were never looked at."""
FOUND, NONE = {("A-0", "B-0"), ("A-2", "B-1")}, {("A-1", "B-0"), ("A-0", "C-0")}


def look(pair: Names, verifier: str, inliers: int, *, mirrored: bool = False) -> None:
    """Write that a verifier found so many inliers."""
    a, b = (Image.objects.get(name=name) for name in pair)
    Verification.objects.create(
        image_a=a,
        image_b=b,
        dataset_a=a.dataset,
        dataset_b=b.dataset,
        verifier=verifier,
        keypoints_a=900,
        keypoints_b=800,
        matches=1000,
        inliers=inliers,
        mirrored=mirrored,
    )


@pytest.fixture
def looked(project: Project) -> Comparison:
    comparison = compare(project)
    for pair, each in LOOKS.items():
        for verifier, inliers in each.items():
            look(pair, verifier, inliers, mirrored=verifier == "akaze-1")
    return comparison


def address(comparison: Comparison, query: str = "t=12") -> str:
    return f"{reverse('pairs', args=[comparison.project.slug, comparison.pk])}?{query}"


def card(html: str, pair: Names) -> str:
    """The part of the page that shows a pair."""
    return next(part for part in html.split("<article")[1:] if f"{pair[0]} and {pair[1]}, " in part)


@pytest.mark.django_db
def test_cards_say_what_was_found(client: Client, looked: Comparison, viewer: User) -> None:
    client.force_login(viewer)
    html = client.get(address(looked)).content.decode()
    first = card(html, ("A-0", "B-0"))
    assert '<li class="chip good">ORB: 124 inliers</li>' in first
    assert '<li class="chip">SIFT: 1 inlier</li>' in first
    assert '<li class="chip">ORB: 0 inliers</li>' in card(html, ("A-1", "B-0"))
    assert '<li class="chip good">AKAZE: 20 inliers, mirrored</li>' in card(html, ("A-2", "B-1"))
    for pair in USUAL_PAIRS.keys() - LOOKS.keys():
        assert "inlier" not in card(html, pair)


@pytest.mark.django_db
def test_the_list_narrows_by_what_was_found(
    client: Client, looked: Comparison, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge(one=Image.objects.get(name="A-0"), other=Image.objects.get(name="B-0"), annotator=owner, choice="same_image")
    monkeypatch.setattr(pairs_view, "PAGE", 1)
    client.force_login(owner)
    wanted = {"": set(USUAL_PAIRS), "found": FOUND, "none": NONE, "unchecked": USUAL_PAIRS.keys() - LOOKS.keys()}
    for keypoints, show, t in product(wanted, ("", "open", "accepted"), (4, 12)):
        expected = {pair for pair in wanted[keypoints] if USUAL_PAIRS[pair] <= t}
        if show:
            expected = {pair for pair in expected if (pair == ("A-0", "B-0")) == (show == "accepted")}
        query, seen = f"t={t}&show={show}&keypoints={keypoints}", list[Names]()
        while query:
            answer = client.get(address(looked, query))
            seen += [(pair.a.name, pair.b.name) for pair, *_ in answer.context["pairs"]]
            query = answer.context["next"]
        assert set(seen) == expected
        assert len(seen) == len(expected)
        distances = [USUAL_PAIRS[pair] for pair in seen]
        assert distances == sorted(distances)


def test_the_api_narrows_by_the_same(looked: Comparison, viewer: User) -> None:
    script = Script(viewer)
    path = f"/projects/{looked.project.slug}/comparisons/{looked.pk}/pairs?signal=phash-8&keypoints="
    everything = script.get(path)["items"]
    narrowed = {}
    for keypoints in ("found", "none", "unchecked"):
        items = script.get(path + keypoints)["items"]
        narrowed[keypoints] = {(item["a"]["name"], item["b"]["name"]) for item in items}
    assert narrowed["found"] == FOUND
    assert narrowed["none"] == NONE
    assert sum(map(len, narrowed.values())) == len(everything)
    assert "There is no filter of keypoints" in script.get(path + "some", expect=422)["detail"]


@pytest.mark.django_db
def test_looks_of_other_signals_pairs_do_not_count(looked: Comparison) -> None:
    """A look belongs to the pair: where a signal does not find the pair, its list has it not."""
    look(("A-3", "C-1"), "orb-1", 500)
    found = queries.pairs(looked, signal_id=signal("phash-8").id, max_distance=64, keypoints="found")
    assert {(row.a.name, row.b.name) for row in found} == FOUND
    assert queries.pairs(looked, signal_id=signal("dhash-8").id, max_distance=64, keypoints="found") == []
    with pytest.raises(AnalysisError, match="no filter of keypoints"):
        queries.pairs(looked, signal_id=signal("phash-8").id, max_distance=64, keypoints="sure")


@pytest.mark.django_db
def test_an_empty_narrowed_list_says_where_to_look(client: Client, project: Project, owner: User) -> None:
    comparison = compare(project)
    client.force_login(owner)
    html = client.get(address(comparison, "t=12&keypoints=found")).content.decode()
    assert "fits all of these filters" in html
    assert "verify=1#verify" in html
    assert client.get(address(comparison, "keypoints=sure")).status_code == 422


@pytest.mark.django_db
def test_looks_are_read_at_once(client: Client, looked: Comparison, owner: User) -> None:
    client.force_login(owner)
    counts = []
    for t in (2, 12):
        client.get(address(looked, f"t={t}"))
        with CaptureQueriesContext(connection) as seen:
            client.get(address(looked, f"t={t}"))
        counts.append(len(seen))
        assert sum("analysis_verification" in query["sql"] for query in seen.captured_queries) == 1
    assert counts[0] == counts[1]
