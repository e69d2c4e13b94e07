"""The choice of what to review: every queue of pairs of a project, with how far its review is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_GET

from analysis import queries
from analysis.models import ModelComparison
from analysis.queries import SIDES
from analysis.signals import signal
from analysis.views.addresses import address_of
from analysis.views.models import side_models, title_of
from analysis.views.pages import page
from catalog.models import Dataset, Membership, Project
from catalog.queries import access


@dataclass(frozen=True, slots=True)
class Queue:
    """One queue of pairs, as its line says it.

    Attributes:
        title: which pairs.
        reach: up to which distance they are counted; empty where none bounds them.
        total: how many pairs; None while that is not computed.
        judged: how many of them have a decision.
        address: of the review of what is not judged yet.
        again: of the review of all.
    """

    title: str
    reach: str
    total: int | None
    judged: int
    address: str
    again: str

    @property
    def left(self) -> int | None:
        """Pairs without a decision; None while their number is not known."""
        return None if self.total is None else max(self.total - self.judged, 0)

    @property
    def share(self) -> float:
        """Percent of the pairs that are judged."""
        return 100 * self.judged / self.total if self.total else 0


@dataclass(frozen=True, slots=True)
class Entry:
    """A comparison with its queues.

    Attributes:
        key: tells it from the others on the page.
        title: its name.
        address: of its page.
        datasets: whose images.
        note: which pairs, in a word or two.
        bounded: whether a distance bounds its queues.
        failed: whether what is not computed never will be.
        queues: in its own order.
    """

    key: str
    title: str
    address: str
    datasets: Sequence[Dataset]
    note: str
    bounded: bool
    failed: bool
    queues: Sequence[Queue]


@require_GET
def index(request: HttpRequest, project: str) -> HttpResponse:
    """What there is to review: every comparison with each of its signals, then where models differ."""
    way = access(request.user, project)
    entries = [*_comparisons(way.project), *_model_comparisons(way.project)]
    return page(
        request,
        way,
        "analysis/review_index.html",
        section="review",
        entries=entries,
        first=next((queue for entry in entries for queue in entry.queues if queue.left), None),
        may_judge=way.may(Membership.Role.ANNOTATOR),
    )


def _comparisons(project: Project) -> Iterable[Entry]:
    comparisons = list(queries.comparisons(project))
    states = queries.review_states(
        [(each, row, queries.usual_distance(row)) for each in comparisons for row in each.signals.all()]
    )
    for each in comparisons:
        review = reverse("review", args=[project.slug, each.pk])
        queues = []
        for state in states:
            if state.comparison.pk == each.pk:
                known = signal(state.row.signal.name)
                within = {"signal": known.name, "t": f"{state.threshold:g}"}
                queues.append(
                    Queue(
                        title=known.title,
                        reach=known.words(state.threshold),
                        total=state.total,
                        judged=state.judged,
                        address=f"{review}?{address_of(within)}",
                        again=f"{review}?{address_of({**within, 'show': 'all'})}",
                    )
                )
        yield Entry(
            key=f"comparison-{each.pk}",
            title=each.name or f"Comparison {each.pk}",
            address=reverse("comparison", args=[project.slug, each.pk]),
            datasets=list(each.datasets.all()),
            note=each.get_scope_display(),
            bounded=True,
            failed=each.status == each.Status.FAILED,
            queues=queues,
        )


def _model_comparisons(project: Project) -> Iterable[Entry]:
    comparisons = list(queries.model_comparisons(project).filter(status=ModelComparison.Status.DONE))
    judged = queries.different_judged(comparisons)
    for each in comparisons:
        review = reverse("model-review", args=[project.slug, each.pk])
        queues = []
        for side in SIDES:
            near, far = side_models(each, side)
            total, decided = judged.get((each.pk, side), (0, 0))
            queues.append(
                Queue(
                    title=f"Near under {near.title}, far under {far.title}",
                    reach="",
                    total=total,
                    judged=decided,
                    address=f"{review}?{address_of({'near': side})}",
                    again=f"{review}?{address_of({'near': side, 'show': 'all'})}",
                )
            )
        yield Entry(
            key=f"models-{each.pk}",
            title=title_of(each),
            address=reverse("model-comparison", args=[project.slug, each.pk]),
            datasets=list(each.datasets.all()),
            note="where models differ",
            bounded=False,
            failed=False,
            queues=queues,
        )
