"""Verdicts: appended, never changed; what holds of the pair is derived in the same transaction."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser
from django.db import connection, transaction

from analysis.core.errors import AnalysisError
from analysis.models import Decision, Verdict
from analysis.models.review import Choice
from analysis.queries import standing_stacks
from catalog.models import Image

NOTE_LIMIT = 4000
GIVEN = tuple(choice for choice in Choice if choice != Choice.WITHDRAWN)
"""What can be said of a pair; taking it back is `withdraw`'s."""


def canonical(one: Image, other: Image) -> tuple[Image, Image]:
    """The two images of a pair in canonical order: by dataset, then by id.

    Raises:
        AnalysisError: both are the same image.
    """
    if one.pk == other.pk:
        raise AnalysisError("An image makes no pair with itself.")
    first, second = sorted((one, other), key=lambda image: (image.dataset_id, image.pk))
    return first, second


@transaction.atomic
def judge(
    *,
    one: Image,
    other: Image,
    annotator: AbstractBaseUser,
    choice: str,
    note: str = "",
    seconds: float | None = None,
) -> Verdict:
    """Append what a person says of a pair.

    A verdict that is sent again because its answer was lost is the same verdict: the annotator's latest of this pair
    with the same choice, note and seconds is given back and nothing is appended. Seconds carry milliseconds, so two
    verdicts that were really given differ in them.

    Args:
        one: an image.
        other: another image; the order does not matter.
        annotator: who says it.
        choice: one of `GIVEN`.
        note: at most `NOTE_LIMIT` characters.
        seconds: from the pair's appearance to the verdict; None where it was not taken.

    Raises:
        AnalysisError: no such choice, a note that is too long, seconds below zero, or one image given twice.
    """
    if choice not in GIVEN:
        raise AnalysisError(f"There is no verdict “{choice}”.", remedy=f"There are: {', '.join(GIVEN)}.")
    note = note.strip()
    if len(note) > NOTE_LIMIT:
        raise AnalysisError(f"The note has {len(note):,} characters; at most {NOTE_LIMIT:,} fit.")
    if seconds is not None and not 0 <= seconds < float("inf"):
        raise AnalysisError(f"{seconds} is no time in seconds.")
    a, b = canonical(one, other)
    _one_at_a_time(a, b)
    if seconds is not None:
        last = Verdict.objects.filter(image_a=a, image_b=b, annotator_id=annotator.pk).order_by("-id").first()
        if last is not None and (last.choice, last.note, last.seconds) == (choice, note, seconds):
            return last
    verdict = Verdict.objects.create(
        image_a=a, image_b=b, annotator_id=annotator.pk, choice=choice, note=note, seconds=seconds
    )
    _decide(a, b)
    return verdict


@transaction.atomic
def withdraw(*, verdict: Verdict, annotator: AbstractBaseUser) -> Verdict | None:
    """Take a verdict back by appending that it no longer stands; what the person had said before stands again.

    A verdict that is taken back already stays so, and nothing is appended: the request may have been sent twice.

    Returns:
        the annotator's verdict of this pair that stands now, if there is one.

    Raises:
        AnalysisError: it is another person's verdict, or the person has judged the pair again since.
    """
    if verdict.annotator_id != annotator.pk:
        raise AnalysisError("Only the person who gave a verdict can take it back.")
    a, b = verdict.image_a, verdict.image_b
    _one_at_a_time(a, b)
    stack = _stack(a, b, annotator)
    if verdict not in stack:
        return stack[-1] if stack else None
    if stack[-1] != verdict:
        raise AnalysisError(
            "You have judged this pair again since.", remedy="Take the later verdict back first, or judge it once more."
        )
    Verdict.objects.create(image_a=a, image_b=b, annotator_id=annotator.pk, choice=Choice.WITHDRAWN)
    _decide(a, b)
    return stack[-2] if len(stack) > 1 else None


def _one_at_a_time(a: Image, b: Image) -> None:
    """Let writes on one pair follow one after another, so that the decision is derived from all of them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [0x5250, f"{a.pk}:{b.pk}"])


def _stack(a: Image, b: Image, annotator: AbstractBaseUser) -> list[Verdict]:
    given = Verdict.objects.filter(image_a=a, image_b=b, annotator_id=annotator.pk).order_by("id")
    return standing_stacks(given).get(annotator.pk, [])


def _decide(a: Image, b: Image) -> None:
    """Write what holds of the pair: the latest of the people's standing verdicts, or nothing."""
    stacks = standing_stacks(Verdict.objects.filter(image_a=a, image_b=b).order_by("id"))
    if not stacks:
        Decision.objects.filter(image_a=a, image_b=b).delete()
        return
    last = max((stack[-1] for stack in stacks.values()), key=lambda verdict: verdict.pk)
    Decision.objects.update_or_create(
        image_a=a,
        image_b=b,
        defaults={
            "dataset_a_id": a.dataset_id,
            "dataset_b_id": b.dataset_id,
            "choice": last.choice,
            "verdict": last,
        },
    )
