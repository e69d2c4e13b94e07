"""Reads, scoped to what a person may see. Every view and API call begins here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.shortcuts import get_object_or_404

from catalog.core.errors import CatalogError, NotAllowed
from catalog.models import Dataset, Image, ImageLabel, Label, Membership, Project, RefusedFile, Upload

Person = AbstractBaseUser | AnonymousUser


def _key(person: Person) -> int:
    """The person's key; 0, which nobody has, for someone who is not signed in."""
    return person.pk or 0


@dataclass(frozen=True, slots=True)
class Access:
    """A person's way into one project: the project and their role in it."""

    project: Project
    membership: Membership

    def may(self, role: str) -> bool:
        """Whether the person may do what `role` may do."""
        return self.membership.allows(role)

    def require(self, role: str) -> None:
        """Raise `NotAllowed` unless the person may do what `role` may do."""
        if not self.may(role):
            raise NotAllowed(
                f"You are {self.membership.role} of “{self.project.name}”; this needs the role {role}.",
                remedy="An owner of the project can change your role.",
            )


def projects(person: Person) -> QuerySet[Project]:
    """The projects that a person belongs to, with counts of datasets and images."""
    return (
        Project.objects.filter(memberships__user_id=_key(person))
        .annotate(dataset_total=Count("datasets", distinct=True))
        .order_by("name", "id")
    )


def access(person: Person, slug: str, role: str = Membership.Role.VIEWER) -> Access:
    """The way into a project; 404 for those who do not belong to it, so that names are not betrayed.

    Raises:
        Http404: no such project among those the person belongs to.
        NotAllowed: the role does not allow it.
    """
    membership = get_object_or_404(
        Membership.objects.select_related("project"), project__slug=slug, user_id=_key(person)
    )
    found = Access(membership.project, membership)
    found.require(role)
    return found


def access_of_image(person: Person, image_id: int) -> Image:
    """An image with its dataset, if the person may see it (else 404)."""
    return get_object_or_404(
        Image.objects.select_related("dataset__project"),
        pk=image_id,
        dataset__project__memberships__user_id=_key(person),
    )


def datasets(project: Project) -> QuerySet[Dataset]:
    """The project's datasets in order."""
    return project.datasets.all()


def visible_datasets(person: Person, projects: Sequence[str] = (), names: Sequence[str] = ()) -> list[Dataset]:
    """The datasets of all projects that a person belongs to, with their projects, in order.

    Args:
        person: who asks.
        projects: slugs; only datasets of these projects where any is given.
        names: slugs or names of datasets; only those where any is given.

    Raises:
        CatalogError: a project or dataset that the person does not see, which may not even exist.
    """
    of_person = Dataset.objects.filter(project__memberships__user_id=_key(person)).select_related("project")
    found = list(of_person.order_by("project__name", "project_id", "position", "id"))
    known = set(
        Project.objects.filter(memberships__user_id=_key(person), slug__in=projects).values_list("slug", flat=True)
    )
    for slug in projects:
        if slug not in known:
            raise CatalogError(f"You belong to no project “{slug}”.", remedy="Name a project by its slug.")
    found = [each for each in found if not projects or each.project.slug in known]
    for name in names:
        if not any(name in (each.slug, each.name) for each in found):
            raise CatalogError(f"There is no dataset “{name}” among those you see.", remedy="Name it by its slug.")
    return [each for each in found if not names or each.slug in names or each.name in names]


def dataset(project: Project, slug: str) -> Dataset:
    """One dataset of the project (else 404)."""
    return get_object_or_404(Dataset, project=project, slug=slug)


def uploads(project: Project) -> QuerySet[Upload]:
    """Uploads into the project's datasets, the newest first."""
    return Upload.objects.filter(dataset__project=project).select_related("dataset", "created_by")


def upload(project: Project, upload_id: int) -> Upload:
    """One upload of the project (else 404)."""
    return get_object_or_404(uploads(project), pk=upload_id)


def images(dataset: Dataset, *, label: str = "", name: str = "", after: int = 0, limit: int = 60) -> list[Image]:
    """A page of a dataset's images in order of import, with their labels.

    Args:
        dataset: whose images.
        label: only those that carry this label.
        name: only those whose name contains this text, in any case.
        after: the last image id of the page before.
        limit: images on a page; one more is returned where there is a next page.
    """
    found = Image.objects.filter(dataset=dataset, pk__gt=after)
    if label:
        found = found.filter(image_labels__label__name=label, image_labels__label__project_id=dataset.project_id)
    if name:
        found = found.filter(name__icontains=name)
    return list(found.order_by("pk").prefetch_related("labels")[: limit + 1])


def label_counts(dataset: Dataset, *, limit: int = 500) -> list[Label]:
    """The labels of a dataset's images with `total`, the most frequent first."""
    return list(
        Label.objects.filter(image_labels__image__dataset=dataset)
        .annotate(total=Count("image_labels"))
        .order_by("-total", "name")[:limit]
    )


