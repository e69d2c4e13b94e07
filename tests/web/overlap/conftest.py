"""Nothing is remembered from one test to the next."""

from __future__ import annotations

import pytest
from django.core.cache import cache


@pytest.fixture(autouse=True)
def _no_memory() -> None:
    """Row ids come again in another test; what was kept under them must not."""
    cache.clear()
