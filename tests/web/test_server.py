"""The process that answers requests, as a server starts it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ASKED = """
import gc, sys
import simweb.wsgi
print("analysis.views.pairs" in sys.modules, gc.get_freeze_count(), len(gc.get_objects()))
"""


def test_pages_are_loaded_at_the_start_and_full_collections_leave_them_alone() -> None:
    said = subprocess.run([sys.executable, "-c", ASKED], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    loaded, frozen, others = said.split()
    assert loaded == "True"
    assert int(others) < int(frozen) // 100
