"""Uploads: the protocol by which a browser sends archives and folders, and the page of one upload."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import cast

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import RequestDataTooBig, TooManyFilesSent
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from catalog import queries, workspace
from catalog.core.errors import CatalogError, Conflict, NotAllowed
from catalog.jobs import queue
from catalog.models import Membership, Upload
from catalog.tasks import import_upload
from catalog.views.pages import number_in, page_of

REFUSED_ON_A_PAGE = 100
LARGEST_NUMBER = 2**53
"""Offsets and counts come from JavaScript, whose whole numbers end here."""

REASONS = {
    "broken-vectors": "vectors not taken",
    "corrupt": "damaged",
    "empty": "empty files",
    "link": "links",
    "nested-archive": "archives inside",
    "not-an-image": "not images",
    "not-listed": "not in the list of names",
    "outside-images": "outside the folder of images",
    "same-name": "name taken",
    "same-path": "twice in the upload",
    "special-file": "no ordinary files",
    "svg": "drawings (SVG)",
    "too-large": "too large",
    "too-many-bytes": "too large",
    "too-many-pixels": "too many pixels",
    "truncated": "broken off",
    "unreadable": "unreadable",
    "unsafe-path": "unsafe names",
    "unsupported-format": "formats that are not read",
    "unused-table": "tables not used",
    "voc-annotation": "annotations",
    "voc-list": "lists of images",
    "voc-mask": "segmentation masks",
    "zero-size": "without pixels",
}
"""Reason codes as headings; each file's own sentence says the rest."""

MADE_TOGETHER = timedelta(seconds=2)
"""A dataset this much older than its only delivery was made for it, by the same request."""

JsonView = Callable[..., JsonResponse]


def _answers_json(view: JsonView) -> JsonView:
    """Errors as ``{detail, remedy}``, which the upload zone shows beside the file."""

    @wraps(view)
    def wrapped(request: HttpRequest, **kwargs: object) -> JsonResponse:
        try:
            return view(request, **kwargs)
        except CatalogError as error:
            status = 403 if isinstance(error, NotAllowed) else 409 if isinstance(error, Conflict) else 422
            return _problem(error.message, error.remedy, status)
        except (RequestDataTooBig, TooManyFilesSent):
            return _problem("This part is too large.", "Send archives in parts of 8 MiB.", 413)
        except UnreadablePostError:
            return _problem("The connection broke while the part was being sent.", "Send it again.", 400)

    return wrapped


def _problem(detail: str, remedy: str, status: int) -> JsonResponse:
    return JsonResponse({"detail": detail, "remedy": remedy}, status=status)


@require_POST
@_answers_json
def begin(request: HttpRequest, project: str) -> JsonResponse:
    """Announce a delivery: ``{dataset, kind, source_name, bytes_expected}``."""
    access = queries.access(request.user, project, Membership.Role.EDITOR)
    try:
        asked = json.loads(request.body)
        dataset_name, kind = str(asked["dataset"]), str(asked["kind"])
        source_name, bytes_expected = str(asked["source_name"]), _number(asked.get("bytes_expected", 0))
    except (ValueError, KeyError, TypeError) as error:
        raise CatalogError(
            "The request is not understood.", remedy="Send dataset, kind, source_name and bytes_expected as JSON."
        ) from error
    for text in (dataset_name, source_name):
        _refuse_nul(text)
    user = cast(User, request.user)
    with transaction.atomic():
        dataset = workspace.dataset_for(project=access.project, name=dataset_name, by=user)
        upload = workspace.begin_upload(
            dataset=dataset, kind=kind, source_name=source_name, bytes_expected=bytes_expected, by=user
        )
    names = {"part_url": "upload-part", "finish_url": "upload-finish", "page_url": "upload"}
    urls = {key: reverse(name, args=[access.project.slug, upload.pk]) for key, name in names.items()}
    return JsonResponse({"id": upload.pk, **urls}, status=201)


@require_POST
@_answers_json
def part(request: HttpRequest, project: str, upload: int) -> JsonResponse:
    """Take one part: an archive's bytes from ``?offset=`` on, or files of a folder with their paths and numbers."""
    access = queries.access(request.user, project, Membership.Role.EDITOR)
    found = queries.upload(access.project, upload)
    if found.kind == Upload.Kind.ARCHIVE:
        number = _number(request.GET.get("offset"))
        content = request.body
        if not content:
            raise CatalogError("The part is empty.", remedy="Send the archive's bytes as the request's body.")
        if len(content) > workspace.PART_LIMIT:
            raise RequestDataTooBig
        workspace.add_part(upload=found, number=number, content=content)
        return JsonResponse({"bytes": len(content)})
    paths, numbers = request.POST.getlist("path[]"), request.POST.getlist("number[]")
    files = request.FILES.getlist("files")
    if not files or not len(paths) == len(numbers) == len(files):
        raise CatalogError(
            f"{len(files)} files, {len(paths)} paths and {len(numbers)} numbers have arrived.",
            remedy="Send each file with one path and one number.",
        )
    for path, number_text, file in zip(paths, numbers, files, strict=True):
        _refuse_nul(path)
        if not path or len(path) > 1000:
            raise CatalogError(f"The path {path[:80]}… has {len(path)} characters; 1 to 1,000 fit.")
        workspace.add_part(upload=found, number=_number(number_text), content=file, path=path)
    return JsonResponse({"files": len(files), "bytes": sum(file.size or 0 for file in files)})


