"""The transcript of a flow that is tried (`ivr.trial`), in words. Pure; speaks the current language (`core.i18n`)."""

from __future__ import annotations

import datetime
import enum
import zoneinfo
from collections.abc import Mapping

import msgspec

from core import phone, sms
from core.i18n import gettext, ngettext
from ivr import messages, region
from ivr.engine import Run
from ivr.field_words import Names, Words, translated
from ivr.model import Flow
from ivr.nodes.base import ReferenceKind
from ivr.path_words import exit_words, note_words, reason_words
from ivr.prompt_values import (
    Prompt,
    Reading,
    SoundPrompt,
    SystemVariable,
    SystemVariablePrompt,
    VariablePrompt,
)
from ivr.reading import read, read_system

MAX_LETTERS = 2000
"""Of one line."""
MAX_PROMPTS = 100
"""Shown of one list."""
CUT_AT = 500
"""Letters of a variable that are spoken (`ivr.prompts`)."""


class Kind(enum.StrEnum):
    """What a line tells."""

    SAYS = "says"
    KEY = "key"
    WAITS = "waits"
    GOES = "goes"
    TRANSFER = "transfer"
    REQUEST = "request"
    RECORDS = "records"
    SMS = "sms"
    NOTE = "note"
    ENDS = "ends"


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the transcript."""

    kind: Kind
    node: str
    """Code."""
    name: str
    text: str
    flow_id: int = 0
    """Another flow the node is of; 0: the one that is tried."""


def system_variables(caller: str, called: str, language: str, now_ms: int, timezone: str) -> dict[str, str]:
    """Return the system's variables of a call that is tried; nobody waited or talked yet."""
    found = region.region_of(caller)
    now = _local(now_ms, timezone)
    return {
        SystemVariable.CALLER_NUMBER.value: caller,
        SystemVariable.CALLED_NUMBER.value: called,
        SystemVariable.CALLER_REGION.value: found.spoken(language) if found is not None else "",
        SystemVariable.DATE.value: f"{now:%Y-%m-%d}",
        SystemVariable.TIME.value: f"{now:%H:%M}",
        SystemVariable.QUEUE_POSITION.value: "",
        SystemVariable.LAST_AGENT.value: "",
        SystemVariable.CALL_ID.value: "trial",
    }


def _local(now_ms: int, timezone: str) -> datetime.datetime:
    now = datetime.datetime.fromtimestamp(now_ms / 1000, datetime.UTC)
    try:
        return now.astimezone(zoneinfo.ZoneInfo(timezone))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return now


