"""Browsers in words: which one and on what, as far as its user agent says. Nothing is decided by it."""

from __future__ import annotations

from typing import Final

from core.i18n import gettext

_BROWSERS: Final = (
    ("MicroMessenger/", "WeChat"),
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("OPR/", "Opera"),
    ("QQBrowser/", "QQ Browser"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
"""The first mark that occurs names it: most claim to be Chrome and Safari too."""

_SYSTEMS: Final = (
    ("HarmonyOS", "HarmonyOS"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def browser_in_words(user_agent: str) -> str:
    """Return what `user_agent` is, such as ``Firefox 128, Windows``."""
    browser = ""
    for mark, name in _BROWSERS:
        if mark in user_agent:
            after = user_agent.partition("Version/" if name == "Safari" else mark)[2]
            version = after.partition(".")[0]
            browser = f"{name} {version}" if version.isdigit() and len(version) < 5 else name
            break
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    return ", ".join(filter(None, (browser, system))) or gettext("A program or unknown browser")
