import io
import json
from collections.abc import Callable
from typing import BinaryIO

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from catalog.core.errors import BrokenTable
from catalog.core.layouts import Layout, recognise
from catalog.core.sources import StoredFilesSource, open_source
from tests.shared import shared_data

HASHES = ["e1a98d969ab2b135", "93dc2c6173b64959"]


def source_of(files: dict[str, bytes]) -> StoredFilesSource:
    def opener(data: bytes) -> Callable[[], BinaryIO]:
        return lambda: io.BytesIO(data)

    return StoredFilesSource({path: opener(data) for path, data in files.items()})


def layout_of(*paths: str, **tables: object) -> Layout:
    """The layout of empty files at these paths, and of tables given as bytes, text, or values for JSON."""
    files = dict.fromkeys(paths, b"")
    for path, value in tables.items():
        if not isinstance(value, bytes):
            value = (value if isinstance(value, str) else json.dumps(value)).encode()  # noqa: PLW2901
        files[path] = value
    layout = recognise(source_of(files))
    assert_nothing_disappears(files, layout)
    return layout


def assert_nothing_disappears(files: dict[str, bytes], layout: Layout) -> None:
    accounted = [
        *(image.path for image in layout.images if image.path),
        *layout.tables,
        *layout.companions.values(),
        *(file.path for file in layout.vectors),
        *(refusal.path for refusal in layout.refused),
    ]
    assert len(accounted) == len(set(accounted)) == layout.files_seen
    assert layout.files_seen + layout.left_out == len(files)
    assert len({image.name for image in layout.images}) == len(layout.images)


def labelled(layout: Layout) -> dict[str, tuple[str, ...]]:
    return {image.name: image.labels for image in layout.images}


def codes(layout: Layout) -> dict[str, str]:
    return {refusal.path: refusal.code for refusal in layout.refused}


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("dataset", "count", "classes"), [("ArtDL", 1864, 10), ("ICONCLASS", 592, 11), ("wikidata", 718, 10)]
)
def test_the_published_fingerprints(dataset: str, count: int, classes: int) -> None:
    folder = shared_data() / "saints" / "fingerprints" / dataset
    with open_source(folder) as source:
        layout = recognise(source)
    names = (folder / "2_test.txt").read_text().split()
    truth = {row["item"]: (row["class"],) for row in json.loads((folder / "2_ground_truth.json").read_text())}
    assert layout.kind == "fingerprints"
    assert [image.name for image in layout.images] == names == list(layout.names)
    assert len(names) == count
    assert labelled(layout) == truth
    assert len(layout.labels) == classes
    assert all(info.title and info.description for info in layout.labels)
    assert set(layout.companions) == {"perceptual_hashes.json", "robust_hashes.json"}
    assert (layout.refused, layout.warnings, layout.files_seen) == ((), (), 5)


@pytest.mark.shared_data
def test_real_files_of_odd_formats() -> None:
    with open_source(shared_data() / "formats") as source:
        layout = recognise(source)
    assert codes(layout) == {
        "ukbench09380.jpeg": "same-name",
        "ukbench09380.png": "same-name",
        "ukbench09380.svg": "not-an-image",
        "ukbench09380.webp": "same-name",
    }
    assert layout.files_seen == 12


def test_one_folder_per_class() -> None:
    for wrap in ("", "mine/", "a/b/"):
        layout = layout_of(f"{wrap}cat/1.jpg", f"{wrap}cat/2.png", f"{wrap}dog/1.jpg")
        assert labelled(layout) == {"cat/1": ("cat",), "cat/2": ("cat",), "dog/1": ("dog",)}
        assert layout.description == "One folder per class: 2 classes"
        assert [info.name for info in layout.labels] == ["cat", "dog"]


