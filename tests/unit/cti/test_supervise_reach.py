"""A supervisor of some queues: each command of supervision is refused about agents and calls of others (SUP-8)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from core import bus
from cti import supervision
from cti.acd.agents import Agent, AgentState
from cti.call.model import Call, Phase
from cti.controller.supervise_commands import SuperviseCommands
from cti.supervision import Refused

MINE, THEIRS, BOTH = 1, 2, 3
"""Agents: of the supervisor's queue, of another one, of both."""
QUEUE, OTHER = 71, 72
SUPERVISOR = 9
TENANT = 5


def agent(account_id: int, *queue_ids: int, call_id: str = "") -> Agent:
    """Return an agent who talks, if there is a call."""
    return Agent(
        tenant_id=TENANT,
        account_id=account_id,
        name="",
        extension_id=account_id,
        extension=f"80{account_id}",
        endpoint="web",
        user="",
        queue_ids=queue_ids,
        state=AgentState.TALKING if call_id else AgentState.READY,
        call_id=call_id,
        leg_id=f"leg-{account_id}" if call_id else "",
    )


def talk(account_id: int, queue_id: int) -> Call:
    """Return the call an agent has."""
    return Call(
        id=f"talk-{account_id}-{queue_id}",
        tenant_id=TENANT,
        phase=Phase.TALKING,
        queue_id=queue_id,
        agent_id=account_id,
        agent_leg=f"leg-{account_id}",
    )


class Cell:
    """A controller reduced to what the commands ask, and what they did."""

    def __init__(self, account_id: int = BOTH, queue_id: int = QUEUE) -> None:
        call = talk(account_id, queue_id)
        here = {MINE: (QUEUE,), THEIRS: (OTHER,), BOTH: (QUEUE, OTHER)}
        people = {
            each: agent(each, *queues, call_id=call.id if each == account_id else "")
            for each, queues in here.items()
        }
        waiting = {
            f"waits-{queue}": Call(id=f"waits-{queue}", tenant_id=TENANT, phase=Phase.WAITING, queue_id=queue)
            for queue in (QUEUE, OTHER)
        }
        self.done: list[Any] = []
        self.watch: Any = SimpleNamespace(agent_id=account_id, call_id=call.id, leg_id="w", tenant_id=TENANT)
        agents = SimpleNamespace(get=people.get, change=lambda who, _how: self.done.append(who))
        queues = {each: SimpleNamespace(tenant_id=TENANT) for each in (QUEUE, OTHER)}
        board = SimpleNamespace(
            agents=agents,
            calls={each.id: SimpleNamespace(call=each) for each in (call, *waiting.values())},
            documents=SimpleNamespace(queue=queues.get),
            post=lambda call_id, _what: self.done.append(call_id),
            ask=self._ask_call,
        )
        act = self._act
        supervising = SimpleNamespace(
            start=act,
            set_mode=act,
            stop=act,
            take_over=act,
            of=lambda _who: self.watch,
            dismiss=self._dismiss,
        )
        self.commands = SuperviseCommands(supervising, board, None, None)  # type: ignore[arg-type]

    def _act(self, *_what: Any) -> Any:
        self.done.append(_what)
        return self.watch

    def _dismiss(self, watch: Any) -> bool:
        self.done.append(watch)
        return len(self.done) == 1

    def _ask_call(self, call_id: str, _what: Any) -> bool:
        self.done.append(call_id)
        return True

    def ask(self, kind: str, queues: list[int] | None, **body: Any) -> Any:
        """Send a command as the supervisor of `queues`."""
        command = bus.Command(
            id="c",
            deadline_ms=0,
            kind=f"supervise.{kind}",
            tenant=TENANT,
            actor=SUPERVISOR,
            body={"account_id": SUPERVISOR, "queues": queues, **body},
        )
        return self.commands.handlers[command.kind](command)


ABOUT_AN_AGENT: dict[str, dict[str, Any]] = {
    "start": {"mode": "monitor"},
    "hangup": {},
    "take_over": {},
    "set_state": {"state": "break"},
    "sign_out": {},
}
ABOUT_A_TALK = ("start", "hangup", "take_over")
ABOUT_A_WAITING_CALL: dict[str, dict[str, Any]] = {"pick_up": {}, "move": {"queue_id": QUEUE, "front": False}}
ABOUT_THE_OWN_WATCH = ("mode", "stop", "review")


def test_every_command_is_tried_here() -> None:
    tried = {*ABOUT_AN_AGENT, *ABOUT_A_WAITING_CALL, *ABOUT_THE_OWN_WATCH}
    assert {f"supervise.{each}" for each in tried} == set(Cell().commands.handlers)


@pytest.mark.parametrize("kind", ABOUT_AN_AGENT)
def test_an_agent_of_other_queues_is_not_there(kind: str) -> None:
    cell = Cell(THEIRS, OTHER)
    with pytest.raises(Refused) as refused:
        cell.ask(kind, [QUEUE], agent_id=THEIRS, **ABOUT_AN_AGENT[kind])
    assert refused.value.error == "no-such-agent"
    assert cell.done == []


