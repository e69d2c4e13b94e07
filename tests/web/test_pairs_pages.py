"""The list of pairs and the page of one pair."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from analysis.models import Comparison, Measurement
from analysis.pipeline.review import judge, withdraw
from analysis.views import pairs as pairs_view
from catalog.models import Dataset, Image, Project
from catalog.workspace import create_project
from tests.web.overlap_data import USUAL_PAIRS, bits_of, compare, sketch_dataset

Names = tuple[str, str]


def listing(comparison: Comparison, **query: object) -> str:
    path = reverse("pairs", args=[comparison.project.slug, comparison.pk])
    return path + "?" + "&".join(f"{key}={value}" for key, value in query.items())


def shown(client: Client, path: str) -> list[Names]:
    answer = client.get(path)
    assert answer.status_code == 200
    return [(pair.a.name, pair.b.name) for pair, *_ in answer.context["pairs"]]


def image(name: str) -> Image:
    return Image.objects.get(name=name)


def page_of(project: Project, a: Image, b: Image) -> str:
    return reverse("pair", args=[project.slug, a.pk, b.pk])


def expected(t: float) -> list[Names]:
    return [pair for pair, distance in sorted(USUAL_PAIRS.items(), key=lambda item: item[1]) if distance <= t]


@pytest.mark.django_db
def test_the_list_holds_the_pairs_of_the_address_in_order_of_distance(
    client: Client, project: Project, viewer: User
) -> None:
    comparison = compare(project)
    client.force_login(viewer)
    for t in (0, 4, 8, 12):
        found = shown(client, listing(comparison, t=t))
        assert sorted(found) == sorted(expected(t))
        assert [USUAL_PAIRS[pair] for pair in found] == sorted(USUAL_PAIRS[pair] for pair in found)
    a, b = Dataset.objects.get(name="A"), Dataset.objects.get(name="B")
    between = [pair for pair in expected(12) if pair[0][0] == "A" and pair[1][0] == "B"]
    assert shown(client, listing(comparison, t=12, cell=f"{a.pk},{b.pk}")) == between
    assert shown(client, listing(comparison, t=12, cell=f"{b.pk},{a.pk}")) == between
    assert shown(client, listing(comparison, t=12, differ=1)) == [("A-2", "B-1")]
    assert (
        "3 pairs up to 12 of 64 bits" in client.get(listing(comparison, t=12, cell=f"{a.pk},{b.pk}")).content.decode()
    )


@pytest.mark.django_db
def test_verdicts_narrow_the_list(client: Client, project: Project, owner: User) -> None:
    comparison = compare(project)
    judge(one=image("A-0"), other=image("B-0"), annotator=owner, choice="same_object")
    judge(one=image("A-2"), other=image("B-1"), annotator=owner, choice="different")
    client.force_login(owner)
    asked = {show: shown(client, listing(comparison, t=12, show=show)) for show in ("", "open", "accepted", "rejected")}
    assert asked["accepted"] == [("A-0", "B-0")]
    assert asked["rejected"] == [("A-2", "B-1")]
    assert sorted(asked["open"] + asked["accepted"] + asked["rejected"]) == sorted(asked[""]) == sorted(USUAL_PAIRS)
    html = client.get(listing(comparison, t=12)).content.decode()
    assert "verdict-same_object" in html
    assert "verdict-different" in html


@pytest.mark.django_db
@pytest.mark.parametrize(
    "query", ["t=x", "t=-1", "cell=1", "cell=1,999999", "show=nonsense", "after=here", "signal=none"]
)
def test_an_address_that_makes_no_sense_is_told_so(client: Client, project: Project, owner: User, query: str) -> None:
    comparison = compare(project)
    client.force_login(owner)
    answer = client.get(f"{listing(comparison)}{query}")
    assert answer.status_code == 422
    assert "There is nothing here" not in answer.content.decode()


@pytest.mark.django_db
def test_pages_follow_each_other_without_gap_or_repetition(
    client: Client, project: Project, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs_view, "PAGE", 7)
    comparison = compare(project, {"D": [(1, n % 3, "") for n in range(5)], "E": [(1, n % 5, "") for n in range(6)]})
    client.force_login(owner)
    path, seen, pages = listing(comparison, t=12), list[Names](), 0
    while path:
        answer = client.get(path)
        seen += [(pair.a.name, pair.b.name) for pair, *_ in answer.context["pairs"]]
        pages += 1
        query = answer.context["next"]
        path = f"{reverse('pairs', args=[project.slug, comparison.pk])}?{query}" if query else ""
    assert pages == 5
    assert len(seen) == len(set(seen)) == 30 == Measurement.objects.count()


@pytest.mark.django_db
def test_queries_do_not_grow_with_pairs(client: Client, project: Project, owner: User) -> None:
    few = compare(project)
    many = compare(project, {"D": [(1, n % 3, "x") for n in range(20)], "E": [(1, n % 5, "y") for n in range(20)]})
    client.force_login(owner)
    counts = []
    for comparison in (few, many):
        client.get(listing(comparison, t=12))
        with CaptureQueriesContext(connection) as seen:
            client.get(listing(comparison, t=12))
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 12


@pytest.mark.django_db
def test_an_empty_list_says_what_to_do(client: Client, project: Project, owner: User) -> None:
    comparison = compare(project)
    client.force_login(owner)
    assert "Look up to 12 of 64 bits" in client.get(listing(comparison, t=0)).content.decode()
    assert "Show all pairs" in client.get(listing(comparison, t=8, show="accepted")).content.decode()


# ---- one pair ----


@pytest.mark.django_db
def test_the_page_of_a_pair_says_everything_known_of_it(client: Client, project: Project, owner: User) -> None:
    comparison = compare(project)
    a, b = image("A-2"), image("B-1")
    client.force_login(owner)
    html = client.get(f"{page_of(project, a, b)}?in={comparison.pk}&signal=phash-8").content.decode()
    assert "6 of 64 bits" in html
    assert "Saint Peter" in html
    assert "Saint Paul" in html
    assert html.count("only here") == 2
    assert re.search(r"review/\?signal=phash-8&amp;t=8&amp;show=all&amp;at=6-\d+-\d+", html)
    answer = client.get(f"{page_of(project, b, a)}?in={comparison.pk}")
    assert answer["Location"] == f"{page_of(project, a, b)}?in={comparison.pk}"
    # A pair that no comparison reached: its distance is worked out from the hashes.
    far = int((bits_of(2, 0) != bits_of(6, 0)).sum())
    html = client.get(page_of(project, a, image("C-1"))).content.decode()
    assert f"{far} of 64 bits" in html
    assert "farther than most copies" in html


@pytest.mark.django_db
def test_nobody_is_led_by_others_before_judging(
    client: Client, project: Project, owner: User, annotator: User, viewer: User
) -> None:
    compare(project)
    a, b = image("A-0"), image("B-0")
    judge(one=a, other=b, annotator=owner, choice="related", note="another copy")
    path = page_of(project, a, b)
    client.force_login(annotator)
    html = client.get(path).content.decode()
    assert "another copy" not in html
    assert "verdict-related" not in html
    assert "What others said (1)" in html
    own = judge(one=a, other=b, annotator=annotator, choice="same_image")
    html = client.get(path).content.decode()
    assert "another copy" in html
    assert "Take back what I said" in html
    withdraw(verdict=own, annotator=annotator)
    assert "another copy" not in client.get(path).content.decode()
    client.force_login(viewer)
    html = client.get(path).content.decode()
    assert "another copy" in html
    assert "Your verdict" not in html


@pytest.mark.django_db
def test_the_labels_say_what_they_are_in_the_page_s_own_words(client: Client, project: Project, owner: User) -> None:
    compare(project, {"A": [(1, 0, "<script>alert(1)</script>")], "B": [(1, 2, "b")]})
    client.force_login(owner)
    html = client.get(page_of(project, image("A-0"), image("B-0"))).content.decode()
    assert "<script>alert(1)" not in html
    assert "&lt;script&gt;alert(1)" in html


@pytest.mark.django_db
def test_pairs_belong_to_their_project(client: Client, project: Project, owner: User, stranger: User) -> None:
    comparison = compare(project)
    a, b = image("A-0"), image("B-0")
    other = create_project(name="Elsewhere", owner=stranger)
    sketch_dataset(other, "X", [(1, 0, "")])
    client.force_login(stranger)
    assert client.get(page_of(project, a, b)).status_code == 404
    assert client.get(listing(comparison)).status_code == 404
    # Nor by way of a project of one's own.
    assert client.get(page_of(other, a, image("X-0"))).status_code == 404
    assert client.get(reverse("pairs", args=[other.slug, comparison.pk])).status_code == 404
    client.force_login(owner)
    assert client.get(page_of(project, a, image("X-0"))).status_code == 404
    assert client.get(page_of(project, a, a)).status_code == 404
