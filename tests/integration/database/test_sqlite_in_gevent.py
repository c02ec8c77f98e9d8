"""A held SQLite lock never freezes a gevent process (architecture, "No database on a call's path").

Each case is a program of its own: monkey-patching cannot be undone in the test's process.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

PREAMBLE = """
import gevent.monkey; gevent.monkey.patch_all()
import sys, time, gevent, threading
from sqlalchemy import text
from core.database import ALL_TENANTS, Database
from tests.support import clock
database = Database(sys.argv[1], busy_timeout_s=float(sys.argv[2]))
with database.engine.begin() as connection:
    connection.execute(text("CREATE TABLE IF NOT EXISTS t (n INTEGER)"))

def write(n):
    with database.engine.begin() as connection:
        connection.execute(text("INSERT INTO t VALUES (:n)"), {"n": n})

def count():
    with database.reading_engine.connect() as connection:
        return connection.scalar(text("SELECT count(*) FROM t"))

class Holder:
    '''Another process's lock: a connection of the plain driver, in a real thread.'''
    def __init__(self):
        import sqlite3
        self.connection = sqlite3.connect(database.engine.url.database, isolation_level=None)
        self.connection.execute("BEGIN IMMEDIATE")
    def release(self):
        self.connection.execute("COMMIT")

class Heart:
    '''The longest time no other greenlet could run.'''
    def __init__(self):
        self.worst = 0.0
        self.greenlet = gevent.spawn(self.beat)
    def beat(self):
        while True:
            before = clock.now_s()
            gevent.sleep(0.005)
            self.worst = max(self.worst, clock.now_s() - before)
"""


def run(program: str, tmp_path: Path, busy_timeout_s: float = 5.0) -> str:
    """Run the program after the preamble and return what it printed."""
    command = [sys.executable, "-W", "error", "-c", PREAMBLE + textwrap.dedent(program)]
    command += [f"sqlite:///{tmp_path / 'x.db'}", str(busy_timeout_s)]
    root = Path(__file__).parents[3]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=root)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_others_run_while_many_writers_wait_for_a_lock(tmp_path: Path) -> None:
    out = run(
        """
        holder, heart = Holder(), Heart()
        writers = [gevent.spawn(write, n) for n in range(18)]
        gevent.sleep(0.7)
        assert not any(writer.ready() for writer in writers)
        assert count() == 0, "readers do not wait for the writer"
        holder.release()
        gevent.joinall(writers, raise_error=True, timeout=10)
        print(count(), heart.worst < 0.25, heart.worst)
        """,
        tmp_path,
    )
    assert out.startswith("18 True"), out


def test_a_lock_held_too_long_is_an_error_in_time(tmp_path: Path) -> None:
    out = run(
        """
        from sqlalchemy.exc import OperationalError
        holder, heart = Holder(), Heart()
        began, started = time.monotonic(), clock.now_s()
        try:
            write(1)
        except OperationalError as error:
            waited = 0.5 <= time.monotonic() - began and clock.now_s() - started < 2
            print("locked" in str(error), waited, heart.worst < 0.25)
        holder.release()
        write(2)
        print(count())
        """,
        tmp_path,
        busy_timeout_s=0.5,
    )
    assert out.split() == ["True", "True", "True", "1"], out


def test_a_killed_writer_leaves_no_lock_behind(tmp_path: Path) -> None:
    """A greenlet that gives up while it waits must not leave a connection in the pool that got the lock late."""
    out = run(
        """
        holder = Holder()
        waiting = [gevent.spawn(write, n) for n in range(8)]
        gevent.sleep(0.1)
        gevent.spawn_later(0.05, holder.release)
        for greenlet in waiting:
            gevent.sleep(0.013)
            greenlet.kill()
        started = clock.now_s()
        for n in range(30):
            write(100 + n)
        print(clock.now_s() - started < 3, count() >= 30)
        """,
        tmp_path,
    )
    assert out.split() == ["True", "True"], out


def test_killing_statements_at_random_moments_leaves_the_pool_usable(tmp_path: Path) -> None:
    out = run(
        """
        import random
        random.seed(1)
        def work(n):
            with database.transaction(ALL_TENANTS) as session:
                session.execute(text("INSERT INTO t VALUES (:n)"), {"n": n})
                session.execute(text("SELECT count(*) FROM t")).all()
                session.commit()
        for round in range(40):
            greenlets = [gevent.spawn(work, n) for n in range(4)]
            gevent.sleep(random.random() * 0.01)
            gevent.killall(greenlets, block=True)
        before = count()
        write(1)
        print(count() == before + 1)
        """,
        tmp_path,
    )
    assert out.split() == ["True"], out


def test_a_thread_that_comes_late_to_a_killed_greenlets_call_takes_no_lock(tmp_path: Path) -> None:
    """The greenlet that wanted to write is killed before its thread began: the roll-back must not overtake it."""
    out = run(
        """
        from core import real_threads
        really_sleep, real, late = gevent.monkey.get_original("time", "sleep"), real_threads._outcome, []
        def outcome(function, args):
            if late:
                really_sleep(late.pop())
            return real(function, args)
        real_threads._outcome = outcome
        write(0)
        for _ in range(3):
            late.append(0.2)
            writer = gevent.spawn(write, 1)
            gevent.sleep(0.05)
            writer.kill()
            gevent.sleep(0.3)
            started = clock.now_s()
            write(2)
            assert clock.now_s() - started < 2
        print(count())
        """,
        tmp_path,
    )
    assert out.split() == ["4"], out
