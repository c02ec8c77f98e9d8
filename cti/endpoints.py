"""SIP endpoints of extensions: made by the system, one user per kind, unique over all tenants (CTI-E2)."""

from __future__ import annotations

from core import crypto
from core.crypto import Vault
from core.database import TenantSession
from core.models import Account
from cti.models import EndpointKind, Extension, ExtensionAccount, SipEndpoint


def open_extension(
    session: TenantSession, vault: Vault, domain: str, *, number: str, account: Account | None = None
) -> Extension:
    """Add an extension with an endpoint of each kind, and `account` allowed to sign in; the caller
    commits.
    """
    extension = Extension(number=number)
    session.add(extension)
    session.flush()
    for kind in EndpointKind:
        endpoint = SipEndpoint(
            extension_id=extension.id,
            kind=kind,
            user=_user(extension, kind),
            password_encrypted="",
            a1_hash="",
        )
        regenerate(endpoint, vault, domain)
        session.add(endpoint)
    if account is not None:
        session.add(ExtensionAccount(extension_id=extension.id, account_id=account.id))
    session.flush()
    return extension


def regenerate(endpoint: SipEndpoint, vault: Vault, domain: str) -> None:
    """Give `endpoint` a new password; the switch must then flush its directory entry."""
    password = crypto.sip_password()
    endpoint.password_encrypted = vault.seal(password)
    endpoint.a1_hash = crypto.a1_hash(endpoint.user, domain, password)


def password_of(endpoint: SipEndpoint, vault: Vault) -> str:
    """Return the password to type into the phone. Raises ``UnreadableSecretError``."""
    return vault.open(endpoint.password_encrypted)


def _user(extension: Extension, kind: EndpointKind) -> str:
    """Return a name that is short to type: ``<tenant>-<number>``, the browser's with ``-web``."""
    user = f"{extension.tenant_id}-{extension.number}"
    return f"{user}-web" if kind is EndpointKind.WEB else user
