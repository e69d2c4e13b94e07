"""The REST API of what people bring: projects, members, datasets, images, uploads."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Any, cast

from django.contrib.auth.models import User
from django.core.exceptions import RequestDataTooBig
from django.core.files.storage import default_storage
from django.db import transaction
from django.http import FileResponse, Http404, HttpRequest
from ninja import File, Form, Query, Router, Status, UploadedFile

from catalog import queries, workspace
from catalog.core.errors import CatalogError
from catalog.jobs import queue
from catalog.models import Dataset, Membership, Upload
from catalog.schemas import (
    READS,
    WRITES,
    DatasetDetail,
    DatasetOut,
    ImagePage,
    MemberOut,
    PartOut,
    ProjectIn,
    ProjectOut,
    RefusedPage,
    RoleIn,
    UploadDetail,
    UploadIn,
    UploadOut,
    UploadPage,
    newest,
    page,
    problems,
)
from catalog.tasks import import_upload

EDITOR, OWNER = Membership.Role.EDITOR, Membership.Role.OWNER
PAGE = 100
LARGEST_PAGE = 1000
LONGEST_PATH = 1000

Limit = Annotated[int, Query(ge=1, le=LARGEST_PAGE, description="Rows on a page.")]
After = Annotated[int, Query(ge=0, description="The `next` of the page before.")]

BINARY = {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}

router = Router()


def person(request: HttpRequest) -> User:
    """Who asks; authentication lets no one else in."""
    return cast(User, request.user)


@router.get(
    "/projects",
    response={200: list[ProjectOut], **problems(401)},
    operation_id="list_projects",
    summary="My projects",
    tags=["projects"],
)
def list_projects(request: HttpRequest) -> list[ProjectOut]:
    """The projects that you are a member of."""
    return [
        ProjectOut.of(row, datasets=row.dataset_total, images=row.image_total)
        for row in cast(Any, queries.memberships(request.user))
    ]


@router.post(
    "/projects",
    response={201: ProjectOut, **problems(401, 422)},
    operation_id="create_project",
    summary="Make a project",
    tags=["projects"],
)
def create_project(request: HttpRequest, payload: ProjectIn) -> Status[ProjectOut]:
    """A new project that you own."""
    made = workspace.create_project(name=payload.name, description=payload.description, owner=person(request))
    way = queries.access(request.user, made.slug)
    return Status(201, ProjectOut.of(way.membership, datasets=0, images=0))


@router.get(
    "/projects/{slug:project}",
    response={200: ProjectOut, **READS},
    operation_id="read_project",
    summary="One project",
    tags=["projects"],
)
def read_project(request: HttpRequest, project: str) -> ProjectOut:
    """A project with its counts and your role."""
    way = queries.access(request.user, project)
    totals = queries.totals(way.project)
    return ProjectOut.of(way.membership, datasets=totals["datasets"], images=totals["images"])


@router.get(
    "/projects/{slug:project}/members",
    response={200: list[MemberOut], **READS},
    operation_id="list_members",
    summary="Who belongs to it",
    tags=["projects"],
)
def list_members(request: HttpRequest, project: str) -> Any:
    """The project's members with their roles."""
    return queries.members(queries.access(request.user, project).project)


@router.put(
    "/projects/{slug:project}/members/{username}",
    response={200: MemberOut, **WRITES},
    operation_id="set_member",
    summary="Add a member or change a role",
    tags=["projects"],
)
def set_member(request: HttpRequest, project: str, username: str, payload: RoleIn) -> Membership:
    """Give a person of this site a role. For owners; a project keeps at least one owner (409)."""
    way = queries.access(request.user, project, OWNER)
    return workspace.set_member(project=way.project, username=username, role=payload.role)


@router.delete(
    "/projects/{slug:project}/members/{username}",
    response={204: None, **WRITES},
    operation_id="remove_member",
    summary="Remove a member",
    tags=["projects"],
)
def remove_member(request: HttpRequest, project: str, username: str) -> Status[None]:
    """End a membership; what the person judged stays. For owners."""
    way = queries.access(request.user, project, OWNER)
    member = queries.members(way.project).filter(user__username=username).first()
    if member is None:
        raise Http404
    workspace.remove_member(project=way.project, user_id=member.user_id)
    return Status(204, None)


