"""Renders the whole configuration of FreeSWITCH into ``<home>/switch/conf/freeswitch.xml``: minimal and
closed.

Only the modules we use are loaded, nothing listens beyond loopback unless the settings say so, every
password is generated, and nothing of FreeSWITCH's own examples is there.
"""

from __future__ import annotations

import os
from pathlib import Path

from core.settings import Settings, SettingsError
from core.switch_xml import Element, UnsafeXmlError, document, element
from freeswitch_conf import gateways
from freeswitch_conf.dialplan import dialplan
from freeswitch_conf.layout import Layout, Sounds, carrier_networks, layout, safe_path
from freeswitch_conf.profiles import CARRIERS_ACL, sofia

DIRECTORY_PATH = "/switch/directory"
"""Where `web` answers the switch's look-ups of SIP users."""
DIRECTORY_USER = "switch"
DIRECTORY_SECRET = "switch-directory"  # noqa: S105 - the secret's name
"""Name of the secret (`Settings.secret`) the switch proves itself with, by HTTP basic authentication."""

MODULES = (
    *("mod_console", "mod_logfile", "mod_event_socket", "mod_json_cdr", "mod_xml_curl"),
    *("mod_commands", "mod_dptools", "mod_hash", "mod_dialplan_xml"),
    *("mod_rtc", "mod_loopback", "mod_sofia"),
    *("mod_opus", "mod_spandsp"),
    *("mod_sndfile", "mod_native_file", "mod_tone_stream", "mod_local_stream"),
)
"""What is loaded, in order; the last to be loaded are those calls arrive by, or the music, which needs the
others.
"""


VARIABLES = {"sip_copy_custom_headers": "false"}
"""Of all legs. What one party's signalling carries (ours to an agent's browser, or an outsider's own ``X-`` headers) is
nobody else's: a carrier, or the colleague a call is handed to.
"""


def render(settings: Settings, sounds: Sounds, modules: Path | None = None) -> str:
    """Return ``freeswitch.xml``. `modules` is the folder of installed modules; those it lacks are left out.

    Raises :class:`SettingsError` when a setting cannot be said to the switch.
    """
    where = layout(settings)
    try:
        return document(
            element(
                "document",
                *(
                    element("X-PRE-PROCESS", cmd="set", data=f"{name}={value}")
                    for name, value in VARIABLES.items()
                ),
                element("section", *_configurations(settings, where, sounds, modules), name="configuration"),
                dialplan(settings, sounds),
                element("section", name="directory"),
                element("section", name="languages"),
                type_="freeswitch/xml",
            )
        )
    except UnsafeXmlError as error:
        raise SettingsError(
            f"A setting cannot be written into the switch's configuration: {error}."
        ) from None


def write(settings: Settings, sounds: Sounds) -> Layout:
    """Make the switch's folders and write its configuration, readable by this user only. Raises as
    :func:`render`.
    """
    where = layout(settings)
    text = render(settings, sounds, settings.freeswitch_home / "mod")
    for folder in (*where.folders, settings.cdr_dir, settings.recordings_dir, settings.prompts_dir):
        folder.mkdir(parents=True, exist_ok=True)
    os.chmod(where.root, 0o700)
    gateways.ensure(where.conf)
    part = where.conf / "freeswitch.xml.part"
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    part.replace(where.conf / "freeswitch.xml")
    return where


def _configurations(
    settings: Settings, where: Layout, sounds: Sounds, modules: Path | None
) -> tuple[Element, ...]:
    return (
        _modules(modules),
        _switch(settings),
        _logfile(settings, where),
        _configuration(
            "console.conf", {"colorize": "false", "loglevel": "warning"}, _mappings("mappings", "warning")
        ),
        _acl(settings),
        _event_socket(settings),
        _json_cdr(settings),
        _xml_curl(settings),
        sofia(settings),
        _local_stream(sounds),
        _configuration(
            "opus.conf", {"use-vbr": "1", "use-dtx": "0", "complexity": "5", "keep-fec-enabled": "1"}
        ),
        _configuration("loopback.conf", {}),
        _configuration("spandsp.conf", {}),
        _configuration("hash.conf", {}),
        _configuration("post_load_switch.conf", {}),
        element("configuration", element("modules"), name="post_load_modules.conf"),
        element("configuration", element("timezones"), name="timezones.conf"),
    )


def _configuration(name: str, params: dict[str, str], *others: Element) -> Element:
    listed = (element("param", name=key, value=value) for key, value in params.items())
    return element("configuration", *others, element("settings", *listed), name=name)