def test_a_single_folder_wraps() -> None:
    assert labelled(layout_of("mine/1.jpg", "mine/2.jpg")) == {"1": (), "2": ()}
    assert labelled(layout_of("mine/cat/1.jpg", "mine/cat/2.jpg")) == {"cat/1": ("cat",), "cat/2": ("cat",)}
    assert labelled(layout_of("mine/images/1.jpg")) == {"1": ()}
    assert labelled(layout_of("mine/cat/1.jpg", "mine/dog/1.jpg", "README.md")) == {
        "cat/1": ("cat",),
        "dog/1": ("dog",),
    }


def test_folders_that_only_contain_are_no_classes() -> None:
    layout = layout_of("train/cat/1.jpg", "test/cat/2.jpg", "test/3.jpg", "train/dog/images/4.jpg")
    assert labelled(layout) == {
        "test/3": (),
        "test/cat/2": ("cat",),
        "train/cat/1": ("cat",),
        "train/dog/images/4": ("dog",),
    }
    assert layout.warnings == ("1 of 4 images have no label.",)


def test_pascal_voc() -> None:
    layout = layout_of(
        "VOC/JPEGImages/a.jpg",
        "VOC/JPEGImages/b.jpg",
        "VOC/Annotations/a.xml",
        "VOC/ImageSets/Main/train.txt",
        "VOC/SegmentationClass/a.png",
        "VOC/cover.jpg",
        **{"VOC/2_ground_truth.json": [{"item": "a", "class": "x"}, {"item": "a.jpg", "class": "y"}]},
    )
    assert labelled(layout) == {"a": ("x", "y"), "b": ()}
    assert layout.description == "Pascal VOC: images in JPEGImages/, labels from 2_ground_truth.json"
    assert codes(layout) == {
        "VOC/Annotations/a.xml": "voc-annotation",
        "VOC/ImageSets/Main/train.txt": "voc-list",
        "VOC/SegmentationClass/a.png": "voc-mask",
        "VOC/cover.jpg": "outside-images",
    }


def test_a_label_table_wins_over_folders_and_one_table_over_others() -> None:
    layout = layout_of(
        "d/cat/1.jpg",
        "d/dog/2.jpg",
        **{
            "d/2_ground_truth.json": [{"item": "1", "class": "x"}, {"item": "nowhere", "class": "y"}],
            "d/labels.json": {"1": "z"},
            "d/classes.csv": "\ufeffID;Label;Description\nw;W;never seen\nx;X;",
            "d/names.txt": "a file of this name\n\nbut of another kind",
        },
    )
    assert labelled(layout) == {"cat/1": ("x",), "dog/2": ()}
    assert [(i.name, i.title) for i in layout.labels] == [("w", "W"), ("x", "X")]
    assert codes(layout) == {"d/labels.json": "unused-table", "d/names.txt": "unused-table"}
    assert (layout.unmatched_labels.count, layout.unmatched_labels.examples) == (1, ("nowhere",))
    assert "1 items with labels have no image" in layout.warnings[0]


def test_hugging_face_imagefolder() -> None:
    layout = layout_of(
        "train/1.jpg",
        "test/1.jpg",
        **{
            "train/metadata.csv": "file_name,label\n1.jpg,cat\n",
            "test/metadata.jsonl": '{"file_name": "1.jpg", "label": "dog"}\n',
        },
    )
    assert labelled(layout) == {"train/1": ("cat",), "test/1": ("dog",)}
    layout = layout_of(
        "images/1.jpg", "images/2.jpg", **{"metadata.csv": "file_name,label\nimages/1.jpg,cat\n2.jpg,dog"}
    )
    assert labelled(layout) == {"1": ("cat",), "2": ("dog",)}
    layout = layout_of("cat/1.jpg", "dog/2.jpg", **{"metadata.csv": "file_name,text\ncat/1.jpg,hello\n"})
    assert labelled(layout) == {"cat/1": ("cat",), "dog/2": ("dog",)}
    assert codes(layout) == {"metadata.csv": "unused-table"}


