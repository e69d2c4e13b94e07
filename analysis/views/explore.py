"""Explore: the plot of a projection, the list of projections, a new one."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from analysis import plots, queries, tasks, workspace
from analysis.core.errors import AnalysisError
from analysis.core.projection import METHODS, Method, Tsne, Umap, method_from, suggested
from analysis.core.projection.methods import MOST_NEIGHBOURS, MOST_PERPLEXITY, MOST_SEED
from analysis.models import Projection
from analysis.plots import Words
from analysis.signals import KnownSignal, with_embeddings
from analysis.views.pages import newest, page, person, progress
from catalog.jobs import queue
from catalog.models import Dataset, Membership
from catalog.queries import Access, access
from catalog.views.pages import number_in

PAGE = 50
NEWEST = 8
"""Projections that the panel offers; the list has them all."""


class ProjectionForm(forms.Form):
    """What a projection is made of.

    Args:
        known: the embedding signals that the project has.
        datasets: the project's datasets.
        counts: dataset id → images with embeddings under the signal that is chosen first.
        data: what was submitted; None for a fresh form.
        initial: values of a fresh form.
    """

    signal = forms.ChoiceField(label="Embeddings")
    datasets = forms.ModelMultipleChoiceField(
        Dataset.objects.none(), to_field_name="slug", error_messages={"required": "Choose at least one dataset."}
    )
    method = forms.ChoiceField(choices=[(name, kind.title) for name, kind in METHODS.items()])
    perplexity = forms.FloatField(min_value=1, max_value=MOST_PERPLEXITY, required=False)
    neighbours = forms.IntegerField(min_value=2, max_value=MOST_NEIGHBOURS, required=False)
    min_dist = forms.FloatField(label="Smallest distance", min_value=0, max_value=0.99, required=False)
    seed = forms.IntegerField(min_value=0, max_value=MOST_SEED, required=False)

    def __init__(self, way: Access, known: list[KnownSignal], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        signals, datasets = self.fields["signal"], self.fields["datasets"]
        assert isinstance(signals, forms.ChoiceField)  # noqa: S101  # as declared above
        assert isinstance(datasets, forms.ModelMultipleChoiceField)  # noqa: S101  # as declared above
        signals.choices = [(each.name, each.title) for each in known]
        datasets.queryset = way.project.datasets.all()

    def projection_method(self) -> Method:
        """The method that the fields spell; a parameter that is left empty stands at its usual value.

        Raises:
            InvalidProjection: a parameter out of range.
        """
        data = self.cleaned_data
        own = METHODS[data["method"]]().parameters()
        return method_from(data["method"], {key: data[key] for key in own if data.get(key) is not None})


def _state(projection: Projection) -> str:
    """The values of the form that would make this projection again, as an address."""
    return f"{reverse('explore-new', args=[projection.project.slug])}?from={projection.pk}"


@require_GET
def index(request: HttpRequest, project: str) -> HttpResponse:
    """The newest projection; where there is none, what to do about it."""
    way = access(request.user, project)
    found = queries.projections(way.project)
    latest = found.filter(status=Projection.Status.DONE).first() or found.first()
    if latest is not None:
        query = request.META.get("QUERY_STRING", "")
        address = reverse("projection", args=[project, latest.pk])
        return redirect(f"{address}?{query}" if query else address)
    datasets = list(way.project.datasets.all())
    return page(
        request,
        way,
        "analysis/explore_empty.html",
        section="explore",
        embedded=bool(with_embeddings(datasets)),
        has_images=any(dataset.image_count for dataset in datasets),
    )


@require_POST
def begin(request: HttpRequest, project: str) -> HttpResponse:
    """Have a first projection made of the embeddings that are there. The page asks for it by itself, once.

    For every member: it is what the page shows, costs little, and asking again changes nothing.
    """
    way = access(request.user, project)
    made = None
    for known in with_embeddings(list(way.project.datasets.all())):
        made = workspace.first_projection(project=way.project, known=known)
        if made is not None:
            queue(tasks.run_projection, made.pk)
            break
    address = reverse("projection", args=[project, made.pk]) if made else reverse("explore", args=[project])
    if request.headers.get("HX-Request"):
        return HttpResponse(headers={"HX-Redirect": address})
    return redirect(address)


@require_GET
def everything(request: HttpRequest, project: str) -> HttpResponse:
    """The project's projections, the newest first."""
    way = access(request.user, project)
    rows, pager = newest(request, queries.projections(way.project), PAGE)
    return page(
        request,
        way,
        "analysis/explore_list.html",
        section="explore",
        rows=[(each, Words.of(each)) for each in rows],
        **pager,
    )


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, project: str) -> HttpResponse:
    """The form of a new projection; `from` in the address names one whose values it repeats."""
    way = access(request.user, project, Membership.Role.EDITOR)
    datasets = list(way.project.datasets.all())
    known = with_embeddings(datasets)
    like = number_in(request, "from")
    start = queries.projection(way.project, like) if like else None
    asked = request.POST.get("signal") or request.GET.get("signal") or (start.signal.name if start else "")
    chosen = next((each for each in known if each.name == asked), known[0] if known else None)
    counts = queries.embedding_counts(datasets, chosen.id) if chosen else {}
    if request.method == "POST":
        form = ProjectionForm(way, known, request.POST)
        made = _made(request, way, form)
        if made is not None:
            return redirect("projection", project, made.pk)
    else:
        form = ProjectionForm(way, known, initial=_initial(chosen, datasets, counts, start))
    ticked = {str(value) for value in form["datasets"].value() or []}
    return page(
        request,
        way,
        "analysis/explore_new.html",
        section="explore",
        form=form,
        known=chosen,
        datasets=[(each, counts.get(each.pk, 0), each.slug in ticked) for each in datasets],
        methods=[(name, kind, form["method"].value() == name) for name, kind in METHODS.items()],
        has_images=any(dataset.image_count for dataset in datasets),
        status=422 if form.errors else 200,
    )


