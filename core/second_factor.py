"""The second factor (ACC-2): codes of an authenticator app (TOTP, RFC 6238) and recovery codes.

A code is looked at and used up in one transaction that holds the account's row, so that none is taken twice. Wrong
codes count towards the account's lock as wrong passwords do (`core.attempts`).
"""

from __future__ import annotations

import datetime
import hmac
import re
import secrets
from typing import Final

import msgspec
import pyotp

from core import attempts, audit
from core.crypto import UnreadableSecretError, Vault, token_hash
from core.database import ALL_TENANTS, Database, TenantSession, utc_now
from core.errors import CallerFault
from core.i18n import lazy
from core.models import Account, Tenant
from core.permissions import Principal
from core.sessions import end_sessions
from core.sign_in import accept, check_password, entry, take_attempt

PERIOD_S: Final = 30
DRIFT_STEPS: Final = 1
"""Steps a telephone's clock may be wrong, either way (RFC 6238 §5.2 allows one)."""
RECOVERY_CODES: Final = 10
OFFER_TIME: Final = datetime.timedelta(minutes=30)
"""How long a shown secret can be confirmed."""

ISSUER: Final = "Zongji"
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_CODE = re.compile(r"\d{6}")


class WrongCodeError(CallerFault):
    """The code is wrong, old or used, or the account is locked: nobody learns which."""

    id = "wrong-code"
    status = 422
    sentence = lazy(
        "This code is not right, or was used already. Wait for the next one; after ten failures an account is "
        "locked for 15 minutes."
    )


class OfferOverError(CallerFault):
    """The page with the secret was open too long, or is another account's."""

    id = "offer-over"
    status = 409
    sentence = lazy("This page was open too long; a new code to scan has been made.")


class AlreadyOnError(CallerFault):
    """There is a second factor; it is switched off, with password and code, before another is set up."""

    id = "factor-on"
    status = 409
    sentence = lazy("The second factor is on already; switch it off first to set up another one.")


class FactorRequiredError(CallerFault):
    """An operator's second factor is not switched off."""

    id = "factor-required"
    status = 409
    sentence = lazy("Operators need the second factor; it can be renewed, not switched off.")


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A secret shown to be confirmed; the page carries it sealed, nothing is stored before."""

    account_id: int
    secret: str
    """Base32."""
    made_at: datetime.datetime

    @property
    def grouped(self) -> str:
        """The secret in groups of four, for typing."""
        return " ".join(self.secret[at : at + 4] for at in range(0, len(self.secret), 4))

    def address(self, company: str, login: str) -> str:
        """Return the ``otpauth:`` address an authenticator app reads."""
        return pyotp.TOTP(self.secret).provisioning_uri(name=f"{login}@{company}", issuer_name=ISSUER)


def make_offer(account_id: int, *, now: datetime.datetime | None = None) -> Offer:
    """Return a fresh secret of 160 bits."""
    return Offer(account_id=account_id, secret=pyotp.random_base32(), made_at=now or utc_now())


def seal_offer(vault: Vault, offer: Offer) -> str:
    """Return `offer` as the page carries it."""
    return vault.seal(msgspec.json.encode(offer).decode())


def open_offer(vault: Vault, sealed: str, account_id: int, *, now: datetime.datetime | None = None) -> Offer:
    """Return the offer in `sealed`. Raises :class:`OfferOverError` when it is old, another account's or none."""
    try:
        offer = msgspec.json.decode(vault.open(sealed), type=Offer)
    except (UnreadableSecretError, msgspec.DecodeError, UnicodeEncodeError):
        raise OfferOverError() from None
    if offer.account_id != account_id or (now or utc_now()) - offer.made_at > OFFER_TIME:
        raise OfferOverError()
    return offer


def turn_on(
    database: Database,
    vault: Vault,
    principal: Principal,
    offer: Offer,
    code: str,
    *,
    now: datetime.datetime | None = None,
) -> list[str]:
    """Make the offered secret the second factor of `principal`, who proves to have it by a code; return the recovery
    codes, to be shown once. Their other sessions end. Raises :class:`WrongCodeError`, :class:`AlreadyOnError`.
    """
    now = now or utc_now()
    step = matching_step(offer.secret, code, now, after=0)
    if step is None:
        raise WrongCodeError(field="code")
    codes, hashes = _new_recovery_codes()
    with database.transaction(ALL_TENANTS) as session:
        account = session.get_one(Account, principal.account_id, with_for_update=True)
        if account.totp_confirmed_at is not None:
            raise AlreadyOnError()
        account.totp_secret_encrypted = vault.seal(offer.secret)
        account.totp_confirmed_at = now
        account.totp_last_step = step
        account.recovery_hashes = hashes
        end_sessions(session, account, keep=principal.session_id, proved=True)
        audit.record(session, principal, "sign-in.second-factor-on", account, {})
        session.commit()
    return codes


