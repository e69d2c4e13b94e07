"""Numbers as pages say them."""

from __future__ import annotations

import pytest

from simweb.templatetags.words import css_percent, duration, in_bytes, rate, share


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (0, "0.0 s"),
        (0.44, "0.4 s"),
        (9.96, "10.0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (200, "3 min 20 s"),
        (600, "10 min"),
        (1810, "30 min"),
        (3599, "60 min"),
        (3600, "1 h 0 min"),
        (7500, "2 h 5 min"),
    ],
)
def test_duration(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (None, ""),
        (0, "0 bytes"),
        (1, "1 byte"),
        (1023, "1023 bytes"),
        (1024, "1.0 KiB"),
        (10 * 1024, "10 KiB"),
        (1024**2 - 1, "1,024 KiB"),
        (5 * 1024**2, "5.0 MiB"),
        (1024**4, "1.0 TiB"),
        (3000 * 1024**4, "3,000 TiB"),
    ],
)
def test_in_bytes(count: int | None, words: str) -> None:
    assert in_bytes(count) == words


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [
        (1, 0, ""),
        (None, 5, ""),
        (0, 5, "0 %"),
        (5, 5, "100 %"),
        (1, 3, "33.3 %"),
        (1, 10_000, "< 0.1 %"),
        (9_999, 10_000, "> 99.9 %"),
    ],
)
def test_share_never_rounds_to_none_or_all(part: float | None, whole: float, words: str) -> None:
    assert share(part, whole).replace("\u202f", " ") == words


def test_rate_has_the_digits_that_mean_something() -> None:
    assert [rate(None), rate(0.26), rate(9.94), rate(1234.5)] == ["", "0.3", "9.9", "1,234"]


def test_a_bar_stays_in_its_box_and_is_a_css_length() -> None:
    assert [css_percent(1, 4), css_percent(9, 4), css_percent(-1, 4), css_percent(None, 4), css_percent(1, 0)] == [
        "25.00%",
        "100.00%",
        "0.00%",
        "0.00%",
        "0.00%",
    ]
