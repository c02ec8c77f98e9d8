"""Every setting of the platform: one typed object, read from ``ZONGJI_…`` environment variables.

A setting has a default that works on a bare machine, a unit in its name where it has one, and a sentence.
The sample file and the reference page are generated from the sentences (``zongji settings``). An unknown
``ZONGJI_…`` variable stops start-up, so that a typing error is never a silently ignored wish.
"""

from __future__ import annotations

import dataclasses
import enum
import ipaddress
import os
import secrets
import typing
from collections.abc import Mapping
from pathlib import Path

PREFIX = "ZONGJI_"


class SettingsError(Exception):
    """A setting is unknown or has an unusable value. The text is one sentence for the operator."""


class SwitchKind(enum.StrEnum):
    """Which switch `zongji run` starts and drives."""

    AUTO = "auto"
    FREESWITCH = "freeswitch"
    SWITCHSIM = "switchsim"
    EXTERNAL = "external"


def _setting(default: typing.Any, sentence: str, *, secret: bool = False) -> typing.Any:
    return dataclasses.field(default=default, metadata={"sentence": sentence, "secret": secret})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """The platform's settings. Paths are absolute after :func:`load`."""

    home: Path = _setting(
        Path("var"), "Folder of everything the platform writes: database, queues, recordings, logs."
    )
    database_url: str = _setting(
        "", "SQLAlchemy address of the database; empty means SQLite in the home folder."
    )
    redis_url: str = _setting(
        "", "Address of Redis; empty means a server of our own, started as a child process."
    )
    switch: SwitchKind = _setting(
        SwitchKind.AUTO,
        "Which switch to run: auto (FreeSWITCH when installed, else the simulator), freeswitch, switchsim, "
        "or external (already running).",
    )
    freeswitch_home: Path = _setting(Path("/usr/local/freeswitch"), "Prefix FreeSWITCH is installed under.")
    switch_host: str = _setting("127.0.0.1", "Host of the switch's event socket.")
    switch_port: int = _setting(8021, "TCP port of the switch's event socket.")
    switch_password: str = _setting(
        "", "Password of the event socket; empty means one generated into the home folder.", secret=True
    )
    switch_keep_awake: bool = _setting(
        False,
        "Send the event socket a newline each millisecond: events arrive in 1 ms instead of 10, for some "
        "processor time.",
    )
    switch_max_lag_ms: int = _setting(
        500,
        "Milliseconds the switch may be behind with commands before more than one new call a second is refused "
        "(503); 0 refuses none.",
    )
    switch_max_calls_per_s: int = _setting(
        0, "New calls the cell takes in a second, more are refused (503); 0 means no limit."
    )
    simulator_control_port: int = _setting(
        8022, "TCP port on loopback on which the simulator's phones are driven."
    )
    cell: str = _setting(
        "cell1", "Name of this cell: one switch with its controller and shipper on one host."
    )
    sip_domain: str = _setting("zongji.invalid", "SIP domain agents register in.")
    sip_bind_host: str = _setting(
        "127.0.0.1", "Address the SIP profiles and RTP listen on; a public one is a deliberate choice."
    )
    sip_agent_port: int = _setting(5060, "UDP and TCP port of the agents' SIP profile.")
    sip_carrier_port: int = _setting(5080, "UDP and TCP port of the carriers' SIP profile.")
    sip_ws_port: int = _setting(5066, "TCP port of SIP over WebSocket for browsers (put TLS in front of it).")
    sip_wss_port: int = _setting(
        7443, "TCP port of SIP over WebSocket with TLS, opened when <home>/tls/wss.pem exists."
    )
    sip_external_address: str = _setting(
        "",
        "Address phones and carriers are told when the switch is behind address translation; empty means "
        "the bound one.",
    )
    sip_ws_url: str = _setting(
        "", "WebSocket address browsers use; empty means ws://<host of the page>:<sip_ws_port>."
    )
    rtp_port_first: int = _setting(16384, "First UDP port for media.")
    rtp_port_last: int = _setting(32767, "Last UDP port for media.")
    carrier_addresses: str = _setting(
        "127.0.0.1/32", "Comma-separated networks calls from carriers are accepted from."
    )
    outbound_allowed_networks: str = _setting(
        "",
        "Comma-separated networks webhooks and flows' web requests may reach besides the public internet, such "
        "as 10.1.2.0/24; any port is allowed there.",
    )
    web_host: str = _setting("127.0.0.1", "Address the web interface listens on.")
    web_port: int = _setting(8080, "TCP port of the web interface.")
    web_workers: int = _setting(0, "Web worker processes; 0 means one on SQLite and two on MariaDB.")
    public_url: str = _setting(
        "", "Address people type to reach the web interface; empty means http://<web_host>:<web_port>."
    )
    metrics_port: int = _setting(9108, "TCP port on loopback of the controller's health and metrics page.")
    shipper_metrics_port: int = _setting(
        9109, "TCP port on loopback of the shipper's health and metrics page."
    )
    scheduler_metrics_port: int = _setting(
        9110, "TCP port on loopback of the scheduler's health and metrics page."
    )
    job_workers: int = _setting(2, "Background jobs (imports, exports) worked on at once by one scheduler.")
    job_lease_s: int = _setting(
        30, "Seconds after which the background job of a scheduler that died is taken over."
    )
    job_files_days: int = _setting(7, "Days the files background jobs made, and files uploaded, are kept.")
    default_language: str = _setting("zh", "Language of pages and prompts when nothing else says: zh or en.")
    default_timezone: str = _setting(
        "Asia/Shanghai", "Time zone times are shown in when the tenant has none."
    )
    log_level: str = _setting("info", "debug, info, warning or error.")
    log_format: str = _setting("console", "console (for people) or json (for machines).")
    demo: bool = _setting(True, "Create a demo tenant when the database is empty.")
    idle_timeout_s: int = _setting(1800, "Seconds without activity after which a person is signed out.")
    provisional_after_s: int = _setting(
        180, "Seconds an ended call waits for the switch's record before a provisional one closes it."
    )

    @property
    def cell_dir(self) -> Path:
        """Folder on the cell's own disk: call records, recordings and last good copies before they are
        shipped.
        """
        return self.home / "cell"

    @property
    def cdr_dir(self) -> Path:
        """Where the switch writes a JSON record per leg."""
        return self.cell_dir / "cdr"

    @property
    def facts_dir(self) -> Path:
        """Where the controller leaves facts (provisional ends) for the shipper, one file each."""
        return self.cell_dir / "facts"

    @property
    def states_dir(self) -> Path:
        """Where the controller leaves how long agents stood in a state, one file a span."""
        return self.cell_dir / "states"

    @property
    def recordings_dir(self) -> Path:
        """Where the switch writes recording segments before the shipper moves them into the store."""
        return self.cell_dir / "recordings"

    @property
    def takes_dir(self) -> Path:
        """Return where voices are that people record by telephone, until they are in the library."""
        return self.cell_dir / "takes"

    @property
    def sms_dir(self) -> Path:
        """Where the controller leaves the short messages of calls until they are in the outbox, one file each."""
        return self.cell_dir / "sms"

    @property
    def prompts_dir(self) -> Path:
        """Cache of synthesised and normalised prompts, readable by the switch."""
        return self.cell_dir / "prompts"

    @property
    def store_dir(self) -> Path:
        """The file store: recordings and uploads under content keys."""
        return self.home / "store"

    @property
    def effective_database_url(self) -> str:
        """The database's address with the default filled in."""
        return self.database_url or f"sqlite:///{self.home / 'zongji.db'}"

    @property
    def effective_redis_url(self) -> str:
        """Redis' address with the default filled in."""
        return self.redis_url or f"unix://{self.home / 'redis' / 'redis.sock'}"

    @property
    def effective_public_url(self) -> str:
        """The address printed for people."""
        return self.public_url or f"http://{self.web_host}:{self.web_port}"

    @property
    def freeswitch_binary(self) -> Path:
        """The switch's program, installed or not."""
        return self.freeswitch_home / "bin" / "freeswitch"

    @property
    def effective_switch(self) -> SwitchKind:
        """``switch`` with ``auto`` decided."""
        if self.switch is not SwitchKind.AUTO:
            return self.switch
        return SwitchKind.FREESWITCH if os.access(self.freeswitch_binary, os.X_OK) else SwitchKind.SWITCHSIM

    def secret(self, name: str) -> str:
        """Return the secret `name` of this installation, generated once into ``home/secrets`` (mode 600).

        Safe to call from several processes at once: the first to create the file decides.
        """
        folder = self.home / "secrets"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / name
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            for _ in range(100):
                text = path.read_text().strip()
                if text:
                    return text
            raise SettingsError(
                f"The secret file {path} is empty; delete it to have a new one made."
            ) from None
        value = secrets.token_urlsafe(32)
        with os.fdopen(handle, "w") as file:
            file.write(value + "\n")
        return value

    @property
    def effective_switch_password(self) -> str:
        """The event socket's password, generated when none is set."""
        return self.switch_password or self.secret("event-socket")


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `environ` (default: the process's). Raises :class:`SettingsError`."""
    source = os.environ if environ is None else environ
    fields = {field.name: field for field in dataclasses.fields(Settings)}
    hints = typing.get_type_hints(Settings)
    values: dict[str, typing.Any] = {}
    for key, text in source.items():
        if not key.startswith(PREFIX):
            continue
        name = key[len(PREFIX) :].lower()
        if name not in fields:
            raise SettingsError(f"{key} is not a setting; `zongji settings` lists them all.")
        values[name] = _parse(key, text, hints[name])
    settings = Settings(**values)
    settings = dataclasses.replace(settings, home=settings.home.expanduser().resolve())
    _check(settings)
    return settings


def _parse(key: str, text: str, kind: typing.Any) -> typing.Any:
    text = text.strip()
    if kind is bool:
        lowered = text.lower()
        if lowered in {"1", "true", "yes", "on"}:
            return True
        if lowered in {"0", "false", "no", "off", ""}:
            return False
        raise SettingsError(f"{key} must be true or false, not {text!r}.")
    if kind is int:
        try:
            return int(text)
        except ValueError:
            raise SettingsError(f"{key} must be a whole number, not {text!r}.") from None
    if issubclass(kind, enum.Enum):
        try:
            return kind(text.lower())
        except ValueError:
            raise SettingsError(
                f"{key} must be one of {', '.join(m.value for m in kind)}, not {text!r}."
            ) from None
    return kind(text)


def _check(settings: Settings) -> None:
    for field in dataclasses.fields(settings):
        if field.name.endswith("_port") and not 0 < getattr(settings, field.name) < 65536:
            raise SettingsError(f"{PREFIX}{field.name.upper()} must be a port from 1 to 65535.")
    for name in ("job_workers", "job_lease_s", "job_files_days"):
        if getattr(settings, name) < 1:
            raise SettingsError(f"{PREFIX}{name.upper()} must be at least 1.")
    try:
        for network in settings.outbound_allowed_networks.split(","):
            if network.strip():
                ipaddress.ip_network(network.strip(), strict=False)
    except ValueError as error:
        raise SettingsError(f"ZONGJI_OUTBOUND_ALLOWED_NETWORKS: {error}.") from None
    if settings.rtp_port_last - settings.rtp_port_first < 100:
        raise SettingsError("ZONGJI_RTP_PORT_LAST must be at least 100 above ZONGJI_RTP_PORT_FIRST.")
    if settings.default_language not in {"zh", "en"}:
        raise SettingsError(f"ZONGJI_DEFAULT_LANGUAGE must be zh or en, not {settings.default_language!r}.")
    if settings.log_level not in {"debug", "info", "warning", "error"}:
        raise SettingsError(
            f"ZONGJI_LOG_LEVEL must be debug, info, warning or error, not {settings.log_level!r}."
        )
    if settings.log_format not in {"console", "json"}:
        raise SettingsError(f"ZONGJI_LOG_FORMAT must be console or json, not {settings.log_format!r}.")
    if settings.switch is SwitchKind.FREESWITCH and not os.access(settings.freeswitch_binary, os.X_OK):
        raise SettingsError(
            f"ZONGJI_SWITCH is freeswitch, but there is no program at {settings.freeswitch_binary}; "
            "set ZONGJI_FREESWITCH_HOME."
        )
