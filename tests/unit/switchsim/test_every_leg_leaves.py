"""Whatever happens to legs, and in whatever order: who was hung up leaves (a leg left over blocks a whole switch)."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import gevent
import pytest

from switchsim.core import Options
from switchsim.phones import Behaviour
from switchsim.wire import Event
from tests.unit.switchsim.simulated import Simulated, simulated

ROUNDS = 250
OUTSIDE = "13900139000"
SOON = (0, 0, 0.02, 0.02, 0.04)
"""Instants on and around the ticks at which the switch looks at what it dials."""
BRIDGE = "{ignore_early_media=false}sofia/gateway/carrier1/13900139000"


def anything(chance: random.Random) -> Behaviour:
    """What a telephone may do: answer, refuse, send early media, hang up at once, in any order."""
    return Behaviour(
        ring_after_s=chance.choice((None, *SOON)),
        early_media_after_s=chance.choice((None, None, *SOON)),
        answer_after_s=chance.choice((None, *SOON)),
        reject_cause=chance.choice(("", "", "", "", "", "USER_BUSY")),
        reject_after_s=chance.choice(SOON),
        talk_s=chance.choice((None, *SOON)),
    )


def deeds(switch: Simulated, chance: random.Random) -> list[Callable[[], object]]:
    """What controllers, agents and callers may do to the legs there are."""
    legs = list(switch.core.sessions)
    if not legs:
        return []
    one, other = chance.choice(legs), chance.choice(legs)
    return [
        lambda: switch.api(f"uuid_kill {one} NORMAL_CLEARING"),
        lambda: switch.api(f"uuid_kill {one} ORIGINATOR_CANCEL"),
        lambda: switch.api(f"uuid_park {one}"),
        lambda: switch.api(f"uuid_bridge {one} {other}"),
        lambda: switch.api(f"uuid_break {one} all"),
        lambda: switch.api(f"uuid_setvar {one} park_after_bridge {chance.choice(('true', 'false'))}"),
        lambda: switch.api(f"uuid_setvar {one} hangup_after_bridge {chance.choice(('true', 'false'))}"),
        lambda: switch.api(f"uuid_transfer {one} fallback XML zongji"),
        lambda: switch.ask("answer", uuid=one),
        lambda: switch.ask("early_media", uuid=one),
        lambda: switch.ask("hangup", uuid=one),
        lambda: switch.ask("dtmf", uuid=one, digits="12"),
        lambda: one in switch.core.sessions and switch.execute(one, "bridge", BRIDGE),
        lambda: one in switch.core.sessions and switch.execute(one, "bridge", BRIDGE),
        lambda: one in switch.core.sessions and switch.execute(one, "playback", "silence_stream://100"),
    ]


def begin(switch: Simulated, chance: random.Random) -> None:
    """An agent dials, or a caller comes in and an agent is rung: two legs that may meet."""
    for who in ("s801", "*"):
        switch.core.phones.set_behaviour(who, anything(chance))
    dials = chance.random() < 0.5
    action = f"&bridge({BRIDGE})" if dials else "&park()"
    switch.core.spawn(switch.api, f"originate sofia/agents/s801@switchsim.invalid {action}")
    if not dials:
        switch.ask("call", **{"to": "95500", "from": "13800138000"})


def meddle(switch: Simulated, chance: random.Random) -> None:
    """Have something done in the middle of things: whenever the switch tells anything."""
    busy = [False]

    def anything_at(event: Event) -> None:
        if busy[0] or event.name in ("API", "CHANNEL_DESTROY") or chance.random() > 0.03:
            return
        busy[0] = True
        try:
            for deed in chance.sample(deeds(switch, chance), k=1) if switch.core.sessions else ():
                deed()
        finally:
            busy[0] = False

    switch.core.listeners["meddler"] = (lambda _name, _subclass: True, anything_at)


def in_a_bridge(switch: Simulated) -> bool:
    """Say whether any leg that lives is inside the application ``bridge``."""
    began, ended = (
        [event for event in switch.events if event.name == name and event.headers["Application"] == "bridge"]
        for name in ("CHANNEL_EXECUTE", "CHANNEL_EXECUTE_COMPLETE")
    )
    return len(began) != len(ended)


def callers_of_the_called_go_on(switch: Simulated) -> bool:
    """Hang up whoever was called by the carrier, and say whether the application that called them ended."""
    for _ in range(400):
        called = [
            s for s in switch.core.sessions.values() if s.channel.name.startswith("sofia/carrier/13900")
        ]
        for session in called:
            session.hang_up("NORMAL_CLEARING")
        gevent.sleep(0.0005)
        if not called and not in_a_bridge(switch):
            return True
    return False


def all_leave(switch: Simulated) -> bool:
    """Hang up whatever there is, also what begins meanwhile, and say whether it left."""
    for _ in range(400):
        switch.api("hupall NORMAL_CLEARING")
        gevent.sleep(0.001)
        if not switch.core.sessions:
            return True
    return False


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_who_is_hung_up_leaves(seed: int) -> None:
    chance = random.Random(seed)
    with simulated(speed=400) as switch:
        switch.ask("gateways", names=["carrier1"])
        switch.ask("register", user="s801")
        meddle(switch, chance)
        for round_number in range(ROUNDS):
            switch.events.clear()
            begin(switch, chance)
            for _ in range(chance.randrange(1, 10)):
                for _ in range(chance.randrange(0, 8)):
                    gevent.sleep(0)
                if chance.random() < 0.4:
                    gevent.sleep(0.0002)
                for deed in chance.sample(deeds(switch, chance), k=1) if switch.core.sessions else ():
                    deed()
            if chance.random() < 0.5:
                assert callers_of_the_called_go_on(switch), f"seed {seed}, round {round_number}"
            assert all_leave(switch), f"seed {seed}, round {round_number}: {switch.core.sessions}"
        assert switch.core.started > ROUNDS


def test_a_called_party_who_hangs_up_as_the_bridge_begins_leaves_nobody_behind() -> None:
    with simulated() as switch:
        switch.ask("gateways", names=["carrier1"])
        switch.ask("behaviour", user=OUTSIDE, behaviour={"answer_after_s": 0.1})
        agent = switch.arrive()

        def hang_up_at_once(event: Event) -> None:
            # The bridge has just been told of: the called party's thread did not join it yet.
            if event.name == "CHANNEL_BRIDGE":
                switch.ask("hangup", uuid=event.headers["Bridge-B-Unique-ID"])

        switch.core.listeners["impatient"] = (lambda _name, _subclass: True, hang_up_at_once)
        switch.execute(agent, "bridge", f"sofia/gateway/carrier1/{OUTSIDE}", "z1")
        switch.until("CHANNEL_HANGUP_COMPLETE", Unique_ID=agent)
        called = switch.until("CHANNEL_OUTGOING").headers["Unique-ID"]
        assert isinstance(called, str)
        switch.until("CHANNEL_HANGUP_COMPLETE", Unique_ID=called)


def test_a_leg_that_was_hung_up_is_not_brought_back_by_a_late_bridge() -> None:
    with simulated() as switch:
        caller, other = switch.arrive(), switch.arrive()
        for leg in (caller, other):
            switch.execute(leg, "answer", step=f"answer {leg}")
            switch.until("CHANNEL_ANSWER", Unique_ID=leg)
        switch.api(f"uuid_kill {other}")
        switch.api(f"uuid_bridge {caller} {other}")
        switch.until("CHANNEL_HANGUP_COMPLETE", Unique_ID=other)
        switch.until("CHANNEL_HANGUP_COMPLETE", Unique_ID=caller)


def test_a_record_that_cannot_be_written_keeps_no_leg(tmp_path: Path) -> None:
    (tmp_path / "cdr").write_text("no folder")
    with simulated(Options(cdr_dir=tmp_path / "cdr")) as switch:
        leg = switch.arrive()
        hub = gevent.get_hub()
        told: list[object] = []
        switch_back, hub.handle_error = hub.handle_error, lambda *error: told.append(error)
        try:
            switch.api(f"uuid_kill {leg}")
            switch.until("CHANNEL_DESTROY", Unique_ID=leg)
        finally:
            hub.handle_error = switch_back
        assert not switch.core.sessions
        assert told, "the failure is told"
