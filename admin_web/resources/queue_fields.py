"""The form of a queue: its settings by what they are about (CTI-Q2), and what its values must be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select

from admin_web.resource import Field, Options, refuse
from admin_web.resources import destinations
from admin_web.resources.extensions import POP_URL, pop_options
from admin_web.resources.leading import OVERFLOWS
from core.database import TenantSession
from core.documents import DispatchRule
from core.i18n import LazyText, lazy
from cti.acd.agents import QUEUE_DECIDES, AgentState
from cti.acd.dispatch import LEVELS
from cti.desk import words
from cti.documents_of_rows import DEFAULT_LEVEL
from cti.models import Extension, Queue
from ivr.voices.models import Voice, VoiceState

HANGUP = "hangup"
KEYS = "0123456789*#"
RULES: dict[DispatchRule, LazyText] = {
    DispatchRule.LONGEST_IDLE: lazy("Longest idle first"),
    DispatchRule.ROUND_ROBIN: lazy("In turn"),
    DispatchRule.FEWEST_CALLS: lazy("Fewest calls today first"),
    DispatchRule.RANDOM: lazy("At random"),
    DispatchRule.SKILLS: lazy("Highest skill level first"),
    DispatchRule.RING_ALL: lazy("All at once, the first to answer gets it"),
}
STATES: dict[AgentState, LazyText] = {
    AgentState.NOT_READY: lazy("At work, no calls"),
    AgentState.BREAK: lazy("Break"),
    AgentState.AWAY: lazy("Away"),
    AgentState.WRAP_UP: lazy("Wrap-up"),
}


def extension_options(session: TenantSession) -> Options:
    """Return the extensions that can be members."""
    query = select(Extension.id, Extension.number).order_by(Extension.number)
    return [(str(row_id), number) for row_id, number in session.execute(query)]


def rule_options(session: TenantSession) -> Options:
    """Return the dispatch rules."""
    return [(rule.value, str(text)) for rule, text in RULES.items()]


REASON = "reason:"
"""Before the id of a break reason among the states a queue decides about."""


def state_options(session: TenantSession) -> Options:
    """Return the states in which a queue decides whether its calls come, the company's own reasons among them."""
    own = [
        (f"{REASON}{reason.id}", f"{STATES[AgentState(reason.state.value)]}: {reason.name}")
        for reason in words.break_reasons(session)
    ]
    return [*((state.value, str(STATES[state])) for state in QUEUE_DECIDES), *own]


def all_states(session: TenantSession) -> list[str]:
    """Return every one of them: what a new queue has ticked."""
    return [value for value, _ in state_options(session)]


def states_shown(session: TenantSession, row: Queue) -> list[str]:
    """Return those in which no calls of the queue come."""
    still_open = {f"{REASON}{each}" for each in row.open_reasons.split(",")}
    closed = row.closed_states.split(",")
    return [
        value
        for value in all_states(session)
        if (value not in still_open if value.startswith(REASON) else value in closed)
    ]


def states_stored(session: TenantSession, ticked: Sequence[str]) -> dict[str, str]:
    """Return the queue's columns for the states ticked; a reason made later is closed, as a new queue has it."""
    open_reasons = [
        value.removeprefix(REASON)
        for value in all_states(session)
        if value.startswith(REASON) and value not in ticked
    ]
    return {
        "closed_states": ",".join(value for value in ticked if not value.startswith(REASON)),
        "open_reasons": ",".join(open_reasons),
    }


def voice_options(session: TenantSession) -> Options:
    """Return the approved voices."""
    query = select(Voice.id, Voice.name).where(Voice.state == VoiceState.APPROVED).order_by(Voice.name)
    return [(str(row_id), name) for row_id, name in session.execute(query)]


def music_options(session: TenantSession) -> Options:
    """Return what callers can hear while they wait."""
    voices = [(f"voice:{row_id}", name) for row_id, name in voice_options(session)]
    return [("default", str(lazy("The platform's music"))), *voices]


def nobody_options(session: TenantSession) -> Options:
    """Return where a queue can send callers when nobody is signed in; nothing chosen lets them wait."""
    return [(HANGUP, str(lazy("A sentence, then hang up"))), *destinations.options(session)]


def key_options(session: TenantSession) -> Options:
    """Return the keys of a telephone."""
    return [(key, key) for key in KEYS]


def levels_as_text(numbers: Mapping[str, int]) -> str:
    """Return members' levels, by the extension's number, as the form shows them: those other than usual."""
    return ", ".join(
        f"{number}={level}" for number, level in sorted(numbers.items()) if level != DEFAULT_LEVEL
    )


def levels_of_text(text: str, members: Mapping[str, int]) -> dict[int, int]:
    """Return the levels in `text` by extension id; `members` are the ids by number. Raises ``FieldError``."""
    found: dict[int, int] = {}
    for part in text.replace("，", ",").replace("＝", "=").split(","):
        if not part.strip():
            continue
        number, _, level = (each.strip() for each in part.partition("="))
        if number not in members:
            raise refuse("levels", lazy("%(number)s is no extension of this queue.", number=number[:20]))
        if len(level) != 1 or not level.isascii() or not level.isdigit() or int(level) not in range(1, 10):
            low, high = LEVELS
            raise refuse("levels", lazy("A whole number from %(low)s to %(high)s.", low=low, high=high))
        found[members[number]] = int(level)
    return found


