"""Asks the advisory services whether a locked dependency has a known vulnerability: ``python -m
tests.support.dependency_audit python|npm``.

Ends with 0 when every package was looked up and none is affected, 1 when one is, and 3, with the reason, when the
services cannot be reached or do not know the packages: an audit that was not done is not one that was passed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PASSED, AFFECTED, NOT_DONE = 0, 1, 3
TIMEOUT_S = 180
LOCKS = ("requirements.lock", "requirements-dev.lock")


def judge_python(output: str) -> tuple[int, str]:
    """Return the end and a sentence for what ``pip-audit --format json`` wrote."""
    found = _object(output)
    packages: Sequence[Mapping[str, Any]] = found.get("dependencies", ())
    if not packages:
        return NOT_DONE, "the advisory service gave no answer"
    affected = [
        f"{each['name']} {each['version']}: {', '.join(one['id'] for one in each['vulns'])}"
        for each in packages
        if each.get("vulns")
    ]
    if affected:
        return AFFECTED, "; ".join(affected)
    unknown = sum("skip_reason" in each for each in packages)
    if unknown:
        return NOT_DONE, f"the advisory service does not know {unknown} of {len(packages)} packages"
    return PASSED, f"{len(packages)} packages, no known vulnerability"


def judge_npm(output: str) -> tuple[int, str]:
    """Return the end and a sentence for what ``npm audit --json`` wrote."""
    found = _object(output)
    if "vulnerabilities" not in found:
        return NOT_DONE, "the advisory service gave no answer"
    affected = [
        f"{name}: {each['severity']}"
        for name, each in found["vulnerabilities"].items()
        if each.get("severity") in ("high", "critical")
    ]
    return (AFFECTED, "; ".join(affected)) if affected else (PASSED, "no known grave vulnerability")


def _object(output: str) -> dict[str, Any]:
    try:
        found = json.loads(output)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _run(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def python() -> tuple[int, str]:
    """Audit the locked Python packages; the second service is asked when the first knows too little."""
    files = [word for lock in LOCKS for word in ("--requirement", lock)]
    reasons: list[str] = []
    for service in ("pypi", "osv"):
        command = [sys.executable, "-m", "pip_audit", "--require-hashes", "--disable-pip", *files]
        command += ["--format", "json", "--progress-spinner", "off", "--vulnerability-service", service]
        end, why = judge_python(_run(command))
        if end != NOT_DONE:
            return end, why
        reasons.append(why)
    return NOT_DONE, "; ".join(dict.fromkeys(reasons))


def main() -> None:
    """Audit what the command line names."""
    end, why = python() if sys.argv[1] == "python" else judge_npm(_run(["npm", "audit", "--json"]))
    sys.stdout.write(why + "\n")
    sys.exit(end)


if __name__ == "__main__":
    main()
