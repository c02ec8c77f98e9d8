"""What changed sessions do to open pages: ended ones close at once, changed rights reach what is shown.

Woken by :func:`core.keys.sessions_changed` (the hub's reader hears it); a sweep every few seconds finds what no message
told of: idle sessions, and messages Redis lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import gevent
import structlog
from gevent.event import Event
from sqlalchemy.exc import SQLAlchemyError

from admin_web.live_page import Audience, Page
from core.errors import TemporaryFault
from core.permissions import Principal
from core.redis import RedisError
from core.sessions import SessionOverError, Sessions

SWEEP_S = 5.0
"""How often all open pages are looked at without being told; a check is one look at Redis while nothing changed."""

log = structlog.get_logger(__name__)


class SessionWatch:
    """Holds every open page of this process to what its session may now.

    `pages` returns them, `audience_of` says what an account sees, `change_rights` carries out a change of a page's
    audience where the page is kept (see :meth:`admin_web.live_hub.LiveHub.change_rights`).
    """

    def __init__(
        self,
        sessions: Sessions,
        pages: Callable[[], Iterable[Page]],
        audience_of: Callable[[Principal], Audience],
        change_rights: Callable[[Page, Callable[[], None]], None],
    ) -> None:
        self._sessions = sessions
        self._pages = pages
        self._audience_of = audience_of
        self._change_rights = change_rights
        self._changed = Event()
        self._watcher: gevent.Greenlet | None = None

    def wake(self) -> None:
        """Have all pages looked at now. Returns at once."""
        self._changed.set()
        self._run()

    def joined(self, page: Page) -> None:
        """Look at a page that just opened: its session may have changed since its request was let in."""
        self.check(page)
        self._run()

    def close(self) -> None:
        """End; for tests and the end of a process."""
        if self._watcher is not None:
            self._watcher.kill()

    def check(self, page: Page) -> None:
        """Look at one page: end it when its session is over, give it its rights of now. The database's failures are
        left to the next sweep: what is not known ends nothing.
        """
        try:
            principal = self._sessions.verify(page.token, ip=page.ip, activity=False)
        except SessionOverError as error:
            page.over(error.id)
            return
        except (TemporaryFault, SQLAlchemyError) as error:
            log.warning("live-session-not-checked", error=str(error))
            return
        try:
            self._hold(page, principal)
        except RedisError as error:
            log.warning("live-audience-not-checked", error=str(error))

    def _run(self) -> None:
        if self._watcher is None or self._watcher.dead:
            self._watcher = gevent.spawn(self._watch)

    def _hold(self, page: Page, principal: Principal) -> None:
        if page.needs is not None and not principal.may(page.needs):
            page.rights_gone()
            return
        audience = page.audience if page.needs is not None else self._audience_of(principal)
        if principal.permissions != page.permissions or audience.rights != page.audience.rights:
            self._change_rights(page, lambda: page.rights_changed(principal.permissions, audience))
        elif audience != page.audience:
            self._change_rights(page, lambda: page.queues_changed(audience))

    def _watch(self) -> None:
        while True:
            self._changed.clear()
            for page in list(self._pages()):
                if not page.closed:
                    self.check(page)
                    gevent.sleep(0)  # events go on meanwhile
            if not self._changed.wait(SWEEP_S) and not self._pages():
                return
