"""Model comparisons: the list with the form of a new one, one comparison, and the pairs on which its models differ."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from analysis import queries, tasks, workspace
from analysis.core.errors import AnalysisError
from analysis.models import ModelComparison
from analysis.queries import FILTERS, SIDES, DifferentPair
from analysis.signals import KnownSignal, signal, with_embeddings
from analysis.views.pages import newest, page, person, progress
from analysis.views.review_scope import SHOWS
from analysis.workspace import MOST_NEIGHBOURS
from catalog.jobs import queue
from catalog.models import Dataset, Membership
from catalog.queries import Access, access
from catalog.views.pages import number_in

PAGE = 50
SHOWN = 8
"""Pairs of each side that the comparison's page shows; their own page has all."""
USUAL_NEIGHBOURS = 10


class ModelsForm(forms.Form):
    """Two models, the datasets whose images they are compared on, and how many neighbours count.

    Args:
        known: the embedding signals that the project has.
    """

    first = forms.ChoiceField(label="First model")
    second = forms.ChoiceField(label="Second model")
    datasets = forms.ModelMultipleChoiceField(
        Dataset.objects.none(), to_field_name="slug", error_messages={"required": "Choose at least one dataset."}
    )
    k = forms.IntegerField(label="Neighbours of each image", min_value=1, max_value=MOST_NEIGHBOURS)

    def __init__(self, way: Access, known: list[KnownSignal], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("first", "second"):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101  # as declared above
            field.choices = [(each.name, each.title) for each in known]
        datasets = self.fields["datasets"]
        assert isinstance(datasets, forms.ModelMultipleChoiceField)  # noqa: S101  # as declared above
        datasets.queryset = way.project.datasets.all()


def models_of(comparison: ModelComparison) -> tuple[KnownSignal, KnownSignal]:
    """The two signals."""
    return signal(comparison.signal_a.name), signal(comparison.signal_b.name)


def title_of(comparison: ModelComparison) -> str:
    """What a comparison is called: after its models."""
    return " and ".join(each.title for each in models_of(comparison))


@require_http_methods(["GET", "POST"])
def index(request: HttpRequest, project: str) -> HttpResponse:
    """The project's model comparisons, the newest first, and the form of a new one.

    `first` and `second` in the address choose its models; `from` names a comparison whose values it repeats.
    """
    posted = request.method == "POST"
    way = access(request.user, project, Membership.Role.EDITOR if posted else Membership.Role.VIEWER)
    datasets = list(way.project.datasets.all())
    known = with_embeddings(datasets)
    form = ModelsForm(way, known, request.POST if posted else None, initial=_initial(request, way, known, datasets))
    if posted:
        made = _made(request, way, form)
        if made is not None:
            return redirect("model-comparison", project, made.pk)
    rows, pager = newest(request, queries.model_comparisons(way.project), PAGE)
    chosen = {each.name: each.id for each in known}
    ids = [chosen.get(str(form[name].value()), 0) for name in ("first", "second")]
    described = queries.described_by(datasets, ids[0], ids[1])
    ticked = {str(value) for value in form["datasets"].value() or []}
    return page(
        request,
        way,
        "analysis/models.html",
        section="explore",
        form=form,
        known=known,
        datasets=[(each, described.get(each.pk), each.slug in ticked) for each in datasets],
        rows=[(each, title_of(each)) for each in rows],
        **pager,
        has_images=any(dataset.image_count for dataset in datasets),
        most=MOST_NEIGHBOURS,
        status=422 if form.errors else 200,
    )


def _initial(request: HttpRequest, way: Access, known: list[KnownSignal], datasets: list[Dataset]) -> dict[str, Any]:
    """What a fresh form holds: the first two models, or those of the address or of another comparison."""
    values: dict[str, Any] = {
        "datasets": [dataset.slug for dataset in datasets],
        "k": USUAL_NEIGHBOURS,
        **dict(zip(("first", "second"), (each.name for each in known), strict=False)),
    }
    like = number_in(request, "from")
    if like:
        start = queries.model_comparison(way.project, like)
        values |= {"first": start.signal_a.name, "second": start.signal_b.name, "k": start.k}
        values["datasets"] = [dataset.slug for dataset in start.datasets.all()]
    return values | {name: request.GET[name] for name in ("first", "second") if request.GET.get(name)}


def _made(request: HttpRequest, way: Access, form: ModelsForm) -> ModelComparison | None:
    """The comparison that was asked for; None where the form says what is wrong."""
    if not form.is_valid():
        return None
    data = form.cleaned_data
    try:
        made = workspace.request_model_comparison(
            project=way.project,
            first=data["first"],
            second=data["second"],
            datasets=data["datasets"],
            k=data["k"],
            by=person(request),
        )
    except AnalysisError as error:
        form.add_error(None, str(error))
        return None
    queue(tasks.run_model_comparison, made.pk)
    return made


@require_http_methods(["GET", "POST"])
def detail(request: HttpRequest, project: str, model_comparison: int) -> HttpResponse:
    """One comparison: how far its models agree, and where they differ. POST tries one that failed again."""
    way = access(request.user, project, Membership.Role.EDITOR if request.method == "POST" else Membership.Role.VIEWER)
    found = queries.model_comparison(way.project, model_comparison)
    if request.method == "POST":
        if found.status == ModelComparison.Status.FAILED:
            workspace.queue_again(job=found)
            queue(tasks.run_model_comparison, found.pk)
        else:
            messages.info(request, "A comparison that is done stays as it is. Compare again for newer images.")
        return redirect("model-comparison", project, model_comparison)
    context: dict[str, Any] = {"job": found, "comparison": found, "title": title_of(found), "models": models_of(found)}
    if found.status == ModelComparison.Status.DONE:
        context |= _numbers(found)
        context["sides"] = [_side(found, side) for side in SIDES]
    return page(request, way, "analysis/models_detail.html", section="explore", **context)


def _numbers(comparison: ModelComparison) -> dict[str, Any]:
    """The result as the page shows it."""
    result = comparison.result
    counts, n, k = result["counts"], result["images"], result["k"]
    most = max(counts)
    return {
        "result": result,
        "others": n - 1,
        "table": [(common, counts[common], counts[common] / most) for common in range(k, -1, -1)],
        "lacking": sum(row["images"] - row["both"] for row in result["datasets"]),
        "libraries": comparison.versions.get("libraries", {}),
    }


def _side(comparison: ModelComparison, side: str) -> dict[str, Any]:
    """The pairs of one side as the comparison's page shows them."""
    near, far = side_models(comparison, side)
    pairs = queries.different_pairs(comparison, side)
    stored = comparison.result[f"near_{side}"]
    return {
        "side": side,
        "near": near,
        "far": far,
        "pairs": pairs[:SHOWN],
        "listed": len(pairs),
        "open": sum(not pair.row.choice for pair in pairs),
        "mutual": stored["mutual"],
        "found": stored["found"],
    }


def side_models(comparison: ModelComparison, side: str) -> tuple[KnownSignal, KnownSignal]:
    """The model that finds the pairs of a side near, and the one that finds them far."""
    a, b = models_of(comparison)
    return (a, b) if side == "a" else (b, a)


def narrowed(pairs: list[DifferentPair], show: str) -> list[DifferentPair]:
    """Those of the pairs whose decision a filter, a key of `SHOWS`, lets through."""
    choices = FILTERS["" if show == "all" else show]
    if choices is None:
        return pairs
    return [pair for pair in pairs if pair.row.choice in choices or (not choices and not pair.row.choice)]


@require_GET
def pairs(request: HttpRequest, project: str, model_comparison: int) -> HttpResponse:
    """All pairs of one side, the most different first; `show` narrows them by their decision."""
    way = access(request.user, project)
    found = queries.model_comparison(way.project, model_comparison)
    if found.status != ModelComparison.Status.DONE:
        return redirect("model-comparison", project, model_comparison)
    side, show = request.GET.get("near") or SIDES[0], request.GET.get("show") or "all"
    if show not in SHOWS:
        raise AnalysisError(f"There is no filter “{show}”.", remedy=f"There are: {', '.join(SHOWS)}.")
    every = queries.different_pairs(found, side)
    near, far = side_models(found, side)
    return page(
        request,
        way,
        "analysis/models_pairs.html",
        section="explore",
        comparison=found,
        title=title_of(found),
        sides=[(each, *side_models(found, each)) for each in SIDES],
        side=side,
        near=near,
        far=far,
        pairs=narrowed(every, show),
        listed=len(every),
        others=found.result["images"] - 1,
        shows=SHOWS.items(),
        show=show,
        may_judge=way.may(Membership.Role.ANNOTATOR),
        review=f"{reverse('model-review', args=[project, found.pk])}?near={side}",
    )


@require_GET
def status(request: HttpRequest, project: str, model_comparison: int) -> HttpResponse:
    """How far a comparison is, for the page to poll; when it is over, the page is to load anew."""
    way = access(request.user, project)
    return progress(request, queries.model_comparison(way.project, model_comparison))


@require_POST
def delete(request: HttpRequest, project: str, model_comparison: int) -> HttpResponse:
    """Delete a comparison of models; embeddings and verdicts stay."""
    way = access(request.user, project, Membership.Role.EDITOR)
    found = queries.model_comparison(way.project, model_comparison)
    title = title_of(found)
    workspace.delete_model_comparison(comparison=found)
    messages.success(request, f"The comparison of {title} is deleted. Embeddings and verdicts are kept.")
    return redirect("models", project)
