"""The review pages: queue, verdicts, who may what, and what it costs."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from analysis import bulk
from analysis.core.arrays import Pairs
from analysis.models import Comparison, Decision, Verdict
from analysis.pipeline.review import judge, withdraw
from analysis.pipeline.summarise import summarise
from analysis.signals import signal
from analysis.views.review_rows import differences
from analysis.workspace import create_comparison
from catalog.models import Image, ImageLabel, Label, Project
from catalog.workspace import create_project, dataset_for


class Bench:
    """Two datasets of n images each whose i-th images are a pair at the i-th distance."""

    def __init__(self, project: Project, distances: Sequence[float], names: Sequence[str] = ("A", "B")) -> None:
        self.project = project
        self.datasets = [dataset_for(project=project, name=name, by=None) for name in names]
        self.images = [
            Image.objects.bulk_create(
                Image(dataset=dataset, name=f"{dataset.name}{n}", path=f"{n}.png") for n in range(len(distances))
            )
            for dataset in self.datasets
        ]
        self.comparison = create_comparison(
            project=project, datasets=self.datasets, signals={"phash-8": 16, "dhash-8": 12}, scope="across", by=None
        )
        Comparison.objects.filter(pk=self.comparison.pk).update(status=Comparison.Status.DONE)
        for name, shift in (("phash-8", 0), ("dhash-8", 1)):
            bulk.write_measurements(
                signal_id=signal(name).id,
                dataset_a=self.datasets[0].pk,
                dataset_b=self.datasets[1].pk,
                pairs=Pairs(
                    np.array([image.pk for image in self.images[0]]),
                    np.array([image.pk for image in self.images[1]]),
                    np.array(distances, np.float32) + shift,
                ),
            )

    def pair(self, n: int) -> tuple[Image, Image]:
        return self.images[0][n], self.images[1][n]

    def key(self, n: int) -> tuple[int, int]:
        return self.images[0][n].pk, self.images[1][n].pk

    def url(self, name: str, **kwargs: Any) -> str:
        return reverse(name, kwargs={"project": self.project.slug, **kwargs})

    def queue(self, client: Client, **asked: Any) -> dict[str, Any]:
        answer = client.get(self.url("review-queue", comparison=self.comparison.pk), asked)
        assert answer.status_code == 200, answer.content
        return dict(answer.json())

    def shown(self, batch: dict[str, Any]) -> list[int]:
        """Which of the bench's pairs a batch holds."""
        numbers = {self.key(n): n for n in range(len(self.images[0]))}
        return [numbers[tuple(image["id"] for image in row["images"])] for row in batch["rows"]]

    def send(self, client: Client, n: int, **said: Any) -> Any:
        a, b = self.key(n)
        return client.post(self.url("pair-judge", a=a, b=b), json.dumps(said), content_type="application/json")


@pytest.fixture
def bench(project: Project) -> Bench:
    return Bench(project, [3, 1, 2, 0, 9, 2])


@pytest.fixture
def sign_in(client: Client) -> Callable[[User], Client]:
    def enter(user: User) -> Client:
        client.force_login(user)
        return client

    return enter


def test_the_page_shows_the_queue_and_holds_the_first_batch(
    bench: Bench, annotator: User, sign_in: Callable[[User], Client]
) -> None:
    page = sign_in(annotator).get(bench.url("review", comparison=bench.comparison.pk)).content.decode()
    config = json.loads(page.split('<script id="review-config" type="application/json">')[1].split("</script>")[0])
    assert bench.shown(config["batch"]) == [3, 1, 2, 5, 0]
    assert config["counts"] == {
        "total": 5,
        "judged": {},
        "within": "up to 8 of 64 bits",
        "none": "Nothing lies this close. A larger distance may show more.",
        "beyond": "Pairs were looked for up to 16 of 64 bits. To go further, compare again with a larger distance.",
        "further": {"words": "9 of 64 bits", "pairs": 1, "query": "signal=phash-8&t=9&show=open"},
    }
    assert page.count('class="verdict"') == 6
    assert "Same image" in page


