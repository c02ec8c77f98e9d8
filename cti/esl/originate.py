"""Dial strings: an outgoing leg as a typed value."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping

from cti.esl import quoting
from cti.esl.quoting import UnsafeValue

_SIP_URI = re.compile(
    r"sips?:"
    r"(?:[A-Za-z0-9_.!~*()%&=+;?/-]{1,256}(?::[A-Za-z0-9_.!~*()%&=+-]{0,128})?@)?"
    r"(?:[A-Za-z0-9.-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])"
    r"(?::[0-9]{1,5})?"
    r"(?:[;?&][A-Za-z0-9_.!~*()%+=:/@-]*|;[A-Za-z0-9_-]+=\[[0-9A-Fa-f:.]{2,45}\]){0,32}"
)
_PLAIN_VALUE = re.compile(r"[A-Za-z0-9.+/-][A-Za-z0-9_.+/-]*")
"""Values that no split changes, and in which no trap can hide but one :func:`cti.esl.quoting.quote` would cut."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SipContact:
    """One registered contact of a phone, by a SIP profile. The phone chose the URI: it is checked, not trusted."""

    profile: str
    uri: str
    """``sip:…`` as registered (see `cti.esl.answers`), with its parameters such as ``fs_path``."""

    def dial_string(self) -> str:
        """Return the target in dial-string syntax. Raises :class:`UnsafeValue`."""
        if not _SIP_URI.fullmatch(self.uri):
            raise UnsafeValue(f"not a plain SIP URI: {self.uri[:60]!r}")
        return f"sofia/{quoting.name(self.profile)}/{self.uri}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Loopback:
    """A leg into our own dialplan: `number` in `context`."""

    number: str
    context: str

    def dial_string(self) -> str:
        """Return the target in dial-string syntax. Raises :class:`UnsafeValue`."""
        return f"loopback/{quoting.number(self.number)}/{quoting.name(self.context)}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Gateway:
    """A leg through a carrier's gateway, by the gateway's name."""

    name: str
    number: str

    def dial_string(self) -> str:
        """Return the target in dial-string syntax. Raises :class:`UnsafeValue`."""
        return f"sofia/gateway/{quoting.name(self.name)}/{quoting.number(self.number)}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class SipAddress:
    """A leg to a SIP address without registration (a carrier by address, a test's phone)."""

    profile: str
    number: str
    host: str
    """Host name or address, with ``:port`` if it isn't 5060."""

    def dial_string(self) -> str:
        """Return the target in dial-string syntax. Raises :class:`UnsafeValue`."""
        uri = f"sip:{quoting.number(self.number)}@{self.host}"
        return SipContact(profile=self.profile, uri=uri).dial_string()


Target = SipContact | Loopback | Gateway | SipAddress


