"""What people bring: projects with their members, datasets, uploads, images and labels."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.indexes import HashIndex
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

SLUG = RegexValidator(r"^[a-z0-9]+(?:-[a-z0-9]+)*\Z", "Small letters, digits and single hyphens.")


class Job(models.Model):
    """Work that a task does for a row; the row's status is the truth, whatever the queue says.

    ``draft → queued → running → done | failed``; a failed or lost job may be queued again, because every stage is
    repeatable. `heartbeat_at` moves while the work goes on; the sweep sends work again whose heartbeat stands still.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", "being filled"
        QUEUED = "queued", "waiting"
        RUNNING = "running", "running"
        DONE = "done", "done"
        FAILED = "failed", "failed"

    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    stage = models.CharField(max_length=200, blank=True, help_text="What is being done now, for people.")
    done = models.PositiveBigIntegerField(default=0, help_text="Units finished in this stage.")
    total = models.PositiveBigIntegerField(default=0, help_text="Units of this stage; 0 while unknown.")
    unit = models.CharField(max_length=20, default="images")
    stage_started_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True, help_text="Why it failed and what to do, for people.")

    class Meta:
        abstract = True

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.status in {self.Status.DONE, self.Status.FAILED}

    @property
    def rate(self) -> float | None:
        """Units per second in the current stage; None while it cannot be known."""
        if not self.done or self.stage_started_at is None or self.heartbeat_at is None:
            return None
        seconds = (self.heartbeat_at - self.stage_started_at).total_seconds()
        return self.done / seconds if seconds > 0 else None

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the current stage ends, at the rate so far; None while it cannot be known."""
        rate = self.rate
        return (self.total - self.done) / rate if rate and self.total else None

    @property
    def seconds_taken(self) -> float | None:
        """Seconds from start to end, or to now while it runs."""
        if self.started_at is None:
            return None
        return ((self.finished_at or timezone.now()) - self.started_at).total_seconds()


class Project(models.Model):
    """A team's workspace. Everything in it is visible to its members and to nobody else."""

    name = models.CharField(max_length=100)
    slug = models.CharField(max_length=100, unique=True, validators=[SLUG])
    description = models.TextField(blank=True)
    created_at = models.DateTimeField(db_default=Now())
    members: models.ManyToManyField[models.Model, models.Model] = models.ManyToManyField(
        settings.AUTH_USER_MODEL, through="Membership", related_name="projects"
    )

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A person's role in a project. Each role may do all that the ones before it may."""

    class Role(models.TextChoices):
        VIEWER = "viewer", "Viewer: sees and downloads"
        ANNOTATOR = "annotator", "Annotator: judges pairs"
        EDITOR = "editor", "Editor: uploads, compares, makes splits"
        OWNER = "owner", "Owner: members, deletion"

    project = models.ForeignKey(Project, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role, default=Role.ANNOTATOR)
    created_at = models.DateTimeField(db_default=Now())

    RANK: ClassVar[dict[str, int]] = {
        role: rank for rank, role in enumerate(("viewer", "annotator", "editor", "owner"))
    }

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "user"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.project}"

    def allows(self, role: str) -> bool:
        """Whether this role may do what `role` may do."""
        return self.RANK[self.role] >= self.RANK[role]


