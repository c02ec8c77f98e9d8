"""The switch's directory: the XML a registration or an authenticated call is checked against (mod_xml_curl).

Pure: the web process asks the database and serves these documents. A user is `cacheable` without an end, so
that phones keep registering while `web` is away; whoever changes a user tells the switch to forget it
(`xml_flush_cache`, `cti.esl.commands.flush_directory`).
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping

from core.switch_xml import Element, document, element

CONTENT_TYPE = "text/xml; charset=utf-8"


@dataclasses.dataclass(frozen=True, kw_only=True)
class DirectoryUser:
    """A SIP user as the switch needs to know it. `a1_hash` is :func:`a1_hash` of its password."""

    user: str
    domain: str
    a1_hash: str
    variables: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Set on every call the user makes, such as ``zj_tenant`` and ``zj_ext``."""


def a1_hash(user: str, domain: str, password: str) -> str:
    """Return the hash digest authentication needs in place of the password (RFC 2617, 3.2.2.2; MD5 by that
    rule).
    """
    return hashlib.md5(f"{user}:{domain}:{password}".encode(), usedforsecurity=False).hexdigest()


def user_document(user: DirectoryUser) -> str:
    """Return the document that answers a look-up of `user`. Raises ``UnsafeXmlError`` for control
    characters.
    """
    variables = {**user.variables, "user_context": "agents"}
    entry = Element(
        "user",
        {"id": user.user, "cacheable": "true"},
        (
            element("params", element("param", name="a1-hash", value=user.a1_hash)),
            element(
                "variables", *(element("variable", name=k, value=v) for k, v in sorted(variables.items()))
            ),
        ),
    )
    group = element("groups", element("group", element("users", entry), name="agents"))
    domain = element("domain", group, name=user.domain)
    return document(
        element("document", element("section", domain, name="directory"), type_="freeswitch/xml"),
    )


def not_found_document() -> str:
    """Return the document that says "no such user": the switch then refuses without trying anything else."""
    result = element("section", element("result", status="not found"), name="result")
    return document(element("document", result, type_="freeswitch/xml"))
