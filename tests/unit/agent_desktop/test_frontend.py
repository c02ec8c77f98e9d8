"""Runs the tests of the desk's pure TypeScript (Vitest), where the front end's packages are installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def test_the_pure_parts_of_the_front_end() -> None:
    node = shutil.which("node")
    vitest = ROOT / "node_modules" / "vitest" / "vitest.mjs"
    if node is None or not vitest.exists():
        pytest.skip("the front end's packages are not installed (npm ci)")
    run = subprocess.run(
        [node, str(vitest), "run", "--config", str(ROOT / "vitest.config.ts")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert run.returncode == 0, run.stdout + run.stderr
