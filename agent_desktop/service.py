"""What the desk's buttons ask for: commands to the cell's controller, and the web phone's credentials.

Nothing here changes a call by itself. A command's success means that the controller took it; what came of it is
pushed to the page.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any, Final

import redis as redis_py
from sqlalchemy import select

from agent_desktop import errors
from core import bus, phone
from core.crypto import Vault
from core.errors import BadFieldError
from core.permissions import Principal
from core.settings import Settings
from core.tenancy import TenantSession
from cti import refusals
from cti.acd.agents import CHOOSABLE, Agent, AgentState
from cti.acd.matching import Acd
from cti.desk import words
from cti.endpoint_kinds import KINDS
from cti.endpoints import password_of
from cti.models import EndpointKind, SipEndpoint

LEG_ACTIONS: Final = frozenset(
    {
        "answer",
        "hangup",
        "hold",
        "unhold",
        "mute",
        "unmute",
        "dtmf",
        "consult_cancel",
        "transfer_complete",
        "conference",
    }
)
"""Actions of docs/contracts.md on a leg."""

_DIGITS = re.compile(r"[0-9*#]{1,32}")
_LEG_ID = re.compile(r"[0-9A-Za-z-]{1,64}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Switchboard:
    """Sends one agent's commands to the controller of the cell."""

    redis: redis_py.Redis
    cell: str
    principal: Principal

    def command(self, kind: str, **body: Any) -> dict[str, Any]:
        """Send a command for the signed-in account and return the controller's result.

        Raises the refusal as an error of `agent_desktop.errors`, and ``ControllerSilentError`` when none answered.
        """
        me = self.principal
        result = bus.send_command(
            self.redis, self.cell, kind, me.tenant_id, me.account_id, {"account_id": me.account_id, **body}
        )
        if not result.get("ok"):
            raise errors.refusal(result)
        return {key: value for key, value in result.items() if key != "ok"}


def sign_in(board: Switchboard, extension_id: int, endpoint: str) -> dict[str, Any]:
    """Sign in on an extension (DSK-1, DSK-2). Refused with the holder's name when somebody has it."""
    if endpoint not in KINDS:
        raise BadFieldError(field="endpoint")
    return board.command("agent.sign_in", extension_id=extension_id, endpoint=endpoint)


def sign_out(board: Switchboard) -> dict[str, Any]:
    """Sign out now, or when the call that is up ends."""
    return board.command("agent.sign_out")


def set_state(board: Switchboard, session: TenantSession, state: str, reason: str) -> dict[str, Any]:
    """Choose a state, with the id of one of the company's reasons or none; during a call, the one that follows it."""
    if state not in {each.value for each in CHOOSABLE}:
        raise BadFieldError(field="state")
    if not words.reason_fits(session, reason, state):
        raise BadFieldError(field="reason")
    return board.command("agent.set_state", state=AgentState(state).value, reason=reason)


def wrap_up(board: Switchboard, do: str) -> dict[str, Any]:
    """End the wrap-up early (``end``), or make it longer once (``extend``)."""
    if do not in ("end", "extend"):
        raise BadFieldError(field="do")
    return board.command("agent.wrap_up", do=do)


def heartbeat(board: Switchboard, page: str) -> dict[str, Any]:
    """Say that the desk is open in a browser; every 15 s while signed in."""
    return board.command("agent.presence", page=page[:64])


def act_on_leg(board: Switchboard, leg_id: str, action: str, digits: str = "") -> dict[str, Any]:
    """Do one of :data:`LEG_ACTIONS` with the agent's leg; `digits` for ``dtmf``."""
    if action not in LEG_ACTIONS:
        raise BadFieldError(field="action")
    if not _LEG_ID.fullmatch(leg_id):
        raise BadFieldError(field="leg_id")
    if action != "dtmf":
        return board.command(f"leg.{action}", leg_id=leg_id)
    if not _DIGITS.fullmatch(digits):
        raise BadFieldError(field="digits")
    return board.command("leg.dtmf", leg_id=leg_id, digits=digits)


def dial(board: Switchboard, to: str, key: str) -> dict[str, Any]:
    """Call a number people typed (CTI-E5); a repeated `key` of the page is the same call. Returns ``call_id``."""
    if not _LEG_ID.fullmatch(key):
        raise BadFieldError(field="key")
    return board.command("dial", to=phone.parse(to).stored, key=key)


def dial_again(board: Switchboard, number: str, key: str) -> dict[str, Any]:
    """Call a stored number the agent chose by its call; refused like :func:`dial`, without naming the number."""
    try:
        return dial(board, number, key)
    except phone.InvalidNumberError:
        raise refusals.NumberRefusedError(reason=refusals.REASONS["not-a-number"]) from None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Credentials:
    """What the browser's phone registers with."""

    user: str
    password: str
    domain: str
    url: str


def credentials(
    session: TenantSession, agent: Agent, settings: Settings, vault: Vault, *, host: str, secure: bool
) -> Credentials:
    """Return the web phone's credentials for the agent that is signed in with it, and for nobody else.

    `host` is the host part of the page's address, `secure` whether it came by https: then the switch is reached by
    ``wss``. Raises :class:`errors.NoWebPhoneError`.
    """
    if agent.endpoint != EndpointKind.WEB.value:
        raise errors.NoWebPhoneError()
    row = session.scalar(
        select(SipEndpoint).where(
            SipEndpoint.extension_id == agent.extension_id, SipEndpoint.kind == EndpointKind.WEB
        )
    )
    if row is None:
        raise errors.NoWebPhoneError()
    own = f"wss://{host}:{settings.sip_wss_port}" if secure else f"ws://{host}:{settings.sip_ws_port}"
    return Credentials(
        user=row.user,
        password=password_of(row, vault),
        domain=settings.sip_domain,
        url=settings.sip_ws_url or own,
    )


def signed_in_agent(redis: redis_py.Redis, principal: Principal) -> Agent:
    """Return the account's agent as the controller last saved it. Raises :class:`refusals.NotSignedInError`."""
    agent = Acd(redis).load(principal.tenant_id, principal.account_id)
    if agent is None:
        raise refusals.NotSignedInError()
    return agent