class TrialWords:
    """Makes the lines of one trial."""

    def __init__(
        self,
        flow: Flow,
        names: Names,
        sounds: Mapping[str, Mapping[str, str]],
        timezone: str,
        flow_id: int = 0,
    ) -> None:
        self._flow_id = flow_id
        self._names = {node.code: node.name or node.code for node in flow.nodes}
        self._types = {node.code: node for node in flow.nodes}
        self._words = Words(flow, names)
        self._sounds = sounds
        self._timezone = timezone

    def line(self, kind: Kind, node: str, text: str) -> Line:
        """Return a line, cut to what a screen shows."""
        cut = text if len(text) <= MAX_LETTERS else text[:MAX_LETTERS] + "…"
        name = self._names.get(node, node)
        return Line(kind=kind, node=node, name=name, text=cut, flow_id=self._flow_id)

    def says(self, node: str, play: messages.Play, run: Run, now_ms: int) -> Line:
        """What is played."""
        heard = [self._heard(each, run, now_ms)[:MAX_LETTERS] for each in play.prompts[:MAX_PROMPTS]]
        text = " ".join(each for each in heard if each) or gettext("(nothing)")
        if play.loops > 1:
            text = gettext("%(text)s (%(times)s times)", text=text[:MAX_LETTERS], times=play.loops)
        return self.line(Kind.SAYS, node, text)

    def _heard(self, prompt: Prompt, run: Run, now_ms: int) -> str:
        language = prompt.language or run.language
        match prompt:
            case VariablePrompt():
                return read(run.variables.get(prompt.name, "")[:CUT_AT], prompt.reading, language)
            case SystemVariablePrompt():
                return self._system(prompt, run, now_ms, language)
            case SoundPrompt(name=name):
                texts = self._sounds.get(name, {})
                return texts.get(language) or self._words.prompt(prompt)
            case _:
                return self._words.prompt(prompt)

    def _system(self, prompt: SystemVariablePrompt, run: Run, now_ms: int, language: str) -> str:
        now = _local(now_ms, self._timezone)
        match prompt.name:
            case SystemVariable.DATE:
                return read(f"{now:%Y-%m-%d}", Reading.DATE, language)
            case SystemVariable.TIME:
                return read(f"{now:%H:%M}", Reading.NUMBER, language)
        value = run.variables.get(prompt.name.value, "")[:CUT_AT]
        return read_system(prompt.name, value, prompt.reading, language)

    def key(self, node: str, digit: str) -> Line:
        """A key was pressed."""
        return self.line(Kind.KEY, node, gettext("The caller presses %(key)s", key=digit))

    def waits(self, node: str, seconds: float) -> Line:
        """The flow waits for a key."""
        count = max(1, round(seconds))
        text = ngettext("Waits %(num)d second for a key", "Waits %(num)d seconds for a key", count)
        return self.line(Kind.WAITS, node, text)

    def goes(self, node: str, exit_name: str) -> Line:
        """A node is entered; `exit_name` is how the one before was left."""
        kind = self._types.get(node)
        parts = [exit_words(exit_name) if exit_name else "", translated(kind.label) if kind else ""]
        return self.line(Kind.GOES, node, " → ".join(part for part in parts if part))

    def transfer(self, node: str, command: messages.Transfer) -> Line:
        """The caller is handed over."""
        target = command.target
        match target.kind:
            case messages.TargetKind.QUEUE:
                name = self._words.reference(ReferenceKind.QUEUE, target.id)
                text = gettext("Is transferred to the queue %(name)s", name=name)
            case messages.TargetKind.EXTENSION:
                name = self._words.reference(ReferenceKind.EXTENSION, target.id)
                text = gettext("Is transferred to the extension %(name)s", name=name)
            case _:
                text = gettext("Is transferred to %(value)s", value=target.value)
        return self.line(Kind.TRANSFER, node, text)

    def answered(self, node: str) -> Line:
        """An agent took the call."""
        return self.line(Kind.TRANSFER, node, gettext("An agent answers; they talk"))

    def transfer_failed(self, node: str, reason: str) -> Line:
        """Nobody took the call."""
        text = gettext("Nobody answers: %(reason)s", reason=reason_words(reason))
        return self.line(Kind.TRANSFER, node, text)

    def talk_ended(self, node: str) -> Line:
        """The agent hung up."""
        return self.line(Kind.TRANSFER, node, gettext("The agent hangs up"))

    def records(self, node: str, command: messages.Record) -> Line:
        """A message is recorded."""
        count = command.max_s
        text = ngettext("Records up to %(num)d second", "Records up to %(num)d seconds", count)
        return self.line(Kind.RECORDS, node, text)

    def request(self, node: str, command: messages.Request) -> Line:
        """A request goes out; here it is only shown."""
        parts = [f"{command.method.value} {command.url}", command.body]
        return self.line(Kind.REQUEST, node, "\n".join(part for part in parts if part))

    def request_answered(self, node: str, answer: messages.Answered) -> Line:
        """The request was said to have ended."""
        if not answer.ok:
            return self.line(Kind.REQUEST, node, gettext("No usable answer"))
        values = ", ".join(f"{name} = {value}" for name, value in answer.variables.items())
        text = gettext("Answered: %(values)s", values=values) if values else gettext("Answered")
        return self.line(Kind.REQUEST, node, text)

    def sms(self, command: messages.SendSms) -> Line:
        """A short message would go out; here it is only shown."""
        parts = sms.length(command.text).parts
        to = gettext("SMS to %(number)s", number=phone.display(command.number))
        said = ngettext("%(num)d part", "%(num)d parts", parts)
        return self.line(Kind.SMS, command.node, f"{to} ({said}):\n{command.text}")

    def note(self, note: messages.Note) -> Line:
        """Something goes on the call's record."""
        queue = self._words.reference(ReferenceKind.QUEUE, note.queue_id)
        return self.line(Kind.NOTE, note.node, note_words(note.kind, note.value, queue))

    def enters_flow(self, node: str, flow_id: int) -> Line:
        """The call goes on in another flow."""
        name = self._words.reference(ReferenceKind.FLOW, flow_id)
        return self.line(Kind.GOES, node, gettext("The call goes on in the flow %(name)s", name=name))

    def flow_missing(self, node: str) -> Line:
        """The flow it was to go on in cannot be entered by calls."""
        text = gettext("That flow is not published: callers hear that the number cannot be reached")
        return self.line(Kind.ENDS, node, text)

    def too_many_flows(self, node: str) -> Line:
        """The call went on in other flows too often."""
        text = gettext("The call went from flow to flow too often: callers hear an apology")
        return self.line(Kind.ENDS, node, text)

    def ends(self, node: str) -> Line:
        """The flow hangs up."""
        return self.line(Kind.ENDS, node, gettext("The call is hung up"))

    def hung_up(self, node: str) -> Line:
        """The caller hangs up."""
        return self.line(Kind.ENDS, node, gettext("The caller hangs up"))

    def no_entry(self) -> str:
        """Why nothing happened at all."""
        return gettext("Calls cannot enter: the node they enter at does not exist.")

    def could_not_go_on(self, name: str, exit_name: str) -> str:
        """Why the flow gave up."""
        return gettext("%(node)s: %(what)s.", node=name, what=exit_words(exit_name))
