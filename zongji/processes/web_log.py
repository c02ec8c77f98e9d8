"""gunicorn's messages through our logs."""

from __future__ import annotations

import logging
from typing import Any

from gunicorn.glogging import Logger as GunicornLogger


class Logger(GunicornLogger):
    """gunicorn's logger without handlers of its own: the root's, set up by `core.logs`, write."""

    def setup(self, cfg: Any) -> None:
        """Take the place of gunicorn's own handlers."""
        self.error_log = logging.getLogger("gunicorn.error")
        self.access_log = logging.getLogger("gunicorn.access")
        self.error_log.propagate = True
        self.error_log.handlers[:] = []
        self.access_log.disabled = True
        self.error_log.setLevel(
            logging.WARNING if logging.getLogger().level > logging.DEBUG else logging.DEBUG
        )
