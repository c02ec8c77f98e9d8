"""The queue's form: what is saved, published and refused; who keeps a queue from being deleted (CTI-Q2, Q3, Q7)."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from sqlalchemy import select

from core import documents, keys
from core.clock import now_ms
from core.database import ALL_TENANTS
from core.documents import DispatchRule, Overflow, OverflowKind, QueueDoc
from core.models import AuditEntry
from cti.desk.models import BreakReason, BreakState
from cti.models import Extension, Queue, QueueMember
from ivr.voices.models import Voice
from tests.unit.admin_web.conftest import World

HTMX = {"HX-Request": "true"}


def form(**changes: Any) -> dict[str, Any]:
    """Return a filled form."""
    return {
        "name": "Sales", "max_waiting": "10", "timeout_s": "60", "ring_timeout_s": "20", "service_level_s": "20",
        **changes,
    }  # fmt: skip


def published(world: World, queue_id: int) -> QueueDoc:
    """Return the queue's document."""
    data = world.parts.redis.hget(documents.HASH, f"queue:{queue_id}")
    assert data is not None
    found = documents.decode(data)
    assert isinstance(found, QueueDoc)
    return found


def add_queue(world: World, code: str, **values: Any) -> int:
    """Make another queue of the first company."""
    with world.parts.database.transaction(world.ids["one"]["tenants"]) as session:
        row = Queue(code=code, name=code, **values)
        session.add(row)
        session.flush()
        row_id = row.id
        session.commit()
        return row_id


def number_of(world: World) -> str:
    """Return the number of the first company's extension."""
    with world.parts.database.transaction(ALL_TENANTS, read_only=True) as session:
        return str(session.get_one(Extension, world.ids["one"]["extensions"]).number)


def test_everything_is_saved_published_and_shown_again(world: World) -> None:
    ids, client = world.ids["one"], world.client("one", "tenant_admin")
    second = add_queue(world, "second")
    number = number_of(world)
    answer = client.post(
        f"/queues/{ids['queues']}",
        data=form(
            rule="skills", last_agent_first="1", skill_level="7", skill_step_s="15",
            closed_states=["break", "away"], members=[str(ids["extensions"])], levels=f"{number}＝9",
            announcement="Please wait", announce_every_s="30", announce_position="1", announce_wait="1",
            callback_key="1", overflow_full=f"queue:{second}", overflow_timeout=f"flow:{ids['flows']}",
            overflow_nobody=f"extension:{ids['extensions']}", missed_limit="3", announce_agent="1",
        ),
        headers=HTMX,
    )  # fmt: skip
    assert answer.status_code == 200
    found = published(world, ids["queues"])
    assert (found.rule, found.last_agent_first, found.skill_level, found.skill_step_s) == (
        DispatchRule.SKILLS, True, 7, 15,
    )  # fmt: skip
    assert found.closed_states == ("break", "away")
    assert found.levels == {ids["extensions"]: 9}
    assert (found.announcement, found.announce_every_s, found.announce_position, found.announce_wait) == (
        "Please wait", 30, True, True,
    )  # fmt: skip
    assert found.overflow_full == Overflow(kind=OverflowKind.QUEUE, id=second)
    assert found.overflow_timeout == Overflow(kind=OverflowKind.FLOW, id=ids["flows"])
    assert found.overflow_nobody == Overflow(kind=OverflowKind.EXTENSION, id=ids["extensions"])
    assert (found.callback_key, found.missed_limit, found.announce_agent) == ("1", 3, True)
    page = client.get(f"/queues/{ids['queues']}", headers=HTMX).text
    assert f'value="{number}=9"' in page
    assert 'value="skills" selected' in page


