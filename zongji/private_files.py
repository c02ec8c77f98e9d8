"""Who may read what the platform writes."""

from __future__ import annotations

import os

OTHERS = 0o007
GROUP_WRITES = 0o020


def keep_from_others() -> None:
    """Have this process and its children make files without any right for the host's other users: database, recordings
    and uploads are for who runs the platform. Their group may read, for a switch that runs as somebody else.
    """
    os.umask(os.umask(0) | OTHERS | GROUP_WRITES)
