"""A FreeSWITCH on one core: with our configuration, or with the same one and its own dialplan and mod_callcenter.

The second differs from the first in three places only: mod_callcenter is loaded and configured, and the carriers'
context answers, asks for a key, records and queues by itself. Profiles, modules, codecs, music, records are the same.
"""

from __future__ import annotations

import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

from bench.support.usage import running_on
from core.settings import Settings
from freeswitch_conf.layout import Layout, command
from freeswitch_conf.profiles import AGENTS
from freeswitch_conf.render import write
from tests.support.cell import wait_for
from zongji.switch_probe import ProbeError, SwitchProbe
from zongji.switch_sounds import switch_sounds

QUEUE = "sales"
KEY_WAIT_MS = 6000


class Switch:
    """A running FreeSWITCH, pinned."""

    def __init__(self, settings: Settings, core: int, *, own_flow: Flow | None = None) -> None:
        self._settings = settings
        where = write(settings, switch_sounds(settings))
        if own_flow is not None:
            own_flow.write_into(where)
        with running_on({core}), (where.root / "console").open("wb") as log:
            self._process = subprocess.Popen(
                command(settings, where), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        wait_for(self._answers, 30, "FreeSWITCH does not start")

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def ask(self, api: str) -> str:
        """Run an api command. Raises ``ProbeError`` when the switch does not answer."""
        settings = self._settings
        with SwitchProbe("127.0.0.1", settings.switch_port, settings.effective_switch_password) as probe:
            return probe.ask(api)

    def stop(self) -> None:
        """End it, calls and all."""
        self._process.kill()
        self._process.wait()

    def _answers(self) -> bool:
        try:
            return "agents" in self.ask("sofia status") and "carriers" in self.ask("sofia status")
        except ProbeError:
            return False


class Flow:
    """The bench's flow in the switch's own words."""

    def __init__(self, settings: Settings, prompt: Path, contacts: Sequence[str], database: Path) -> None:
        self._recordings = settings.recordings_dir / "own"
        self._prompt = prompt
        self._contacts = contacts
        self._database = database

    def write_into(self, where: Layout) -> None:
        """Change the rendered configuration."""
        path = where.conf / "freeswitch.xml"
        tree = ET.parse(path)
        root = tree.getroot()
        modules = root.find(".//configuration[@name='modules.conf']/modules")
        configuration = root.find("section[@name='configuration']")
        context = root.find(".//section[@name='dialplan']/context[@name='inbound']")
        assert modules is not None
        assert configuration is not None
        assert context is not None
        ET.SubElement(modules, "load", module="mod_callcenter")
        configuration.append(self._callcenter())
        context[:] = [self._dialplan()]
        self._recordings.mkdir(parents=True, exist_ok=True)
        tree.write(path, encoding="utf-8")

    def _dialplan(self) -> ET.Element:
        extension = ET.Element("extension", name="menu")
        condition = ET.SubElement(extension, "condition")
        digits = f"1 1 3 {KEY_WAIT_MS} # {self._prompt} silence_stream://20 choice 1"
        for application, data in (
            ("set", "hangup_after_bridge=true"),
            ("set", "RECORD_STEREO=true"),
            ("answer", ""),
            ("play_and_get_digits", digits),
            ("callcenter", QUEUE),
            ("hangup", ""),
        ):
            ET.SubElement(condition, "action", application=application, data=data)
        return extension

    def _callcenter(self) -> ET.Element:
        found = ET.Element("configuration", name="callcenter.conf")
        settings = ET.SubElement(found, "settings")
        ET.SubElement(settings, "param", name="dbname", value=str(self._database))
        queue = ET.SubElement(ET.SubElement(found, "queues"), "queue", name=QUEUE)
        for name, value in {
            "strategy": "longest-idle-agent",
            "moh-sound": "local_stream://default",
            "record-template": f"{self._recordings}/${{uuid}}.wav",
            "time-base-score": "queue",
            "tier-rules-apply": "false",
            "max-wait-time": "60",
        }.items():
            ET.SubElement(queue, "param", name=name, value=value)
        agents, tiers = ET.SubElement(found, "agents"), ET.SubElement(found, "tiers")
        for number, contact in enumerate(self._contacts, 1):
            name = f"agent{number}"
            settings_of = {"type": "callback", "status": "Available", "max-no-answer": "0"}
            delays = dict.fromkeys(("wrap-up-time", "reject-delay-time", "busy-delay-time"), "0")
            dial = f"[leg_timeout=20]sofia/{AGENTS}/{contact}"
            ET.SubElement(agents, "agent", {"name": name, "contact": dial, **settings_of, **delays})
            ET.SubElement(tiers, "tier", agent=name, queue=QUEUE, level="1", position="1")
        return found
