"""Verdicts: appended, never changed; what holds of the pair is derived in the same transaction."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser
from django.db import connection, transaction

from analysis.core.errors import AnalysisError
from analysis.models import Decision, Verdict
from analysis.models.review import Choice
from catalog.models import Image

NOTE_LIMIT = 4000


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

    Raises:
        AnalysisError: no such choice, a note that is too long, or one image given twice.
    """
    if choice not in Choice.values:
        raise AnalysisError(f"There is no verdict “{choice}”.", remedy=f"There are: {', '.join(Choice.values)}.")
    if len(note) > NOTE_LIMIT:
        raise AnalysisError(f"The note has {len(note):,} characters; at most {NOTE_LIMIT:,} fit.")
    a, b = canonical(one, other)
    with connection.cursor() as cursor:
        # Verdicts on one pair come one after another, so that the decision is that of the latest.
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [0x5250, f"{a.pk}:{b.pk}"])
    verdict = Verdict.objects.create(
        image_a=a, image_b=b, annotator_id=annotator.pk, choice=choice, note=note.strip(), seconds=seconds
    )
    _decide(a, b)
    return verdict


def withdraw(*, verdict: Verdict, annotator: AbstractBaseUser) -> Verdict:
    """Take a verdict back by appending that it no longer stands.

    Raises:
        AnalysisError: it is another person's verdict.
    """
    if verdict.annotator_id != annotator.pk:
        raise AnalysisError("Only the person who gave a verdict can take it back.")
    return judge(one=verdict.image_a, other=verdict.image_b, annotator=annotator, choice=Choice.WITHDRAWN)


def _decide(a: Image, b: Image) -> None:
    """Write what holds of the pair: the latest of the people's standing verdicts, or nothing."""
    latest: dict[int, Verdict] = {}
    for verdict in Verdict.objects.filter(image_a=a, image_b=b).order_by("id"):
        latest[verdict.annotator_id] = verdict
    standing = [verdict for verdict in latest.values() if verdict.choice != Choice.WITHDRAWN]
    if not standing:
        Decision.objects.filter(image_a=a, image_b=b).delete()
        return
    last = max(standing, key=lambda verdict: verdict.pk)
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