def test_each_break_reason_of_the_company_is_ticked_for_itself_cti_q2(world: World) -> None:
    ids, client = world.ids["one"], world.client("one", "tenant_admin")
    with world.parts.database.transaction(ALL_TENANTS) as session:
        lunch, course = (
            BreakReason(tenant_id=ids["tenants"], name=name, state=state)
            for name, state in (("Lunch", BreakState.BREAK), ("Course", BreakState.AWAY))
        )
        session.add_all([lunch, course])
        session.flush()
        lunch_id, course_id = lunch.id, course.id
        session.commit()
    new = client.get("/queues/new", headers=HTMX).text
    assert re.search(rf'value="reason:{lunch_id}" selected', new), "no calls come, until somebody says so"
    ticked = ["not_ready", "away", f"reason:{course_id}"]
    answer = client.post(f"/queues/{ids['queues']}", data=form(closed_states=ticked), headers=HTMX)
    assert answer.status_code == 200
    found = published(world, ids["queues"])
    assert (found.closed_states, found.open_reasons) == (("not_ready", "away"), (str(lunch_id),))
    page = client.get(f"/queues/{ids['queues']}", headers=HTMX).text
    assert not re.search(rf'value="reason:{lunch_id}" selected', page)
    assert re.search(rf'value="reason:{course_id}" selected', page)


def test_an_emptied_form_is_the_default(world: World) -> None:
    ids, client = world.ids["one"], world.client("one", "tenant_admin")
    assert client.post(f"/queues/{ids['queues']}", data=form(), headers=HTMX).status_code == 200
    found = published(world, ids["queues"])
    assert (found.rule, found.skill_level, found.music, found.announce_every_s) == (
        DispatchRule.LONGEST_IDLE, 1, "default", 0,
    )  # fmt: skip
    assert found.overflow_full == found.overflow_nobody == Overflow()
    assert found.closed_states == (), "nothing ticked: its calls come in every state the agent chose"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"levels": "99999=3"}, "99999 is no extension of this queue."),
        ({"levels": "{number}=0"}, "A whole number from 1 to 9."),
        ({"levels": "{number}=ten"}, "A whole number from 1 to 9."),
        ({"announce_every_s": "61"}, "A whole number from 0 to 60."),
        ({"rule": "whoever"}, "Choose one of the list."),
        ({"callback_key": "A"}, "Choose one of the list."),
        ({"overflow_full": "queue:{foreign}"}, "Choose one of the list."),
        ({"music": "voice:77"}, "Choose one of the list."),
        ({"closed_states": ["ready"]}, "Choose from the list."),
        ({"overflow_timeout": "queue:{own}"}, "Callers would come back to this queue."),
        ({"overflow_nobody": "queue:{ring}"}, "Callers would come back to this queue."),
    ],
)
def test_what_cannot_be_is_said_at_its_field(world: World, changes: dict[str, Any], sentence: str) -> None:
    ids, client = world.ids["one"], world.client("one", "tenant_admin")
    client.set_cookie("zj_language", "en")
    first = add_queue(world, "ring-a", overflow_full=f"queue:{ids['queues']}")
    names = {
        "number": number_of(world),
        "foreign": world.ids["two"]["queues"],
        "own": ids["queues"],
        "ring": add_queue(world, "ring-b", overflow_timeout=f"queue:{first}"),
    }
    filled = {
        key: value.format(**names) if isinstance(value, str) else value for key, value in changes.items()
    }
    answer = client.post(
        f"/queues/{ids['queues']}", data=form(members=[str(ids["extensions"])], **filled), headers=HTMX
    )
    assert sentence in answer.text
    with world.parts.database.transaction(ALL_TENANTS, read_only=True) as session:
        assert session.get_one(Queue, ids["queues"]).max_waiting == 100, "nothing was saved"


