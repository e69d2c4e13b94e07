"""Verdicts are appended, decisions are derived from them, and two people never undo each other's work."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection

from analysis.core.errors import AnalysisError
from analysis.models import Decision, Verdict
from analysis.models.review import Choice
from analysis.pipeline.review import NOTE_LIMIT, judge, withdraw
from analysis.queries import standing_stacks
from catalog.models import Dataset, Image, Project
from catalog.workspace import create_project, dataset_for


def make_images(project: Project, names: list[str], dataset: str = "A") -> list[Image]:
    home: Dataset = dataset_for(project=project, name=dataset, by=None)
    return [Image.objects.create(dataset=home, name=name, path=f"{name}.png") for name in names]


@pytest.fixture
def pair(project: Project) -> tuple[Image, Image]:
    return make_images(project, ["one"], "A")[0], make_images(project, ["two"], "B")[0]


def decided(pair: tuple[Image, Image]) -> str | None:
    return Decision.objects.filter(image_a=pair[0], image_b=pair[1]).values_list("choice", flat=True).first()


def test_the_pair_is_stored_in_canonical_order_whichever_image_comes_first(
    pair: tuple[Image, Image], owner: User
) -> None:
    a, b = pair
    judge(one=b, other=a, annotator=owner, choice="same_image")
    judge(one=a, other=b, annotator=owner, choice="different")
    assert set(Verdict.objects.values_list("image_a_id", "image_b_id")) == {(a.pk, b.pk)}
    assert Decision.objects.count() == 1


def test_verdicts_are_only_ever_appended(pair: tuple[Image, Image], owner: User) -> None:
    a, b = pair
    first = judge(one=a, other=b, annotator=owner, choice="same_image", note="  a note ")
    second = judge(one=a, other=b, annotator=owner, choice="different")
    withdraw(verdict=second, annotator=owner)
    withdraw(verdict=first, annotator=owner)
    rows = list(Verdict.objects.order_by("id").values_list("choice", "note"))
    assert rows == [("same_image", "a note"), ("different", ""), ("withdrawn", ""), ("withdrawn", "")]


def test_the_latest_standing_verdict_of_several_people_decides(
    pair: tuple[Image, Image], owner: User, annotator: User
) -> None:
    a, b = pair
    judge(one=a, other=b, annotator=owner, choice="same_image")
    theirs = judge(one=a, other=b, annotator=annotator, choice="different")
    assert decided(pair) == "different"
    withdraw(verdict=theirs, annotator=annotator)
    assert decided(pair) == "same_image"


def test_taking_back_the_later_of_ones_own_verdicts_leaves_the_earlier(pair: tuple[Image, Image], owner: User) -> None:
    a, b = pair
    first = judge(one=a, other=b, annotator=owner, choice="detail")
    second = judge(one=a, other=b, annotator=owner, choice="unsure")
    assert withdraw(verdict=second, annotator=owner) == first
    assert decided(pair) == "detail"
    assert withdraw(verdict=first, annotator=owner) is None
    assert decided(pair) is None


def test_a_withdrawal_sent_twice_is_one(pair: tuple[Image, Image], owner: User) -> None:
    a, b = pair
    judge(one=a, other=b, annotator=owner, choice="detail")
    second = judge(one=a, other=b, annotator=owner, choice="unsure")
    withdraw(verdict=second, annotator=owner)
    withdraw(verdict=second, annotator=owner)
    assert decided(pair) == "detail"
    assert Verdict.objects.filter(choice=Choice.WITHDRAWN).count() == 1


def test_a_verdict_sent_twice_is_one_and_judging_anew_is_another(pair: tuple[Image, Image], owner: User) -> None:
    a, b = pair
    once = judge(one=a, other=b, annotator=owner, choice="detail", note="n", seconds=3.217)
    assert judge(one=a, other=b, annotator=owner, choice="detail", note="n ", seconds=3.217) == once
    assert judge(one=a, other=b, annotator=owner, choice="detail", note="n", seconds=3.218) != once
    assert judge(one=a, other=b, annotator=owner, choice="detail") != once
    assert judge(one=a, other=b, annotator=owner, choice="detail") != once
    assert Verdict.objects.count() == 4


def test_a_verdict_sent_again_after_it_was_taken_back_stands_again(pair: tuple[Image, Image], owner: User) -> None:
    a, b = pair
    first = judge(one=a, other=b, annotator=owner, choice="detail", seconds=1.0)
    withdraw(verdict=first, annotator=owner)
    judge(one=a, other=b, annotator=owner, choice="detail", seconds=1.0)
    assert decided(pair) == "detail"


def test_nobody_takes_back_anothers_verdict_nor_an_earlier_one_of_their_own(
    pair: tuple[Image, Image], owner: User, annotator: User
) -> None:
    a, b = pair
    first = judge(one=a, other=b, annotator=owner, choice="detail")
    with pytest.raises(AnalysisError, match="Only the person"):
        withdraw(verdict=first, annotator=annotator)
    judge(one=a, other=b, annotator=owner, choice="unsure")
    with pytest.raises(AnalysisError, match="judged this pair again"):
        withdraw(verdict=first, annotator=owner)
    assert decided(pair) == "unsure"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"choice": "perhaps"}, "There is no verdict"),
        ({"choice": "withdrawn"}, "There is no verdict"),
        ({"choice": "detail", "note": "x" * (NOTE_LIMIT + 1)}, "4,001 characters"),
        ({"choice": "detail", "seconds": -1.0}, "no time"),
        ({"choice": "detail", "seconds": float("nan")}, "no time"),
    ],
)
def test_what_makes_no_sense_is_refused_and_stored_nowhere(
    pair: tuple[Image, Image], owner: User, changed: dict[str, object], message: str
) -> None:
    with pytest.raises(AnalysisError, match=message):
        judge(one=pair[0], other=pair[1], annotator=owner, **changed)  # type: ignore[arg-type]
    assert not Verdict.objects.exists()


def test_an_image_makes_no_pair_with_itself(pair: tuple[Image, Image], owner: User) -> None:
    with pytest.raises(AnalysisError, match="no pair with itself"):
        judge(one=pair[0], other=pair[0], annotator=owner, choice="detail")


def test_standing_verdicts_are_those_of_brute_force() -> None:
    """Against the definition read slowly: a withdrawal strikes out the person's latest that is not struck out."""
    import random

    rng = random.Random(5)
    for _ in range(200):
        said = [
            Verdict(pk=n, annotator_id=rng.randrange(3), choice=rng.choice(["detail", "different", "withdrawn"]))
            for n in range(rng.randrange(12))
        ]
        struck: set[int] = set()
        for n, verdict in enumerate(said):
            if verdict.choice == "withdrawn":
                struck.add(n)
                earlier = [m for m in range(n) if m not in struck and said[m].annotator_id == verdict.annotator_id]
                struck |= set(earlier[-1:])
        expected: dict[int, list[Verdict]] = {}
        for n, verdict in enumerate(said):
            if n not in struck:
                expected.setdefault(verdict.annotator_id, []).append(verdict)
        assert standing_stacks(said) == expected


@pytest.mark.django_db(transaction=True)
def test_two_verdicts_at_once_both_stay_and_the_decision_is_the_latest(
    transactional_db: None, person: Callable[[str], User]
) -> None:
    people = [person(f"p{n}") for n in range(2)]
    project = create_project(name="Two at once", owner=people[0])
    a, b = make_images(project, ["one"], "A")[0], make_images(project, ["two"], "B")[0]
    gate = threading.Barrier(2)
    problems: list[Exception] = []

    def work(user: User, choice: str) -> None:
        try:
            for _ in range(10):
                gate.wait(10)
                judge(one=a, other=b, annotator=user, choice=choice)
        except Exception as problem:
            problems.append(problem)
        finally:
            connection.close()

    threads = [
        threading.Thread(target=work, args=pair) for pair in zip(people, ("same_image", "different"), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert problems == []
    assert Verdict.objects.count() == 20
    decision = Decision.objects.get()
    last = Verdict.objects.order_by("-id")[0]
    assert (decision.choice, decision.verdict_id) == (last.choice, last.pk)
