"""Pages of datasets: the project's page with its upload zone, one dataset with its images, deletion."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from catalog import queries, workspace
from catalog.forms import DeleteDatasetForm
from catalog.models import Membership
from catalog.views.pages import number_in, page_of

IMAGES_ON_A_PAGE = 60
LABELS_SHOWN = 24
UPLOADS_SHOWN = 20


@require_safe
def index(request: HttpRequest, project: str) -> HttpResponse:
    """The project's page: its datasets, and the place to drop more."""
    access = queries.access(request.user, project)
    rows = queries.dataset_rows(access.project)
    # Drafts change only while someone sends files, and the upload zone shows that itself.
    active = [row for row in rows if row.latest and row.latest.status in {"queued", "running"}]
    context = {
        "access": access,
        "project": access.project,
        "section": "datasets",
        "rows": rows,
        "totals": queries.totals(access.project),
        "active": active,
        "comparable": sum(1 for row in rows if row.dataset.image_count) >= 2,
        "may_edit": access.may(Membership.Role.EDITOR),
        "known": [{"name": row.dataset.name, "images": row.dataset.image_count} for row in rows],
    }
    return render(request, "catalog/datasets.html", context)


@require_safe
def detail(request: HttpRequest, project: str, dataset: str) -> HttpResponse:
    """One dataset: its images by label and name, and what was uploaded into it."""
    access = queries.access(request.user, project)
    found = queries.dataset(access.project, dataset)
    label, name, after = request.GET.get("label", ""), request.GET.get("name", "").strip(), number_in(request, "after")
    images = queries.images(found, label=label, name=name, after=after, limit=IMAGES_ON_A_PAGE)
    labels = queries.label_counts(found)
    context = {
        "access": access,
        "project": access.project,
        "section": "datasets",
        "dataset": found,
        "page": page_of(request, images, IMAGES_ON_A_PAGE, after=after),
        "label_total": len(labels),
        "label_hidden": any(each.name == label for each in labels[LABELS_SHOWN:]),
        "labels_first": labels[:LABELS_SHOWN],
        "labels_more": labels[LABELS_SHOWN:],
        "label": next((each for each in labels if each.name == label), label),
        "label_name": label,
        "name": name,
        "filtered": bool(label or name),
        "uploads": queries.uploads(access.project).filter(dataset=found)[:UPLOADS_SHOWN],
        "may_edit": access.may(Membership.Role.EDITOR),
        "may_delete": access.may(Membership.Role.OWNER),
    }
    return render(request, "catalog/dataset.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, project: str, dataset: str) -> HttpResponse:
    """Ask, then delete a dataset with everything that speaks of its images."""
    access = queries.access(request.user, project, Membership.Role.OWNER)
    found = queries.dataset(access.project, dataset)
    form = DeleteDatasetForm(request.POST or None, expected=found.name)
    if request.method == "POST" and form.is_valid():
        workspace.delete_dataset(dataset=found)
        messages.success(request, f"The dataset “{found.name}” is deleted.")
        return redirect("project", access.project.slug)
    context = {
        "access": access,
        "project": access.project,
        "section": "datasets",
        "dataset": found,
        "form": form,
        "importing": found.uploads.filter(status__in=["queued", "running"]).exists(),
    }
    return render(request, "catalog/dataset_delete.html", context, status=422 if form.is_bound else 200)