def test_changed_levels_are_logged_and_a_member_who_leaves_loses_theirs(world: World) -> None:
    ids, client = world.ids["one"], world.client("one", "tenant_admin")
    here = {"members": [str(ids["extensions"])], "levels": f"{number_of(world)}=2"}
    client.post(f"/queues/{ids['queues']}", data=form(**here), headers=HTMX)
    client.post(f"/queues/{ids['queues']}", data=form(), headers=HTMX)
    client.post(f"/queues/{ids['queues']}", data=form(members=[str(ids["extensions"])]), headers=HTMX)
    with world.parts.database.transaction(ids["tenants"], read_only=True) as session:
        member = session.scalars(select(QueueMember).where(QueueMember.queue_id == ids["queues"])).one()
        assert member.level == 5
        entries = session.scalars(select(AuditEntry.changes).where(AuditEntry.action == "members")).all()
    assert any(f"{ids['extensions']}=2" in each for each in entries)


def test_cti_q7_a_queue_others_overflow_into_cannot_be_deleted(world: World) -> None:
    client = world.client("one", "tenant_admin")
    client.set_cookie("zj_language", "en")
    target = add_queue(world, "target")
    add_queue(world, "leads-there", overflow_nobody=f"queue:{target}")
    answer = client.post(f"/queues/{target}/delete", headers=HTMX)
    assert answer.status_code == 409
    assert "leads-there lead to it" in json.loads(answer.headers["HX-Trigger"])["zj:toast"]["text"]


def test_what_a_queue_leads_to_or_plays_cannot_be_deleted(world: World) -> None:
    ids, client = world.ids["one"], world.client("one", "tenant_admin")
    client.set_cookie("zj_language", "en")
    with world.parts.database.transaction(ids["tenants"]) as session:
        voice = Voice(name="Calm", length_ms=1, bytes=1, digest="0" * 64, file_key="calm")
        session.add(voice)
        session.flush()
        voice_id = voice.id
        session.commit()
    add_queue(world, "Night", overflow_full=f"flow:{ids['flows']}", music=f"voice:{voice_id}")
    for path, row_id, why in (("flows", ids["flows"], "queue Night"), ("voices", voice_id, "Night")):
        answer = client.post(f"/{path}/{row_id}/delete", headers=HTMX)
        assert answer.status_code == 409
        assert why in json.loads(answer.headers["HX-Trigger"])["zj:toast"]["text"]


def cells_of(page: str, code: str) -> list[str]:
    """Return what the list shows in the row of a queue, from its code on."""
    for row in page.split("<tr")[1:]:
        cells = [
            re.sub(r"<[^>]+>", "", cell).strip()
            for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)
        ]
        if cells and cells[0] == code:
            return cells
    raise AssertionError(f"no queue {code}")


def test_the_list_tells_of_members_and_of_who_waits(world: World) -> None:
    """CTI-Q1: the extensions by number, how many wait, and how long the first of them has."""
    tenant = world.ids["one"]["tenants"]
    crowd = add_queue(world, "crowd")
    add_queue(world, "nobody")
    with world.parts.database.transaction(tenant) as session:
        for number in range(7101, 7108):
            extension = Extension(number=str(number))
            session.add(extension)
            session.flush()
            session.add(QueueMember(queue_id=crowd, extension_id=extension.id))
        session.commit()
    redis = world.parts.redis
    for call, waited_s in (("a", 30), ("b", 95), ("gone", 500)):
        redis.hset(keys.waiting_facts(tenant, crowd), call, f"{now_ms() - waited_s * 1000}:0")
    redis.zadd(keys.waiting(tenant, crowd), {"a": 1, "b": 2})
    page = world.client("one", "tenant_admin").get("/queues").get_data(as_text=True)
    extensions, waiting, longest = cells_of(page, "crowd")[2:5]
    assert extensions == "7101, 7102, 7103, 7104, 7105 … (7)"
    assert waiting == "2"
    assert re.fullmatch(r"\d+:\d\d", longest)
    minutes, seconds = longest.split(":")
    assert 95 <= int(minutes) * 60 + int(seconds) < 400, "of those who wait, not of who left"
    assert cells_of(page, "nobody")[2:5] == ["—", "0", "—"]
