"""The controller's line to its switch: two event-socket connections that come back by themselves.

One connection carries events, the other commands, so that neither waits behind the other. Reading never waits for
anybody; what was read is handed on by `cti.esl.dispatch`.
"""

from __future__ import annotations

import enum
import random
import time
import uuid as uuids
from collections.abc import Callable, Iterable

import gevent
import gevent.event
import structlog

from cti.esl import commands
from cti.esl.codec import Frame
from cti.esl.connection import (
    AuthenticationFailed,
    CommandRefused,
    Connection,
    ConnectionLost,
    NotConnected,
    Reply,
    ReplyTimeout,
    Status,
    SwitchError,
)
from cti.esl.dispatch import Dispatcher, Down, Statistics, Up, guarded
from cti.esl.events import Event
from cti.esl.traffic import Traffic

__all__ = [
    "AuthenticationFailed",
    "CommandRefused",
    "ConnectionLost",
    "Job",
    "NotConnected",
    "Reply",
    "ReplyTimeout",
    "State",
    "Statistics",
    "Status",
    "SwitchClient",
    "SwitchError",
]

log = structlog.get_logger(__name__)

OWN_EVENTS = ("HEARTBEAT", "BACKGROUND_JOB")
"""Events the client itself needs; always subscribed, and handed on only if asked for."""

MAX_JOBS = 20_000
"""Background jobs at once; more are refused as NOT_SENT."""

MAX_BACKLOG = 100_000
"""Events waiting for the handler at which the connection is given up."""


class State(enum.Enum):
    """Where the client stands."""

    STOPPED = "stopped"
    CONNECTING = "connecting"
    UP = "up"
    WAITING = "waiting"
    """Between two attempts; `last_failure` says why."""
    REFUSED = "refused"
    """As WAITING, but the switch refused the password or our address: somebody has to change something."""


class Job:
    """A command running in the background at the switch."""

    def __init__(
        self, uuid: str, session: int, deadline: float, on_done: Callable[[Reply], None] | None
    ) -> None:
        self.uuid = uuid
        """The job's id, which is ours and not the uuid of a leg it makes. Short: the switch reads byte by byte."""
        self.session = session
        self.deadline = deadline
        self.on_done = on_done
        self._result: gevent.event.AsyncResult = gevent.event.AsyncResult()

    @property
    def result(self) -> Reply | None:
        """The answer, or None while the job runs."""
        return self._result.value if self._result.ready() else None

    def wait(self, timeout_s: float | None = None) -> Reply:
        """Wait for the answer. Raises :class:`ReplyTimeout`; a failed job raises nothing, see `Reply.status`."""
        try:
            reply: Reply = self._result.get(timeout=timeout_s)
        except gevent.Timeout as timeout:
            raise ReplyTimeout(f"job {self.uuid} did not end within {timeout_s} s") from timeout
        return reply

    def finish(self, reply: Reply) -> None:
        """Note the answer."""
        self._result.set(reply)


