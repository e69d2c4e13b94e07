"""Writes that people ask for directly: projects, members, datasets, deliveries of files."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import BinaryIO

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.db import models, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.text import slugify

from catalog import files
from catalog.core.errors import CatalogError, Conflict
from catalog.models import Dataset, Membership, Project, Upload, UploadPart

PART_LIMIT = 10 * 1024 * 1024
"""Largest part of an archive in one request, in bytes; proxies in front of us often refuse more than some MiB."""


def _free_slug(name: str, taken: models.QuerySet[Project] | models.QuerySet[Dataset], fallback: str) -> str:
    """A slug for the name that is not taken yet, with a number where needed."""
    base = slugify(name)[:80] or fallback
    used = set(taken.filter(slug__startswith=base).values_list("slug", flat=True))
    if base not in used:
        return base
    return next(slug for n in range(2, len(used) + 3) if (slug := f"{base}-{n}") not in used)


def _clean_name(name: str, what: str) -> str:
    cleaned = " ".join(name.split())
    if not cleaned:
        raise CatalogError(f"The {what} needs a name.")
    if len(cleaned) > 100:
        raise CatalogError(f"The {what}'s name has {len(cleaned)} characters; at most 100 fit.")
    return cleaned


@transaction.atomic
def create_project(*, name: str, owner: AbstractBaseUser, description: str = "") -> Project:
    """A new project, owned by its maker."""
    name = _clean_name(name, "project")
    project = Project.objects.create(
        name=name, slug=_free_slug(name, Project.objects.all(), "project"), description=description.strip()
    )
    Membership.objects.create(project=project, user_id=owner.pk, role=Membership.Role.OWNER)
    return project


@transaction.atomic
def create_dataset(*, project: Project, name: str, by: AbstractBaseUser | None, description: str = "") -> Dataset:
    """A new, empty dataset at the end of the project.

    Raises:
        Conflict: the project has a dataset of this name.
    """
    name = _clean_name(name, "dataset")
    # Two people may add a dataset at once; the project's row keeps their positions apart.
    Project.objects.select_for_update().get(pk=project.pk)
    if project.datasets.filter(name=name).exists():
        raise Conflict(
            f"This project already has a dataset “{name}”.", remedy="Choose another name, or add to that one."
        )
    last = project.datasets.aggregate(last=Max("position"))["last"]
    return Dataset.objects.create(
        project=project,
        name=name,
        slug=_free_slug(name, project.datasets.all(), "dataset"),
        description=description.strip(),
        position=0 if last is None else last + 1,
        created_by_id=by.pk if by else None,
    )


def dataset_for(*, project: Project, name: str, by: AbstractBaseUser | None) -> Dataset:
    """The project's dataset of this name, made if there is none."""
    name = _clean_name(name, "dataset")
    return project.datasets.filter(name=name).first() or create_dataset(project=project, name=name, by=by)


def set_member(*, project: Project, username: str, role: str) -> Membership:
    """Give a person a role in the project.

    Raises:
        CatalogError: no such person or role.
        Conflict: the project would have no owner left.
    """
    if role not in Membership.Role.values:
        raise CatalogError(f"There is no role “{role}”.", remedy=f"There are: {', '.join(Membership.Role.values)}.")
    user = get_user_model().objects.filter(username=username.strip()).first()
    if user is None:
        raise CatalogError(
            f"Nobody here signs in as “{username}”.", remedy="An administrator of the site can make the account first."
        )
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)
        membership, _ = Membership.objects.update_or_create(project=project, user=user, defaults={"role": role})
        _refuse_without_owner(project)
    return membership


def remove_member(*, project: Project, user_id: int) -> None:
    """End a person's membership; their verdicts stay.

    Raises:
        Conflict: the project would have no owner left.
    """
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)
        project.memberships.filter(user_id=user_id).delete()
        _refuse_without_owner(project)


def _refuse_without_owner(project: Project) -> None:
    if not project.memberships.filter(role=Membership.Role.OWNER).exists():
        raise Conflict("A project needs an owner.", remedy="Make someone else an owner first.")