def test_the_queue_is_in_order_of_distance_and_leaves_out_what_is_judged(
    bench: Bench, annotator: User, owner: User, sign_in: Callable[[User], Client]
) -> None:
    client = sign_in(annotator)
    judge(one=bench.pair(1)[0], other=bench.pair(1)[1], annotator=owner, choice="different")
    assert bench.shown(bench.queue(client)) == [3, 2, 5, 0]
    assert bench.shown(bench.queue(client, show="all", t=16)) == [3, 1, 2, 5, 0, 4]
    assert bench.shown(bench.queue(client, show="rejected")) == [1]
    assert bench.shown(bench.queue(client, show="different")) == [1]
    assert bench.shown(bench.queue(client, show="accepted")) == []
    assert bench.shown(bench.queue(client, t=1)) == [3]
    assert bench.shown(bench.queue(client, signal="dhash-8", t=3)) == [3, 2, 5]


def test_a_rejected_pair_never_comes_back_as_new_not_even_in_another_comparison(
    bench: Bench, annotator: User, sign_in: Callable[[User], Client]
) -> None:
    client = sign_in(annotator)
    assert bench.send(client, 3, choice="different").status_code == 200
    bench.comparison.delete()
    again = create_comparison(
        project=bench.project, datasets=bench.datasets, signals={"phash-8": 16}, scope="across", by=None
    )
    Comparison.objects.filter(pk=again.pk).update(status=Comparison.Status.DONE)
    bench.comparison = again
    assert bench.shown(bench.queue(client)) == [1, 2, 5, 0]


def test_batches_follow_one_another_without_gap_or_repetition(
    project: Project, annotator: User, sign_in: Callable[[User], Client]
) -> None:
    rng = np.random.default_rng(3)
    bench = Bench(project, rng.integers(0, 9, 53).tolist())
    client = sign_in(annotator)
    seen: list[int] = []
    batch = bench.queue(client)
    while True:
        seen += bench.shown(batch)
        if not batch["next"]:
            break
        # What is judged meanwhile does not shift the place of the rest.
        bench.send(client, seen[-1], choice="related")
        batch = bench.queue(client, after=batch["next"])
    assert len(seen) == len(set(seen)) == 53


def test_a_link_opens_exactly_its_pair_even_when_it_is_judged(
    bench: Bench, annotator: User, sign_in: Callable[[User], Client]
) -> None:
    client = sign_in(annotator)
    bench.send(client, 2, choice="detail")
    a, b = bench.key(2)
    batch = bench.queue(client, at=f"2-{a}-{b}")
    assert bench.shown(batch) == [2, 5, 0]
    assert batch["rows"][0]["mine"] == "detail"
    assert batch["from"] == f"2-{a}-{b}"
    assert bench.shown(bench.queue(client, at="nonsense")) == [3, 1, 5, 0]
    assert bench.shown(bench.queue(client, at=f"2-{b}-{a}")) == [3, 1, 5, 0]


def test_a_verdict_is_stored_counted_and_answered(
    bench: Bench, annotator: User, sign_in: Callable[[User], Client]
) -> None:
    client = sign_in(annotator)
    answer = bench.send(client, 0, choice="same_object", note="frame", seconds=4.25).json()
    verdict = Verdict.objects.get()
    assert (verdict.pk, verdict.note, verdict.seconds) == (answer["verdict"], "frame", 4.25)
    assert (answer["decision"], answer["mine"]) == ("same_object", "same_object")
    assert answer["history"][0]["note"] == "frame"
    assert bench.queue(client, counts=1)["counts"]["judged"] == {"same_object": 1}