def test_labels_in_the_order_of_names() -> None:
    layout = layout_of("b.jpg", "a.jpg", **{"labels.json": ["x", "y"], "names.json": ["b", "a"]})
    assert labelled(layout) == {"a": ("y",), "b": ("x",)}
    assert set(layout.tables) == {"labels.json", "names.json"}
    with pytest.raises(BrokenTable, match="nothing says whose"):
        layout_of("b.jpg", "a.jpg", **{"labels.json": ["x", "y"]})


def test_names_are_unique_and_normal() -> None:
    layout = layout_of("a.jpg", "a.png", "A.jpg", "u\u0308.jpg", "\u00fc.jpg", "noSuffix", "odd.suffix")
    assert set(labelled(layout)) == {"A", "a", "\u00fc", "noSuffix", "odd.suffix"}
    assert codes(layout) == {"a.png": "same-name", "\u00fc.jpg": "same-name"}
    assert "a.jpg" in layout.refused[0].message


def test_what_is_no_image_is_refused_with_a_reason() -> None:
    layout = layout_of("a.jpg", "b.pdf", "c.zip", "d.mp4", "e.py", "f.SVG", "g.json", "Thumbs.db", ".hidden/x.jpg")
    assert codes(layout) == {
        "b.pdf": "not-an-image",
        "c.zip": "nested-archive",
        "d.mp4": "not-an-image",
        "e.py": "not-an-image",
        "f.SVG": "not-an-image",
        "g.json": "not-an-image",
    }
    assert layout.left_out == 2
    assert all(refusal.message for refusal in layout.refused)


def test_nothing_at_all() -> None:
    layout = layout_of()
    assert (layout.kind, layout.images, layout.description) == ("images", (), "0 images without labels")


def test_fingerprints_in_several_forms() -> None:
    for tables in (
        {"names.txt": "a\nb\n", "perceptual_hashes.json": HASHES},
        {"x/names.json": ["a.jpg", "b.jpg"], "x/dhash-8.json": HASHES, "x/README": ""},
        {"names.json": {"a": "0f", "b": "1f"}, "phash-8.json": HASHES},
        {"phash-8.json": {"a": HASHES[0], "b": HASHES[1]}, "LICENSE": ""},
        {"names.txt": "a\nb\n", "labels.json": {"a": "x"}},
        {"names.txt": "a\nb\n", "phash-8.json": HASHES, "preview/cover.png": ""},
    ):
        layout = layout_of(**tables)
        assert layout.kind == "fingerprints"
        assert [image.name for image in layout.images] == ["a", "b"] == list(layout.names)
        assert not any(image.path for image in layout.images)


def test_images_with_their_fingerprints() -> None:
    layout = layout_of("d/b.jpg", "d/a.jpg", **{"names.txt": "b\na\n", "perceptual_hashes.json": HASHES})
    assert (layout.kind, layout.names) == ("images", ("b", "a"))
    assert dict(layout.companions) == {"perceptual_hashes.json": "perceptual_hashes.json"}
    assert layout.tables == ("names.txt",)


def test_fingerprints_that_do_not_hold_together() -> None:
    with pytest.raises(BrokenTable, match="nothing says of which images"):
        layout_of(**{"perceptual_hashes.json": HASHES})
    with pytest.raises(BrokenTable, match="several datasets"):
        layout_of(**{f"{d}/{f}": HASHES for d in "xy" for f in ("names.json", "perceptual_hashes.json")})
    with pytest.raises(BrokenTable, match="another order"):
        layout_of(**{"names.txt": "a\nb", "names.json": ["b", "a"], "perceptual_hashes.json": HASHES})
    with pytest.raises(BrokenTable, match="another order"):
        layout_of(**{"x/names.txt": "a\nb", "y/names.json": ["b", "a"]})


def vectors_of(layout: Layout) -> dict[str, tuple[str, ...]]:
    return {file.path: file.names for file in layout.vectors}