@dataclasses.dataclass(frozen=True, kw_only=True)
class Originate:
    """An outgoing leg that is parked when it is answered.

    The command succeeds when the far end answers (early media does not count) and fails with a hang-up cause; it
    takes up to `timeout_s`, so it belongs into a background job.
    """

    uuid: str
    """The new leg's uuid. The switch refuses it while a leg of that uuid lives and dials again after."""
    target: Target
    timeout_s: int
    """Ringing time, 1 to 3600 seconds."""
    caller_name: str = ""
    """Name shown at the far end; anything, made harmless by :func:`cti.esl.quoting.display_text`."""
    caller_number: str = ""
    """Number shown at the far end: `cti.esl.quoting.number`."""
    codec: str = ""
    """Comma-separated codecs to offer, such as ``PCMA,PCMU``; empty for the profile's."""
    variables: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Channel variables of the leg. Braces are refused besides what `quoting.plain` refuses."""

    def arguments(self) -> str:
        """Return what follows ``originate``. Raises :class:`UnsafeValue`."""
        if not 1 <= self.timeout_s <= 3600:
            raise UnsafeValue("a ringing time outside 1 to 3600 seconds")
        fixed = {
            "origination_uuid": quoting.uuid(self.uuid),
            "originate_timeout": str(int(self.timeout_s)),
            "ignore_early_media": "true",
        }
        if name := quoting.display_text(self.caller_name):
            fixed["origination_caller_id_name"] = name
        if self.caller_number:
            fixed["origination_caller_id_number"] = quoting.number(self.caller_number)
        if self.codec:
            fixed["absolute_codec_string"] = quoting.plain(self.codec)
        doubled = fixed.keys() & self.variables.keys()
        if doubled:
            raise UnsafeValue(f"variables that have a field of their own: {', '.join(sorted(doubled))}")
        block = ",".join(_pair(name, value) for name, value in {**fixed, **self.variables}.items())
        endpoint = self.target.dial_string()
        if ":_:" in endpoint:
            raise UnsafeValue("a target the switch would take for several")
        dialled = "{" + block + "}" + endpoint
        bare = not any(char in dialled for char in " '\\\"`") and quoting.quote(dialled)[1:-1] == dialled
        return (dialled if bare else quoting.quote(dialled)) + " &park()"


def fits_a_bridge(value: str) -> bool:
    """Return whether `value` can stand in the argument of :class:`BridgeTo`."""
    return bool(_PLAIN_VALUE.fullmatch(value)) and quoting.needs_no_quotes(value)


@dataclasses.dataclass(frozen=True, kw_only=True)
class BridgeTo:
    """Application: call a new leg from the one that runs it, hear its ringing and early media, bridge the two.

    A leg that ends unanswered before any early media ends the application (``originate_failed_cause`` says why), and
    with ``continue_on_fail`` the caller's leg lives on. With early media the two are bridged before the answer;
    ``bridge_answer_timeout`` then limits the ringing, which `Originate.timeout_s` does before.
    """

    leg: Originate
    cancels: str = ""
    """Uuid of a leg whose scheduled tasks (its fallback) the answer cancels, whoever else is there to do it."""

    def call(self) -> tuple[str, str]:
        """Return the application's name and argument. Raises :class:`UnsafeValue` for all that needs quotes."""
        if not 1 <= self.leg.timeout_s <= 3600:
            raise UnsafeValue("a ringing time outside 1 to 3600 seconds")
        variables = {
            "origination_uuid": quoting.uuid(self.leg.uuid),
            "originate_timeout": str(int(self.leg.timeout_s)),
            "bridge_answer_timeout": str(int(self.leg.timeout_s)),
            # Else the caller's own counts, which an originated leg has.
            "ignore_early_media": "false",
            "origination_caller_id_name": quoting.number(self.leg.caller_number),
            "origination_caller_id_number": quoting.number(self.leg.caller_number),
            **self.leg.variables,
        }
        # An application's argument is expanded before it is split: nothing but plain values can stand in it.
        for value in variables.values():
            if not fits_a_bridge(value):
                raise UnsafeValue(f"not a plain value in a bridge: {value[:40]!r}")
        if self.cancels:
            # A colon parts an application here from its argument, as a blank would, which cannot stand in a bridge.
            variables["execute_on_answer"] = f"sched_cancel:{quoting.uuid(self.cancels)}"
        block = ",".join(f"{quoting.variable(name)}={value}" for name, value in variables.items())
        endpoint = self.leg.target.dial_string()
        if any(char in endpoint for char in " ',|{}[]$\\\"") or ":_:" in endpoint:
            raise UnsafeValue("a target that is not plain")
        return "bridge", "{" + block + "}" + endpoint


def _pair(name: str, value: str) -> str:
    """Return one variable of the block: its value survives the splits at ``=`` and ``,``."""
    quoting.plain(value)
    if "{" in value or "}" in value:
        raise UnsafeValue("a brace in a dial string's variable")
    if value and _PLAIN_VALUE.fullmatch(value):
        return f"{quoting.variable(name)}={value}"
    return quoting.quote(f"{quoting.variable(name)}={quoting.quote(value)}")
