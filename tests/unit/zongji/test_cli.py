"""The command, its reference of settings and the doctor's report."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core import i18n
from core.settings import Settings, load
from zongji.cli import main, parse_keys, terminal_language
from zongji.doctor.finding import ok, report, warning, wrong
from zongji.doctor.local import examine_local
from zongji.reference import markdown, sample
from zongji.switch_probe import ProbeError, SwitchProbe


def test_every_setting_has_a_row_and_the_sample_says_the_defaults() -> None:
    table = markdown()
    lines = sample().splitlines()
    for field in dataclasses.fields(Settings):
        assert f"| `ZONGJI_{field.name.upper()}` |" in table
        assert any(line.startswith(f"#ZONGJI_{field.name.upper()}=") for line in lines)
    values = dict(line[1:].split("=", 1) for line in lines if line.startswith("#ZONGJI_"))
    assert load(values) == load({})


def test_the_settings_page_of_the_manual_is_the_generated_one() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "operations.md").read_text()
    assert markdown() in page, "docs/operations.md lacks the settings as `zongji settings` prints them"


def test_a_setting_that_does_not_exist_ends_with_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ZONGJI_WEBPORT", "1")
    monkeypatch.setenv("LANG", "C")
    with pytest.raises(SystemExit) as ended:
        main(["doctor"])
    assert "ZONGJI_WEBPORT is not a setting" in str(ended.value.code)
    assert len(str(ended.value.code).splitlines()) == 1


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "en_GB.UTF-8"}, "en"),
        ({"LANG": "en_US", "LC_MESSAGES": "zh_TW"}, "zh"),
    ],
)
def test_the_terminals_language(environ: dict[str, str], language: str) -> None:
    assert terminal_language(environ) == language


def test_keys_of_a_test_call() -> None:
    assert parse_keys("1@8, #@12.5") == [(8.0, "1"), (12.5, "#")]
    assert parse_keys("") == []
    for wrong_text in ("1", "12@3", "x@3", "1@-1", "1@soon"):
        with pytest.raises(ValueError, match=r"."):
            parse_keys(wrong_text)


def test_a_report_says_what_to_do_and_counts_what_is_wrong() -> None:
    with i18n.use_language("en"):
        text = report([ok("A", "fine"), warning("B", "so so", "look"), wrong("C", "broken", "mend it")])
        assert report([ok("A", "fine")]).endswith("All is well.\n")
    assert text.splitlines() == [
        "[ok] A: fine", "[note] B: so so", "      What to do: look", "[WRONG] C: broken",
        "      What to do: mend it", "", "1 things are wrong.",
    ]  # fmt: skip


def test_an_open_door_for_carriers_is_wrong(tmp_path: Path) -> None:
    settings = load({"ZONGJI_HOME": str(tmp_path), "ZONGJI_CARRIER_ADDRESSES": "0.0.0.0/0"})
    assert any(finding.is_wrong and "0.0.0.0/0" in finding.how for finding in examine_local(settings))


def test_records_put_aside_are_found(tmp_path: Path) -> None:
    settings = load({"ZONGJI_HOME": str(tmp_path)})
    (settings.cdr_dir / "bad").mkdir(parents=True)
    for name in ("x.cdr.json", "x.cdr.json.why"):
        (settings.cdr_dir / "bad" / name).touch()
    with i18n.use_language("en"):
        found = [finding.how for finding in examine_local(settings) if finding.is_wrong]
    assert any(how.startswith("1 files could not be read") for how in found)


def test_a_switch_that_is_not_there_is_unreachable() -> None:
    with pytest.raises(ProbeError) as problem:
        SwitchProbe("127.0.0.1", 1, "x")
    assert problem.value.kind == "unreachable"


def test_acc_14_other_users_of_the_host_read_nothing_of_what_is_written(tmp_path: Path) -> None:
    home = tmp_path / "home"
    subprocess.run(
        [sys.executable, "-m", "zongji", "migrate"],
        check=True,
        capture_output=True,
        env={**os.environ, "ZONGJI_HOME": str(home)},
        umask=0o022,
    )
    made = [home, *home.rglob("*")]
    assert home / "zongji.db" in made
    assert [path.name for path in made if path.stat().st_mode & 0o027] == []
