"""Comparisons: the list, a new one, its progress, running it again, deleting it; and the example."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from analysis import charts, queries, tasks, workspace
from analysis.core.errors import AnalysisError
from analysis.forms import ComparisonForm
from analysis.models import Comparison
from analysis.signals import signal, signals
from analysis.views.pages import newest, page, person, progress
from catalog.jobs import queue
from catalog.models import Membership
from catalog.queries import access
from catalog.views.pages import number_in

PAGE = 50


@require_POST
def load_example(request: HttpRequest, project: str) -> HttpResponse:
    """Draw the example's datasets into the project, in a worker."""
    way = access(request.user, project, Membership.Role.EDITOR)
    workspace.begin_example(project=way.project, by=way.membership.user)
    queue(tasks.load_example, way.project.pk, person(request).pk)
    messages.success(
        request,
        "The example is being drawn: three datasets with copies that are known. They appear on this page one by one; "
        "the comparison follows under Overlap.",
    )
    return redirect("project", project)


@require_GET
def index(request: HttpRequest, project: str) -> HttpResponse:
    """The project's comparisons, the newest first."""
    way = access(request.user, project)
    shown, pager = newest(request, queries.comparisons(way.project), PAGE)
    pairs = queries.pairs_found(shown)
    rows = [
        {
            "comparison": comparison,
            "title": charts.title(comparison),
            "signals": [
                (signal(row.signal.name), f"{row.max_distance:g}", pairs.get((comparison.pk, row.signal_id)))
                for row in comparison.signals.all()
            ],
            "compared": queries.possible_pairs(comparison),
        }
        for comparison in shown
    ]
    return page(
        request,
        way,
        "analysis/comparisons.html",
        section="overlap",
        rows=rows,
        dataset_total=way.project.datasets.filter(image_count__gt=0).count() if not rows else None,
        **pager,
    )


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, project: str) -> HttpResponse:
    """The form of a new comparison; `from` in the address names one whose choices it repeats."""
    way = access(request.user, project, Membership.Role.EDITOR)
    like = number_in(request, "from")
    form = ComparisonForm(
        project=way.project,
        known=signals(list(way.project.datasets.all())),
        data=request.POST if request.method == "POST" else None,
        like=queries.comparison(way.project, like) if like else None,
    )
    if request.method == "POST" and form.is_valid():
        try:
            comparison = workspace.create_comparison(
                project=way.project,
                datasets=form.cleaned_data["datasets"],
                signals=form.cleaned_data["signals"],
                scope=form.cleaned_data["scope"],
                by=person(request),
                name=form.cleaned_data["name"],
            )
        except AnalysisError as error:
            form.add_error(None, str(error))
        else:
            queue(tasks.run_comparison, comparison.pk)
            return redirect("comparison", project, comparison.pk)
    return page(
        request, way, "analysis/comparison_new.html", section="overlap", form=form, status=422 if form.errors else 200
    )


@require_GET
def status(request: HttpRequest, project: str, comparison: int) -> HttpResponse:
    """How far a comparison is, for the page to poll; when it is over, the page is to load anew."""
    way = access(request.user, project)
    found = queries.comparison(way.project, comparison)
    template = "analysis/comparison_state.html" if request.GET.get("in") == "list" else "_partials/job.html"
    return progress(request, found, template, comparison=found, project=way.project)


@require_POST
def again(request: HttpRequest, project: str, comparison: int) -> HttpResponse:
    """Run a comparison that is over once more: for new data, or after a failure."""
    way = access(request.user, project, Membership.Role.EDITOR)
    found = queries.comparison(way.project, comparison)
    workspace.queue_again(job=found)
    queue(tasks.run_comparison, found.pk)
    return redirect("comparison", project, comparison)


@require_POST
def delete(request: HttpRequest, project: str, comparison: int) -> HttpResponse:
    """Delete a comparison with its stored overlap and reports; measurements and verdicts stay."""
    way = access(request.user, project, Membership.Role.EDITOR)
    found = queries.comparison(way.project, comparison)
    if found.status == Comparison.Status.RUNNING:
        raise AnalysisError("This comparison is running.", remedy="Wait until it is done, then delete it.")
    name = charts.title(found)
    found.delete()
    messages.success(request, f"“{name}” is deleted. Its measurements and all verdicts are kept.")
    return redirect("comparisons", project)
