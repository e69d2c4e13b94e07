"""What pages of a project share: their context, lists with the newest first, how far a job is and what it has made."""

from __future__ import annotations

from typing import Any, TypeVar

from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.db.models import Model, QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from analysis.models import Report, Split
from catalog.models import Job, Membership
from catalog.queries import Access
from catalog.views.pages import number_in

Row = TypeVar("Row", bound=Model)


def person(request: HttpRequest) -> User:
    """Who asks."""
    assert isinstance(request.user, User)  # noqa: S101  # the login middleware lets no one else in
    return request.user


def page(
    request: HttpRequest, way: Access, template: str, *, section: str, status: int = 200, **context: Any
) -> HttpResponse:
    """A page of the way's project; `section` is the part of the menu that it belongs to."""
    shared = {
        "project": way.project,
        "access": way,
        "section": section,
        "may_edit": way.may(Membership.Role.EDITOR),
    }
    return render(request, template, {**shared, **context}, status=status)


def newest(request: HttpRequest, found: QuerySet[Row], limit: int) -> tuple[list[Row], dict[str, Any]]:
    """A page of rows, the newest first, behind the one that `before` in the address names.

    Returns:
        the rows, and the context of `_partials/older.html`, which links to the other pages.
    """
    before = number_in(request, "before")
    rows = list((found.filter(pk__lt=before) if before else found)[: limit + 1])
    more, rows = len(rows) > limit, rows[:limit]
    return rows, {"before": rows[-1].pk if more else None, "first_page": not before}


def progress(request: HttpRequest, job: Job, template: str = "_partials/job.html", **context: Any) -> HttpResponse:
    """How far a job is, for its page to poll at this address; when it is over, the page is to load anew."""
    response = render(request, template, {"job": job, "url": request.get_full_path(), **context})
    if job.is_over:
        response["HX-Refresh"] = "true"
    return response


def archive(job: Report | Split, filename: str) -> FileResponse:
    """The archive that a job has made, as a stream.

    Raises:
        Http404: it has made none.
    """
    if not job.archive:
        raise Http404
    key = str(job.archive)
    response = FileResponse(
        default_storage.open(key), as_attachment=True, filename=filename, content_type="application/zip"
    )
    response["Content-Length"] = str(default_storage.size(key))
    response["Cache-Control"] = "private, no-store"
    return response