class Dataset(models.Model):
    """A named collection of images in a project; may hold fingerprints only."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="datasets")
    name = models.CharField(max_length=100)
    slug = models.CharField(max_length=100, validators=[SLUG])
    description = models.TextField(blank=True)
    position = models.PositiveIntegerField(help_text="Order in the project; decides the dataset's colour.")
    image_count = models.PositiveIntegerField(default=0, help_text="Kept by the import, in the same transaction.")
    file_count = models.PositiveIntegerField(
        default=0, help_text="Images that have a picture; the rest are fingerprints."
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="dataset_name_once"),
            models.UniqueConstraint(fields=["project", "slug"], name="dataset_slug_once"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def color(self) -> int:
        """Which of the six dataset colours it has, 1 to 6; colours come with the name, so they may repeat."""
        return self.position % 6 + 1

    @property
    def fingerprints_only(self) -> bool:
        """Whether no image of it has a picture."""
        return self.image_count > 0 and self.file_count == 0


class Upload(Job):
    """One delivery of files into a dataset: an archive in parts, or files of a folder.

    images_taken + files_refused = files_seen, once it is done.
    """

    class Kind(models.TextChoices):
        ARCHIVE = "archive", "archive"
        FOLDER = "folder", "folder"

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="uploads")
    kind = models.CharField(max_length=10, choices=Kind)
    source_name = models.CharField(max_length=300, help_text="The archive's or folder's name, as the person knows it.")
    bytes_expected = models.PositiveBigIntegerField(default=0)
    layout = models.TextField(blank=True, help_text="What was recognised, as a sentence.")
    warnings = models.JSONField(default=list, help_text="Sentences: what was taken but deserves a look.")
    files_seen = models.PositiveIntegerField(default=0)
    images_taken = models.PositiveIntegerField(default=0)
    files_refused = models.PositiveIntegerField(default=0)
    tables_read = models.PositiveIntegerField(default=0)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.source_name} into {self.dataset}"


class UploadPart(models.Model):
    """A stored piece of an upload: the archive's bytes from `number` on, or one file of a folder.

    Parts are deleted when the import is done.
    """

    upload = models.ForeignKey(Upload, models.CASCADE, related_name="parts")
    number = models.PositiveBigIntegerField(help_text="Offset in the archive in bytes; for a folder the file's count.")
    path = models.CharField(max_length=1024, blank=True, help_text="The file's path in its folder.")
    size = models.PositiveBigIntegerField()
    file = models.FileField(max_length=300)

    class Meta:
        ordering = ["upload", "number"]
        constraints = [models.UniqueConstraint(fields=["upload", "number"], name="upload_part_once")]

    def __str__(self) -> str:
        return f"{self.upload_id}: {self.path or self.number}"


class RefusedFile(models.Model):
    """A file of an upload that was not taken, with a reason a person can act on."""

    upload = models.ForeignKey(Upload, models.CASCADE, related_name="refused")
    path = models.CharField(max_length=1024)
    code = models.CharField(max_length=40)
    reason = models.TextField()

    class Meta:
        ordering = ["upload", "id"]
        indexes = [models.Index(fields=["upload", "code"], name="refused_by_code")]

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class Label(models.Model):
    """A class name that images of a project carry, in any of its datasets."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="labels")
    name = models.CharField(max_length=500, help_text="As in the data, e.g. an Iconclass code.")
    title = models.CharField(max_length=500, blank=True, help_text="For people, from classes.csv.")
    description = models.TextField(blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="label_once")]

    def __str__(self) -> str:
        return self.title or self.name


class Image(models.Model):
    """One picture of a dataset. It never changes once it is taken: another content is another image.

    Ids within one dataset grow in the order of import (imports of a dataset run one after another), so "all images
    up to this id" names a fixed set.
    """

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="images")
    upload = models.ForeignKey(Upload, models.SET_NULL, null=True, related_name="images")
    name = models.CharField(max_length=1024, help_text="The path in the dataset without suffix; its identity.")
    path = models.CharField(max_length=1024, help_text="The path in the dataset, as brought.")
    sha256 = models.CharField(max_length=64, blank=True, help_text="Of the file's bytes; empty without a picture.")
    pixel_hash = models.CharField(max_length=64, blank=True, help_text="sha256 of size and decoded RGB pixels.")
    width = models.PositiveIntegerField(null=True, help_text="After the EXIF orientation is applied.")
    height = models.PositiveIntegerField(null=True)
    bytes = models.PositiveBigIntegerField(null=True)
    format = models.CharField(max_length=20, blank=True)
    mode = models.CharField(max_length=20, blank=True, help_text="Pillow's pixel mode, as stored in the file.")
    file = models.FileField(max_length=300, blank=True)
    thumbnail = models.FileField(max_length=300, blank=True)
    labels: models.ManyToManyField[Label, models.Model] = models.ManyToManyField(
        Label, through="ImageLabel", related_name="images"
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["dataset", "id"]
        constraints = [models.UniqueConstraint(fields=["dataset", "name"], name="image_name_once")]
        indexes = [
            models.Index(fields=["dataset", "id"], name="image_by_dataset"),
            # For "have we seen this file?" over all datasets; hashes of digests, since nobody asks for their order.
            HashIndex(fields=["sha256"], condition=~models.Q(sha256=""), name="image_by_file"),
            HashIndex(fields=["pixel_hash"], condition=~models.Q(pixel_hash=""), name="image_by_pixels"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def has_picture(self) -> bool:
        """False for an image of which only fingerprints were brought."""
        return bool(self.file)


class ImageLabel(models.Model):
    """An image carries a label."""

    image = models.ForeignKey(Image, models.CASCADE, related_name="image_labels")
    label = models.ForeignKey(Label, models.CASCADE, related_name="image_labels")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["image", "label"], name="image_label_once")]

    def __str__(self) -> str:
        return f"{self.image_id}: {self.label_id}"
