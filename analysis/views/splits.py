"""Splits: the list, a new one with a look at what the data allows, one split, its archive."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_http_methods

from analysis import queries, tasks, workspace
from analysis.core.errors import AnalysisError
from analysis.core.split_table import CLUSTERS, REASONS
from analysis.core.splits import Recipe, available_groups
from analysis.models import Comparison, Split
from analysis.pipeline.split import clustered
from analysis.signals import check_distance, signal, signals
from analysis.views.pages import archive, newest, page, person, progress
from analysis.workspace import MOST_SEED, NotCovered
from catalog.jobs import queue
from catalog.models import Dataset, Membership, Project
from catalog.queries import Access, access

PAGE = 50
CLASSES_SHOWN = 40
THUMBS_OF_A_CLASS = 12
ACCEPTED = "accepted"


class SplitForm(forms.Form):
    """What a split is made of. Fields are checked one by one; what the data allows is checked by `check_data`."""

    dataset = forms.ModelChoiceField(Dataset.objects.none(), to_field_name="slug", empty_label=None)
    source = forms.ChoiceField(label="Copies are")
    t = forms.FloatField(label="Largest distance", required=False, min_value=0)
    clusters = forms.ChoiceField(label="Images in clusters", choices=list(CLUSTERS.items()), initial="together")
    n_way = forms.IntegerField(label="Classes (n-way)", min_value=1, initial=5)
    k_shot = forms.IntegerField(label="Support images of each (k-shot)", min_value=1, initial=1)
    n_query = forms.IntegerField(label="Query images of each", required=False, min_value=1, initial=15)
    seed = forms.IntegerField(label="Seed", min_value=0, max_value=MOST_SEED, initial=0)
    name = forms.CharField(label="Name", required=False, max_length=200)

    def __init__(self, project: Project, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        datasets = self.fields["dataset"]
        assert isinstance(datasets, forms.ModelChoiceField)  # noqa: S101  # as declared above
        datasets.queryset = project.datasets.filter(image_count__gt=0)
        source = self.fields["source"]
        assert isinstance(source, forms.ChoiceField)  # noqa: S101  # as declared above
        source.choices = [
            (ACCEPTED, "pairs that people accepted"),
            *((known.name, f"all pairs under {known.title}") for known in signals()),
        ]

    def clean(self) -> dict[str, Any]:
        """A distance that makes sense under the signal; its own where none is given."""
        data = super().clean() or {}
        source = data.get("source")
        if source and source != ACCEPTED and "t" not in self.errors:
            known = signal(source)
            asked = known.default_distance if data.get("t") is None else data["t"]
            try:
                data["t"] = check_distance(known, asked)
            except AnalysisError as error:
                self.add_error("t", str(error))
        return data

    @property
    def signal_name(self) -> str:
        """The signal whose pairs make clusters; empty for accepted pairs."""
        source = self.cleaned_data["source"]
        return "" if source == ACCEPTED else str(source)

    def recipe(self) -> Recipe:
        """The recipe that the fields spell."""
        return Recipe(**{key: self.cleaned_data[key] for key in ("n_way", "k_shot", "n_query", "clusters")})


def _availability(form: SplitForm) -> dict[str, Any]:
    """How many classes have enough images, for the page; or what is missing before that can be told."""
    needed = {"dataset", "source", "clusters", "k_shot"}
    if needed & set(form.errors) or "t" in form.errors or "n_query" in form.errors:
        return {}
    data = form.cleaned_data
    try:
        known = signal(form.signal_name) if form.signal_name else None
        found = clustered(data["dataset"], known, data["t"] or 0)
    except NotCovered as error:
        return {"not_covered": str(error)}
    groups = available_groups(names=found.names, labels=found.labels, cluster=found.cluster, clusters=data["clusters"])
    needs = data["k_shot"] + (data["n_query"] or 1)
    enough = sum(count >= needs for count in groups.values())
    return {
        "classes": len(groups),
        "enough": enough,
        "needs": needs,
        "largest": list(groups.items())[:8],
        "most": max(groups.values(), default=0),
        "said": found.said,
        "dataset": data["dataset"],
    }


@require_GET
def index(request: HttpRequest, project: str) -> HttpResponse:
    """The project's splits, the newest first."""
    way = access(request.user, project)
    rows, pager = newest(request, queries.splits(way.project), PAGE)
    return page(
        request,
        way,
        "analysis/splits.html",
        section="splits",
        splits=rows,
        has_images=bool(rows) or way.project.datasets.filter(image_count__gt=0).exists(),
        **pager,
    )


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, project: str) -> HttpResponse:
    """The form of a new split. Asked by htmx, only what the data allows under the form's values."""
    way = access(request.user, project, Membership.Role.EDITOR)
    if request.method == "POST":
        form = SplitForm(way.project, request.POST)
        return _create(request, way, form)
    asked = request.GET.dict()
    if asked.get("signal"):
        asked["source"] = asked.pop("signal")
    form = SplitForm(way.project)
    first = way.project.datasets.filter(image_count__gt=0).first()
    initial = {key: field.initial for key, field in form.fields.items()} | {"source": ACCEPTED}
    values = {**initial, "dataset": first.slug if first else "", **asked}
    form = SplitForm(way.project, values)
    form.is_valid()
    if request.headers.get("HX-Request"):
        return page(
            request, way, "analysis/split_available.html", section="splits", form=form, available=_availability(form)
        )
    # The page opens with values that nobody has entered: what is wrong with them shows once they are sent.
    return page(
        request,
        way,
        "analysis/split_new.html",
        section="splits",
        form=form,
        available=_availability(form),
        has_images=first is not None,
    )


