import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.core.errors import BrokenTable
from catalog.core.labels import (
    LabelInfo,
    LabelRow,
    image_name,
    matcher,
    read_classes,
    read_keys,
    read_label_csv,
    read_label_json,
    read_label_jsonl,
    read_names,
    table_kind,
)


def as_json(value: object) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a.jpg", "a"),
        ("cat/a.b.JPEG", "cat/a.b"),
        ("st. john", "st. john"),
        ("scan.v2", "scan.v2"),
        (".jpg", ".jpg"),
        ("cat/.png", "cat/.png"),
        ("u\u0308.tif", "\u00fc"),
        ("Iggy.1024.ppm", "Iggy.1024"),
    ],
)
def test_names_lose_only_the_suffixes_of_images(path: str, name: str) -> None:
    assert image_name(path) == name


@pytest.mark.parametrize(
    ("value", "names", "rows"),
    [
        ([{"item": "a", "class": "x"}, {"item": "a", "class": "y"}], None, [("a", "x"), ("a", "y")]),
        ([{"file_name": "a.jpg", "label": ["x", "y", "x"]}], None, [("a.jpg", "x", "y")]),
        ([{"name": 17, "labels": 3}], None, [("17", "3")]),
        ({"a": "x", "b": ["x", "y"], "c": None, "d": []}, None, [("a", "x"), ("b", "x", "y"), ("c",), ("d",)]),
        (["x", ["y", "z"]], ["a", "b"], [("a", "x"), ("b", "y", "z")]),
        ([], None, []),
        ({"a": " e\u0301 "}, None, [("a", "\u00e9")]),
    ],
)
def test_shapes_of_json(value: object, names: list[str] | None, rows: list[tuple[str, ...]]) -> None:
    assert read_label_json("labels.json", as_json(value), names) == tuple(LabelRow(i, tuple(ls)) for i, *ls in rows)


@pytest.mark.parametrize(
    ("data", "names", "parts"),
    [
        (b'[{"item": "a",\n "class": }]', None, ["line 2, column 11"]),
        (b'{"a": "x",\n "a": "y"}', None, ["'a' stands twice"]),
        (as_json([{"item": "a", "class": "x"}, {"item": "b"}]), None, ["record 2", "no label", "'item'"]),
        (as_json([{"klass": "a"}]), None, ["record 1", "no name"]),
        (as_json([{"item": "a", "class": "x"}, "b"]), None, ["record 2"]),
        (as_json([{"item": None, "class": "x"}]), None, ["record 1"]),
        (as_json({"a": {"b": 1}}), None, ["entry 'a'"]),
        (as_json({"a": True}), None, ["entry 'a'"]),
        (as_json(["x"]), None, ["nothing says whose"]),
        (as_json(["x"]), ["a", "b"], ["1 labels for 2 names"]),
        (b'"x"', None, ["neither"]),
        ('{"a": "é"}'.encode("latin-1"), None, ["line 1", "0xe9", "UTF-8"]),
        ('{"a": "x"}'.encode("utf-16"), None, ["UTF-16"]),
        (b'{"a": "\\u0000"}', None, ["entry 'a'", "no text"]),
        (b'{"a": "\\ud800"}', None, ["entry 'a'", "no text"]),
        (as_json({"a": "x" * 501}), None, ["501 characters"]),
        (b"[" * 100_000, None, ["nested"]),
    ],
)
def test_broken_json_says_where(data: bytes, names: list[str] | None, parts: list[str]) -> None:
    with pytest.raises(BrokenTable) as caught:
        read_label_json("in/labels.json", data, names)
    assert caught.value.remedy
    for part in ["in/labels.json", *parts]:
        assert part in caught.value.message


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_of_labels(separator: str, mark: bytes, end: str) -> None:
    lines = ["File_Name|Label", "a.jpg|x", "", '"b,;.jpg"|"[""y"", ""z""]"', "a.jpg|w", "c.jpg"]
    data = mark + end.join(lines).replace("|", separator).encode()
    assert read_label_csv("metadata.csv", data) == (
        LabelRow("a.jpg", ("x",)),
        LabelRow("b,;.jpg", ("y", "z")),
        LabelRow("a.jpg", ("w",)),
        LabelRow("c.jpg", ()),
    )


def test_csv_without_labels_is_no_label_table() -> None:
    assert read_label_csv("metadata.csv", b"file_name,text\na.jpg,hello\n") is None
    assert read_label_jsonl("metadata.jsonl", b'{"file_name": "a.jpg", "text": "hello"}\n') is None


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        (b"text,label\na,x\n", ["line 1", "'text', 'label'"]),
        (b"file_name,label\na,x\nb,x,y\n", ["line 3", "3 cells"]),
        (b'file_name,label\na,"x\ny"\n,z\n', ["line 4", "empty"]),
        (b'file_name,label\na,x\nb,"x\nc,y\n', ["line 3"]),
        (b"file_name,label,label\n", ["'label' stands twice"]),
        (b"", ["empty"]),
        (b"file_name,label\na,\xe9\n", ["line 2", "0xe9"]),
    ],
)
def test_broken_csv_says_where(data: bytes, parts: list[str]) -> None:
    with pytest.raises(BrokenTable) as caught:
        read_label_csv("metadata.csv", data)
    for part in ["metadata.csv", *parts]:
        assert part in caught.value.message


