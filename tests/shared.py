"""Where the real material lies that some tests read: beside the project, never in it."""

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def shared_data() -> Path:
    """The folder of real material; skips the test, saying so, where it is absent."""
    if not (SHARED_DATA / "README.md").is_file():
        pytest.skip(f"real material absent: {SHARED_DATA} has no README.md")
    return SHARED_DATA
