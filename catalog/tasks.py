"""Tasks of the catalogue: thin, repeatable, by primary key."""

from __future__ import annotations

from celery import shared_task

from catalog.core.errors import CatalogError
from catalog.ingest import delivered, ingest
from catalog.jobs import claim, work_on
from catalog.models import Upload
from catalog.workspace import discard_parts


@shared_task(name="catalog.import_upload")
def import_upload(upload_id: int) -> None:
    """Take an upload's files into its dataset."""
    upload = claim(Upload, upload_id)
    if upload is None:
        return
    with work_on(upload, expected=(CatalogError,)) as progress:
        try:
            with delivered(upload) as source:
                ingest(upload, source, progress)
        except CatalogError:
            discard_parts(upload=upload)
            raise
