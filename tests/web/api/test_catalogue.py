"""Projects, members, uploads and images over the API."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile

from catalog.models import Dataset, Project
from catalog.tasks import import_upload
from catalog.workspace import PART_LIMIT
from tests.core.model_files import describe, mean_colour_onnx
from tests.web.script import Script

Draw = Callable[..., bytes]


def loose(files: list[tuple[str, bytes]], first: int) -> dict[str, Any]:
    """Files as a form sends them, the number of the first among all."""
    return {
        "path": [path for path, _ in files],
        "files": [SimpleUploadedFile("x", content) for _, content in files],
        "first": first,
    }


def test_projects_and_members(script: Script, project: Project, stranger: User) -> None:
    made = script.post("/projects", {"name": "Saints in art", "description": "again"})
    assert (made["slug"], made["role"], made["dataset_count"]) == ("saints-in-art-2", "owner", 0)
    assert [row["slug"] for row in script.get("/projects")] == ["saints-in-art", "saints-in-art-2"]
    there = "/projects/saints-in-art/members"
    assert script.put(f"{there}/sven", {"role": "annotator"}) == {"username": "sven", "role": "annotator"}
    assert script.get(there) == [{"username": "olga", "role": "owner"}, {"username": "sven", "role": "annotator"}]
    assert "nobody" in script.put(f"{there}/nobody", {"role": "viewer"}, expect=422)["detail"]
    assert script.put(f"{there}/olga", {"role": "viewer"}, expect=409)["detail"] == "A project needs an owner."
    assert script.call("DELETE", f"{there}/sven").status_code == 204
    assert script.call("DELETE", f"{there}/sven").status_code == 404


def test_an_archive_comes_in_parts_in_any_order(script: Script, project: Project, picture: Draw) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for n in range(3):
            archive.writestr(f"set/{n}.png", picture(n))
        archive.writestr("set/notes.txt", "not a picture")
    data = packed.getvalue()
    there = "/projects/saints-in-art/uploads"
    said = {"dataset": "Set", "kind": "archive", "source_name": "set.zip", "bytes_expected": len(data)}
    upload = f"{there}/{script.post(there, said)['id']}"
    half = len(data) // 2
    for offset in (half, 0):
        part = data[offset : offset + half] if not offset else data[offset:]
        # What curl sends where no type is named.
        sent = script.call(
            "PUT", f"{upload}/parts/{offset}", data=part, content_type="application/x-www-form-urlencoded"
        )
        assert sent.json() == {"files": 0, "bytes": len(part)}
        if offset:
            missing = script.post(f"{upload}/finish", None, expect=422)
            assert f"lacks the bytes 0 to {half:,}" in missing["detail"]
    assert script.get(upload)["arrived"] == {"parts": 2, "bytes": len(data)}
    assert script.post(f"{upload}/finish", None, expect=202)["status"] == "queued"
    import_upload(int(upload.rsplit("/", 1)[1]))
    done = script.get(upload)
    assert (done["status"], done["images_taken"], done["files_refused"], done["files_seen"]) == ("done", 3, 1, 4)
    assert done["layout"]
    assert done["progress"] is None
    assert [(row["path"], row["code"]) for row in script.get(f"{upload}/refused")["items"]] == [
        ("set/notes.txt", done["refused"][0]["code"])
    ]
    assert script.call("PUT", f"{upload}/parts/0", data=b"x").status_code == 409


def test_a_folder_comes_as_files(script: Script, project: Project, picture: Draw) -> None:
    there = "/projects/saints-in-art/uploads"
    upload = script.post(there, {"dataset": "Set", "kind": "folder", "source_name": "set"})
    here = f"{there}/{upload['id']}"
    for first in (0, 2, 2):
        files = [(f"{('cat', 'dog')[n]}/{first}.png", picture(first + n)) for n in range(2)]
        assert script.form(f"{here}/files", loose(files, first)).json()["files"] == 2
    assert script.call("PUT", f"{here}/parts/0", data=b"x").json()["remedy"] == "Send it with POST …/files."
    assert script.post(f"{here}/finish", None, expect=202)["status"] == "queued"
    import_upload(upload["id"])
    dataset = script.get("/projects/saints-in-art/datasets/set")
    assert (dataset["image_count"], dataset["picture_count"]) == (4, 4)
    assert [(label["name"], label["images"]) for label in dataset["labels"]] == [("cat", 2), ("dog", 2)]


def test_a_part_that_is_too_large_is_refused_in_words(script: Script, project: Project) -> None:
    there = "/projects/saints-in-art/uploads"
    upload = script.post(there, {"dataset": "Set", "kind": "archive", "source_name": "set.zip"})
    for size in (PART_LIMIT + 1, 13 * 2**20):
        sent = script.call("PUT", f"{there}/{upload['id']}/parts/0", data=bytes(size))
        assert (sent.status_code, sent.json()["detail"]) == (413, "This part is too large.")


def test_images_come_in_pages_with_labels_and_files(script: Script, two: list[Dataset], picture: Draw) -> None:
    there = "/projects/saints-in-art/datasets/birds/images"
    names: list[str] = []
    after: int | None = 0
    while after is not None:
        page = script.get(f"{there}?limit=3&after={after}")
        names += [row["name"] for row in page["items"]]
        after = page["next"]
    assert names == ["crow/0", "crow/1", "crow/2", "duck/9"]
    [duck] = script.get(f"{there}?label=duck")["items"]
    assert (duck["labels"], duck["width"], duck["height"]) == (["duck"], 96, 80)
    sent = script.call("GET", f"/projects/saints-in-art/images/{duck['id']}/file")
    assert b"".join(sent.streaming_content) == picture(0)
    script.get(f"{there}?limit=100000", expect=422)


def test_nobody_brings_a_model_through_an_upload(
    script: Script, project: Project, picture: Draw, settings: Any, tmp_path: Path
) -> None:
    settings.MODELS_DIR = tmp_path / "models"
    describe(mean_colour_onnx(tmp_path / "brought" / "mean.onnx"))
    brought = [(f"onnx/{path.name}", path.read_bytes()) for path in sorted((tmp_path / "brought").iterdir())]
    brought += [("../models/onnx/mean.onnx", brought[1][1]), ("torchscript/net.pt", b"PK"), ("w.safetensors", bytes(8))]
    there = "/projects/saints-in-art/uploads"
    upload = script.post(there, {"dataset": "Set", "kind": "folder", "source_name": "set"})
    here = f"{there}/{upload['id']}"
    files = [*brought, ("1.png", picture(1))]
    assert script.form(f"{here}/files", loose(files, 0)).json()["files"] == len(files)
    script.post(f"{here}/finish", None, expect=202)
    import_upload(upload["id"])
    done = script.get(here)
    assert (done["images_taken"], done["files_refused"]) == (1, len(brought))
    assert all(row["reason"] for row in script.get(f"{here}/refused")["items"])
    assert not settings.MODELS_DIR.exists()
    assert not [row for row in script.get("/signals") if row["name"].startswith(("onnx:", "torchscript:"))]
