"""Keyset pages: a link to the next page says after which row it begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db.models import Model
from django.http import HttpRequest

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows of one page.

    Attributes:
        rows: in order.
        first: link to the first page; empty on it.
        following: link to the next page; empty on the last.
    """

    rows: Sequence[Row]
    first: str
    following: str


def number_in(request: HttpRequest, name: str) -> int:
    """A whole number of the URL; 0 where there is none, or none that an id can be."""
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else 0


def page_of(request: HttpRequest, found: Sequence[Row], limit: int, *, after: int) -> Page[Row]:
    """The page of rows found after a row, where one row more than `limit` says that there is a next page."""
    rows = found[:limit]
    return Page(
        rows=rows,
        first=_link(request, None) if after else "",
        following=_link(request, rows[-1].pk) if len(found) > limit else "",
    )


def _link(request: HttpRequest, after: int | None) -> str:
    parameters = request.GET.copy()
    parameters.pop("after", None)
    if after is not None:
        parameters["after"] = str(after)
    return f"?{parameters.urlencode()}"