def check_overflows(session: TenantSession, queue_id: int, values: Mapping[str, Any]) -> None:
    """Let pass ways out that do not lead back to the queue by queues alone. Raises ``FieldError``."""
    columns = (Queue.id, Queue.overflow_full, Queue.overflow_timeout, Queue.overflow_nobody)
    ways = {row_id: _queues_of(others) for row_id, *others in session.execute(select(*columns))}
    for name in OVERFLOWS:
        seen: set[int] = set()
        ahead = _queues_of([values.get(name, "")])
        while ahead:
            here = ahead.pop()
            if here == queue_id:
                raise refuse(name, lazy("Callers would come back to this queue."))
            if here not in seen:
                seen.add(here)
                ahead |= ways.get(here, set())


def _queues_of(ways: Any) -> set[int]:
    return {int(way.partition(":")[2]) for way in ways if way.startswith("queue:")}


def _number(name: str, label: LazyText, default: int, maximum: int, **more: Any) -> Field:
    return Field(name=name, label=label, kind="number", maximum=maximum, default=default, **more)


def _overflow(name: str, label: LazyText, **more: Any) -> Field:
    usual = {"options": destinations.options, "blank": lazy("A sentence, then hang up")}
    return Field(name=name, label=label, kind="select", **{**usual, **more})


FIELDS = (
    Field(name="code", label=lazy("Code"), required=True, max_length=64, creating_only=True),
    Field(name="name", label=lazy("Name"), required=True, max_length=100),
    Field(
        name="members", label=lazy("Extensions in it"), kind="choices", options=extension_options, default=[]
    ),
    Field(
        name="rule",
        label=lazy("Who gets the next call"),
        kind="select",
        options=rule_options,
        default=DispatchRule.LONGEST_IDLE.value,
        blank=lazy("Longest idle first"),
        hint=lazy("All at once: up to ten; the others stop ringing without a missed call."),
        section=lazy("Dispatch"),
    ),
    Field(
        name="last_agent_first",
        label=lazy("First whoever talked with this caller last, when idle"),
        kind="checkbox",
        default=False,
    ),
    Field(
        name="closed_states",
        label=lazy("No calls of this queue in these states"),
        kind="choices",
        options=state_options,
        default=all_states,
        hint=lazy("An agent who is ready always gets them."),
    ),
    Field(
        name="levels",
        label=lazy("Skill levels"),
        max_length=2000,
        hint=lazy("1 to 9; 5 unless chosen. As text: 801=9, 802=3."),
        levels_of="members",
        blank=lazy("Choose extensions first."),
    ),
    _number(
        "skill_level",
        lazy("Level asked for at first"),
        1,
        9,
        hint=lazy("Only with the rule for skill levels. 1: nobody is too low."),
    ),
    _number(
        "skill_step_s",
        lazy("One level less after (seconds)"),
        0,
        999,
        hint=lazy("While a caller waits, the level asked for goes down to 1. 0: it never does."),
    ),
    _number(
        "max_waiting",
        lazy("Callers waiting at most"),
        100,
        999,
        required=True,
        hint=lazy("0: nobody waits."),
        section=lazy("Waiting"),
    ),
    _number("timeout_s", lazy("Longest wait (seconds)"), 60, 999, required=True, minimum=1),
    Field(
        name="music",
        label=lazy("Music"),
        kind="select",
        options=music_options,
        default="default",
        blank=lazy("The platform's music"),
    ),
    _number(
        "announce_every_s",
        lazy("An announcement every (seconds)"),
        0,
        60,
        hint=lazy("0: no announcements."),
    ),
    Field(
        name="announcement_voice_id",
        label=lazy("Voice announced"),
        kind="select",
        options=voice_options,
        blank=lazy("None"),
    ),
    Field(
        name="announcement",
        label=lazy("Text announced"),
        kind="textarea",
        max_length=500,
        hint=lazy("It is read out; after the voice when there is one."),
    ),
    Field(name="announce_position", label=lazy("Say the place in the queue"), kind="checkbox", default=False),
    Field(
        name="announce_wait",
        label=lazy("Say the expected wait"),
        kind="checkbox",
        default=False,
    ),
    Field(
        name="callback_key",
        label=lazy("Key for being called back"),
        kind="select",
        options=key_options,
        blank=lazy("None"),
        hint=lazy("The caller hangs up and keeps their place in the list of callbacks."),
    ),
    _overflow(
        "overflow_full",
        lazy("When it is full"),
        hint=lazy("A flow's own way on failure goes before these."),
    ),
    _overflow("overflow_timeout", lazy("After the longest wait")),
    _overflow(
        "overflow_nobody",
        lazy("When nobody is signed in"),
        options=nobody_options,
        blank=lazy("They wait all the same"),
    ),
    _number(
        "ring_timeout_s",
        lazy("An agent rings for (seconds)"),
        60,
        999,
        required=True,
        minimum=1,
        section=lazy("With the agent"),
    ),
    _number(
        "missed_limit",
        lazy("Away after missing in a row"),
        0,
        99,
        hint=lazy("0: after one missed call no calls come until the agent chooses a state."),
    ),
    Field(
        name="auto_answer",
        label=lazy("The web phone answers without ringing"),
        kind="checkbox",
        default=False,
        hint=lazy("Not where all ring at once."),
    ),
    Field(
        name="announce_agent",
        label=lazy("Tell the caller the employee number before connecting"),
        kind="checkbox",
        default=False,
    ),
    Field(name="record", label=lazy("Record the part with the agent"), kind="checkbox", default=True),
    _number("wrap_up_s", lazy("Wrap-up after a call (seconds)"), 0, 999),
    _number("service_level_s", lazy("Service level (seconds)"), 20, 999, minimum=1, required=True),
    Field(
        name="pop_on",
        label=lazy("Customer's page opens"),
        kind="select",
        options=pop_options,
        blank=lazy("As the extension says"),
    ),
    POP_URL,
)
