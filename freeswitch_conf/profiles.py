"""The two SIP profiles: one for agents' phones and browsers, one for carriers. Parameter names are
mod_sofia's.
"""

from __future__ import annotations

from core.settings import Settings
from core.switch_xml import Element, element
from freeswitch_conf import gateways
from freeswitch_conf.layout import bind_address

AGENTS = "agents"
CARRIERS = "carriers"
CARRIERS_ACL = "carriers"

_COMMON = {
    "dialplan": "XML",
    "user-agent-string": "Zongji",
    "username": "zongji",
    # Without a timer of its own a silent far end stops playback, keys and commands for seconds.
    "rtp-timer-name": "soft",
    "rfc2833-pt": "101",
    "dtmf-duration": "2000",
    "enable-timer": "false",
    "enable-100rel": "false",
    "manage-presence": "false",
    "manage-shared-appearance": "false",
    "disable-transfer": "true",
    "parse-all-invite-headers": "false",
    "accept-blind-auth": "false",
    "accept-blind-reg": "false",
    "forward-unsolicited-mwi-notify": "false",
    "inbound-codec-negotiation": "generous",
    "inbound-late-negotiation": "true",
    "log-auth-failures": "true",
    "local-network-acl": "localnet.auto",
    "apply-nat-acl": "nat.auto",
    "max-recv-requests-per-second": "1000",
    "watchdog-enabled": "no",
    "nonce-ttl": "60",
}

_AGENTS = {
    "context": "agents",
    "auth-calls": "true",
    "auth-subscriptions": "true",
    "auth-messages": "true",
    "inbound-reg-force-matching-username": "true",
    "multiple-registrations": "false",
    "tcp-unreg-on-socket-close": "true",
    "sip-force-expires-min": "30",
    "sip-force-expires-max": "600",
    "sip-expires-max-deviation": "0",
    "inbound-codec-prefs": "OPUS,PCMU,PCMA",
    "outbound-codec-prefs": "OPUS,PCMU,PCMA",
    # Which of a browser's candidates may be used; none named would mean public addresses only. Every agent is
    # authenticated and sits wherever the office is, loopback included.
    "apply-candidate-acl": "any_v4.auto",
}

_CARRIERS = {
    "context": "inbound",
    "auth-calls": "false",
    "apply-inbound-acl": CARRIERS_ACL,
    "apply-register-acl": "none",
    "disable-register": "true",
    # Keys come as RFC 2833, or as SIP INFO from carriers that know nothing else.
    "liberal-dtmf": "true",
    "inbound-codec-prefs": "PCMA,PCMU",
    "outbound-codec-prefs": "PCMA,PCMU",
}


def sofia(settings: Settings) -> Element:
    """Return ``sofia.conf``. Raises ``SettingsError`` when an address is none."""
    return element(
        "configuration",
        element("global_settings", _param("log-level", "0"), _param("tracelevel", "DEBUG")),
        element("profiles", _agents(settings), _carriers(settings)),
        name="sofia.conf",
    )


def _agents(settings: Settings) -> Element:
    host = bind_address(settings)
    values = {
        **_COMMON,
        **_AGENTS,
        **_addresses(settings, settings.sip_agent_port),
        "challenge-realm": settings.sip_domain,
        "force-register-domain": settings.sip_domain,
        "force-register-db-domain": settings.sip_domain,
        "force-subscription-domain": settings.sip_domain,
        "ws-binding": f"{_bracketed(host)}:{settings.sip_ws_port}",
    }
    certificate = settings.home / "tls" / "wss.pem"
    if certificate.exists():
        values["tls-cert-dir"] = str(certificate.parent)
        values["wss-binding"] = f"{_bracketed(host)}:{settings.sip_wss_port}"
    return _profile(AGENTS, values)


def _carriers(settings: Settings) -> Element:
    values = {**_COMMON, **_CARRIERS, **_addresses(settings, settings.sip_carrier_port)}
    return _profile(CARRIERS, values, gateways.include(gateways.GATEWAYS_FILE))


def _addresses(settings: Settings, port: int) -> dict[str, str]:
    host = bind_address(settings)
    values = {"sip-ip": host, "rtp-ip": host, "sip-port": str(port)}
    if settings.sip_external_address:
        values |= {"ext-sip-ip": settings.sip_external_address, "ext-rtp-ip": settings.sip_external_address}
    return values


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _profile(name: str, values: dict[str, str], *included: Element) -> Element:
    settings = element("settings", *(_param(key, value) for key, value in sorted(values.items())))
    return element(
        "profile", element("gateways", *included), element("aliases"), element("domains"), settings, name=name
    )


def _param(name: str, value: str) -> Element:
    return element("param", name=name, value=value)