def _create(request: HttpRequest, way: Access, form: SplitForm) -> HttpResponse:
    if form.is_valid() and request.POST.get("compare") and form.signal_name:
        return _compare_within(way, form, person(request))
    available = _availability(form)
    if form.is_valid():
        data = form.cleaned_data
        if "not_covered" in available:
            form.add_error("source", available["not_covered"])
        elif available["enough"] < data["n_way"]:
            form.add_error("n_way", _too_few(available))
        else:
            split = workspace.create_split(
                dataset=data["dataset"],
                recipe=form.recipe(),
                seed=data["seed"],
                by=person(request),
                name=data["name"],
                signal_name=form.signal_name,
                max_distance=data["t"],
            )
            queue(tasks.make_split, split.pk)
            return redirect("split", way.project.slug, split.pk)
    return page(
        request,
        way,
        "analysis/split_new.html",
        section="splits",
        form=form,
        available=available,
        has_images=True,
        sent=True,
        status=422,
    )


def _too_few(available: dict[str, Any]) -> str:
    if not available["classes"]:
        return "No image of this dataset carries a label. Add labels to the dataset first."
    return (
        f"{available['enough']:,} of {available['classes']:,} classes have the {available['needs']:,} different images "
        f"that each class needs. Ask for fewer classes or images; the largest class has {available['most']:,}."
    )


def _compare_within(way: Access, form: SplitForm, by: User) -> HttpResponse:
    """Start the comparison that the split waits for."""
    data = form.cleaned_data
    comparison = workspace.create_comparison(
        project=way.project,
        datasets=[data["dataset"]],
        signals={form.signal_name: data["t"]},
        scope=Comparison.Scope.WITHIN,
        by=by,
    )
    queue(tasks.run_comparison, comparison.pk)
    return redirect("comparison", way.project.slug, comparison.pk)


@require_http_methods(["GET", "POST"])
def detail(request: HttpRequest, project: str, split: int) -> HttpResponse:
    """One split: its progress, then what is in it and why. POST queues a failed one again."""
    way = access(request.user, project, Membership.Role.EDITOR if request.method == "POST" else Membership.Role.VIEWER)
    found = queries.split(way.project, split)
    if request.method == "POST":
        if found.status == Split.Status.FAILED:
            workspace.queue_again(job=found)
            queue(tasks.make_split, found.pk)
        else:
            messages.info(request, "A split that is made stays as it is. Make a new one with other values.")
        return redirect("split", project, split)
    context: dict[str, Any] = {"split": found, "job": found, "recipe": found.recipe}
    context["known"] = signal(found.signal.name) if found.signal else None
    context["rule"] = CLUSTERS[found.recipe["clusters"]]
    if found.status == Split.Status.DONE:
        classes = queries.split_classes(found)
        shown = classes[:CLASSES_SHOWN]
        thumbs = queries.split_support(found, [row["label"] for row in shown], per_class=THUMBS_OF_A_CLASS)
        context |= {
            "classes": classes,
            "shown": [{**row, "images": thumbs[row["label"]]} for row in shown],
            "support": sum(row["support"] for row in classes),
            "query": sum(row["query"] for row in classes),
            "left_out": [(REASONS[reason], count) for reason, count in found.left_out.items()],
            "left_out_total": sum(found.left_out.values()),
            "libraries": {k: v for k, v in found.versions.items() if isinstance(v, str) and k != "clusters_said"},
            "size": default_storage.size(str(found.archive)),
        }
    return page(request, way, "analysis/split.html", section="splits", **context)


@require_GET
def status(request: HttpRequest, project: str, split: int) -> HttpResponse:
    """How far a split is, for the page to poll; when it is over, the page is to load anew."""
    way = access(request.user, project)
    return progress(request, queries.split(way.project, split))


@require_GET
def download(request: HttpRequest, project: str, split: int) -> HttpResponseBase:
    """The archive, as a stream."""
    way = access(request.user, project)
    found = queries.split(way.project, split)
    return archive(found, f"{slugify(found.name) or 'split'}.zip")
