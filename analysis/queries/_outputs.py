"""Reads of splits and reports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Window
from django.db.models.functions import RowNumber
from django.shortcuts import get_object_or_404

from analysis.models import (
    Report,
    Split,
    SplitItem,
)
from catalog.models import Image, Label, Project


def splits(project: Project) -> QuerySet[Split]:
    """The project's splits, the newest first."""
    return project.splits.select_related("dataset", "signal", "created_by").order_by("-id")


def split(project: Project, split_id: int) -> Split:
    """One split of the project (else 404)."""
    return get_object_or_404(splits(project), pk=split_id)


def report(project: Project, report_id: int) -> Report:
    """One report of the project (else 404), with its comparison."""
    rows = Report.objects.filter(comparison__project=project).select_related("comparison", "created_by")
    return get_object_or_404(rows, pk=report_id)


def split_classes(split: Split) -> list[dict[str, Any]]:
    """Class, support and query images of a split, by class: ``label``, ``title``, ``support``, ``query``."""
    counted = (
        split.items.order_by()
        .values("label")
        .annotate(support=Count("id", filter=Q(role="support")), query=Count("id", filter=Q(role="query")))
    )
    rows = sorted(counted, key=lambda row: str(row["label"]))
    titles = dict(
        Label.objects.filter(project_id=split.project_id, name__in=[row["label"] for row in rows]).values_list(
            "name", "title"
        )
    )
    return [{**row, "title": titles.get(row["label"], "")} for row in rows]


def split_support(split: Split, labels: Sequence[str], *, per_class: int) -> dict[str, list[Image]]:
    """The first support images of some classes, in the split's order, in one query."""
    rank = Window(RowNumber(), partition_by=F("label"), order_by=F("position").asc())
    items = (
        SplitItem.objects.filter(split=split, role="support", label__in=labels)
        .annotate(rank=rank)
        .filter(rank__lte=per_class)
        .select_related("image__dataset")
        .order_by("position")
    )
    found: dict[str, list[Image]] = {label: [] for label in labels}
    for item in items:
        found[item.label].append(item.image)
    return found
