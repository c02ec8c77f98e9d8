"""Runs the web interface: gunicorn with gevent workers.

The standard library is patched before anything else is imported: what is imported unpatched stays unpatched.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import os  # noqa: E402
import signal  # noqa: E402
from typing import Any  # noqa: E402

from gunicorn.app.base import BaseApplication  # noqa: E402
from gunicorn.arbiter import Arbiter  # noqa: E402
from gunicorn.workers.base import Worker  # noqa: E402

from core.settings import Settings  # noqa: E402
from zongji.processes.parent import end_with_parent  # noqa: E402
from zongji.processes.start import begin  # noqa: E402
from zongji.web_workers import workers  # noqa: E402

CONNECTIONS = 4000
"""Open requests per worker; a page's push connection is one (bar P8: 500 pages and more)."""


class Server(BaseApplication):
    """gunicorn, configured from the settings alone: no file, no environment of its own."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        super().__init__()

    def load_config(self) -> None:
        """Fill gunicorn's configuration."""
        host = f"[{self.settings.web_host}]" if ":" in self.settings.web_host else self.settings.web_host
        for name, value in {
            "bind": f"{host}:{self.settings.web_port}",
            "workers": workers(self.settings),
            "worker_class": "gevent",
            "worker_connections": CONNECTIONS,
            "timeout": 30,
            # Push connections never end by themselves: a stop does not wait for them.
            "graceful_timeout": 3,
            "keepalive": 20,
            "control_socket_disable": True,
            "proc_name": "zongji-web",
            "post_fork": _end_with_arbiter,
            "logger_class": "zongji.processes.web_log.Logger",
            "forwarded_allow_ips": "127.0.0.1,::1",
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Return the application; called in each worker."""
        from zongji.web import make_application

        return make_application(self.settings)


def _end_with_arbiter(arbiter: Arbiter, worker: Worker) -> None:
    """Let go of the port when the process that started this worker is killed: the next one needs it at once.

    gunicorn's workers look for themselves, but a busy one keeps the port for many seconds, and the next arbiter gives
    up after five.
    """
    end_with_parent(signal.SIGKILL)
    if os.getppid() != arbiter.pid:
        os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Serve until told to stop."""
    Server(begin("web")).run()
