"""Runs a page's own script outside of a browser, on what the server gave it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT


def from_curve(expression: str, *, config: Any, data: Any, folder: Path) -> Any:
    """What an expression of the overlap's script is, with ``overlap`` made of config and data, and ``after`` at hand.

    The test is skipped where node is not installed.
    """
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed, which runs the page's script here")
    given = folder / "given.json"
    given.write_text(json.dumps({"config": config, "data": data}))
    script = f"""
        import {{ readFileSync }} from "node:fs";
        import {{ Overlap, after }} from "{(ROOT / "simweb/assets/js/curve.js").as_uri()}";
        const {{ config, data }} = JSON.parse(readFileSync("{given}"));
        const overlap = new Overlap(data, config);
        console.log(JSON.stringify({expression}));
    """
    ran = subprocess.run([node, "--input-type=module", "-e", script], capture_output=True, text=True, check=True)
    return json.loads(ran.stdout)
