"""Arrays are checked once, with words that say what is wrong and where."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.core.arrays import PackedBits, Pairs, Vectors
from analysis.core.errors import InvalidArray


def test_hashes_survive_hexadecimal_and_booleans() -> None:
    bits = np.random.default_rng(0).random((20, 64)) < 0.5
    packed = PackedBits.from_bool(bits)
    assert (packed.to_bool() == bits).all()
    assert (PackedBits.from_hex(packed.to_hex(), 64).packed == packed.packed).all()


def test_hexadecimal_of_odd_length() -> None:
    packed = PackedBits.from_hex(["abc", "000"], 12)
    assert packed.to_hex() == ["abc", "000"]


@pytest.mark.parametrize("text", ["0" * 15, "0" * 17, "g" * 16, "0" * 14 + "  ", "0x" + "0" * 14])
def test_hexadecimal_that_is_none_names_its_row(text: str) -> None:
    with pytest.raises(InvalidArray, match="Hash 2"):
        PackedBits.from_hex(["0" * 16, text], 64)


def test_padding_bits_must_be_zero() -> None:
    with pytest.raises(InvalidArray, match="last 4 bits"):
        PackedBits(np.array([[0, 1]], np.uint8), 12)


@pytest.mark.parametrize(
    ("packed", "n_bits", "words"),
    [
        (np.zeros((2, 8), np.uint8), 0, "at least 1 bit"),
        (np.zeros((2, 8), np.uint8), 65, r"65 bits are an array uint8 of shape \(n, 9\)"),
        (np.zeros((2, 9), np.uint8), 64, r"shape \(n, 8\), not uint8 of shape \(2, 9\)"),
        (np.zeros((2, 8), np.int8), 64, "not int8"),
        (np.zeros(8, np.uint8), 64, r"of shape \(8,\)"),
    ],
)
def test_hashes_of_another_length_than_stated_are_refused(packed: np.ndarray, n_bits: int, words: str) -> None:
    with pytest.raises(InvalidArray, match=words):
        PackedBits(packed, n_bits)


def test_arrays_cannot_be_changed_afterwards() -> None:
    packed = PackedBits(np.zeros((2, 8), np.uint8), 64)
    with pytest.raises(ValueError, match="read-only"):
        packed.packed[0, 0] = 1


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.array([[1.0, 0.0], [0.5, 0.0]], np.float32), "Embedding 2 has length 0.5"),
        (np.array([[1.0, 0.0], [np.nan, 0.0]], np.float32), "Embedding 2 has values that are not finite"),
        (np.array([[-np.inf, 0.0], [1.0, 0.0]], np.float32), "Embedding 1 has values that are not finite"),
        (np.array([[1.0, 0.0], [0.0, 0.0], [3.0, 4.0]], np.float32), r"Embedding 2 has length 0.0000; 2 of 3"),
        (np.empty((3, 0), np.float32), "shape"),
        (np.array([[1.0, 0.0]], np.float64), "float32"),
        (np.array([1.0], np.float32), "shape"),
    ],
)
def test_embeddings_that_are_no_unit_vectors_are_named(values: np.ndarray, words: str) -> None:
    with pytest.raises(InvalidArray, match=words):
        Vectors(values)


def test_pairs_are_checked_ordered_and_bounded() -> None:
    pairs = Pairs(np.array([3, 1]), np.array([4, 2]), np.array([5, 6], np.float32))
    assert pairs.sorted().a.tolist() == [1, 3]
    assert pairs.within(5).b.tolist() == [4]
    assert len(Pairs.empty()) == 0
    with pytest.raises(InvalidArray, match="unequal"):
        Pairs(np.array([3]), np.array([4, 2]), np.array([5, 6], np.float32))
    with pytest.raises(InvalidArray, match="int64"):
        Pairs(np.array([3.0]), np.array([4]), np.array([5], np.float32))
