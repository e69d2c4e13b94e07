"""`manage.py import_dataset`: a folder or archive of images, or of fingerprints, into a dataset."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import CommandError
from django.db import transaction

from catalog import queries
from catalog.core.sources import FolderSource, Source, open_source
from catalog.ingest import ingest, undo
from catalog.jobs import work_on
from catalog.models import Project, Upload
from catalog.schemas import UploadDetail
from catalog.tasks import import_upload
from catalog.workspace import add_part, begin_upload, create_project, dataset_for, finish_upload
from simweb.cli import JobCommand, bar, progress_of, project_named, stoppable
from simweb.errors import DOMAIN_ERRORS
from simweb.people import person_named

PART_BYTES = 8 * 1024 * 1024
REFUSED_SHOWN = 20


class Command(JobCommand):
    """Bring files into a dataset; what they are is recognised as in the dashboard's upload."""

    help = "Import a folder or archive of images, or of fingerprints, into a dataset of a project."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to, and what."""
        super().add_arguments(parser)
        parser.add_argument("project", help="slug or name; made if there is none")
        parser.add_argument("name", help="the dataset's name; made if the project has none of it")
        parser.add_argument("path", type=Path, help="folder, ZIP or TAR archive")

    def handle(
        self, *args: Any, project: str, name: str, path: Path, user: str, wait: bool, as_json: bool, **options: Any
    ) -> None:
        """Import it here, or store its files for a worker."""
        if not path.exists():
            raise CommandError(f"There is no file or folder {path}.")
        path = path.resolve()
        scratch = Path(settings.FILE_UPLOAD_TEMP_DIR)
        # What cannot be opened is refused before anything is made for it.
        with open_source(path, scratch=scratch) as source:
            upload = self._begin(project, name, path, person_named(user))
            if wait:
                self._import(upload, source)
            else:
                self._store(upload, source, path)
        if not wait:
            self.work(finish_upload(upload=upload), import_upload, wait=False)
        upload.refresh_from_db()
        if as_json:
            self.show(UploadDetail.from_orm(upload))
        else:
            self._say(upload)

    def _begin(self, project: str, name: str, path: Path, by: User) -> Upload:
        kind = Upload.Kind.FOLDER if path.is_dir() else Upload.Kind.ARCHIVE
        size = 0 if path.is_dir() else path.stat().st_size
        with transaction.atomic():
            dataset = dataset_for(project=self._project(project, by), name=name, by=by)
            return begin_upload(dataset=dataset, kind=kind, source_name=path.name, bytes_expected=size, by=by)

    def _project(self, name: str, by: User) -> Project:
        found = project_named(name)
        if found is None:
            found = create_project(name=name, owner=by)
            self.note(f"Made the project “{found.name}” ({found.slug}), which belongs to {by.get_username()}.")
        return found

    def _import(self, upload: Upload, source: Source) -> None:
        try:
            with stoppable(upload), progress_of(upload), work_on(upload, expected=DOMAIN_ERRORS) as progress:
                ingest(upload, source, progress)
        except KeyboardInterrupt:
            undo(upload)
            raise

    def _store(self, upload: Upload, source: Source, path: Path) -> None:
        """Store the files as a browser's upload would, so that a worker anywhere can import them."""
        for refusal in source.refused if isinstance(source, FolderSource) else ():
            self.note(f"Not taken: {refusal.path}: {refusal.message}")
        with bar() as shown:
            if isinstance(source, FolderSource):
                entries = source.entries()
                line = shown.add_task("Storing files", total=len(entries)) if shown else None
                for number, entry in enumerate(entries):
                    with source.open(entry.path) as file:
                        add_part(upload=upload, number=number, content=file, path=entry.path)
                    if shown and line is not None:
                        shown.advance(line)
                return
            line = shown.add_task("Storing bytes", total=path.stat().st_size) if shown else None
            with path.open("rb") as archive:
                while content := archive.read(PART_BYTES):
                    add_part(upload=upload, number=archive.tell() - len(content), content=content)
                    if shown and line is not None:
                        shown.advance(line, len(content))

    def _say(self, upload: Upload) -> None:
        if upload.status != Upload.Status.DONE:
            self.stdout.write(f"Upload {upload.pk} into {upload.dataset.name} is {upload.status}.")
            return
        self.stdout.write(
            f"{upload.dataset.name}: {upload.images_taken:,} images taken, {upload.files_refused:,} files refused, "
            f"{upload.files_seen:,} seen."
        )
        self.stdout.write(upload.layout)
        for warning in upload.warnings:
            self.note(f"Note: {warning}")
        for row in queries.refused(upload, limit=REFUSED_SHOWN - 1):
            self.note(f"Refused: {row.path}: {row.reason}")
        if upload.files_refused > REFUSED_SHOWN:
            self.note(f"… and {upload.files_refused - REFUSED_SHOWN:,} more; the dashboard lists all.")