def test_the_order_of_the_two_images_in_the_address_does_not_matter(
    bench: Bench, annotator: User, sign_in: Callable[[User], Client]
) -> None:
    a, b = bench.key(0)
    url = bench.url("pair-judge", a=b, b=a)
    sign_in(annotator).post(url, json.dumps({"choice": "detail"}), content_type="application/json")
    assert Decision.objects.filter(image_a_id=a, image_b_id=b, choice="detail").exists()


def test_undo_takes_back_ones_own_verdict_and_the_pair_is_open_again(
    bench: Bench, annotator: User, sign_in: Callable[[User], Client]
) -> None:
    client = sign_in(annotator)
    number = bench.send(client, 3, choice="same_image").json()["verdict"]
    for _ in range(2):
        answer = client.post(bench.url("verdict-withdraw", verdict=number), content_type="application/json")
        assert answer.json()["decision"] == ""
    assert Verdict.objects.count() == 2
    assert bench.shown(bench.queue(client))[0] == 3


def test_others_verdicts_show_only_after_ones_own(
    bench: Bench, annotator: User, owner: User, viewer: User, client: Client
) -> None:
    theirs = judge(one=bench.pair(3)[0], other=bench.pair(3)[1], annotator=owner, choice="different", note="secret")
    client.force_login(annotator)
    row = bench.queue(client, show="all")["rows"][0]
    assert (row["history"], row["mine"]) == ([], "")
    assert "secret" not in json.dumps(row)
    answer = bench.send(client, 3, choice="same_image").json()
    assert [(entry["who"], entry["choice"]) for entry in answer["history"]] == [
        ("you", "same_image"),
        ("olga", "different"),
    ]
    own = answer["verdict"]
    withdrawn = client.post(bench.url("verdict-withdraw", verdict=own), content_type="application/json").json()
    assert {entry["who"] for entry in withdrawn["history"]} == {"you"}
    assert withdrawn["decision"] == "different"
    client.force_login(viewer)
    assert len(bench.queue(client, show="all")["rows"][0]["history"]) == 3
    withdraw(verdict=theirs, annotator=owner)
    assert not Decision.objects.exists()