def parquet_of(**columns: object) -> bytes:
    out = io.BytesIO()
    parquet.write_table(pa.table(columns), out)
    return out.getvalue()


def test_vectors_without_images() -> None:
    ab = ["a", "b"]
    for tables in (
        {"embeddings.npy": "", "names.json": ab},
        {"x/embeddings.npy": "", "x/clip.npy": "", "names.txt": "a\nb\n"},
        {"v.parquet": parquet_of(file_name=["a.jpg", "./b"], embedding=[[1.0], [2.0]])},
        {"v.parquet": parquet_of(image=[{"bytes": b""}] * 2, path=ab, VECTOR=[[1.0], [2.0]])},
        {"v.csv": "name,embedding\na,[1]\nb,[2]\n"},
        {"v.csv": '\ufeff"a","[1,2]"\nb,"[2,3]"\n'},
        {"v.csv": "embedding;label;path\n[1,2];x;a.png\n\n[1,3];;b\n"},
        {"v.csv": 'name,embedding\na,"[1,2]"\n', "w.csv": 'b,"[1,2]"\n', "notes.csv": "name,age\n"},
        {"embeddings.npy": "", "names.json": ab, "2_test.txt": "a\nb\n", "phash-8.json": HASHES},
        {"names.json": [*ab, *"cdefgh"], "embeddings.npy": "", "tsne.png": "", "umap.png": ""},
    ):
        layout = layout_of(**tables)
        assert layout.kind == "fingerprints"
        names = [image.name for image in layout.images]
        assert names[:2] == ["a", "b"]
        assert len(names) == (8 if "tsne.png" in tables else 2)
        assert set(vectors_of(layout)) == {
            path for path in tables if path.endswith(("npy", "parquet", "v.csv", "w.csv"))
        }
        assert not codes(layout).keys() - {"notes.csv", "tsne.png", "umap.png"}


def test_vectors_beside_images() -> None:
    tables = {"d/names.json": ["a.jpg", "cat/b"], "d/embeddings.npy": "", "d/labels.json": ["x", "y"]}
    layout = layout_of("d/cat/a.jpg", "d/cat/b.jpg", **tables)
    assert layout.kind == "images"
    assert vectors_of(layout) == {"d/embeddings.npy": ("a", "cat/b")}
    assert set(layout.tables) == {"d/names.json", "d/labels.json"}
    assert labelled(layout) == {"cat/a": ("x",), "cat/b": ("y",)}
    layout = layout_of(
        "a.jpg", "b.jpg", **{"e.npy": "", "v.parquet": "PAR1", "w.csv": "name,embedding,label\n,[1],x\n"}
    )
    assert (layout.kind, layout.vectors) == ("images", ())
    assert set(codes(layout).items()) == {(path, "broken-vectors") for path in ("e.npy", "v.parquet", "w.csv")}
    assert "Add names.json" in layout.refused[0].message