@router.get(
    "/projects/{slug:project}/datasets",
    response={200: list[DatasetOut], **READS},
    operation_id="list_datasets",
    summary="The datasets",
    tags=["datasets"],
)
def list_datasets(request: HttpRequest, project: str) -> Any:
    """The project's datasets in their order."""
    return queries.datasets(queries.access(request.user, project).project)


@router.get(
    "/projects/{slug:project}/datasets/{slug:dataset}",
    response={200: DatasetDetail, **READS},
    operation_id="read_dataset",
    summary="One dataset",
    tags=["datasets"],
)
def read_dataset(request: HttpRequest, project: str, dataset: str) -> Dataset:
    """A dataset with its labels."""
    return queries.dataset(queries.access(request.user, project).project, dataset)


@router.get(
    "/projects/{slug:project}/datasets/{slug:dataset}/images",
    response={200: ImagePage, **READS},
    operation_id="list_images",
    summary="Images of a dataset",
    tags=["datasets"],
)
def list_images(
    request: HttpRequest,
    *,
    project: str,
    dataset: str,
    label: str = "",
    name: str = "",
    after: After = 0,
    limit: Limit = PAGE,
) -> dict[str, Any]:
    """A page of images in order of import: all, those with a `label`, or those with a text in their `name`."""
    found = queries.dataset(queries.access(request.user, project).project, dataset)
    rows = queries.images(found, label=label, name=name, after=after, limit=limit)
    return page(rows, limit)


@router.get(
    "/projects/{slug:project}/images/{int:image}/file",
    response={200: None, **READS},
    operation_id="download_image",
    summary="The picture as it was brought",
    tags=["datasets"],
    openapi_extra={"responses": {200: BINARY}},
)
def download_image(request: HttpRequest, project: str, image: int) -> FileResponse:
    """The original file's bytes; 404 where only fingerprints were brought."""
    found = queries.image(queries.access(request.user, project).project, image)
    if not found.has_picture:
        raise Http404
    stored = default_storage.open(str(found.file))
    return FileResponse(
        stored, as_attachment=True, filename=PurePosixPath(found.path).name, content_type="application/octet-stream"
    )


@router.post(
    "/projects/{slug:project}/uploads",
    response={201: UploadOut, **WRITES},
    operation_id="begin_upload",
    summary="1. Announce a delivery",
    tags=["uploads"],
)
def begin_upload(request: HttpRequest, project: str, payload: UploadIn) -> Status[Upload]:
    """Begin with a dataset's name; send parts or files next, then finish. For editors.

    What the files are is recognised as in the dashboard: images with labels, or fingerprints only.
    """
    way = queries.access(request.user, project, EDITOR)
    for text in (payload.dataset, payload.source_name):
        _refuse_nul(text)
    with transaction.atomic():
        dataset = workspace.dataset_for(project=way.project, name=payload.dataset, by=person(request))
        upload = workspace.begin_upload(
            dataset=dataset,
            kind=payload.kind,
            source_name=payload.source_name,
            bytes_expected=payload.bytes_expected,
            by=person(request),
        )
    return Status(201, upload)


@router.put(
    "/projects/{slug:project}/uploads/{int:upload}/parts/{int:offset}",
    response={200: PartOut, **WRITES, **problems(413)},
    operation_id="send_part",
    summary="2. Send bytes of an archive",
    tags=["uploads"],
    openapi_extra={"requestBody": {**BINARY, "required": True}},
)
def send_part(request: HttpRequest, project: str, upload: int, offset: int) -> PartOut:
    """The archive's bytes from `offset` on, as the raw body, at most 10 MiB (8 MiB are a good size). For editors.

    Parts may come in any order, and again after a broken connection.
    """
    found = _open_upload(request, project, upload, Upload.Kind.ARCHIVE)
    content = request.body
    if not content:
        raise CatalogError("The part is empty.", remedy="Send the archive's bytes as the request's body.")
    if len(content) > workspace.PART_LIMIT:
        raise RequestDataTooBig
    workspace.add_part(upload=found, number=offset, content=content)
    return PartOut(files=0, bytes=len(content))


