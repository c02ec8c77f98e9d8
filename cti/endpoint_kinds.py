"""What an agent answers on (DSK-2): the browser, a SIP phone, or the telephone bound to the extension."""

from __future__ import annotations

from core.documents import ExtensionDoc

WEB, SIP, LANDLINE = "web", "sip", "landline"
KINDS = (WEB, SIP, LANDLINE)


def user_of(extension: ExtensionDoc, endpoint: str) -> str:
    """Return the SIP user of the extension's endpoint; a landline has none."""
    if endpoint == LANDLINE:
        return ""
    return extension.web_user if endpoint == WEB else extension.sip_user
