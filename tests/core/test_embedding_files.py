"""Files of embeddings: what is written is read, what is broken says where, real ones are what NumPy reads."""

from __future__ import annotations

import csv
import io
import json
import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyarrow import parquet

from analysis.core import embedding_files
from analysis.core.embedding_files import (
    BrokenEmbeddings,
    EmbeddingFile,
    _csv,
    _npy,
    _parquet,
    open_embeddings,
    read_embeddings,
    write_npy_folder,
)
from analysis.core.embedding_files._opened import stem_of
from catalog.core import _vectors as catalog_tables
from tests.shared import shared_data

NAMES = ["a", "b", "c"]
ROWS = np.array([[1, 0], [0, 1], [0.6, 0.8]], np.float32)


def npy(array: NDArray[np.generic]) -> bytes:
    out = io.BytesIO()
    np.save(out, array, allow_pickle=True)
    return out.getvalue()


def table(**columns: object) -> bytes:
    return written(pa.table(columns))


def written(found: pa.Table) -> bytes:
    out = io.BytesIO()
    parquet.write_table(found, out)
    return out.getvalue()


def lines(rows: list[list[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()


def opened(file_name: str, data: bytes, names: list[str] | None = None) -> EmbeddingFile:
    return open_embeddings(file_name, io.BytesIO(data), NAMES if names is None else names)


def values(file_name: str, data: bytes, names: list[str] | None = None) -> NDArray[np.float32]:
    return read_embeddings(file_name, io.BytesIO(data), NAMES if names is None else names).values


def unit_rows(count: int, dim: int, seed: int) -> NDArray[np.float32]:
    rows = np.random.default_rng(seed).normal(size=(count, dim)) + 1e-3
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


@pytest.mark.shared_data
@pytest.mark.parametrize(("dataset", "count"), [("ArtDL", 1864), ("ICONCLASS", 592), ("wikidata", 718)])
def test_the_published_vectors_are_what_numpy_reads(dataset: str, count: int) -> None:
    folder = shared_data() / "saints" / "embeddings" / dataset
    names = json.loads((folder / "names.json").read_text())
    published = np.load(folder / "embeddings.npy").astype(np.float64)
    with (folder / "embeddings.npy").open("rb") as stream:
        file = open_embeddings("embeddings.npy", stream, names)
        batches = list(file.batches())
    read = np.concatenate([batch.vectors.values for batch in batches])
    assert (file.name, read.shape) == ("embeddings-512", (count, 512))
    assert read.dtype == np.float32
    # Half precision has lost a little of their lengths, which is no news to anybody.
    assert sum(batch.divided for batch in batches) == 0
    np.testing.assert_allclose(read, published / np.linalg.norm(published, axis=1, keepdims=True), atol=1e-6)
    assert np.abs(read - published).max() < 6e-4


@settings(deadline=None, max_examples=40)
@given(count=st.integers(1, 12), dim=st.integers(1, 40), seed=st.integers(0, 2**32 - 1), batch=st.integers(1, 100))
def test_what_is_written_is_read_unchanged_in_every_format(count: int, dim: int, seed: int, batch: int) -> None:
    rows = unit_rows(count, dim, seed)
    names = [f"Saint “{i}”, 1" for i in range(count)]
    text = [[name, "[" + ",".join(map(repr, row.tolist())) + "]"] for name, row in zip(names, rows, strict=True)]
    with pytest.MonkeyPatch.context() as patched:
        for module in (_npy, _csv):
            patched.setattr(module, "BATCH_VALUES", batch)
        patched.setattr(_parquet, "BATCH_ROWS", 1 + batch % 5)
        for file_name, data in (
            ("e.npy", npy(rows)),
            ("e.npy", npy(np.asfortranarray(rows))),
            ("e.npy", npy(rows.astype(">f8"))),
            ("e.parquet", table(name=names, embedding=list(rows))),
            ("e.parquet", table(name=names, vector=pa.FixedSizeListArray.from_arrays(rows.ravel(), dim))),
            ("e.csv", lines([["name", "embedding"], *text])),
            ("e.csv", lines(text)),
        ):
            assert np.array_equal(values(file_name, data, names), rows)


@settings(deadline=None, max_examples=30)
@given(
    count=st.integers(1, 5),
    seed=st.integers(0, 2**32 - 1),
    kind=st.sampled_from(["<f2", "<f4", ">f8"]),
    power=st.integers(-4, 4),
)
def test_reading_twice_is_reading_once(count: int, seed: int, kind: str, power: int) -> None:
    names = [str(i) for i in range(count)]
    rows = (unit_rows(count, 7, seed) * 10.0**power).astype(kind)
    once = values("e.npy", npy(rows), names)
    assert np.array_equal(values("e.npy", npy(once), names), once)
    exact = rows.astype(np.float64)
    np.testing.assert_allclose(once, exact / np.linalg.norm(exact, axis=1, keepdims=True), atol=1e-6)


def test_a_folder_is_written_as_the_study_publishes_it(tmp_path: Path) -> None:
    write_npy_folder(tmp_path, names=NAMES, labels=[("x",), (), ("x", "y")], vectors=ROWS)
    assert json.loads((tmp_path / "names.json").read_text()) == NAMES
    assert json.loads((tmp_path / "labels.json").read_text()) == ["x", None, ["x", "y"]]
    with (tmp_path / "embeddings.npy").open("rb") as stream:
        assert np.array_equal(read_embeddings("embeddings.npy", stream, NAMES).values, ROWS)
    with pytest.raises(BrokenEmbeddings, match="3 rows and 2 lists of labels for 3 names"):
        write_npy_folder(tmp_path, names=NAMES, labels=[(), ()], vectors=ROWS)


def test_rows_of_another_length_are_divided_by_it_and_counted() -> None:
    for scale in (3.0, 1e200, 1e-200):
        (batch,) = opened("e.npy", npy(np.array([[1, 0], [0, scale], [3, 4]], np.float64))).batches()
        assert batch.divided == (2 if scale != 1 else 1)
        assert np.allclose(batch.vectors.values, ROWS)
    halved = unit_rows(3, 512, 1).astype(np.float16)
    (batch,) = opened("e.npy", npy(halved)).batches()
    assert batch.divided == 0
    assert np.abs(np.linalg.norm(batch.vectors.values.astype(np.float64), axis=1) - 1).max() < 1e-6


@pytest.mark.parametrize(
    ("file_name", "model", "stem"),
    [
        ("embeddings.npy", "", "embeddings"),
        ("a/CLIP ViT-B_32 (v2).npy", "", "clip-vit-b-32-v2"),
        ("train-00001-of-00010.parquet", "", "train"),
        ("x.parquet", "openclip:ViT-B-32/openai", "openclip-vit-b-32-openai"),
        ("vecteurs-éà.csv", "", "vecteurs-ea"),
        ("向量.npy", "", "embeddings"),
        ("x" * 300 + ".npy", "", "x" * 80),
    ],
)
def test_embeddings_are_called_by_their_model_or_their_file(file_name: str, model: str, stem: str) -> None:
    assert stem_of(file_name, model) == stem


def test_a_table_says_which_model_it_is_of() -> None:
    lists = [row.tolist() for row in ROWS]
    assert opened("t.parquet", table(name=NAMES, embedding=lists, model=["CLIP"] * 3)).name == "clip-2"
    noted = pa.table({"name": NAMES, "embedding": lists}).replace_schema_metadata({"model": "DINOv2 small"})
    assert opened("t.parquet", written(noted)).name == "dinov2-small-2"
    rows = [["name", "model", "embedding"], *([name, "CLIP", "[1,0]"] for name in NAMES)]
    assert opened("t.csv", lines(rows)).name == "clip-2"
    with pytest.raises(BrokenEmbeddings, match=r"several models \('(CLIP|SSCD)' and '(CLIP|SSCD)'\)"):
        opened("t.parquet", table(name=NAMES, embedding=lists, model=["CLIP", "SSCD", "CLIP"]))
    rows[3][1] = "SSCD"
    with pytest.raises(BrokenEmbeddings, match=r"several models \('CLIP' and 'SSCD'\)"):
        values("t.csv", lines(rows))


def test_lists_of_every_kind_are_read() -> None:
    for kind in (
        pa.list_(pa.float16()),
        pa.large_list(pa.float32()),
        pa.list_(pa.float64()),
        pa.list_(pa.float32(), 2),
    ):
        column = pa.array(
            ROWS.astype(np.float16 if "half" in str(kind) else np.float32).tolist(), pa.list_(pa.float32())
        )
        assert np.allclose(values("t.parquet", table(file_name=NAMES, Embedding=column.cast(kind))), ROWS, atol=1e-3)


def test_a_csv_may_be_separated_otherwise_and_have_a_byte_order_mark() -> None:
    data = "\ufeff\nembedding;file\n[1,0];a\n\n[0,1];b\n[3e0,4];c\n".encode()
    assert np.allclose(values("t.csv", data), ROWS)


def with_row(row: list[float]) -> NDArray[np.float32]:
    return np.array([ROWS[0].tolist(), row, ROWS[2].tolist()], np.float32)


OBJECTS = np.array([[{}, 1], [2, 3], [4, 5]], dtype=object)


@pytest.mark.parametrize(
    ("file_name", "data", "parts"),
    [
        ("e.npy", b"", ["no array"]),
        ("e.npy", b"\x93NUMPY\x01\x00\x10\x00{'descr': '<f4',", ["no array"]),
        ("e.npy", b"\x93NUMPY\x03\x00\x10\x00\x00\x00{}              ", ["no array"]),
        ("e.npy", pickle.dumps(ROWS), ["no array"]),
        ("e.npy", npy(OBJECTS), ["Python objects", "never opened"]),
        ("e.npy", npy(np.zeros(3, [("x", "O")])), ["Python objects"]),
        ("e.npy", npy(np.array(["a", "b"])), ["<U1", "float16, float32 or float64"]),
        ("e.npy", npy(ROWS.astype(np.int64)), ["int64"]),
        ("e.npy", npy(ROWS.astype(np.complex64)), ["complex64"]),
        ("e.npy", npy(ROWS.ravel()), ["shape (6,)"]),
        ("e.npy", npy(ROWS[None]), ["shape (1, 3, 2)"]),
        ("e.npy", npy(ROWS[:2]), ["2 rows for 3 names"]),
        ("e.npy", npy(np.zeros((3, 0), np.float32)), ["0 dimensions", "1 to 16,000"]),
        ("e.npy", npy(np.zeros((3, 16_001), np.float16)), ["16,001 dimensions", "1 to 16,000"]),
        ("e.npy", npy(ROWS)[:-1], ["23 bytes", "its header says 24"]),
        ("e.npy", npy(ROWS) + b"more", ["28 bytes", "its header says 24"]),
        ("e.npy", npy(with_row([np.nan, 1])), ["row 2 ('b')", "not a finite number"]),
        ("e.npy", npy(with_row([1, -np.inf])), ["row 2 ('b')", "not a finite number"]),
        ("e.npy", npy(with_row([0, -0.0])), ["row 2 ('b')", "all values are zero"]),
        ("e.parquet", b"PAR1....PAR1", ["cannot be read as Parquet"]),
        ("e.parquet", table(name=NAMES, x=[1, 2, 3]), ["no column of embeddings among 'name', 'x'"]),
        ("e.parquet", table(name=NAMES, embedding=["[1]"] * 3), ["the column embedding holds string"]),
        ("e.parquet", table(name=NAMES, embedding=[[1, 2]] * 3), ["list<", "int64"]),
        ("e.parquet", table(name=NAMES, embedding=[[[1.0]]] * 3), ["not lists of numbers"]),
        ("e.parquet", table(name=NAMES, embedding=[[1.0, 0], [1.0], [1.0, 2]]), ["row 2 ('b')", "1 numbers", "of 2"]),
        ("e.parquet", table(name=NAMES, embedding=[[1.0, 0], None, [1.0, 2]]), ["row 2 ('b')", "0 numbers"]),
        ("e.parquet", table(name=NAMES, embedding=[[1.0, 0], [1, None], [1.0, 2]]), ["row 2 ('b')", "finite"]),
        ("e.parquet", table(name=NAMES[:2], embedding=[[1.0], [1.0]]), ["2 rows for 3 names"]),
        ("e.parquet", table(name=NAMES, embedding=[[1.0] * 16_001] * 3), ["16,001 dimensions"]),
        ("e.csv", lines([["name", "embedding"], ["a", "[1,0]"], ["b", "[1]"]]), ["row 2 ('b')", "1 numbers"]),
        ("e.csv", lines([["name", "embedding"], ["a", "[1,0]"], ["b", ""]]), ["row 2 ('b')", "'' is no embedding"]),
        ("e.csv", lines([["a", "[1,0]"], ["b", "{1:1}/2"]]), ["row 2 ('b')", "'{1:1}/2' is no embedding"]),
        ("e.csv", lines([["a", '["x"]']]), ["row 1 ('a')", "no embedding"]),
        ("e.csv", lines([["a", "[[1]]"]]), ["row 1 ('a')", "no embedding"]),
        ("e.csv", lines([["a", "[NaN,1]"], ["b", "[1,1]"], ["c", "[1,1]"]]), ["row 1 ('a')", "finite"]),
        ("e.csv", lines([["a", "[1e999,1]"], ["b", "[1,1]"], ["c", "[1,1]"]]), ["row 1 ('a')", "finite"]),
        ("e.csv", lines([["a", "[1,0]"], ["b", "[1,0]"]]), ["2 rows for 3 names"]),
        ("e.csv", lines([[name, "[1,0]"] for name in "abcd"]), ["4 rows for 3 names"]),
        ("e.csv", b"a,[1,0]\n", ["row 1 ('a')", "3 cells"]),
        ("e.csv", b'a,"[1,0]', ["row 1 ('a')", "no valid CSV"]),
        ("e.csv", b'name,embedding\n\xff,"[1,0]"\n', ["not UTF-8"]),
        ("e.csv", b"", ["0 dimensions"]),
        ("e.csv", b'a,"' + b"[" * 100_000 + b'"', ["row 1 ('a')", "no embedding"]),
        ("e.npz", b"", ["no file of embeddings that is known"]),
    ],
)
def test_a_broken_file_says_where(file_name: str, data: bytes, parts: list[str]) -> None:
    with pytest.raises(BrokenEmbeddings) as caught:
        values(file_name, data)
    assert caught.value.remedy
    for part in [file_name, *parts]:
        assert part in str(caught.value)


def test_no_rows_are_no_embeddings() -> None:
    with pytest.raises(BrokenEmbeddings, match="no rows"):
        values("e.npy", npy(np.zeros((0, 4), np.float32)), [])


@settings(deadline=None, max_examples=150)
@given(
    start=st.sampled_from([("e.npy", npy(ROWS)), ("e.parquet", table(name=NAMES, embedding=list(ROWS)))]),
    at=st.floats(0, 1, exclude_max=True),
    noise=st.binary(min_size=1, max_size=6),
)
def test_damage_is_refused_or_harmless(start: tuple[str, bytes], at: float, noise: bytes) -> None:
    file_name, data = start
    place = int(at * len(data))
    try:
        read = values(file_name, data[:place] + noise + data[place + len(noise) :])
    except BrokenEmbeddings:
        return
    assert np.allclose(np.linalg.norm(read, axis=1), 1, atol=1e-5)


def test_both_floors_look_for_the_same_columns() -> None:
    assert catalog_tables.VECTOR_KEYS == embedding_files.VECTOR_COLUMNS
