"""``python -m zongji.processes <name>``: runs one process, as the Procfile names them.

Only what paces a restart is imported before the process itself: the web process patches the standard
library first thing, and a process whose code cannot even be imported must not spin either.
"""

from __future__ import annotations

import importlib
import re
import sys

from core.settings import SettingsError, load
from zongji.private_files import keep_from_others
from zongji.processes.pace import pace


def main() -> None:
    """Pace, then run the process named on the command line."""
    if len(sys.argv) != 2 or not re.fullmatch(r"[a-z_]+", sys.argv[1]):
        sys.exit("usage: python -m zongji.processes <name of a process in the Procfile>")
    name = sys.argv[1]
    keep_from_others()
    try:
        pace(load(), name)
    except (SettingsError, OSError) as error:
        sys.exit(str(error))
    importlib.import_module(f"zongji.processes.{name}").main()


if __name__ == "__main__":
    main()