def prove(
    database: Database,
    vault: Vault,
    account_id: int,
    code: str,
    ip: str,
    *,
    signing_in: bool,
    now: datetime.datetime | None = None,
) -> None:
    """Use up `code`, of the app or a recovery code. `signing_in` completes a sign-in whose password was right.

    Raises :class:`WrongCodeError`. The attempt is counted and the code taken under one lock of the row.
    """
    now = now or utc_now()
    with database.transaction(ALL_TENANTS) as session:
        account = session.get_one(Account, account_id, with_for_update=True)
        right = take_attempt(session, account, ip, now) and _use(account, vault, code, now)
        if not right:
            session.add(entry(account, "code-refused", ip))
        elif signing_in:
            accept(session, account, ip, now)
        else:
            attempts.give_back(account)
        session.commit()
    if not right:
        raise WrongCodeError(field="code")


def turn_off(database: Database, vault: Vault, principal: Principal, password: str, code: str) -> None:
    """Do without the second factor from now on. Raises ``WrongPasswordError``, :class:`WrongCodeError`, for an operator
    :class:`FactorRequiredError`.
    """
    if principal.is_operator:
        raise FactorRequiredError()
    check_password(database, principal.account_id, password, principal.ip)
    prove(database, vault, principal.account_id, code, principal.ip, signing_in=False)
    with database.transaction(principal.tenant_id) as session:
        account = session.get_one(Account, principal.account_id, with_for_update=True)
        _forget(account)
        audit.record(session, principal, "sign-in.second-factor-off", account, {})
        session.commit()


def renew_recovery_codes(
    database: Database, vault: Vault, principal: Principal, password: str, code: str
) -> list[str]:
    """Replace the recovery codes and return the new ones, to be shown once. Raises as :func:`turn_off`."""
    check_password(database, principal.account_id, password, principal.ip)
    prove(database, vault, principal.account_id, code, principal.ip, signing_in=False)
    codes, hashes = _new_recovery_codes()
    with database.transaction(principal.tenant_id) as session:
        account = session.get_one(Account, principal.account_id, with_for_update=True)
        account.recovery_hashes = hashes
        audit.record(session, principal, "sign-in.recovery-codes", account, {})
        session.commit()
    return codes


def reset(session: TenantSession, actor: Principal | None, account: Account) -> None:
    """Take the second factor off `account`, whose owner lost it, and end its sessions; an operator sets up a new one
    at the next sign-in. The caller checks the right, commits, and calls ``sessions.changed()``.
    """
    _forget(account)
    end_sessions(session, account)
    audit.record(session, actor, "sign-in.second-factor-reset", account, {})


def is_on(account: Account) -> bool:
    """Return whether a code is asked for."""
    return account.totp_confirmed_at is not None


def is_required(tenant: Tenant) -> bool:
    """Return whether accounts of `tenant` cannot do without: the operator's own."""
    return tenant.is_operator


def recovery_codes_left(account: Account) -> int:
    """Return how many recovery codes were not used yet."""
    return len(_hashes(account))


def matching_step(secret: str, code: str, now: datetime.datetime, *, after: int) -> int | None:
    """Return the time step `code` is of, near `now` and later than the step `after`; None when there is none."""
    digits = "".join(code.split())
    if not (digits.isascii() and _CODE.fullmatch(digits)):
        return None
    totp = pyotp.TOTP(secret, interval=PERIOD_S)
    present = int(now.timestamp()) // PERIOD_S
    found = None
    for step in range(present - DRIFT_STEPS, present + DRIFT_STEPS + 1):
        if hmac.compare_digest(totp.generate_otp(step), digits) and step > after:
            found = step
    return found


def _use(account: Account, vault: Vault, code: str, now: datetime.datetime) -> bool:
    """Return whether `code` is right, and use it up; the caller holds the row."""
    if account.totp_confirmed_at is None:
        return False
    step = matching_step(vault.open(account.totp_secret_encrypted), code, now, after=account.totp_last_step)
    if step is not None:
        account.totp_last_step = step
        return True
    given = _recovery_hash(code)
    left = [each for each in _hashes(account) if not hmac.compare_digest(each, given)]
    if len(left) == len(_hashes(account)):
        return False
    account.recovery_hashes = msgspec.json.encode(left).decode()
    return True


def _hashes(account: Account) -> list[str]:
    return msgspec.json.decode(account.recovery_hashes, type=list[str])


def _recovery_hash(code: str) -> str:
    """Return what is kept of a recovery code: 79 random bits need no slow hash."""
    return token_hash(re.sub(r"[^a-z0-9]", "", code.lower()[:64]))


def _new_recovery_codes() -> tuple[list[str], str]:
    """Return fresh codes, in groups of four letters and digits that are not taken for one another, and the JSON of
    their hashes.
    """
    codes = [
        "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))
        for _ in range(RECOVERY_CODES)
    ]
    return codes, msgspec.json.encode([_recovery_hash(code) for code in codes]).decode()


def _forget(account: Account) -> None:
    account.totp_secret_encrypted = ""
    account.totp_confirmed_at = None
    account.totp_last_step = 0
    account.recovery_hashes = "[]"
