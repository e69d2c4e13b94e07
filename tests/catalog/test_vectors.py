"""Vectors that people bring: alone, with hashes, beside images, later; each signal is its project's own."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import psycopg
import pyarrow as pa
import pytest
from django.db import connection
from numpy.typing import NDArray
from pyarrow import parquet

from analysis import bulk
from analysis.core.embedding_files import _npy, write_npy_folder
from analysis.models import Coverage, Embedding, Hash, Signal
from analysis.signals import signal
from catalog.core.errors import BrokenTable, CatalogError
from catalog.labelling import LABELS_SPACE
from catalog.models import Dataset, Image, Label, Project, Upload
from catalog.tasks import import_upload
from catalog.workspace import add_part, begin_upload, create_project, dataset_for, finish_upload
from tests.catalog.test_ingest import send
from tests.core.packing import zipped
from tests.shared import shared_data

ROOT = Path(__file__).resolve().parents[2]
Draw = Callable[..., bytes]
Bring = Callable[[str, Mapping[str, bytes]], Dataset]


def npy(array: NDArray[np.generic]) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def as_json(value: object) -> bytes:
    return json.dumps(value).encode()


def table(**columns: object) -> bytes:
    out = io.BytesIO()
    parquet.write_table(pa.table(columns), out)
    return out.getvalue()


def rows(count: int, dim: int = 4, seed: int = 0) -> NDArray[np.float32]:
    found = np.random.default_rng(seed).normal(size=(count, dim))
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


def files(names: list[str], vectors: NDArray[np.generic], name: str = "embeddings.npy") -> dict[str, bytes]:
    return {name: npy(vectors), "names.json": as_json(names)}


def stored(dataset: Dataset, name: str) -> dict[str, NDArray[np.float32]]:
    """Image name → its vector under the project's signal of this name."""
    found = Signal.objects.get(name=f"vectors:{dataset.project_id}/{name}")
    ids, vectors = bulk.read_embeddings(dataset_id=dataset.pk, signal_id=found.pk)
    names = dict(Image.objects.filter(pk__in=ids.tolist()).values_list("pk", "name"))
    return {} if vectors is None else {names[pk]: row for pk, row in zip(ids.tolist(), vectors.values, strict=True)}


def same(found: Mapping[str, NDArray[np.float32]], names: list[str], vectors: NDArray[np.float32]) -> bool:
    return set(found) == set(names) and all(
        np.array_equal(found[name], vector) for name, vector in zip(names, vectors, strict=True)
    )


def latest() -> Upload:
    return Upload.objects.latest("id")


@pytest.fixture
def pictures(import_files: Bring, picture: Draw) -> Dataset:
    """A dataset of three pictures: saints/a, saints/b and saints/é."""
    return import_files("Prints", {f"mine/saints/{name}.png": picture(n) for n, name in enumerate("abé")})


@pytest.mark.shared_data
def test_published_embeddings_are_a_dataset_alone_and_together_with_hashes(import_files: Bring) -> None:
    saints = shared_data() / "saints"
    alone = {path.name: path.read_bytes() for path in (saints / "embeddings" / "ICONCLASS").iterdir()}
    first = import_files("Alone", alone)
    upload = latest()
    assert (first.image_count, first.fingerprints_only, upload.files_refused) == (592, True, 0)
    assert upload.layout == (
        "Fingerprints without images: 592 names, embeddings.npy, labels from labels.json; "
        "592 embeddings embeddings-512 from embeddings.npy."
    )
    assert (upload.tables_read, upload.warnings) == (3, [])
    both = {path.name: path.read_bytes() for path in (saints / "fingerprints" / "ICONCLASS").iterdir()} | alone
    second = import_files("Both", both)
    upload = latest()
    assert "592 hashes phash-8" in upload.layout
    assert "592 embeddings embeddings-512" in upload.layout
    assert list(upload.refused.values_list("path", "code")) == [("labels.json", "unused-table")]
    assert Hash.objects.filter(dataset=second).count() == 2 * 592
    found = Signal.objects.get(name=f"vectors:{first.project_id}/embeddings-512")
    assert (found.dim, found.project_id) == (512, first.project_id)
    assert signal(found.name).title == "Brought vectors “embeddings”, 512 dimensions"
    published = np.load(saints / "embeddings" / "ICONCLASS" / "embeddings.npy").astype(np.float64)
    unit = published / np.linalg.norm(published, axis=1, keepdims=True)
    names = json.loads(alone["names.json"])
    for dataset in (first, second):
        by_name = stored(dataset, "embeddings-512")
        np.testing.assert_allclose(np.stack([by_name[name] for name in names]), unit, atol=1e-6)


