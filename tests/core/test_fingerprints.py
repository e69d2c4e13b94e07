import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.core.arrays import PackedBits
from analysis.core.errors import AnalysisError, UnknownName
from analysis.core.fingerprints import (
    BrokenFingerprints,
    file_name_of,
    read_fingerprints,
    signal_of,
    write_fingerprints,
)
from tests.shared import shared_data

NAMES = ["a", "b", "c"]
HEX = ["e1a98d969ab2b135", "93dc2c6173b64959", "ead0d00e958f99b9"]


def as_json(value: object) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.shared_data
@pytest.mark.parametrize(("dataset", "count"), [("ArtDL", 1864), ("ICONCLASS", 592), ("wikidata", 718)])
@pytest.mark.parametrize(
    ("file", "signal", "n_bits"),
    [("perceptual_hashes.json", "phash-8", 64), ("robust_hashes.json", "block_mean-16", 256)],
)
def test_the_published_files_are_read_and_written_back_the_same(
    dataset: str, count: int, file: str, signal: str, n_bits: int
) -> None:
    folder = shared_data() / "saints" / "fingerprints" / dataset
    names = (folder / "2_test.txt").read_text().split()
    published = (folder / file).read_bytes()
    read = read_fingerprints(file, published, count, names)
    assert (read.signal, len(read.bits), read.bits.n_bits) == (signal, count, n_bits)
    assert read.rows.tolist() == list(range(count))
    assert json.loads(write_fingerprints(signal, names, read.bits)) == json.loads(published)
    assert file_name_of(signal) == file


def test_bits_mean_what_the_text_says() -> None:
    read = read_fingerprints("perceptual_hashes.json", as_json(HEX), 3, NAMES)
    for row, text in zip(read.bits.to_bool(), HEX, strict=True):
        assert "".join("1" if bit else "0" for bit in row) == f"{int(text, 16):064b}"


@settings(deadline=None)
@given(
    n_bits=st.sampled_from([1, 5, 12, 36, 64, 256]),
    count=st.integers(0, 5),
    seed=st.integers(0, 2**32 - 1),
    signal=st.sampled_from(["other", "block_mean-16"]),
)
def test_what_is_written_is_read(n_bits: int, count: int, seed: int, signal: str) -> None:
    bits = PackedBits.from_bool(np.random.default_rng(seed).random((count, n_bits)) < 0.5)
    names = [f"n{i}" for i in range(count)]
    data = write_fingerprints(signal, names, bits)
    read = read_fingerprints(file_name_of(signal), data, count, names, known={signal: n_bits})
    assert np.array_equal(read.bits.packed, bits.packed)


@settings(deadline=None)
@given(bits=st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=5), upper=st.booleans())
def test_both_forms_mean_the_same(bits: list[int], upper: bool) -> None:
    names = [str(i) for i in range(len(bits))]
    as_hex = [f"{value:016X}" if upper else f"{value:016x}" for value in bits]
    one = read_fingerprints("phash-8.json", as_json(as_hex), None, names)
    other = read_fingerprints("perceptual_hashes.json", as_json([f"{value:064b}" for value in bits]), None, names)
    assert np.array_equal(one.bits.packed, other.bits.packed)


def test_an_object_by_name_says_which_rows_it_has() -> None:
    read = read_fingerprints("phash-8.json", as_json({"c.jpg": HEX[2], "a": HEX[0]}), None, NAMES)
    assert read.rows.tolist() == [0, 2]
    assert read.bits.to_hex() == [HEX[0], HEX[2]]


def test_signals_are_known_by_file_name() -> None:
    known = {"dhash-8": 64}
    assert signal_of("x/dhash-8.json", known) == "dhash-8"
    assert signal_of("robust_hashes.json", known) == "block_mean-16"
    with pytest.raises(UnknownName, match=r"ahash\.json"):
        signal_of("ahash.json", known)


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        (as_json(HEX[:2]), ["2 hashes for 3 names"]),
        (as_json([*HEX[:2], "ead0"]), ["row 3", "'c'", "ead0", "16 hexadecimal digits"]),
        (as_json([HEX[0], "e1a98d969ab2b13 ", HEX[2]]), ["row 2", "'b'"]),
        (as_json([HEX[0], "01" * 32, HEX[2]]), ["row 2", "'b'"]),
        (as_json([HEX[0], None, HEX[2]]), ["row 2", "null"]),
        (as_json(["0" * 63 + "2", "0" * 64, "1" * 64]), ["row 1", "'a'"]),
        (as_json({"a": HEX[0], "x": HEX[1]}), ["'x'", "3 names"]),
        (as_json({"a": HEX[0], "a.jpg": HEX[1]}), ["'a' and 'a.jpg'"]),
        (b'{"a": "00", "a": "01"}', ["'a' comes twice"]),
        (b'["00",\n"01"', ["line 2, column 5"]),
        (b'"00"', ["neither a list nor an object"]),
        (b"\xff\xfe", ["UTF-8"]),
        (b"[" * 100_000, ["nested"]),
    ],
)
def test_a_broken_file_says_where(data: bytes, parts: list[str]) -> None:
    with pytest.raises(BrokenFingerprints) as caught:
        read_fingerprints("perceptual_hashes.json", data, 3, NAMES)
    assert isinstance(caught.value, AnalysisError)
    assert caught.value.remedy
    for part in ["perceptual_hashes.json", *parts]:
        assert part in str(caught.value)


def test_writing_wants_a_hash_for_each_name() -> None:
    with pytest.raises(BrokenFingerprints, match="1 hashes for 3 names"):
        write_fingerprints("phash-8", NAMES, PackedBits.from_hex(HEX[:1], 64))