def test_a_verdict_says_which_pairs_ahead_others_have_decided(
    bench: Bench, annotator: User, owner: User, sign_in: Callable[[User], Client]
) -> None:
    judge(one=bench.pair(2)[0], other=bench.pair(2)[1], annotator=owner, choice="related")
    ahead = ["{}-{}".format(*bench.key(n)) for n in (1, 2, 5)]
    answer = bench.send(sign_in(annotator), 3, choice="same_image", ahead=ahead).json()
    assert answer["decided"] == [ahead[1]]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"choice": "maybe"}, "There is no verdict “maybe”"),
        ({}, "There is no verdict"),
        ({"choice": "withdrawn"}, "There is no verdict “withdrawn”"),
        ({"choice": "detail", "note": "x" * 5000}, "5,000 characters"),
        ({"choice": "detail", "seconds": "long"}, "Seconds are a number"),
        ({"choice": "detail", "ahead": ["x"]}, "no pair"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words_and_nothing_is_stored(
    bench: Bench, annotator: User, sign_in: Callable[[User], Client], said: dict[str, Any], message: str
) -> None:
    answer = bench.send(sign_in(annotator), 0, **said)
    assert answer.status_code == 422
    assert message in answer.json()["message"]
    assert not Verdict.objects.exists()


def test_a_viewer_looks_and_does_not_judge(bench: Bench, viewer: User, owner: User, client: Client) -> None:
    own = judge(one=bench.pair(0)[0], other=bench.pair(0)[1], annotator=owner, choice="detail")
    client.force_login(viewer)
    page = client.get(bench.url("review", comparison=bench.comparison.pk)).content.decode()
    assert 'value="same_image"' not in page.split('id="scope"')[0]
    assert "needs the role annotator" in page
    answer = bench.send(client, 1, choice="detail")
    assert answer.status_code == 403
    assert answer.json()["remedy"]
    assert client.post(bench.url("verdict-withdraw", verdict=own.pk)).status_code == 403
    assert Verdict.objects.count() == 1


def test_nobody_takes_back_anothers_verdict(
    bench: Bench, annotator: User, owner: User, sign_in: Callable[[User], Client]
) -> None:
    theirs = judge(one=bench.pair(0)[0], other=bench.pair(0)[1], annotator=owner, choice="detail")
    url = bench.url("verdict-withdraw", verdict=theirs.pk)
    assert sign_in(annotator).post(url, content_type="application/json").status_code == 422
    assert Decision.objects.get().choice == "detail"


def test_strangers_find_nothing(bench: Bench, stranger: User, owner: User, sign_in: Callable[[User], Client]) -> None:
    given = judge(one=bench.pair(0)[0], other=bench.pair(0)[1], annotator=owner, choice="detail")
    client = sign_in(stranger)
    assert client.get(bench.url("review-index")).status_code == 404
    for name in ("review", "review-queue"):
        assert client.get(bench.url(name, comparison=bench.comparison.pk)).status_code == 404
    assert bench.send(client, 0, choice="detail").status_code == 404
    assert client.post(bench.url("verdict-withdraw", verdict=given.pk)).status_code == 404


def test_images_and_verdicts_of_another_project_are_not_reached_through_ones_own(
    bench: Bench, owner: User, annotator: User, client: Client
) -> None:
    other = Bench(create_project(name="Another", owner=owner), [0], names=("C", "D"))
    theirs = judge(one=other.pair(0)[0], other=other.pair(0)[1], annotator=owner, choice="detail")
    client.force_login(annotator)
    for a, b in (
        other.key(0),
        (bench.key(0)[0], other.key(0)[1]),
        (bench.key(0)[0], bench.key(0)[0]),
        (1, 999_999_999),
    ):
        url = bench.url("pair-judge", a=a, b=b)
        assert client.post(url, json.dumps({"choice": "detail"}), content_type="application/json").status_code == 404
    assert client.post(bench.url("verdict-withdraw", verdict=theirs.pk)).status_code == 404
    queue = reverse("review-queue", kwargs={"project": bench.project.slug, "comparison": other.comparison.pk})
    assert client.get(queue).status_code == 404
    assert Verdict.objects.count() == 1


@pytest.mark.parametrize(
    "asked",
    [
        {"signal": "nohash"},
        {"t": "far"},
        {"t": "nan"},
        {"t": "-1"},
        {"cell": "1,2,3"},
        {"cell": "0,0"},
        {"show": "x"},
        {"after": "x"},
    ],
)
def test_an_address_that_makes_no_sense_is_answered_in_words(
    bench: Bench, annotator: User, sign_in: Callable[[User], Client], asked: dict[str, str]
) -> None:
    answer = sign_in(annotator).get(bench.url("review-queue", comparison=bench.comparison.pk), asked)
    assert answer.status_code == 422
    assert answer.json()["message"]


def test_a_form_without_script_judges_too(bench: Bench, annotator: User, sign_in: Callable[[User], Client]) -> None:
    a, b = bench.key(0)
    answer = sign_in(annotator).post(bench.url("pair-judge", a=a, b=b), {"choice": "related", "note": "by form"})
    assert answer.status_code == 302
    assert answer["Location"] == bench.url("pair", a=a, b=b)
    assert Verdict.objects.get().note == "by form"


def test_names_and_labels_reach_the_page_as_text(
    bench: Bench, annotator: User, sign_in: Callable[[User], Client]
) -> None:
    evil = "</script><script>alert(1)</script>"
    Image.objects.filter(pk=bench.key(3)[0]).update(name=evil)
    label = Label.objects.create(project=bench.project, name=evil)
    ImageLabel.objects.create(image_id=bench.key(3)[0], label=label)
    page = sign_in(annotator).get(bench.url("review", comparison=bench.comparison.pk)).content.decode()
    assert evil not in page


def count_queries(client: Client, url: str, **asked: Any) -> int:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert client.get(url, asked).status_code == 200
    return len(queries)


def test_the_number_of_queries_does_not_grow_with_pairs_labels_or_verdicts(
    project: Project, annotator: User, owner: User, sign_in: Callable[[User], Client]
) -> None:
    client = sign_in(annotator)
    small = Bench(project, [1, 2], names=("A", "B"))
    large = Bench(project, [n / 8 for n in range(60)], names=("C", "D"))
    label = Label.objects.create(project=project, name="x")
    for n in range(25):
        ImageLabel.objects.create(image_id=large.key(n)[0], label=label)
        for user in (owner, annotator):
            judge(one=large.pair(n)[0], other=large.pair(n)[1], annotator=user, choice="unsure")
    for name in ("review-queue", "review"):
        counts = [
            count_queries(client, bench.url(name, comparison=bench.comparison.pk), show="all")
            for bench in (small, large)
        ]
        # One query more where there are verdicts: the people who gave them.
        assert counts[0] <= counts[1] <= counts[0] + 1, name
        assert counts[1] <= 20


def test_the_choice_of_reviews_counts_what_is_left(
    bench: Bench, annotator: User, sign_in: Callable[[User], Client]
) -> None:
    client = sign_in(annotator)
    index = bench.url("review-index")
    assert "being computed" in client.get(index).content.decode()
    for name, most in (("phash-8", 16), ("dhash-8", 12)):
        summarise(bench.comparison, name, most)
    bench.send(client, 3, choice="detail")
    bench.send(client, 4, choice="detail")
    context = client.get(index).context
    queues = context["entries"][0].queues
    assert [(queue.reach, queue.total, queue.judged, queue.left) for queue in queues] == [
        ("8 of 64 bits", 5, 1, 4),
        ("6 of 64 bits", 5, 1, 4),
    ]
    assert context["first"].left == 4
    before = count_queries(client, index)
    for n in range(3):
        create_comparison(
            project=bench.project, datasets=bench.datasets, signals={"phash-8": n}, scope="both", by=None, name=f"c{n}"
        )
    assert count_queries(client, index) == before


def test_without_a_comparison_the_choice_says_what_to_do(
    project: Project, owner: User, sign_in: Callable[[User], Client]
) -> None:
    page = sign_in(owner).get(reverse("review-index", args=[project.slug])).content.decode()
    assert "Nothing to review yet" in page
    assert reverse("comparison-new", args=[project.slug]) in page


def picture(**known: Any) -> Image:
    defaults = {"file": "x", "width": 600, "height": 400, "format": "JPEG", "mode": "RGB", "bytes": 90_000}
    return Image(**{**defaults, **known})


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ({"sha256": "a"}, {"sha256": "a"}, ["The same file, byte for byte."]),
        (
            {"pixel_hash": "a"},
            {"pixel_hash": "a", "format": "PNG"},
            ["The same pixels in different files.", "JPEG and PNG."],
        ),
        ({}, {"width": 1200, "height": 800}, ["The second is 2.0 × larger."]),
        ({"width": 660}, {}, ["The first is 10 % wider for its height"]),
        ({"width": 4000, "height": 1}, {}, ["The first is 2,666.7 × as wide for its height"]),
        ({}, {"file": ""}, ["Of the first alone there is a picture."]),
        ({"file": ""}, {"file": ""}, ["There is no picture of either"]),
        ({}, {"bytes": 204_800}, ["88 KiB and 200 KiB."]),
        ({}, {"mode": "L"}, ["Stored as RGB and L."]),
    ],
)
def test_what_differs_is_said_in_sentences(one: dict[str, Any], other: dict[str, Any], said: list[str]) -> None:
    text = " ".join(differences(picture(**one), picture(**other)))
    assert all(sentence in text for sentence in said), text
