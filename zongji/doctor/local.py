"""What is on this machine: settings, folders, disk, sounds, the front end."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path

from core import i18n
from core.i18n import gettext as _
from core.settings import Settings
from freeswitch_conf.layout import carrier_networks
from sounds.build import manifest
from zongji.doctor.finding import Finding, ok, warning, wrong
from zongji.doctor.spool import read_spool
from zongji.version import version

FREE_BYTES_WRONG = 500 * 1024 * 1024
FREE_BYTES_LOW = 5 * 1024 * 1024 * 1024
"""An hour of stereo recording takes 115 MB."""

MANIFEST = Path(__file__).resolve().parents[2] / "admin_web" / "static" / "dist" / ".vite" / "manifest.json"


def examine_local(settings: Settings) -> Iterator[Finding]:
    """Yield findings about this machine."""
    yield ok(
        _("Version"),
        _("Zongji %(own)s on Python %(python)s", own=version(), python=platform.python_version()),
    )
    yield from _folders(settings)
    yield disk(_("Disk"), settings.home)
    yield from _networks(settings)
    yield _sounds(settings)
    yield _front_end()
    yield _catalogues()
    yield records(settings)


def _folders(settings: Settings) -> Iterator[Finding]:
    what = _("Home folder")
    if not settings.home.is_dir():
        yield wrong(what, _("%(path)s does not exist yet", path=settings.home), _("Start Zongji once: ./run"))
        return
    closed = [
        str(path)
        for path in (
            settings.home,
            settings.cdr_dir,
            settings.facts_dir,
            settings.sms_dir,
            settings.states_dir,
            settings.recordings_dir,
            settings.store_dir,
        )
        if path.exists() and not os.access(path, os.R_OK | os.W_OK | os.X_OK)
    ]
    if closed:
        yield wrong(
            what,
            _("not writable: %(paths)s", paths=", ".join(closed)),
            _("Give these folders to the user Zongji runs as (chown), or set ZONGJI_HOME."),
        )
    else:
        yield ok(what, str(settings.home))


def disk(what: str, folder: Path) -> Finding:
    """Return how much room there is where `folder` is, or will be."""
    place = folder if folder.exists() else next(path for path in folder.parents if path.exists())
    free = shutil.disk_usage(place).free
    shown = _("%(free).1f GB free", free=free / 1024**3)
    remedy = _("Make room, or move ZONGJI_HOME to a larger disk; recordings fill it first.")
    if free < FREE_BYTES_WRONG:
        return wrong(what, shown, remedy)
    return warning(what, shown, remedy) if free < FREE_BYTES_LOW else ok(what, shown)


def _networks(settings: Settings) -> Iterator[Finding]:
    what = _("Carriers")
    networks = carrier_networks(settings)
    if any(network.endswith("/0") for network in networks):
        yield wrong(
            what,
            _("calls are accepted from anywhere (%(networks)s)", networks=", ".join(networks)),
            _(
                "Name your carriers' networks in ZONGJI_CARRIER_ADDRESSES: strangers place calls at your cost."
            ),
        )
    elif not networks:
        yield warning(
            what,
            _("calls are accepted from nowhere"),
            _("Name your carriers' networks in ZONGJI_CARRIER_ADDRESSES."),
        )
    else:
        yield ok(what, _("calls are accepted from %(networks)s", networks=", ".join(networks)))


def _sounds(settings: Settings) -> Finding:
    built = manifest(settings)
    what = _("Prompts")
    if built.missing:
        return wrong(
            what,
            _("missing: %(names)s", names=", ".join(built.missing[:5])),
            _("Run `zongji prepare`; without a speech engine install espeak-ng."),
        )
    return ok(what, _("%(count)s files in %(folder)s", count=len(built.files), folder=built.folder))


def _front_end() -> Finding:
    what = _("Front end")
    if MANIFEST.exists():
        return ok(what, _("built"))
    return wrong(what, _("not built"), _("Start by ./run, or: npm ci && npm run build"))


def _catalogues() -> Finding:
    what = _("Translations")
    source = i18n.DIRECTORY / "zh" / "LC_MESSAGES" / "messages.po"
    compiled = source.with_suffix(".mo")
    if compiled.exists() and compiled.stat().st_mtime >= source.stat().st_mtime:
        return ok(what, _("compiled"))
    return wrong(what, _("not compiled, or older than their source"), _("Run `zongji compile-messages`."))


def records(settings: Settings) -> Finding:
    """Return what became of the switch's records on this host."""
    spool = read_spool(settings)
    count, waiting = spool.aside, spool.waiting
    what = _("Records")
    if count:
        return wrong(
            what,
            _("%(count)s files could not be read and were put aside", count=count),
            _("See the reasons beside them (*.why) below %(folder)s.", folder=settings.cell_dir),
        )
    if waiting > 1000:
        return wrong(
            what,
            _("%(count)s wait for the shipper", count=waiting),
            _("See what the shipper writes: the database may be away."),
        )
    return ok(what, _("%(count)s wait for the shipper", count=waiting))
