"""Reports of comparisons: asking for one, its progress, its files."""

from __future__ import annotations

import zipfile
from typing import Any

from django.core.files.storage import default_storage
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from analysis import queries, tasks, workspace
from analysis.core.errors import AnalysisError
from analysis.models import Report
from analysis.signals import signal
from analysis.views.pages import archive, page, person, progress
from catalog.jobs import queue
from catalog.queries import access

PAGE_FILE = "report.html"
SEALED = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox"
"""The report's page shows names and labels that people brought: on our address it runs and fetches nothing."""


@require_POST
def request_report(request: HttpRequest, project: str, comparison: int) -> HttpResponse:
    """Ask for a report: `signal` with `t`, or `t_<signal>` for several; the others at their largest distance."""
    way = access(request.user, project)
    found = queries.comparison(way.project, comparison)
    asked = {key.removeprefix("t_"): str(value) for key, value in request.POST.items() if key.startswith("t_")}
    if request.POST.get("signal") and request.POST.get("t"):
        asked[request.POST["signal"]] = request.POST["t"]
    report = workspace.request_report(
        comparison=found, thresholds={name: _distance(text) for name, text in asked.items()}, by=person(request)
    )
    queue(tasks.build_report, report.pk)
    return redirect("report", project, report.pk)


def _distance(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise AnalysisError(f"“{text[:40]}” is no distance.", remedy="Give a number.") from None


@require_http_methods(["GET", "POST"])
def detail(request: HttpRequest, project: str, report: int) -> HttpResponse:
    """One report: its progress (polled here, too), then its files. POST queues a failed one again."""
    way = access(request.user, project)
    found = queries.report(way.project, report)
    if request.method == "POST":
        if found.status == Report.Status.FAILED:
            workspace.queue_again(job=found)
            queue(tasks.build_report, found.pk)
        return redirect("report", project, report)
    if request.headers.get("HX-Request"):
        return progress(request, found)
    context: dict[str, Any] = {
        "report": found,
        "job": found,
        "title": found.comparison.name or " × ".join(dataset.name for dataset in found.comparison.datasets.all()),
        "thresholds": [(signal(name), signal(name).words(distance)) for name, distance in found.thresholds.items()],
    }
    if found.status == Report.Status.DONE:
        with default_storage.open(str(found.archive)) as stream, zipfile.ZipFile(stream) as files:
            context["files"] = [(info.filename, info.file_size) for info in files.infolist()]
        context["size"] = default_storage.size(str(found.archive))
    return page(request, way, "analysis/report.html", section="overlap", **context)


@require_GET
def download(request: HttpRequest, project: str, report: int) -> HttpResponseBase:
    """The archive as a stream; with `?view=html` its page, to be read in the browser."""
    way = access(request.user, project)
    found = queries.report(way.project, report)
    if not found.archive:
        raise Http404
    if request.GET.get("view") == "html":
        with default_storage.open(str(found.archive)) as stream, zipfile.ZipFile(stream) as files:
            shown = HttpResponse(files.read(PAGE_FILE))
        shown["Content-Security-Policy"] = SEALED
        shown["Cache-Control"] = "private, no-store"
        return shown
    return archive(found, f"{slugify(way.project.name) or 'overlap'}-report-{found.pk}.zip")