@router.post(
    "/projects/{slug:project}/uploads/{int:upload}/files",
    response={200: PartOut, **WRITES, **problems(413)},
    operation_id="send_files",
    summary="2. Send files of a folder",
    tags=["uploads"],
)
def send_files(
    request: HttpRequest,
    *,
    project: str,
    upload: int,
    path: Annotated[list[str], Form(description="Each file's path in the folder, in the order of `files`.")],
    files: Annotated[list[UploadedFile], File(description="At most 500 at once.")],
    first: Annotated[int, Form(ge=0, description="Number of the first of these files: how many were sent before.")] = 0,
) -> PartOut:
    """Files of a folder with their paths, as multipart form data. For editors.

    Sent again with the same `first`, files replace those of the same number.
    """
    found = _open_upload(request, project, upload, Upload.Kind.FOLDER)
    if len(path) != len(files):
        raise CatalogError(
            f"{len(files)} files and {len(path)} paths have arrived.", remedy="Send each file with one path."
        )
    for text in path:
        _refuse_nul(text)
        if not text or len(text) > LONGEST_PATH:
            raise CatalogError(f"The path {text[:80]}… has {len(text)} characters; 1 to {LONGEST_PATH:,} fit.")
    for number, (text, file) in enumerate(zip(path, files, strict=True), start=first):
        workspace.add_part(upload=found, number=number, content=file, path=text)
    return PartOut(files=len(files), bytes=sum(file.size or 0 for file in files))


@router.post(
    "/projects/{slug:project}/uploads/{int:upload}/finish",
    response={202: UploadOut, **WRITES},
    operation_id="finish_upload",
    summary="3. Finish a delivery",
    tags=["uploads"],
)
def finish_upload(request: HttpRequest, project: str, upload: int) -> Status[Upload]:
    """Say that everything has arrived; the import begins. Sent twice, it does the same as once. For editors."""
    way = queries.access(request.user, project, EDITOR)
    with transaction.atomic():
        found = workspace.finish_upload(upload=queries.upload(way.project, upload))
        queue(import_upload, found.pk)
    return Status(202, found)


@router.get(
    "/projects/{slug:project}/uploads",
    response={200: UploadPage, **READS},
    operation_id="list_uploads",
    summary="Deliveries",
    tags=["uploads"],
)
def list_uploads(request: HttpRequest, project: str, after: After = 0, limit: Limit = PAGE) -> dict[str, Any]:
    """Uploads into the project's datasets, the newest first."""
    return newest(queries.uploads(queries.access(request.user, project).project), after=after, limit=limit)


@router.get(
    "/projects/{slug:project}/uploads/{int:upload}",
    response={200: UploadDetail, **READS},
    operation_id="read_upload",
    summary="One delivery: progress and outcome",
    tags=["uploads"],
)
def read_upload(request: HttpRequest, project: str, upload: int) -> Upload:
    """Progress while it is imported; then what was recognised, taken and refused."""
    return queries.upload(queries.access(request.user, project).project, upload)


@router.get(
    "/projects/{slug:project}/uploads/{int:upload}/refused",
    response={200: RefusedPage, **READS},
    operation_id="list_refused_files",
    summary="Files that were refused",
    tags=["uploads"],
)
def list_refused_files(
    request: HttpRequest, *, project: str, upload: int, code: str = "", after: After = 0, limit: Limit = PAGE
) -> dict[str, Any]:
    """Every file that was not taken, with the reason: all, or those of one reason `code`."""
    found = queries.upload(queries.access(request.user, project).project, upload)
    if code:
        rows = queries.refused_of(found, code, after=after, limit=limit)
    else:
        rows = queries.refused(found, after=after, limit=limit)
    return page(rows, limit)


def _open_upload(request: HttpRequest, project: str, upload: int, kind: str) -> Upload:
    found = queries.upload(queries.access(request.user, project, EDITOR).project, upload)
    if found.kind != kind:
        ways = {Upload.Kind.ARCHIVE: "PUT …/parts/{offset}", Upload.Kind.FOLDER: "POST …/files"}
        raise CatalogError(
            f"This upload is of the kind {found.kind}.", remedy=f"Send it with {ways[Upload.Kind(found.kind)]}."
        )
    return found


def _refuse_nul(text: str) -> None:
    if "\x00" in text:
        raise CatalogError("A name holds a null character.", remedy="Rename the file.")
