"""``python -m tests.conformance.switch.record``: play all scenarios on a real FreeSWITCH and keep what it did."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from tests.conformance.switch import real
from tests.conformance.switch.scenarios import SCENARIOS
from tests.conformance.switch.stage import RealStage

_FILE = Path(__file__).parent / "recorded.json"


def main() -> int:
    """Record all scenarios, or those named; 1 without a FreeSWITCH."""
    prefix = real.home()
    if prefix is None:
        print("there is no FreeSWITCH to record from")
        return 1
    recorded = json.loads(_FILE.read_text()) if _FILE.exists() else {}
    wanted = sys.argv[1:] or sorted(SCENARIOS)
    with tempfile.TemporaryDirectory() as folder:
        stage = RealStage(Path(folder), prefix)
        try:
            for name in wanted:
                recorded[name] = SCENARIOS[name](stage)
                stage.clear()
        finally:
            stage.close()
    recorded = {name: recorded[name] for name in sorted(recorded) if name in SCENARIOS}
    _FILE.write_text(json.dumps(recorded, indent=1, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