def test_vectors_beside_pictures_are_theirs_and_those_of_refused_files_are_left_out(
    import_files: Bring, picture: Draw
) -> None:
    vectors = rows(3)
    whole = picture(3, format="JPEG")
    dataset = import_files(
        "Prints",
        {"a.png": picture(1), "b.png": picture(2), "c.jpg": whole[: len(whole) // 2]}
        | files(["./c.jpg", "a", "b.png"], vectors),
    )
    upload = latest()
    assert same(stored(dataset, "embeddings-4"), ["a", "b"], vectors[1:])
    assert (upload.files_seen, upload.images_taken, upload.files_refused, upload.tables_read) == (3, 2, 1, 2)
    assert "2 embeddings embeddings-4 from embeddings.npy" in upload.layout
    assert "left out, since the file was refused: 1 row of embeddings.npy" in upload.layout
    assert dataset.file_count == 2


def test_a_file_of_vectors_with_unknown_names_is_refused_beside_pictures_that_are_taken(
    import_files: Bring, picture: Draw
) -> None:
    brought = {"a.png": picture(1), "b.png": picture(2), **files(["a", "x", "y", "z", "q"], rows(5))}
    dataset = import_files("Prints", brought | {"good.npy": npy(rows(5, 2))} | {"other/nan.npy": npy(rows(2) * np.nan)})
    upload = latest()
    assert (dataset.image_count, Embedding.objects.count()) == (2, 0)
    refused = {row.path: row for row in upload.refused.all()}
    assert {row.code for row in refused.values()} == {"broken-vectors"}
    assert (
        "4 of its 5 names mean no image here, or more than one: x, y, z and 1 more." in refused["embeddings.npy"].reason
    )
    assert set(refused) == {"embeddings.npy", "good.npy", "other/nan.npy"}
    assert upload.files_seen == upload.images_taken + upload.files_refused == 5


def test_of_a_file_that_breaks_off_late_nothing_is_kept(
    import_files: Bring, picture: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_npy, "BATCH_VALUES", 4)
    vectors = rows(3)
    vectors[2] = 0
    pictures = {f"{name}.png": picture(n) for n, name in enumerate("abc")}
    dataset = import_files("Prints", pictures | files(["a", "b", "c"], vectors) | {"fine.npy": npy(rows(3))})
    assert "row 3 ('c'): all values are zero" in latest().refused.get().reason
    assert (dataset.image_count, Embedding.objects.count()) == (3, 3)
    assert len(stored(dataset, "fine-4")) == 3


@pytest.mark.parametrize(
    "names",
    [
        ["saints/a", "saints/b", "saints/é"],
        ["a.png", "b.jpg", unicodedata.normalize("NFD", "é.PNG")],
        ["/home/me/mine/saints/a.png", "./saints/b", "saints\\é.png"],
    ],
)
def test_vectors_brought_later_find_their_pictures(import_files: Bring, pictures: Dataset, names: list[str]) -> None:
    vectors = rows(3)
    labels = {"labels.json": as_json(["x", "y", "z"])}
    again = import_files("Prints", files(names, vectors) | labels)
    assert same(stored(again, "embeddings-4"), ["saints/a", "saints/b", "saints/é"], vectors)
    assert (again.image_count, again.file_count) == (3, 3)
    upload = latest()
    assert upload.layout == ("Vectors of 3 images here before; 3 embeddings embeddings-4 from embeddings.npy.")
    assert (upload.files_seen, upload.images_taken, upload.files_refused, upload.tables_read) == (0, 0, 0, 3)
    assert "keep their labels" in upload.warnings[0]
    assert set(Image.objects.get(name="saints/a").labels.values_list("name", flat=True)) == {"saints"}


@pytest.mark.parametrize(
    ("brought", "parts"),
    [
        (
            files(["a", "b", "nobody"], rows(3)),
            ["1 of its 3 names mean no image", ": nobody. Name", "leave these rows out"],
        ),
        (files(["a", "saints/a"], rows(2)), ["a and saints/a mean the same image"]),
        (files(["a", "b"], rows(3)), ["3 rows for 2 names"]),
        (files(["a", "b"], np.array([[1, 0], [np.inf, 0]])), ["row 2 ('b')", "finite"]),
        ({"embeddings.npy": npy(rows(2))}, ["nothing says which image", "names.json"]),
        ({"v.parquet": table(name=["a", "a.png"], embedding=[[1.0], [1.0]])}, ["'a' stands already in row 1"]),
        ({"v.csv": b'name,embedding\na,"[1]"\nb,"[1]"\n/,"[1]"\n'}, ["v.csv, line 4", "the name is empty"]),
        ({"v.parquet": b"PAR1"}, ["cannot be read as Parquet"]),
        (files(["a", "b"], rows(2)) | {"second.npy": npy(rows(3))}, ["second.npy", "3 rows for 2 names"]),
    ],
)
def test_what_cannot_be_taken_later_stops_the_upload_and_nothing_remains(
    import_files: Bring, pictures: Dataset, brought: dict[str, bytes], parts: list[str]
) -> None:
    labels = set(Label.objects.values_list("name", flat=True))
    with pytest.raises(BrokenTable):
        import_files("Prints", brought | {"classes.csv": b"ID,Label\nnew,New\n"})
    pictures.refresh_from_db()
    upload = latest()
    assert upload.status == "failed"
    for part in parts:
        assert part in upload.error
    assert (pictures.image_count, Embedding.objects.count(), upload.refused.count()) == (3, 0, 0)
    assert set(Label.objects.values_list("name", flat=True)) == labels


def test_bringing_the_same_again_changes_nothing_and_other_vectors_need_another_name(
    import_files: Bring, pictures: Dataset
) -> None:
    vectors = rows(3)
    import_files("Prints", files(["a", "b", "é"], vectors))
    import_files("Prints", files(["é", "a"], vectors[[2, 0]]))
    assert "0 embeddings embeddings-4 from embeddings.npy; here before: 2 rows of embeddings.npy" in (latest().layout)
    with pytest.raises(BrokenTable, match="saints/a has another vector under “embeddings-4” already"):
        import_files("Prints", files(["a"], vectors[1:2]))
    assert same(stored(pictures, "embeddings-4"), ["saints/a", "saints/b", "saints/é"], vectors)
    import_files("Prints", files(["a"], vectors[1:2], "embeddings-2.npy"))
    assert same(stored(pictures, "embeddings-2-4"), ["saints/a"], vectors[1:2])


def test_new_names_are_new_images_where_there_are_no_pictures(import_files: Bring) -> None:
    vectors = rows(4)
    labels = {"labels.json": as_json(["x", "y"])}
    dataset = import_files("Secret", files(["a", "b"], vectors[:2]) | labels)
    assert dataset.image_count == 2
    dataset = import_files(
        "Secret", files(["b.jpg", "c", "d"], vectors[1:]) | {"labels.json": as_json(["z", "z", None])}
    )
    assert (dataset.image_count, dataset.file_count) == (4, 0)
    assert same(stored(dataset, "embeddings-4"), ["a", "b", "c", "d"], vectors)
    assert latest().layout.startswith("Vectors of 1 image here before, and of 2 new images without pictures;")
    assert {name: list(Image.objects.get(name=name).labels.values_list("name", flat=True)) for name in "bcd"} == {
        "b": ["y"],
        "c": ["z"],
        "d": [],
    }


def test_several_files_are_several_signals_of_one_project(import_files: Bring, owner: object) -> None:
    brought = files(["a", "b"], rows(2)) | {
        "CLIP ViT.npy": npy(rows(2, 3)),
        "shard-00000-of-00002.parquet": table(file_name=["a"], vector=[[1.0, 0]], label=["x"]),
        "shard-00001-of-00002.parquet": table(file_name=["b"], vector=[[0.0, 1]], label=["y"]),
    }
    dataset = import_files("One", brought)
    import_files("Two", {"embeddings.csv": b'"c, d","[0,0,3,4]"\n'})
    assert "divided by their length, which was not 1: 1 row of embeddings.csv" in latest().layout
    names = {"embeddings-4", "clip-vit-3", "shard-2"}
    assert set(Signal.objects.exclude(dim=None).values_list("name", flat=True)) == {
        f"vectors:{dataset.project_id}/{name}" for name in names
    }
    assert Image.objects.get(dataset=dataset, name="b").labels.get().name == "y"
    other = create_project(name="Other", owner=owner)  # type: ignore[arg-type]
    theirs = dataset_for(project=other, name="One", by=None)
    import_upload(send(theirs, zipped(files(["a"], rows(1)))).pk)
    assert Signal.objects.filter(name__endswith="embeddings-4").count() == 2
    assert same(stored(theirs, "embeddings-4"), ["a"], rows(1))


def test_what_postgresql_copies_is_read_as_it_is(import_files: Bring) -> None:
    vectors = rows(3, 5)
    out = io.StringIO()
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE made (name text, embedding vector(5), label text)")
        for name, vector in zip(["a, 1", 'b "x"', "c\nd"], vectors, strict=True):
            cursor.execute("INSERT INTO made VALUES (%s, %s, %s)", [name, str(vector.tolist()), "saint"])
        raw = connection.connection.cursor()
        with raw.copy("COPY (SELECT * FROM made WHERE name <> E'c\\nd') TO STDOUT (FORMAT csv, HEADER)") as copy:
            out.write(b"".join(bytes(block) for block in copy).decode())
        raw.close()
    dataset = import_files("Copied", {"made.csv": out.getvalue().encode()})
    assert same(stored(dataset, "made-5"), ["a, 1", 'b "x"'], vectors[:2])
    assert Image.objects.filter(labels__name="saint").count() == 2


def test_what_is_exported_comes_back_the_same(import_files: Bring, tmp_path: Path) -> None:
    names, vectors = ["a", "b/c", "ü"], rows(3, 300) * np.array([[1], [7], [0.1]], np.float32)
    once = stored(import_files("One", files(names, vectors)), "embeddings-300")
    array = np.stack([once[name] for name in names])
    write_npy_folder(tmp_path, names=names, labels=[("x", "y"), (), ("x",)], vectors=array)
    dataset = import_files("Two", {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()})
    assert same(stored(dataset, "embeddings-300"), names, array)
    assert set(Image.objects.get(dataset=dataset, name="a").labels.values_list("name", flat=True)) == {"x", "y"}


def test_a_comparison_no_longer_counts_images_whose_vectors_came_later(import_files: Bring, pictures: Dataset) -> None:
    import_files("Prints", files(["a"], rows(1)))
    known = Signal.objects.get(name__endswith="embeddings-4")
    other = signal("phash-8")
    for signal_id in (known.pk, other.id):
        Coverage.objects.create(
            signal_id=signal_id, dataset_a=pictures, dataset_b=pictures, upto_a=10**6, upto_b=10**6, max_distance=0.1
        )
    import_files("Prints", files(["a", "b"], rows(2)))
    assert list(Coverage.objects.values_list("signal_id", flat=True)) == [other.id]


def test_an_interrupted_import_is_done_again_to_the_end(
    import_files: Bring, picture: Draw, monkeypatch: pytest.MonkeyPatch, project: Project
) -> None:
    from catalog import ingest

    class KilledError(BaseException):
        """As a worker dies: no handler of ours runs."""

    fingerprints = files(["x"], rows(1))
    for name, brought in {
        "Prints": {"a.png": picture(1)} | files(["a"], rows(1)),
        "Vectors": fingerprints,
        "Hashes": fingerprints | {"phash-8.json": as_json(["0" * 16])},
    }.items():
        dataset = dataset_for(project=project, name=name, by=None)
        upload = begin_upload(dataset=dataset, kind="folder", source_name="x", bytes_expected=0, by=None)
        for number, (path, content) in enumerate(brought.items()):
            add_part(upload=upload, number=number, content=content, path=path)
        finish_upload(upload=upload)

        def killed(**_: object) -> None:
            raise KilledError

        with monkeypatch.context() as patched:
            patched.setattr(ingest, "discard_parts", killed)
            with pytest.raises(KilledError):
                import_upload(upload.pk)
        Upload.objects.filter(pk=upload.pk).update(status="queued")
        import_upload(upload.pk)
        upload.refresh_from_db()
        dataset.refresh_from_db()
        assert (upload.status, upload.images_taken, dataset.image_count) == ("done", 1, 1), upload.error
        assert len(stored(dataset, "embeddings-4")) == 1


def test_labels_of_a_refused_upload_go_again_but_not_those_of_others(import_files: Bring, picture: Draw) -> None:
    import_files("Prints", {"old/1.png": picture(1), "young/1.png": picture(4)})
    classes = b"ID,Label\nold,Old\nnew,New\n"
    with pytest.raises(CatalogError):
        import_files("More", {"new/2.png": picture(2), "classes.csv": classes, "names.txt": b"a\na\n", "h.npy": b""})
    with pytest.raises(CatalogError):
        import_files("Secret", files(["a"], rows(2)) | {"labels.json": as_json(["new"]), "classes.csv": classes})
    assert list(Label.objects.values_list("name", "title")) == [("old", ""), ("young", "")]
    import_files("More", {"new/2.png": picture(2), "old/3.png": picture(3), "classes.csv": classes})
    assert list(Label.objects.values_list("name", "title")) == [("new", "New"), ("old", "Old"), ("young", "")]


def test_labels_stay_while_another_import_into_the_project_may_be_using_them(
    import_files: Bring, picture: Draw, project: Project
) -> None:
    brought = files(["a"], rows(2)) | {"labels.json": as_json(["new"])}
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None, "context": None}) as other:
        other.execute("SELECT pg_advisory_lock_shared(%s, %s)", [LABELS_SPACE, project.pk % 2**31])
        with pytest.raises(CatalogError):
            import_files("Secret", brought)
    assert Label.objects.filter(name="new").exists()