def _initial(
    known: KnownSignal | None, datasets: list[Dataset], counts: dict[int, int], like: Projection | None
) -> dict[str, Any]:
    """What a fresh form holds: values that can be satisfied, or those of another projection."""
    usual = suggested(sum(counts.values()) or 1)
    values: dict[str, Any] = {
        "signal": known.name if known else "",
        "datasets": [dataset.slug for dataset in datasets if counts.get(dataset.pk)],
        "method": Umap.name,
        **Umap(neighbours=usual.neighbours).parameters(),
        **Tsne(perplexity=usual.perplexity).parameters(),
    }
    if like is not None:
        values |= {"datasets": [dataset.slug for dataset in like.datasets.all()], "method": like.method}
        values |= like.parameters
    return values


def _made(request: HttpRequest, way: Access, form: ProjectionForm) -> Projection | None:
    """The projection that was asked for; None where the form says what is wrong."""
    if not form.is_valid():
        return None
    try:
        made = workspace.request_projection(
            project=way.project,
            signal_name=form.cleaned_data["signal"],
            datasets=form.cleaned_data["datasets"],
            method=form.projection_method(),
            by=person(request),
        )
    except AnalysisError as error:
        form.add_error(None, str(error))
        return None
    if made.status == Projection.Status.QUEUED:
        queue(tasks.run_projection, made.pk)
    return made


@require_http_methods(["GET", "POST"])
def detail(request: HttpRequest, project: str, projection: int) -> HttpResponse:
    """One projection: its plot. POST computes it again, for images that came since or after a failure.

    While it is being computed, the newest one of the same embeddings that is done is shown instead.
    """
    way = access(request.user, project, Membership.Role.EDITOR if request.method == "POST" else Membership.Role.VIEWER)
    asked = queries.projection(way.project, projection)
    if request.method == "POST":
        workspace.queue_again(job=asked)
        queue(tasks.run_projection, asked.pk)
        return redirect("projection", project, projection)
    shown = asked if asked.status == Projection.Status.DONE else _instead(asked)
    context: dict[str, Any] = {"asked": asked, "job": asked, "words": Words.of(asked), "again": _state(asked)}
    others = queries.projections(way.project).exclude(pk=asked.pk)
    context["others"] = [(each, Words.of(each)) for each in others[:NEWEST]]
    if shown is not None:
        plot = plots.Plot(shown)
        described = queries.embedding_counts(plot.population.datasets, shown.signal_id)
        offered = plots.colorings(shown)
        by = request.GET.get("by", "")
        by = by if by in dict(offered) else "dataset"
        context |= {
            "shown": shown,
            "shown_words": Words.of(shown),
            "datasets": [(each, described.get(each.pk, 0)) for each in plot.population.datasets],
            "count": len(plot),
            "newer": sum(described.values()) - len(plot),
            "gone": shown.n_images - len(plot),
            "colorings": offered,
            "by": by,
            "config": {
                "title": Words.of(shown).title,
                "points": reverse("projection-points", args=[project, shown.pk]),
                "groups": reverse("projection-groups", args=[project, shown.pk]),
                "images": reverse("projection-images", args=[project, shown.pk]),
                "card": reverse("explore-card", args=[project, 0]),
            },
        }
    return page(request, way, "analysis/explore.html", section="explore", **context)


def _instead(asked: Projection) -> Projection | None:
    """What there is to look at meanwhile; the coordinates of a projection computed again are still its old ones."""
    if asked.n_images:
        return asked
    done = queries.projections(asked.project).filter(status=Projection.Status.DONE, signal=asked.signal)
    wanted = {dataset.pk for dataset in asked.datasets.all()}
    same = (each for each in done if {dataset.pk for dataset in each.datasets.all()} == wanted)
    return next(same, done.first())


@require_GET
def status(request: HttpRequest, project: str, projection: int) -> HttpResponse:
    """How far a projection is, for the page to poll; when it is over, the page is to load anew."""
    way = access(request.user, project)
    return progress(request, queries.projection(way.project, projection))


@require_POST
def delete(request: HttpRequest, project: str, projection: int) -> HttpResponse:
    """Delete a projection; the embeddings stay."""
    way = access(request.user, project, Membership.Role.EDITOR)
    found = queries.projection(way.project, projection)
    title = Words.of(found).title
    workspace.delete_projection(projection=found)
    messages.success(request, f"The projection “{title}” is deleted. The embeddings are kept.")
    return redirect("explore-all", project)
