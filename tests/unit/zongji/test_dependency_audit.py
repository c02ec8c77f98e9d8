"""The audit of dependencies tells an audit that was passed from one that was not done."""

from __future__ import annotations

import json

import pytest

from tests.support.dependency_audit import AFFECTED, NOT_DONE, PASSED, judge_npm, judge_python

GOOD = {"name": "flask", "version": "3.1", "vulns": []}
BAD = {"name": "old", "version": "1.0", "vulns": [{"id": "PYSEC-1"}, {"id": "CVE-2"}]}
UNKNOWN = {"name": "own", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "end", "word"),
    [
        ([GOOD], PASSED, "1 packages"),
        ([GOOD, BAD], AFFECTED, "old 1.0: PYSEC-1, CVE-2"),
        ([UNKNOWN, BAD], AFFECTED, "old 1.0"),
        ([GOOD, UNKNOWN], NOT_DONE, "1 of 2"),
        ([], NOT_DONE, "no answer"),
    ],
)
def test_what_the_python_audit_says(packages: list[dict], end: int, word: str) -> None:
    found, why = judge_python(json.dumps({"dependencies": packages}))
    assert found == end
    assert word in why


@pytest.mark.parametrize("output", ["", "no json", "[]", '{"message": "405"}'])
def test_no_answer_is_no_pass(output: str) -> None:
    assert judge_python(output)[0] == NOT_DONE
    assert judge_npm(output)[0] == NOT_DONE


def test_what_the_front_ends_audit_says() -> None:
    assert judge_npm('{"vulnerabilities": {}}')[0] == PASSED
    assert judge_npm('{"vulnerabilities": {"a": {"severity": "low"}}}')[0] == PASSED
    assert judge_npm('{"vulnerabilities": {"a": {"severity": "high"}}}') == (AFFECTED, "a: high")
