"""A deliverer killed between claim, sending and writing down: each event arrives at least once, under one id."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from admin_web.webhooks.deliveries import LEASE
from core.database import Database, utc_now
from tests.integration.webhooks.dying import POINTS
from tests.integration.webhooks.stage import Stage
from tests.support.receiver import receiving

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("point", POINTS)
def test_killed_in_the_middle(each_database: Database, point: str) -> None:
    stage = Stage(each_database)
    with receiving() as receiver:
        stage.endpoint(receiver.url)
        stage.say("1", n=1)
        url = each_database.engine.url.render_as_string(hide_password=False)
        command = [sys.executable, "-m", "tests.integration.webhooks.dying", url, point]
        ended = subprocess.run(command, cwd=ROOT, timeout=60, capture_output=True)
        assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
        assert len(receiver.got) == (1 if point == "after-sending" else 0)
        stage.now = utc_now()  # the other process claimed by the real clock
        stage.deliver()
        if point != "after-fan-out":
            assert len(receiver.got) == (1 if point == "after-sending" else 0), "it may still be under way"
        stage.later(LEASE.total_seconds() + 1)
        stage.deliver()
        assert len(receiver.got) == (2 if point == "after-sending" else 1)
        assert len({got.headers["webhook-id"] for got in receiver.got}) == 1
        stage.later(86_400)
        stage.deliver()
        assert len(receiver.got) == (2 if point == "after-sending" else 1)