def test_jsonl_of_labels() -> None:
    data = b'\xef\xbb\xbf{"file_name": "a.jpg", "label": 3}\n\n{"file_name": "b.jpg", "label": ["x", "y"]}\r\n'
    assert read_label_jsonl("metadata.jsonl", data) == (LabelRow("a.jpg", ("3",)), LabelRow("b.jpg", ("x", "y")))
    with pytest.raises(BrokenTable, match=r"metadata\.jsonl, line 2, column 15"):
        read_label_jsonl("metadata.jsonl", b'{"file_name": "a"}\n{"file_name": }\n')
    with pytest.raises(BrokenTable, match=r"line 1.*no name"):
        read_label_jsonl("metadata.jsonl", b'{"label": "a"}\n')


def test_classes() -> None:
    data = '\ufeffID;Label;Description;ImageCount\n11H(PAUL);St. Paul;"book; sword"; 178\nx\n'.encode()
    assert read_classes("classes.csv", data) == (
        LabelInfo("11H(PAUL)", "St. Paul", "book; sword"),
        LabelInfo("x"),
    )
    with pytest.raises(BrokenTable, match=r"line 3.*line 2"):
        read_classes("classes.csv", b"ID,Label\na,b\na,c\n")
    with pytest.raises(BrokenTable, match="no column ID"):
        read_classes("classes.csv", b"Name,Label\na,b\n")


def test_names() -> None:
    assert read_names("2_test.txt", b"b\na.jpg\r\nc d\n\n") == ("b", "a", "c d")
    assert read_names("names.json", b'["b", "a.png"]') == ("b", "a")
    assert read_names("names.json", b'{"b": "00", "a": "01"}') == ("b", "a")
    for data, place in ((b"a\n\nb\n", "line 2"), (b"a\nb\na.jpg\n", "line 3.*line 1")):
        with pytest.raises(BrokenTable, match=place):
            read_names("names.txt", data)
    with pytest.raises(BrokenTable, match="entry 2"):
        read_names("names.json", b'["a", 1]')
    with pytest.raises(BrokenTable, match="no list"):
        read_names("names.json", b'"a"')


def test_names_in_an_object_stand_in_the_rows_that_it_numbers() -> None:
    """A row in another place would be the vector of another image."""
    assert read_names("names.json", b'{"b": 1, "a.png": 0, "c": 2}') == ("a", "b", "c")
    assert read_names("names.json", b'{"b": 2, "a": 1}') == ("a", "b")
    assert read_names("names.json", b'{"1": "b", "0": "a.png", "2": "c"}') == ("a", "b", "c")
    assert read_names("names.json", '{"2": "b", "1": "\u00e4"}'.encode()) == ("ä", "b")
    assert read_names("names.json", b'{"7": "x", "9": "y"}') == ("7", "9")
    for rows in (b'{"a": 0, "b": 0}', b'{"a": 0, "b": 2}', b'{"a": 1, "b": -1}'):
        with pytest.raises(BrokenTable, match="no numbers of rows"):
            read_names("names.json", rows)
    with pytest.raises(BrokenTable, match=r"row 1.*row 0"):
        read_names("names.json", b'{"1": "a", "0": "a.png"}')
    assert read_keys("phash-8.json", b'{"1": "0f", "0": "1f"}') == ("1", "0")
    with pytest.raises(BrokenTable, match="no object"):
        read_keys("phash-8.json", b"[]")


def test_an_item_finds_its_image() -> None:
    find = matcher(["cat/1", "dog/1", "cat/2", "x"])
    assert find("cat/1.jpg") == "cat/1"
    assert find("./cat\\1.jpg") == "cat/1"
    assert find("2") == "cat/2"
    assert find("/home/me/cat/2.jpg") == "cat/2"
    assert find("/home/me/x.png") == "x"
    assert find("1") is None
    assert find("bird/1") is None
    assert find("bird/2") is None
    assert find("") is None


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map("/".join), unique=True), st.data())
def test_matching_equals_brute_force(names: list[str], data: st.DataObject) -> None:
    item = data.draw(st.lists(st.sampled_from("abc"), min_size=1, max_size=5).map("/".join))
    longer = [name for name in names if name.endswith(f"/{item}")]
    shorter = [name for name in names if item.endswith(f"/{name}")]
    if item in names:
        expected: str | None = item
    elif longer:
        expected = longer[0] if len(longer) == 1 else None
    else:
        expected = max(shorter, key=len, default=None)
    assert matcher(names)(item) == expected


def test_tables_are_known_by_name() -> None:
    assert [table_kind(n) for n in ("2_ground_truth.json", "Metadata.CSV", "2_test.txt", "notes.txt")] == [
        "ground-truth",
        "metadata",
        "names",
        None,
    ]