def test_the_same_folder_again_with_vectors_adds_them_to_its_images(
    import_files: Bring, pictures: Dataset, picture: Draw
) -> None:
    vectors = rows(3)
    again = {f"mine/saints/{name}.png": picture(n) for n, name in enumerate("abé")}
    import_files("Prints", again | {f"mine/{path}": data for path, data in files(["a", "b", "é"], vectors).items()})
    upload = latest()
    assert set(upload.refused.values_list("code", flat=True)) == {"same-name"}
    assert same(stored(pictures, "embeddings-4"), ["saints/a", "saints/b", "saints/é"], vectors)


def test_plots_beside_vectors_are_no_dataset_of_two_pictures(import_files: Bring, picture: Draw) -> None:
    names = [f"n{i}" for i in range(40)]
    dataset = import_files("Exported", files(names, rows(40)) | {"tsne.png": picture(1), "umap.png": picture(2)})
    assert (dataset.image_count, dataset.file_count, latest().files_refused) == (40, 0, 2)


WRITE_BOMB = """
import numpy as np, pyarrow as pa, sys
from pyarrow import parquet
one = pa.array(np.zeros(60_000_000, np.float32))
lists = pa.ListArray.from_arrays(pa.array([0, len(one)], pa.int32()), one)
parquet.write_table(pa.table({"name": ["a"], "label": lists, "embedding": lists}), sys.argv[1])
"""
READ_BOMB = """
import sys
from analysis.core.embedding_files import read_embeddings
from catalog.core.memory import bounded
with open(sys.argv[1], "rb") as stream, bounded(150 * 2**20):
    try:
        read_embeddings("bomb.parquet", stream, ["a"])
    except Exception as error:
        print(error)
with bounded(150 * 2**20):
    bytearray(300 * 2**20)
"""


def test_a_few_bytes_that_stand_for_gigabytes_are_refused(tmp_path: Path) -> None:
    # In processes of their own: what this one has once held, it might take again without asking for more.
    file = tmp_path / "bomb.parquet"
    subprocess.run([sys.executable, "-c", WRITE_BOMB, str(file)], check=True)
    assert file.stat().st_size < 3000
    read = subprocess.run(
        [sys.executable, "-c", READ_BOMB, str(file)], check=False, capture_output=True, text=True, cwd=ROOT
    )
    assert "its rows unpack to more than memory holds" in read.stdout
    assert "RefusedArchive: Reading a table takes more than 0.146 GiB of memory." in read.stderr
