"""Asking for a second look at pairs from their pixels."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser

from analysis.core.errors import AnalysisError
from analysis.core.verifiers import VERIFIERS
from analysis.models import Comparison, VerificationRun
from analysis.queries import chosen_signal, usual_distance, verified
from analysis.signals import check_distance, signal
from analysis.workspace._jobs import on_its_way, waiting
from catalog.models import Job

MOST_LOOKS = 200_000
"""Pairs of one look at pixels: hours of a worker."""


def request_verification(
    *,
    comparison: Comparison,
    verifier: str,
    by: AbstractBaseUser | None,
    signal_name: str = "",
    max_distance: float | None = None,
) -> VerificationRun:
    """A look at the pixels of a comparison's pairs, which waits for a worker; the one on its way, if it is the same.

    Args:
        comparison: a comparison that is done.
        verifier: name of a verifier.
        by: who asks.
        signal_name: the signal that tells which pairs; empty for the comparison's first.
        max_distance: pairs up to here; what most copies lie within, if left out.

    Raises:
        UnknownName: no such verifier.
        AnalysisError: the comparison is not done or has no such signal, the distance lies beyond what was explored,
            or there are more pairs than a run may have.
    """
    known = VERIFIERS[verifier]
    if comparison.status != Job.Status.DONE:
        raise AnalysisError("The comparison is not done yet.", remedy="Wait for it, then look at its pairs.")
    row = chosen_signal(comparison, signal_name)
    asked_for = usual_distance(row) if max_distance is None else max_distance
    distance = check_distance(signal(row.signal.name), asked_for)
    if distance > row.max_distance:
        raise AnalysisError(
            f"{distance:g} is beyond {row.max_distance:g}, the largest distance explored under {row.signal.name}.",
            remedy="Choose a smaller distance, or compare again up to a larger one.",
        )
    state = verified(
        comparison, signal_id=row.signal_id, max_distance=distance, verifier=verifier, inliers=known.default_inliers
    )
    if state.pairs - state.looked_at > MOST_LOOKS:
        raise AnalysisError(
            f"{state.pairs - state.looked_at:,} pairs are more than one run looks at ({MOST_LOOKS:,}).",
            remedy="Choose a smaller distance.",
        )
    asked = {
        "comparison": comparison,
        "signal_id": row.signal_id,
        "max_distance": distance,
        "verifier": verifier,
    }
    same = on_its_way(VerificationRun.objects.filter(**asked))
    if same is not None:
        return same
    return VerificationRun.objects.create(**asked, unit="pairs", **waiting(by))
