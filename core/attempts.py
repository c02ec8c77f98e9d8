"""The lock of an account (ACC-1): ten failures in a row, of passwords and codes together, close it for a while.

An attempt is counted before what was given is looked at, in a transaction that holds the account's row, so that
parallel guesses cannot exceed the limit; a right one is given back or sets the count back.
"""

from __future__ import annotations

import datetime
import enum
from typing import Final

from core.models import Account

MAX_FAILURES: Final = 10
LOCK_TIME: Final = datetime.timedelta(minutes=15)


class Attempt(enum.Enum):
    """What became of an attempt."""

    TAKEN = "taken"
    TAKEN_LAST = "taken-last"
    """Taken; unless it is right the account is locked now."""
    LOCKED = "locked"


def take(account: Account, now: datetime.datetime) -> Attempt:
    """Count one attempt on `account`, whose row the caller's transaction holds."""
    if account.locked_until is not None:
        if account.locked_until > now:
            return Attempt.LOCKED
        forget(account)
    account.failed_count += 1
    if account.failed_count < MAX_FAILURES:
        return Attempt.TAKEN
    account.locked_until = now + LOCK_TIME
    return Attempt.TAKEN_LAST


def give_back(account: Account) -> None:
    """Uncount one attempt that was right but proves only half: earlier failures stay counted, so that who knows the
    password cannot guess codes without end.
    """
    account.failed_count = max(0, account.failed_count - 1)
    if account.failed_count < MAX_FAILURES:
        account.locked_until = None


def forget(account: Account) -> None:
    """Set the count back: everything asked for was right, or an administrator unlocks the account."""
    account.failed_count = 0
    account.locked_until = None