def refused(upload: Upload, *, after: int = 0, limit: int = 100) -> list[RefusedFile]:
    """A page of an upload's refused files; one more is returned where there is a next page."""
    return list(upload.refused.filter(pk__gt=after).order_by("pk")[: limit + 1])


def refused_counts(upload: Upload) -> list[tuple[str, int]]:
    """How many files were refused for each reason code, the most frequent first."""
    rows = upload.refused.values_list("code").annotate(total=Count("id")).order_by("-total", "code")
    return [(code, total) for code, total in rows]


def totals(project: Project) -> dict[str, int]:
    """Counts for the project's page: datasets, images, images with a picture, refused files."""
    counted = project.datasets.aggregate(datasets=Count("id"), images=Sum("image_count"), files=Sum("file_count"))
    refused_total = Upload.objects.filter(dataset__project=project).aggregate(n=Sum("files_refused"))["n"]
    return {
        "datasets": counted["datasets"] or 0,
        "images": counted["images"] or 0,
        "files": counted["files"] or 0,
        "refused": refused_total or 0,
    }


def members(project: Project) -> QuerySet[Membership]:
    """Who belongs to the project."""
    return project.memberships.select_related("user").order_by("user__username")


def running(project: Project) -> QuerySet[Upload]:
    """Uploads that are not over yet."""
    return uploads(project).filter(~Q(status__in=[Upload.Status.DONE, Upload.Status.FAILED]))


def memberships(person: Person) -> QuerySet[Membership]:
    """A person's memberships with their projects, each with `dataset_total` and `image_total`."""
    return (
        Membership.objects.filter(user_id=_key(person))
        .select_related("project")
        .annotate(
            dataset_total=Count("project__datasets"),
            image_total=Coalesce(Sum("project__datasets__image_count"), 0),
        )
        .order_by("project__name", "project_id")
    )


@dataclass(frozen=True, slots=True)
class DatasetRow:
    """A dataset as the project's page lists it: with its number of labels, refused files and its newest upload."""

    dataset: Dataset
    labels: int
    refused: int
    latest: Upload | None


def dataset_rows(project: Project) -> list[DatasetRow]:
    """The project's datasets as its page lists them, in four queries however many there are."""
    of_project = Upload.objects.filter(dataset__project=project)
    latest = {found.dataset_id: found for found in of_project.order_by("dataset_id", "-id").distinct("dataset_id")}
    refused_files = dict(of_project.order_by().values_list("dataset_id").annotate(Sum("files_refused")))
    labels = dict(
        ImageLabel.objects.filter(image__dataset__project=project)
        .values_list("image__dataset_id")
        .annotate(Count("label_id", distinct=True))
    )
    return [
        DatasetRow(found, labels.get(found.pk, 0), refused_files.get(found.pk, 0), latest.get(found.pk))
        for found in datasets(project)
    ]


def image(project: Project, image_id: int) -> Image:
    """One image of the project with its dataset (else 404)."""
    return get_object_or_404(Image.objects.select_related("dataset"), pk=image_id, dataset__project=project)


def beside(image: Image) -> tuple[int | None, int | None]:
    """The ids of the images before and after this one in its dataset, in order of import."""
    of_dataset = Image.objects.filter(dataset_id=image.dataset_id)
    before = of_dataset.filter(pk__lt=image.pk).order_by("-pk").values_list("pk", flat=True).first()
    after = of_dataset.filter(pk__gt=image.pk).order_by("pk").values_list("pk", flat=True).first()
    return before, after


def refused_of(upload: Upload, code: str, *, after: int = 0, limit: int = 100) -> list[RefusedFile]:
    """As `refused`, of one reason code only."""
    return list(upload.refused.filter(code=code, pk__gt=after).order_by("pk")[: limit + 1])


def arrived(upload: Upload) -> tuple[int, int]:
    """How many parts of an upload have arrived, and their bytes."""
    counted = upload.parts.aggregate(parts=Count("id"), bytes=Sum("size"))
    return counted["parts"], counted["bytes"] or 0


def datasets_named(project: Project, names: Sequence[str]) -> list[Dataset]:
    """The project's datasets of these slugs or names, in the order given; all of them where none is given.

    Raises:
        CatalogError: the project has none of that name; the message says which it has.
    """
    known = list(datasets(project))
    if not names:
        return known
    by_name = {dataset.name: dataset for dataset in known} | {dataset.slug: dataset for dataset in known}
    for name in names:
        if name not in by_name:
            raise CatalogError(
                f"The project “{project.name}” has no dataset “{name}”.",
                remedy=f"It has: {', '.join(dataset.name for dataset in known) or 'none yet'}.",
            )
    return list(dict.fromkeys(by_name[name] for name in names))