def _mappings(name: str, *levels: str) -> Element:
    return element(name, element("map", name="all", value=",".join(levels)))


def _modules(folder: Path | None) -> Element:
    present = [name for name in MODULES if folder is None or (folder / f"{name}.so").exists()]
    return element(
        "configuration",
        element("modules", *(element("load", module=m) for m in present)),
        name="modules.conf",
    )


def _switch(settings: Settings) -> Element:
    return _configuration(
        "switch.conf",
        {
            "switchname": settings.cell,
            "colorize-console": "false",
            "loglevel": settings.log_level,
            "max-sessions": "2000",
            "sessions-per-second": "200",
            "max-db-handles": "50",
            "db-handle-timeout": "10",
            "rtp-start-port": str(settings.rtp_port_first),
            "rtp-end-port": str(settings.rtp_port_last),
            "rtp-port-usage-robustness": "true",
            # No ${command(...)} in any string: nothing a caller sends can become a command.
            "api-expansion": "false",
            "multiple-registrations": "false",
            "dump-cores": "no",
            "threaded-system-exec": "false",
            "event-heartbeat-interval": "5",
        },
    )


def _logfile(settings: Settings, where: Layout) -> Element:
    levels = ("debug", "info", "notice", "warning", "err", "crit", "alert")
    first = {"debug": 0, "info": 1, "warning": 3, "error": 4}[settings.log_level]
    profile = element(
        "profile",
        element(
            "settings",
            element("param", name="logfile", value=str(where.root / "log" / "freeswitch.log")),
            element("param", name="rollover", value="20000000"),
            element("param", name="maximum-rotate", value="10"),
            element("param", name="uuid", value="true"),
        ),
        _mappings("mappings", *levels[first:]),
        name="default",
    )
    return _configuration("logfile.conf", {"rotate-on-hup": "true"}, element("profiles", profile))


def _acl(settings: Settings) -> Element:
    nodes = [element("node", type_="allow", cidr=network) for network in carrier_networks(settings)]
    nodes.append(gateways.include(gateways.NETWORKS_FILE))
    lists = element("network-lists", element("list", *nodes, name=CARRIERS_ACL, default="deny"))
    return element("configuration", lists, name="acl.conf")


def _event_socket(settings: Settings) -> Element:
    return _configuration(
        "event_socket.conf",
        {
            "nat-map": "false",
            "listen-ip": "127.0.0.1",
            "listen-port": str(settings.switch_port),
            "password": settings.effective_switch_password,
            "apply-inbound-acl": "loopback.auto",
            "stop-on-bind-error": "true",
        },
    )


def _json_cdr(settings: Settings) -> Element:
    return _configuration(
        "json_cdr.conf",
        {
            "log-b-leg": "true",
            "prefix-a-leg": "false",
            # On disk only: with a URL, what is queued at shutdown is lost.
            "log-dir": safe_path(settings.cdr_dir, "ZONGJI_HOME"),
            "rotate": "false",
            # Variables are URL-encoded: the bytes of a caller's name survive, valid UTF-8 or not.
            "encode-values": "true",
        },
    )


def _xml_curl(settings: Settings) -> Element:
    host = settings.web_host if settings.web_host not in {"0.0.0.0", "::"} else "127.0.0.1"  # noqa: S104
    bracketed = f"[{host}]" if ":" in host else host
    params = {
        "gateway-credentials": f"{DIRECTORY_USER}:{settings.secret(DIRECTORY_SECRET)}",
        "auth-scheme": "basic",
        # Whole seconds. A hung directory holds back the registrations behind it.
        "timeout": "2",
        "disable-100-continue": "true",
        "response-max-bytes": "65536",
    }
    url = f"http://{bracketed}:{settings.web_port}{DIRECTORY_PATH}"
    gateway = element("param", name="gateway-url", value=url, bindings="directory")
    listed = (element("param", name=key, value=value) for key, value in params.items())
    binding = element("binding", gateway, *listed, name="directory")
    return element("configuration", element("bindings", binding), name="xml_curl.conf")


def _local_stream(sounds: Sounds) -> Element:
    streams = []
    for name, folder in sounds.music.items():
        params = {"rate": "8000", "shuffle": "false", "channels": "1", "interval": "20", "timer-name": "soft"}
        listed = (element("param", name=key, value=value) for key, value in params.items())
        streams.append(element("directory", *listed, name=name, path=safe_path(folder, "A music folder")))
    return element("configuration", *streams, name="local_stream.conf")
