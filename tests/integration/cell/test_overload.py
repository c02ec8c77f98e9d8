"""A cell that takes one call a second refuses the others at once, and their records say why."""

from __future__ import annotations

import time

from cti.call.model import Phase
from cti.records.cdr import IncompleteError, parse
from cti.records.story import Story
from tests.integration.cell.conftest import Stage
from tests.support.cell import NUMBER, wait_for


def told(record: bytes) -> Story | None:
    """Return what a record tells; nothing while it is being written."""
    try:
        return parse(record).story
    except IncompleteError:
        return None


def test_calls_over_the_rate_are_refused_and_recorded(stage: Stage) -> None:
    cell = stage.cell
    whole = dict(cell.environ)
    cell.environ["ZONGJI_SWITCH_MAX_CALLS_PER_S"] = "1"
    try:
        cell.restart("cti")
        cell.wait_connected()
        before = {path.name for path in cell.settings.cdr_dir.glob("*.json")}
        legs = [stage.outside.call(NUMBER, f"1370013700{n}") for n in range(6)]

        def refused() -> list[Story]:
            new = [path for path in cell.settings.cdr_dir.glob("*.json") if path.name not in before]
            return [story for path in new if (story := told(path.read_bytes())) is not None]

        def taken() -> int:
            return sum(call.phase is Phase.FLOW for call in cell.calls())

        # How many seconds the six took to come is the machine's doing: at least one came too soon.
        wait_for(lambda: refused() and len(refused()) + taken() == len(legs), 15, "some are refused")
        assert {story.refusal for story in refused()} == {"overload"}
        before_later = taken()
        time.sleep(1.1)
        later = stage.outside.call(NUMBER, "13700137009")
        wait_for(lambda: taken() == before_later + 1, 10, "a call is taken again")
        assert stage.outside.alive(later)
    finally:
        cell.environ.clear()
        cell.environ.update(whole)
        cell.restart("cti")
        cell.wait_connected()