class SwitchClient:
    """Keeps an events and a commands connection to the switch's event socket.

    `events` are names (``CHANNEL_PARK``) and CUSTOM subclasses (``sofia::register``). The callbacks run in one
    greenlet, in the order things happened:

    - ``on_up(core_uuid)``: both connections are authenticated and subscribed. Commands may be sent and waited for in
      it; the events since the subscription come after it returned, so it must not wait for a job.
    - ``on_event(event)``: one event. It must not block for long: reading goes on, but later events wait.
    - ``on_down(reason)``: the connections are lost (only after an ``on_up``). Commands without a reply were told
      UNKNOWN before, as are jobs without an answer.

    With `step_prefix`, CHANNEL_EXECUTE_COMPLETE comes only for steps (`commands.execute`) whose id starts with it.
    All times are seconds. Nothing here raises because the switch is away, but :meth:`send`. Making one raises
    `commands.UnsafeValue` for a password or an event name that cannot be said.
    """

    def __init__(
        self,
        host: str,
        port: int,
        password: str,
        *,
        events: Iterable[str],
        on_event: Callable[[Event], None],
        on_up: Callable[[str], None] | None = None,
        on_down: Callable[[str], None] | None = None,
        connect_timeout_s: float = 5.0,
        reply_timeout_s: float = 5.0,
        heartbeat_s: float = 5.0,
        dead_after_s: float = 12.0,
        job_timeout_s: float = 180.0,
        backoff_s: float = 0.1,
        max_backoff_s: float = 10.0,
        keep_awake: bool = False,
        step_prefix: str = "",
        max_backlog: int = MAX_BACKLOG,
    ) -> None:
        commands.hello(password)  # refused here rather than at each attempt
        asked = list(dict.fromkeys(events))
        names = [name for name in asked if "::" not in name]
        subclasses = [name for name in asked if "::" in name]
        names = list(dict.fromkeys([*OWN_EVENTS, *names]))
        self._subscriptions = []
        if step_prefix:
            kinds = [*names, "CUSTOM"] if subclasses else names
            self._subscriptions.append(commands.only_steps(kinds, step_prefix))
        self._subscriptions.append(commands.subscribe(names))
        if subclasses:
            self._subscriptions.append(commands.subscribe_custom(subclasses))
        self._address = (host, port)
        self._password = password
        self._connect_timeout_s = connect_timeout_s
        self._reply_timeout_s = reply_timeout_s
        self._heartbeat_s = heartbeat_s
        self._dead_after_s = dead_after_s
        self._job_timeout_s = job_timeout_s
        self._backoff_s = backoff_s
        self._max_backoff_s = max_backoff_s
        self._keep_awake = keep_awake
        self._runner: gevent.Greenlet | None = None
        self._commands: Connection | None = None
        self._jobs: dict[str, Job] = {}
        self._job_prefix = f"{uuids.uuid4().hex[:6]}."
        self._job_count = 0
        self._session = 0
        self._early: list[Frame] = []
        self.state = State.STOPPED
        self.core_uuid = ""
        """Uuid of the switch's process as of the last connection."""
        self.last_failure = ""
        """Why the last attempt or connection ended, in one sentence."""
        self.statistics = Statistics()
        self.traffic = Traffic()
        self._dispatcher = Dispatcher(
            wanted=frozenset(asked),
            statistics=self.statistics,
            max_backlog=max_backlog,
            on_event=on_event,
            on_up=on_up,
            on_down=on_down,
            on_job=self._job_ended,
            on_over=self._jobs_lost,
        )

    @property
    def connected(self) -> bool:
        """Whether both connections are up and subscribed."""
        return self.state is State.UP

    @property
    def backlog(self) -> int:
        """Events read and not handed on yet."""
        return len(self._dispatcher)

    @property
    def lag_s(self) -> float:
        """How far the switch is behind with our commands: seconds the oldest one waits for its reply."""
        return self._commands.lag_s if self._commands is not None else 0.0

    @property
    def jobs(self) -> int:
        """Background jobs whose answer has not come."""
        return len(self._jobs)

    def start(self) -> None:
        """Start connecting; returns at once. Raises ``RuntimeError`` if started and not stopped."""
        if self._runner is not None:
            raise RuntimeError("the client runs already")
        self._dispatcher.start()
        self._runner = gevent.spawn(self._run)

    def stop(self) -> None:
        """Close both connections. Returns at once, may be called from callbacks, and leaves calls alone."""
        runner, self._runner = self._runner, None
        if runner is not None:
            runner.link(lambda _: self._dispatcher.stop())
            runner.kill(block=False)

    def send(self, wire: bytes, timeout_s: float | None = None) -> Reply:
        """Send commands and wait for their replies; of several the first failure, else the first.

        Raises :class:`NotConnected` when nothing was sent, :class:`ConnectionLost` or :class:`ReplyTimeout` when the
        outcome is unknown. A refusal by the switch is no exception: see `Reply.ok`.
        """
        connection = self._commands
        if connection is None:
            raise NotConnected("no connection to the switch")
        self.traffic.note(wire)
        return connection.request(wire, self._reply_timeout_s if timeout_s is None else timeout_s)

    def post(self, wire: bytes, on_reply: Callable[[Reply], None] | None = None) -> None:
        """Send commands without waiting. `on_reply` gets one reply as :meth:`send` returns it, whatever happens.

        Its `Reply.status` also tells what was never sent (NOT_SENT, told before this returns) and what may have
        happened (UNKNOWN). It runs in the reader and must not block.
        """
        connection = self._commands
        if connection is not None:
            self.traffic.note(wire)
            connection.post(wire, on_reply)
        elif on_reply is not None:
            lost = Reply(status=Status.NOT_SENT, text="no connection to the switch")
            guarded(self.statistics, on_reply, lost)

    def bgapi(self, wire: bytes, on_done: Callable[[Reply], None] | None = None) -> Job:
        """Run the single ``api`` command in `wire` in the background at the switch.

        `on_done` gets the answer in its place among the events, or a Reply that tells why none will come (at once when
        nothing was sent). It must not block. Each failure is logged and counted too.
        """
        self._job_count += 1
        deadline = time.monotonic() + self._job_timeout_s
        job = Job(f"{self._job_prefix}{self._job_count}", self._session, deadline, on_done)
        request = commands.as_job(wire, job.uuid)
        if len(self._jobs) >= MAX_JOBS:
            self._finish(job, Reply(status=Status.NOT_SENT, text="too many jobs at once"))
            return job
        self._jobs[job.uuid] = job

        def accepted(reply: Reply) -> None:
            if not reply.ok and self._jobs.pop(job.uuid, None) is not None:
                self._finish(job, reply)

        self.post(request, accepted)
        return job

    # --- connecting ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        attempt = 0
        try:
            while True:
                began = time.monotonic()
                state = State.WAITING
                self.state = State.CONNECTING
                try:
                    self._hold_session()
                except AuthenticationFailed as error:
                    self.last_failure = str(error)
                    state = State.REFUSED
                except SwitchError as error:
                    self.last_failure = str(error)
                attempt = 0 if time.monotonic() - began > self._max_backoff_s else attempt + 1
                ceiling = min(self._max_backoff_s, self._backoff_s * 2 ** min(attempt, 16))
                pause = ceiling * (0.5 + random.random() / 2)  # noqa: S311 (spreads reconnections)
                self.state = state
                log.warning("switch_connection_failed", reason=self.last_failure, again_in_s=round(pause, 3))
                gevent.sleep(pause)
        finally:
            self.state = State.STOPPED

    def _hold_session(self) -> None:
        """One pair of connections, from connecting to loss. Ends by raising."""
        self._session += 1
        lost: gevent.event.AsyncResult = gevent.event.AsyncResult()
        pair: list[Connection] = []
        helpers: list[gevent.Greenlet] = []
        reason = "the client was stopped"
        try:
            for take in (self._take, None):
                pair.append(Connection(self._address, on_event=take, on_lost=lost.set))
                pair[-1].open(self._password, self._connect_timeout_s)
            self._come_up(*pair)
            helpers.append(gevent.spawn(self._watch, pair))
            if self._keep_awake:
                helpers.append(gevent.spawn(self._wake, pair[0]))
            reason = str(lost.get())
            raise ConnectionLost(reason)
        finally:
            was_up, self.state = self.connected, State.WAITING
            self._commands = None
            for connection in pair:
                connection.close(reason)
            gevent.killall(helpers, block=False)
            self.statistics.losses += was_up
            self._dispatcher.tell(Down(self._session, reason, was_up))

    def _come_up(self, eventful: Connection, commanding: Connection) -> None:
        """Subscribe, learn which process of the switch it is, and tell."""
        self._early = []
        for wire in self._subscriptions:
            eventful.request(wire, self._reply_timeout_s).expect()
        self.core_uuid = commanding.request(commands.core_uuid(), self._reply_timeout_s).expect().text
        self._commands = commanding
        self.state = State.UP
        self.statistics.connections += 1
        log.info("switch_connected", core_uuid=self.core_uuid)
        self._dispatcher.tell(Up(self.core_uuid))
        early, self._early = self._early, []
        if early:
            self._dispatcher.take(early)

    def _take(self, frames: list[Frame]) -> None:
        if self.state is State.UP:
            self._dispatcher.take(frames)
        else:
            self._early.extend(frames)

    def _watch(self, pair: list[Connection]) -> None:
        """Ask both ends now and then, give up a connection that stays silent, and end overdue jobs."""
        while True:
            gevent.sleep(self._heartbeat_s / 4)
            now = time.monotonic()
            for connection in pair:
                silent_s = now - connection.heard_at
                if silent_s > self._dead_after_s:
                    connection.close(f"nothing heard from the switch for {silent_s:.0f} s")
                elif silent_s >= self._heartbeat_s and now - connection.asked_at >= self._heartbeat_s:
                    connection.asked_at = now
                    connection.post(commands.core_uuid(), None)
            for job in [job for job in self._jobs.values() if job.deadline < now]:
                del self._jobs[job.uuid]
                self._finish(job, Reply(status=Status.UNKNOWN, text="no answer within the time for jobs"))

    def _wake(self, connection: Connection) -> None:
        """Keep the switch's 20 ms poll from sleeping by an empty line each millisecond (events come in 1 ms)."""
        while connection.nudge():
            gevent.sleep(0.001)

    # --- jobs ---------------------------------------------------------------------------------------------------

    def _job_ended(self, event: Event) -> None:
        job = self._jobs.pop(event.job_uuid, None)
        if job is not None:
            self._finish(job, Reply.of_text(event.body))

    def _jobs_lost(self, down: Down) -> None:
        for job in [job for job in self._jobs.values() if job.session <= down.session]:
            del self._jobs[job.uuid]
            self._finish(job, Reply(status=Status.UNKNOWN, text=down.reason))

    def _finish(self, job: Job, reply: Reply) -> None:
        if not reply.ok:
            self.statistics.failed_jobs += 1
            log.info("switch_job_failed", job=job.uuid, status=reply.status.value, reason=reply.text[:200])
        job.finish(reply)
        guarded(self.statistics, job.on_done, reply)