@pytest.mark.parametrize("kind", ABOUT_A_TALK)
def test_another_queues_call_of_ones_own_agent_is_let_be(kind: str) -> None:
    cell = Cell(BOTH, OTHER)
    with pytest.raises(Refused) as refused:
        cell.ask(kind, [QUEUE], agent_id=BOTH, **ABOUT_AN_AGENT[kind])
    assert refused.value.error == "other-queue"
    assert cell.done == []


@pytest.mark.parametrize("queues", [None, [QUEUE], [QUEUE, OTHER]])
@pytest.mark.parametrize("kind", ABOUT_AN_AGENT)
def test_an_agent_of_ones_own_queue_is(kind: str, queues: list[int] | None) -> None:
    cell = Cell(BOTH, QUEUE)
    cell.ask(kind, queues, agent_id=BOTH, **ABOUT_AN_AGENT[kind])
    assert len(cell.done) == 1


@pytest.mark.parametrize("kind", ABOUT_A_TALK)
def test_a_call_of_no_queue_is_the_agents_queues(kind: str) -> None:
    cell = Cell(MINE, 0)
    cell.ask(kind, [QUEUE], agent_id=MINE, **ABOUT_AN_AGENT[kind])
    cell = Cell(THEIRS, 0)
    with pytest.raises(Refused):
        cell.ask(kind, [QUEUE], agent_id=THEIRS, **ABOUT_AN_AGENT[kind])
    assert cell.done == []


@pytest.mark.parametrize("kind", ABOUT_A_WAITING_CALL)
def test_a_call_that_waits_in_another_queue_is_not_there(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ready = msgspec.structs.replace(agent(SUPERVISOR, QUEUE), registered=True)
    monkeypatch.setattr(supervision, "require_supervisor", lambda *_who: ready)
    cell = Cell()
    with pytest.raises(Refused) as refused:
        cell.ask(kind, [QUEUE], call_id=f"waits-{OTHER}", **ABOUT_A_WAITING_CALL[kind])
    assert refused.value.error == "no-such-call"
    assert cell.done == []


def test_no_call_is_moved_into_another_queue() -> None:
    cell = Cell()
    with pytest.raises(Refused) as refused:
        cell.ask("move", [QUEUE], call_id=f"waits-{QUEUE}", queue_id=OTHER, front=False)
    assert refused.value.error == "no-such-queue"
    cell.ask("move", [QUEUE, OTHER], call_id=f"waits-{QUEUE}", queue_id=OTHER, front=False)
    assert cell.done == [f"waits-{QUEUE}"]


def test_who_lost_the_queue_meanwhile_changes_nothing_and_leaves() -> None:
    cell = Cell(BOTH, OTHER)
    with pytest.raises(Refused) as refused:
        cell.ask("mode", [QUEUE], mode="barge")
    assert refused.value.error == "other-queue"
    cell.ask("stop", [QUEUE])
    assert len(cell.done) == 1


@pytest.mark.parametrize(
    ("queue", "queues", "may", "over"),
    [
        (QUEUE, None, True, False),
        (QUEUE, [QUEUE], True, False),
        (OTHER, [QUEUE], True, True),
        (QUEUE, [], True, True),
        (QUEUE, None, False, True),
        (QUEUE, [QUEUE], False, True),
    ],
)
def test_a_watch_ends_once_when_the_right_to_it_is_gone_sup_8(
    queue: int, queues: list[int] | None, may: bool, over: bool
) -> None:
    cell = Cell(BOTH, queue)
    assert cell.ask("review", queues, leg_id="w", may=may) == {"ended": over}
    assert len(cell.done) == over
    assert cell.ask("review", queues, leg_id="w", may=may) == {"ended": False}
    assert cell.ask("review", [], leg_id="another", may=False) == {"ended": False}


def test_a_command_that_does_not_say_whose_queues_is_none() -> None:
    cell = Cell()
    for kind, body in ABOUT_AN_AGENT.items():
        command = bus.Command(
            id="c",
            deadline_ms=0,
            kind=f"supervise.{kind}",
            tenant=TENANT,
            actor=SUPERVISOR,
            body={"account_id": SUPERVISOR, "agent_id": BOTH, **body},
        )
        with pytest.raises(KeyError):
            cell.commands.handlers[command.kind](command)
    assert cell.done == []


def test_whose_call_it_is() -> None:
    both = agent(BOTH, QUEUE, OTHER)
    assert supervision.queues_of(talk(BOTH, OTHER), both) == (OTHER,)
    assert supervision.queues_of(talk(BOTH, 0), both) == (QUEUE, OTHER)
    assert supervision.queues_of(talk(BOTH, 0), None) == ()
    idle = msgspec.structs.replace(both, queue_ids=())
    supervision.require_agent_in(idle, None)
    with pytest.raises(Refused):
        supervision.require_agent_in(idle, frozenset({QUEUE}))
