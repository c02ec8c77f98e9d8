"""The outbox of short messages: once, within limits, and handed over at most once (CTI-I13)."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import select, update

from core import sms
from core.database import ALL_TENANTS, Database
from core.messages import Handover, LogSender, ServiceAwayError, TextRefusedError
from core.models import Tenant, TenantState
from sms import outbox
from sms.models import SmsMessage, SmsSource, SmsState
from sms.outbox import NewSms, enqueue
from sms.sending import AWAY, BACKOFF_S, LEASE, LOST, NOT_CONNECTED, Sending
from sms.words import reason_words, state_word
from tests.support.database import open_two_tenants
from tests.support.mariadb import MariaDbServer

NOW = datetime.datetime(2026, 11, 22, 4, 0, tzinfo=datetime.UTC)
MOBILE = "+8613800138000"


def new(key: str, **values: object) -> NewSms:
    fields = {
        "number": MOBILE,
        "text": "hello",
        "source": SmsSource.FLOW,
        "asked_at": NOW,
        "call_id": key,
        **values,
    }
    return NewSms(key=key, **fields)  # type: ignore[arg-type]


def put(
    database: Database, tenant: int, key: str, now: datetime.datetime = NOW, **values: object
) -> SmsMessage:
    with database.transaction(tenant) as session:
        row = enqueue(session, new(key, asked_at=values.pop("asked_at", now), **values), now)
        assert row is not None
        session.commit()
        session.refresh(row)
        session.expunge(row)
        return row


def rows(database: Database) -> list[SmsMessage]:
    with database.transaction(ALL_TENANTS, read_only=True) as session:
        return list(session.scalars(select(SmsMessage).order_by(SmsMessage.id)))


def suspend(database: Database, tenant: int) -> None:
    with database.transaction(ALL_TENANTS) as session:
        session.get_one(Tenant, tenant).state = TenantState.SUSPENDED
        session.commit()


# --- handing in ------------------------------------------------------------------------------------------------


def test_a_message_handed_in_again_is_the_same(each_database: Database) -> None:
    one, two = open_two_tenants(each_database)
    first = put(each_database, one, "k", text="您好\r\n{x}\x00")
    again = put(each_database, one, "k", text="another")
    other = put(each_database, two, "k")
    assert (first.id, first.text, first.parts, first.state) == (again.id, "您好\n{x}", 1, SmsState.WAITING)
    assert first.next_at == NOW
    assert other.id != first.id
    assert len(rows(each_database)) == 2


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"number": "anonymous"}, "invalid-number"),
        ({"number": "+861065550000"}, "not-a-mobile"),
        ({"number": "10086"}, "not-a-mobile"),
        ({"number": "+16502530000"}, "foreign-number"),
        ({"text": " \n"}, outbox.NO_TEXT),
        ({"text": "您" * 501}, outbox.TOO_LONG),
        ({"asked_at": NOW - datetime.timedelta(hours=25)}, outbox.TOO_LATE),
    ],
)
def test_what_cannot_be_sent_is_kept_with_its_reason(
    database: Database, values: dict[str, object], reason: str
) -> None:
    one, _ = open_two_tenants(database)
    row = put(database, one, "k", **values)
    assert (row.state, row.reason, row.next_at, row.ended_at) == (SmsState.REFUSED, reason, None, NOW)
    assert reason_words(reason) != reason, "people read why"


def test_a_suspended_company_sends_nothing(database: Database) -> None:
    one, _ = open_two_tenants(database)
    waiting = put(database, one, "before")
    suspend(database, one)
    assert put(database, one, "after").reason == outbox.SUSPENDED
    sending(database, Service()).step()
    assert {row.id: row.reason for row in rows(database)}[waiting.id] == outbox.SUSPENDED


def test_an_unknown_company_has_no_outbox(database: Database) -> None:
    with database.transaction(999) as session:
        assert enqueue(session, new("k"), NOW) is None


def test_a_call_and_a_number_get_so_many(database: Database) -> None:
    one, two = open_two_tenants(database)
    numbers = [f"+86138001380{index:02}" for index in range(9)]
    found = [
        put(database, one, f"c{i}", call_id="call", number=numbers[i]).reason
        for i in range(sms.MAX_PER_CALL + 1)
    ]
    assert found == [""] * sms.MAX_PER_CALL + [outbox.TOO_MANY_PER_CALL]
    victim = "+8613911112222"
    found = [put(database, one, f"n{i}", number=victim).reason for i in range(sms.MAX_PER_NUMBER_A_DAY + 2)]
    assert found == [""] * sms.MAX_PER_NUMBER_A_DAY + [outbox.TOO_MANY_A_DAY] * 2
    assert put(database, two, "other company", number=victim).reason == ""
    tomorrow = NOW + datetime.timedelta(hours=24, seconds=1)
    assert put(database, one, "tomorrow", tomorrow, number=victim).reason == ""


@pytest.mark.parametrize(
    ("state", "counts"),
    [
        (SmsState.WAITING, True),
        (SmsState.HANDING_OVER, True),
        (SmsState.HANDED_OVER, True),
        (SmsState.UNKNOWN, True),
        (SmsState.NOT_SENT, False),
        (SmsState.FAILED, False),
        (SmsState.REFUSED, False),
    ],
)
def test_only_what_was_or_may_be_sent_counts(database: Database, state: SmsState, counts: bool) -> None:
    one, _ = open_two_tenants(database)
    for index in range(sms.MAX_PER_CALL):
        put(database, one, f"c{index}", call_id="call", number=f"+86138001380{index:02}")
    victim = "+8613911112222"
    for index in range(sms.MAX_PER_NUMBER_A_DAY):
        put(database, one, f"n{index}", number=victim)
    with database.transaction(ALL_TENANTS) as session:
        session.execute(update(SmsMessage).values(state=state))
        session.commit()
    assert put(database, one, "of the call", call_id="call").reason == (
        outbox.TOO_MANY_PER_CALL if counts else ""
    )
    assert put(database, one, "to the number", number=victim).reason == (
        outbox.TOO_MANY_A_DAY if counts else ""
    )


def test_messages_nobody_could_send_do_not_use_the_day_up(database: Database) -> None:
    one, _ = open_two_tenants(database)
    for index in range(sms.MAX_PER_NUMBER_A_DAY):
        put(database, one, f"k{index}")
    sending(database, LogSender()).step()
    assert {row.state for row in rows(database)} == {SmsState.NOT_SENT}
    put(database, one, "connected")
    service = Service()
    sending(database, service).step()
    assert len(service.got) == 1


@pytest.mark.mariadb
def test_calls_at_once_do_not_exceed_the_limit_together(mariadb_server: MariaDbServer) -> None:
    database = Database(mariadb_server.migrated_database())
    one, _ = open_two_tenants(database)
    gate = threading.Barrier(6)

    def caller(number: int) -> None:
        gate.wait(20)
        put(database, one, f"k{number % 8}")
        put(database, one, f"again{number}")

    threads = [threading.Thread(target=caller, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    found = [row.state for row in rows(database)]
    database.dispose()
    assert len(found) == 12
    assert found.count(SmsState.WAITING) == sms.MAX_PER_NUMBER_A_DAY


# --- handing over ----------------------------------------------------------------------------------------------


class Service:
    """A message service that does what a test wants."""

    def __init__(
        self, does: Callable[[], Handover] = lambda: Handover.TAKEN, *, repeats_safely: bool = False
    ) -> None:
        self.repeats_safely = repeats_safely
        self.does = does
        self.got: list[tuple[str, str, str]] = []

    def send_text(self, tenant_id: int, mobile: str, text: str, *, key: str) -> Handover:
        self.got.append((mobile, text, key))
        return self.does()


class KilledError(BaseException):
    """What a SIGKILL is to the code: it goes nowhere on."""


def failing(error: BaseException) -> Callable[[], Handover]:
    def does() -> Handover:
        raise error

    return does


def sending(database: Database, service: Service | LogSender, now: datetime.datetime = NOW) -> Sending:
    return Sending(database, service, CollectorRegistry(), now=lambda: now)


def test_a_message_is_handed_over_once(each_database: Database) -> None:
    one, two = open_two_tenants(each_database)
    put(each_database, one, "k")
    put(each_database, two, "k", number="+8613911112222")
    service = Service()
    assert sending(each_database, service).step() == 2
    assert sending(each_database, service).step() == 0
    assert service.got == [(MOBILE, "hello", f"{one}:k"), ("+8613911112222", "hello", f"{two}:k")]
    for row in rows(each_database):
        assert (row.state, row.reason, row.attempts, row.ended_at) == (SmsState.HANDED_OVER, "", 1, NOW)


def test_without_a_message_service_it_says_that_nothing_was_sent(database: Database) -> None:
    one, _ = open_two_tenants(database)
    put(database, one, "k")
    sending(database, LogSender()).step()
    (row,) = rows(database)
    assert (row.state, row.reason, row.next_at) == (SmsState.NOT_SENT, NOT_CONNECTED, None)
    assert (state_word(row.state), reason_words(row.reason)) == (
        "未发送",
        "平台未接入短信服务，因此没有发送。",
    )
    assert sending(database, Service()).step() == 0, "and it stays so when one is connected later"


def test_a_kill_while_it_was_handed_over_leaves_its_fate_unknown(each_database: Database) -> None:
    one, _ = open_two_tenants(each_database)
    put(each_database, one, "k")
    service = Service(failing(KilledError()))
    with pytest.raises(KilledError):
        sending(each_database, service).step()
    assert rows(each_database)[0].state is SmsState.HANDING_OVER
    service.does = lambda: Handover.TAKEN
    assert sending(each_database, service, NOW + LEASE / 2).step() == 0, "it may still be under way"
    sending(each_database, service, NOW + LEASE).step()
    (row,) = rows(each_database)
    assert (row.state, row.reason, len(service.got)) == (SmsState.UNKNOWN, LOST, 1)
    assert sending(each_database, service, NOW + LEASE * 2).step() == 0


def test_a_service_that_knows_a_repeated_key_is_asked_again(database: Database) -> None:
    one, _ = open_two_tenants(database)
    put(database, one, "k")
    service = Service(failing(KilledError()), repeats_safely=True)
    with pytest.raises(KilledError):
        sending(database, service).step()
    service.does = lambda: Handover.TAKEN
    sending(database, service, NOW + LEASE).step()
    (row,) = rows(database)
    assert (row.state, row.attempts) == (SmsState.HANDED_OVER, 2)
    assert service.got[0] == service.got[1]


def test_a_slow_answer_is_written_though_its_time_was_up(database: Database) -> None:
    one, _ = open_two_tenants(database)
    put(database, one, "k")

    def slow() -> Handover:
        sending(database, Service(), NOW + LEASE).step()
        assert rows(database)[0].state is SmsState.UNKNOWN
        return Handover.TAKEN

    sending(database, Service(slow)).step()
    assert rows(database)[0].state is SmsState.HANDED_OVER


def test_a_service_that_is_away_is_tried_again_and_then_given_up(database: Database) -> None:
    one, _ = open_two_tenants(database)
    put(database, one, "k")
    service, now = Service(failing(ServiceAwayError())), NOW
    for pause_s in BACKOFF_S:
        sending(database, service, now).step()
        (row,) = rows(database)
        assert (row.state, row.reason) == (SmsState.WAITING, AWAY)
        assert row.next_at == now + datetime.timedelta(seconds=pause_s)
        assert sending(database, service, now).step() == 0
        now = row.next_at
    sending(database, service, now).step()
    assert [(row.state, row.reason) for row in rows(database)] == [(SmsState.FAILED, AWAY)]


def test_a_refusal_is_final_and_an_error_nobody_knows_is_told_apart(database: Database) -> None:
    one, _ = open_two_tenants(database)
    put(database, one, "refused")
    sending(database, Service(failing(TextRefusedError("blocked word")))).step()
    put(database, one, "broken")
    sending(database, Service(failing(RuntimeError("?")))).step()
    assert [(row.state, row.reason) for row in rows(database)] == [
        (SmsState.FAILED, "blocked word"),
        (SmsState.UNKNOWN, LOST),
    ]


def test_of_two_schedulers_one_hands_a_message_over(each_database: Database) -> None:
    one, _ = open_two_tenants(each_database)
    put(each_database, one, "k")
    other = Service()
    service = Service(lambda: (sending(each_database, other).step(), Handover.TAKEN)[1])
    sending(each_database, service).step()
    assert (len(service.got), other.got) == (1, [])


def test_the_loop_ends_when_it_is_told_to(database: Database) -> None:
    one, _ = open_two_tenants(database)
    put(database, one, "k")
    stop, turns = threading.Event(), []

    def turned() -> None:
        turns.append(1)
        stop.set()

    sending(database, LogSender()).run(stop, turned)
    assert turns == [1]
    assert rows(database)[0].state is SmsState.NOT_SENT