def test_labels_that_stand_beside_vectors_count_where_no_table_of_labels_is() -> None:
    table = parquet_of(name=["1", "2", "3"], embedding=[[1.0]] * 3, label=[["x", "y"], [], ["x"]])
    layout = layout_of(**{"v.parquet": table})
    assert labelled(layout) == {"1": ("x", "y"), "2": (), "3": ("x",)}
    assert layout.description == "Fingerprints without images: 3 names, v.parquet, labels from v.parquet"
    numbered = parquet_of(name=[1, 2], embedding=[[1.0]] * 2, label=[0, 7])
    assert labelled(layout_of(**{"v.parquet": numbered})) == {"1": ("0",), "2": ("7",)}
    assert labelled(layout_of("cat/1.jpg", "dog/2.jpg", "dog/3.jpg", **{"v.parquet": table}))["dog/3"] == ("x",)
    listed = {"v.csv": 'name,embedding,label\n1,[1],"[""x"", ""y""]"\n2,[1],z\n'}
    assert labelled(layout_of(**listed)) == {"1": ("x", "y"), "2": ("z",)}
    assert labelled(layout_of(**listed, **{"labels.json": {"1": "q"}})) == {"1": ("q",), "2": ()}


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"e.npy": ""}, "e.npy: nothing says which image each row is of"),
        ({f"{d}/{f}": ["a"] for d in "xy" for f in ("names.json", "e.npy")}, "several datasets"),
        ({"names.txt": "a\nb", "names.json": ["b", "a"], "e.npy": ""}, "another order"),
        ({"v.csv": 'name,embedding\na,"[1]"\na.jpg,"[1]"\n'}, "v.csv, line 3: 'a' stands already in line 2"),
        ({"v.csv": 'name,embedding\na,"[1]"\nb,[1,2]\n'}, "v.csv, line 3: 3 cells, and there are 2 columns"),
        ({"v.csv": "word,embedding\na,[1]\n"}, "no column of names among 'word', 'embedding'"),
        ({"v.csv": b"name,embedding\n\xff,[1]\n"}, "not UTF-8"),
        ({"v.csv": 'name,embedding\na,"[1]'}, "no valid CSV"),
        ({"v.parquet": parquet_of(name=["a"], x=[1])}, "no column of vectors among 'name', 'x'"),
        ({"v.parquet": parquet_of(name=[b"a"], vector=[[1.0]])}, "no column of names among 'name', 'vector'"),
        ({"v.parquet": parquet_of(name=[None, "a"], vector=[[1.0]] * 2)}, "row 1: name is null, no name"),
        ({"v.parquet": parquet_of(name=["é" * 513], vector=[[1.0]])}, "more than 1,024 bytes"),
        ({"names.json": ["a", "é" * 513], "e.npy": ""}, "entry 2: the name 'é.*more than 1,024 bytes"),
        ({"v.parquet": parquet_of(name=["a"], Name=["b"], vector=[[1.0]])}, "two columns have one name"),
        ({"v.parquet": parquet_of(name=["a"], vector=[[1.0]], label=["x" * 501])}, "501 characters"),
    ],
)
def test_vectors_that_do_not_hold_together(tables: dict[str, object], message: str) -> None:
    with pytest.raises(BrokenTable, match=message):
        layout_of(**tables)


def test_many_arrays_in_a_folder_hold_one_for_each_image() -> None:
    paths = [f"{n}.npy" for n in range(21)]
    assert set(codes(layout_of("a.jpg", *paths)).values()) == {"not-an-image"}


PARTS = st.sampled_from(["cat", "dog", "train", "JPEGImages", "Annotations", "ImageSets", "data", ".git", "a"])
NAMES = st.sampled_from(
    [
        *("1.jpg", "1.png", "2.JPG", "a", "x.xml", "y.txt", "z.zip", "labels.json", "classes.csv", "names.txt"),
        *("Thumbs.db", "e.npy", "v.parquet", "v.csv"),
    ]
)


@settings(deadline=None)
@given(
    st.lists(
        st.builds(lambda folders, name: "/".join([*folders, name]), st.lists(PARTS, max_size=3), NAMES), unique=True
    )
)
def test_nothing_disappears_in_any_tree(paths: list[str]) -> None:
    tables = {"labels.json": b'{"1": "x"}', "classes.csv": b"ID\nx\n", "names.txt": b"1\n2\n"}
    tables |= {"v.parquet": parquet_of(name=["1", "3"], vector=[[1.0]] * 2), "v.csv": b'1,"[1]"\n'}
    files = {path: tables.get(path.rpartition("/")[2], b"") for path in paths}
    try:
        layout = recognise(source_of(files))
    except BrokenTable as error:
        assert "several datasets" in error.message or "nothing says which image" in error.message  # noqa: PT017
    else:
        assert_nothing_disappears(files, layout)
