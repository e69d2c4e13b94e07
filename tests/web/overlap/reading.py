"""Addresses of a comparison, and what is read on its dashboard."""

from __future__ import annotations

import re

from django.urls import reverse

from analysis.models import Comparison


def url(name: str, comparison: Comparison, **query: object) -> str:
    path = reverse(name, args=[comparison.project.slug, comparison.pk])
    return path + ("?" + "&".join(f"{key}={value}" for key, value in query.items()) if query else "")


def said(html: str, name: str) -> str:
    """The text of the element that the script addresses by this name."""
    found = re.search(rf'data-text="{name}"[^>]*>(.*?)<', html, re.S)
    assert found, f"nothing is called {name}"
    return found[1].strip()


def cell(html: str, row: int, column: int) -> int:
    found = re.search(rf'data-cell="{row}-{column}".*?<b>([\d,]+)</b>', html, re.S)
    assert found
    return int(found[1].replace(",", ""))