@require_POST
@_answers_json
def finish(request: HttpRequest, project: str, upload: int) -> JsonResponse:
    """Close the delivery and queue its import. Sent twice, it does the same as once."""
    access = queries.access(request.user, project, Membership.Role.EDITOR)
    with transaction.atomic():
        found = workspace.finish_upload(upload=queries.upload(access.project, upload))
        queue(import_upload, found.pk)
    return JsonResponse({"status": found.status, "page_url": reverse("upload", args=[access.project.slug, found.pk])})


def _number(text: object) -> int:
    """A count or an offset.

    Raises:
        CatalogError: it is none.
    """
    try:
        number = int(cast(str, text))
    except (TypeError, ValueError):
        number = -1
    if not 0 <= number < LARGEST_NUMBER:
        raise CatalogError(f"“{str(text)[:40]}” is no offset and no number.", remedy="Send a whole number from 0 on.")
    return number


def _refuse_nul(text: str) -> None:
    if "\x00" in text:
        raise CatalogError("A name holds a null character.", remedy="Rename the file.")


@require_http_methods(["GET", "HEAD", "POST"])
def detail(request: HttpRequest, project: str, upload: int) -> HttpResponse:
    """One upload: progress while it is imported, then what was recognised, taken and refused."""
    access = queries.access(request.user, project)
    found = queries.upload(access.project, upload)
    if request.method == "POST":
        access.require(Membership.Role.EDITOR)
        return _act(request, access, found)
    if "HX-Request" in request.headers:
        response = render(request, "_partials/job.html", {"job": found, "url": _poll_url(request, found)})
        if found.status != request.GET.get("was", found.status):
            response["HX-Refresh"] = "true"
        return response
    code, after = request.GET.get("code", ""), number_in(request, "after")
    listed = (
        queries.refused_of(found, code, after=after, limit=REFUSED_ON_A_PAGE)
        if code
        else queries.refused(found, after=after, limit=REFUSED_ON_A_PAGE)
    )
    parts, bytes_arrived = queries.arrived(found)
    context = {
        "access": access,
        "project": access.project,
        "section": "datasets",
        "upload": found,
        "dataset": found.dataset,
        "poll_url": _poll_url(request, found),
        "parts": parts,
        "bytes_arrived": bytes_arrived,
        "counts": [(each, REASONS.get(each, each), total) for each, total in queries.refused_counts(found)],
        "code": code,
        "reasons": REASONS,
        "page": page_of(request, listed, REFUSED_ON_A_PAGE, after=after),
        "may_edit": access.may(Membership.Role.EDITOR),
        "came_to_nothing": _came_to_nothing(found),
    }
    return render(request, "catalog/upload.html", context)


def _poll_url(request: HttpRequest, upload: Upload) -> str:
    # The page is another one once the status is another: then it is loaded again.
    return f"{request.path}?was={upload.status}"


def _act(request: HttpRequest, access: queries.Access, upload: Upload) -> HttpResponse:
    """What the page's buttons ask for: discard a delivery that came to nothing, or import a failed one again."""
    action = request.POST.get("action")
    with transaction.atomic():
        upload = Upload.objects.select_for_update(of=("self",)).select_related("dataset").get(pk=upload.pk)
        if action == "discard" and _came_to_nothing(upload):
            _discard(upload)
            messages.success(request, f"The upload of {upload.source_name} is discarded.")
            return redirect("project", access.project.slug)
        if action == "again" and upload.status == Upload.Status.FAILED and upload.parts.exists():
            Upload.objects.filter(pk=upload.pk).update(status=Upload.Status.QUEUED, error="", heartbeat_at=None)
            queue(import_upload, upload.pk)
    return redirect("upload", access.project.slug, upload.pk)


def _came_to_nothing(upload: Upload) -> bool:
    """Whether nothing would be missed with it: it was never completed, or refused, or its dataset is still empty."""
    if upload.status == Upload.Status.DONE:
        return not upload.dataset.image_count
    return upload.status in {Upload.Status.DRAFT, Upload.Status.FAILED}


def _discard(upload: Upload) -> None:
    """Remove a delivery, and the dataset that was made for it if it is still empty."""
    workspace.discard_parts(upload=upload)
    dataset = upload.dataset
    upload.delete()
    made_for_it = upload.created_at - dataset.created_at < MADE_TOGETHER
    if made_for_it and not dataset.image_count and not dataset.uploads.exists():
        workspace.delete_dataset(dataset=dataset)
