"""What the REST API takes and gives of what people bring; `--json` of the commands prints the same."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from ninja import Field, Schema

from catalog import queries
from catalog.models import Dataset, Image, Job, Label, Membership, Project, Upload

Row = TypeVar("Row", bound=Model)


class Problem(Schema):
    """What is wrong and what to do about it."""

    detail: str = Field(examples=["You are viewer of “Saints in art”; this needs the role editor."])
    remedy: str = Field("", examples=["An owner of the project can change your role."])
    errors: list[dict[str, Any]] | None = Field(None, description="Of a 422: each field that is not as documented.")


def problems(*statuses: int) -> dict[int, type[Problem]]:
    """The errors that an operation documents."""
    return dict.fromkeys(statuses, Problem)


READS = problems(401, 404, 422)
WRITES = problems(401, 403, 404, 409, 422)


NEXT: Any = Field(description="Ask again with it as `after`; null on the last page.")


def page(rows: list[Row], limit: int) -> dict[str, Any]:
    """A page as `{items, next}`; one row more than `limit` means that there is a next page."""
    more, rows = len(rows) > limit, rows[:limit]
    return {"items": rows, "next": rows[-1].pk if more else None}


def newest(rows: QuerySet[Row], *, after: int, limit: int) -> dict[str, Any]:
    """A page of rows, the newest first; `after` is the last key of the page before, 0 for the first page."""
    found = rows.filter(pk__lt=after) if after else rows
    return page(list(found.order_by("-pk")[: limit + 1]), limit)


class Progress(Schema):
    """How far the current stage of some work is."""

    stage: str = Field(examples=["Reading images"])
    done: int = Field(examples=[1200])
    total: int = Field(description="0 while it is not known.", examples=[3174])
    unit: str = Field(examples=["files"])
    per_second: float | None
    seconds_left: float | None

    @staticmethod
    def resolve_per_second(job: Job) -> float | None:
        """The rate of this stage so far."""
        return job.rate


class JobOut(Schema):
    """Work that a worker does: wait until `status` is done or failed."""

    status: str = Field(description="draft, queued, running, done or failed", examples=["running"])
    error: str = Field(description="Why it failed and what to do; else empty.")
    progress: Progress | None = Field(description="null once it is over")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    seconds_taken: float | None

    @staticmethod
    def resolve_progress(job: Job) -> Job | None:
        """The row itself, while there is progress to speak of."""
        return None if job.is_over else job


class ProjectIn(Schema):
    """A new project."""

    name: str = Field(examples=["Saints in art"])
    description: str = ""


class ProjectOut(Schema):
    """A project that you are a member of."""

    slug: str = Field(examples=["saints-in-art"])
    name: str
    description: str
    role: str = Field(description="Yours: viewer, annotator, editor or owner.", examples=["owner"])
    dataset_count: int
    image_count: int
    created_at: datetime

    @classmethod
    def of(cls, membership: Membership, *, datasets: int, images: int) -> ProjectOut:
        """A project as one of its members sees it."""
        project: Project = membership.project
        return cls(
            slug=project.slug,
            name=project.name,
            description=project.description,
            role=membership.role,
            dataset_count=datasets,
            image_count=images,
            created_at=project.created_at,
        )


class RoleIn(Schema):
    """What a person may do: each role may do all that the ones before it may."""

    role: str = Field(description="viewer, annotator, editor or owner", examples=["annotator"])


class MemberOut(Schema):
    """A person of a project."""

    username: str
    role: str

    @staticmethod
    def resolve_username(membership: Membership) -> str:
        """The name that the person signs in with."""
        return str(membership.user.get_username())


class DatasetOut(Schema):
    """A dataset."""

    slug: str = Field(examples=["artdl"])
    name: str = Field(examples=["ArtDL"])
    description: str
    image_count: int = Field(examples=[1864])
    picture_count: int = Field(description="Images that have a picture; of the rest there are fingerprints only.")
    fingerprints_only: bool
    created_at: datetime

    @staticmethod
    def resolve_picture_count(dataset: Dataset) -> int:
        """Images that have a picture."""
        return dataset.file_count


class LabelOut(Schema):
    """A label of a dataset's images."""

    name: str = Field(examples=["11H(PETER)"])
    title: str = Field(examples=["Saint Peter"])
    description: str
    images: int

    @staticmethod
    def resolve_images(label: Any) -> int:
        """How many images of the dataset carry it."""
        return int(label.total)


class DatasetDetail(DatasetOut):
    """A dataset with its labels, the most frequent first (at most 500)."""

    labels: list[LabelOut]

    @staticmethod
    def resolve_labels(dataset: Dataset) -> list[Label]:
        """Labels with the number of the dataset's images that carry them."""
        return queries.label_counts(dataset)


class ImageOut(Schema):
    """An image; without a picture, its sizes are null and only its fingerprints are known."""

    id: int
    name: str = Field(description="Its identity in the dataset: the path without suffix.")
    path: str
    labels: list[str]
    has_picture: bool
    width: int | None
    height: int | None
    bytes: int | None
    format: str
    sha256: str

    @staticmethod
    def resolve_labels(image: Image) -> list[str]:
        """Label names as in the data."""
        return [label.name for label in image.labels.all()]


class ImagePage(Schema):
    """A page of images in order of import."""

    items: list[ImageOut]
    next: int | None = NEXT


class UploadIn(Schema):
    """A delivery of files into a dataset, which is made if the project has none of this name."""

    dataset: str = Field(description="The dataset's name.", examples=["ArtDL"])
    kind: str = Field(description="archive (bytes in parts) or folder (files with paths)", examples=["archive"])
    source_name: str = Field(description="The archive's or folder's name.", examples=["artdl.zip"])
    bytes_expected: int = Field(0, ge=0, description="Of an archive; checked when the upload is finished.")


class UploadOut(JobOut):
    """A delivery of files. Once done: images_taken + files_refused = files_seen."""

    id: int
    dataset: str = Field(description="The dataset's slug.", examples=["artdl"])
    kind: str
    source_name: str
    bytes_expected: int
    layout: str = Field(description="What was recognised, as a sentence.")
    warnings: list[str]
    files_seen: int
    images_taken: int
    files_refused: int
    tables_read: int

    @staticmethod
    def resolve_dataset(upload: Upload) -> str:
        """The dataset's slug."""
        return upload.dataset.slug


class UploadPage(Schema):
    """A page of deliveries, the newest first."""

    items: list[UploadOut]
    next: int | None = NEXT


class RefusedCount(Schema):
    """How many files were refused for one reason."""

    code: str = Field(examples=["truncated"])
    files: int


class Arrived(Schema):
    """Parts that are stored; they are deleted once the import is over."""

    parts: int
    bytes: int


class UploadDetail(UploadOut):
    """A delivery with what has arrived and what was refused."""

    arrived: Arrived
    refused: list[RefusedCount]

    @staticmethod
    def resolve_arrived(upload: Upload) -> Arrived:
        """Parts and bytes that wait to be imported."""
        parts, size = queries.arrived(upload)
        return Arrived(parts=parts, bytes=size)

    @staticmethod
    def resolve_refused(upload: Upload) -> list[RefusedCount]:
        """Reasons, the most frequent first."""
        return [RefusedCount(code=code, files=total) for code, total in queries.refused_counts(upload)]


class PartOut(Schema):
    """What was stored."""

    files: int
    bytes: int


class RefusedOut(Schema):
    """A file that was not taken, with a reason a person can act on."""

    path: str
    code: str
    reason: str


class RefusedPage(Schema):
    """A page of refused files."""

    items: list[RefusedOut]
    next: int | None = NEXT
