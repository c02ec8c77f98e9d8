"""Running a short child process with a time limit, from plain and from gevent processes alike."""

from __future__ import annotations

import subprocess
from typing import Any

from core import real_threads
from ivr.tts.provider import SpeechError


def run_child(command: list[str], stdin: bytes, timeout_s: float, *, silent: bool = False) -> bytes:
    """Return what the command wrote. Raises `SpeechError` on a failure, a time-out, or (unless `silent`) empty output.

    In a gevent process only the calling greenlet waits.
    """
    try:
        done = _subprocess().run(command, input=stdin, capture_output=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired as error:
        raise SpeechError(f"no speech within {timeout_s:g} s") from error
    except OSError as error:
        raise SpeechError(f"{command[0]} cannot be started: {error.strerror}") from error
    if done.returncode != 0:
        reason = done.stderr.decode("utf-8", "replace").strip()[-300:]
        raise SpeechError(f"the speech engine ended with {done.returncode}: {reason}")
    if not done.stdout and not silent:
        raise SpeechError("the speech engine said nothing")
    output: bytes = done.stdout
    return output


def _subprocess() -> Any:
    """Return gevent's module where the standard library is patched, whatever parts of it were."""
    if not real_threads.in_gevent():
        return subprocess
    import gevent.subprocess

    return gevent.subprocess