def begin_upload(
    *, dataset: Dataset, kind: str, source_name: str, bytes_expected: int, by: AbstractBaseUser | None
) -> Upload:
    """A delivery that waits for its parts.

    Raises:
        CatalogError: an unknown kind.
    """
    if kind not in Upload.Kind.values:
        raise CatalogError(f"There is no kind of upload “{kind}”.", remedy="There are: archive, folder.")
    return Upload.objects.create(
        dataset=dataset,
        kind=kind,
        source_name=source_name[:300] or "upload",
        bytes_expected=max(0, bytes_expected),
        status=Upload.Status.DRAFT,
        stage="Waiting for files",
        created_by_id=by.pk if by else None,
    )


def add_part(*, upload: Upload, number: int, content: bytes | File[bytes] | BinaryIO, path: str = "") -> UploadPart:
    """Store one part. The same part may be sent again after a broken connection; the newer one counts.

    Raises:
        Conflict: the upload takes no parts any more.
    """
    with transaction.atomic():
        # Finishing waits for parts that are being stored, and parts that come after it are refused.
        status = Upload.objects.select_for_update().values_list("status", flat=True).get(pk=upload.pk)
        if status != Upload.Status.DRAFT:
            raise Conflict("This upload is complete; it takes no more files.", remedy="Begin a new upload.")
        file = ContentFile(content) if isinstance(content, bytes) else File(content)
        key = default_storage.save(f"uploads/{upload.pk}/{number:016d}", file)
        replaced = upload.parts.filter(number=number).first()
        part, _ = UploadPart.objects.update_or_create(
            upload=upload,
            number=number,
            defaults={
                "path": str(PurePosixPath(path)) if path else "",
                "size": default_storage.size(key),
                "file": key,
            },
        )
        if replaced is not None:
            transaction.on_commit(lambda: default_storage.delete(str(replaced.file)))
        Upload.objects.filter(pk=upload.pk).update(heartbeat_at=timezone.now())
    return part


def finish_upload(*, upload: Upload) -> Upload:
    """Close a delivery: all its parts are here, the import may begin. Closing twice is the same as once.

    Raises:
        CatalogError: parts are missing; the message says which bytes.
    """
    with transaction.atomic():
        upload = Upload.objects.select_for_update().select_related("dataset").get(pk=upload.pk)
        if upload.status != Upload.Status.DRAFT:
            return upload
        parts = list(upload.parts.order_by("number").values_list("number", "size"))
        if not parts:
            raise CatalogError("No files have arrived.", remedy="Send them, then finish the upload.")
        if upload.kind == Upload.Kind.ARCHIVE:
            reached = 0
            for number, size in parts:
                if number != reached:
                    raise CatalogError(
                        f"The archive lacks the bytes {reached:,} to {number:,}.", remedy="Send this part again."
                    )
                reached += size
            if upload.bytes_expected and reached != upload.bytes_expected:
                raise CatalogError(
                    f"{reached:,} of {upload.bytes_expected:,} bytes have arrived.", remedy="Send the missing parts."
                )
        upload.status = Upload.Status.QUEUED
        upload.stage = "Waiting for a worker"
        upload.heartbeat_at = timezone.now()
        upload.save(update_fields=["status", "stage", "heartbeat_at"])
    return upload


def discard_parts(*, upload: Upload) -> None:
    """Delete the stored parts of a delivery that is over."""
    for part in upload.parts.all():
        default_storage.delete(str(part.file))
    upload.parts.all().delete()


def delete_dataset(*, dataset: Dataset) -> None:
    """Delete a dataset with its images and everything that speaks of them, then its files.

    Verdicts belong to two images: those on this dataset's images go with it. The page says so before.
    """
    keys = files.keys_of(dataset.images.all())
    with transaction.atomic():
        uploads = list(dataset.uploads.all())
        for upload in uploads:
            discard_parts(upload=upload)
        dataset.delete()
    files.delete(keys)
