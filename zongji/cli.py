"""The ``zongji`` command."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from core import i18n
from core.i18n import gettext as _
from core.settings import Settings, SettingsError, load
from zongji.private_files import keep_from_others


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command named in `arguments` (default: the process's) and end the process with its status."""
    keep_from_others()
    i18n.set_language(terminal_language(os.environ))
    options = _parser().parse_args(arguments)
    try:
        status = options.run(options)
    except SettingsError as error:
        sys.exit(_("The settings do not work: %(why)s", why=error))
    sys.exit(status)


def terminal_language(environ: os._Environ[str] | dict[str, str]) -> str:
    """Return the language to speak at a terminal: Chinese where its locale says so, else English (POSIX
    8.2).
    """
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if environ.get(name):
            return "zh" if environ[name].lower().startswith("zh") else "en"
    return "en"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="zongji", description=_("Zongji, a call-centre platform."))
    commands = parser.add_subparsers(required=True, metavar=_("command"))

    def add(name: str, run: Callable[[argparse.Namespace], int], sentence: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=sentence, description=sentence)
        command.set_defaults(run=run)
        return command

    run = add("run", _run, _("Prepare the home folder and run everything in the foreground."))
    run.add_argument("--no-prepare", action="store_true", help=_("Neither migrate nor seed; only run."))
    settings = add("settings", _settings, _("Print all settings."))
    settings.add_argument("--sample", action="store_true", help=_("As a file of variables to start from."))
    add("prepare", _prepare, _("Migrate the database, make the sounds, seed the demo tenant."))
    add("migrate", _migrate, _("Bring the database to this version's shape."))
    add("doctor", _doctor, _("Say what is configured, reachable and wrong, and what to do."))
    add("version", _version, _("Print the version."))
    render = add(
        "render-switch", _render_switch, _("Write FreeSWITCH's configuration and print how to start it.")
    )
    render.add_argument("--print", action="store_true", dest="only_print", help=_("Print it instead."))
    add("compile-messages", _compile_messages, _("Compile the message catalogues."))
    _add_demo(commands)
    _add_rescue(commands)
    return parser


def _add_rescue(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    rescue = commands.add_parser(
        "rescue", help=_("Let somebody back in: access control, second factor, password.")
    )
    actions = rescue.add_subparsers(required=True, metavar=_("action"), dest="action")
    sentences = {
        "ranges": _("Clear a company's access control: its people come in from anywhere again."),
        "second-factor": _("Take the second factor off an account; an operator sets up a new one."),
        "password": _("Give an account a new password, shown once and replaced at the next sign-in."),
    }
    for name, sentence in sentences.items():
        action = actions.add_parser(name, help=sentence, description=sentence)
        action.add_argument("--company", default="operator", help=_("Code of the company."))
        if name != "ranges":
            action.add_argument("--login", default="operator", help=_("Login of the account."))
    rescue.set_defaults(run=_rescue)


def _rescue(options: argparse.Namespace) -> int:
    from zongji import rescue

    print(rescue.run(load(), options))
    return 0


def _add_demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    demo = commands.add_parser("demo", help=_("The demo tenant: its data, and a call without any phone."))
    actions = demo.add_subparsers(required=True, metavar=_("action"))
    seed = actions.add_parser("seed", help=_("Create the demo tenant when the database is empty."))
    seed.set_defaults(run=_demo_seed)
    call = actions.add_parser("call", help=_("Place a test call into a route."))
    call.add_argument("--to", default="", help=_("Number of the route; the demo's when left out."))
    call.add_argument("--from", dest="caller", default="13800138000", help=_("Number of the caller."))
    call.add_argument(
        "--keys", default="", help=_("Keys the caller presses, such as 1@8 (1 after 8 seconds), with commas.")
    )
    call.set_defaults(run=_demo_call)


def _run(options: argparse.Namespace) -> int:
    from zongji.processes.run import AlreadyRunningError, check_ports, run, take_lock

    settings = load()
    try:
        take_lock(settings)
    except AlreadyRunningError as error:
        sys.exit(str(error))
    check_ports(settings)
    if not options.no_prepare:
        prepare(settings)
    late = _("The web interface does not answer yet; what its process writes above says why.")
    return run(settings, greeting=greeting(settings), not_yet=late)


def prepare(settings: Settings) -> None:
    """Bring the home folder to what this version needs: catalogues, tables, sounds, the demo tenant."""
    from core import schema
    from core.database import Database

    i18n.compile_catalogues()
    Database.from_settings(settings).dispose()
    schema.upgrade(settings.effective_database_url)
    _build_sounds(settings)
    if settings.demo:
        from zongji.demo import seed

        seed(settings)


def _build_sounds(settings: Settings) -> None:
    from sounds.build import build

    build(settings)


def greeting(settings: Settings) -> str:
    """Return where to click, with the demo's logins, and which switch runs."""
    from core.settings import SwitchKind

    switch = settings.effective_switch
    lines = ["", _("Zongji is running: %(url)s", url=settings.effective_public_url)]
    if settings.demo:
        from zongji.demo import LOGINS

        lines += [_("Sign in to the demo (company, account, password):")]
        lines += [f"  {login}" for login in LOGINS]
    if switch is SwitchKind.SWITCHSIM:
        lines.append(
            _("The switch is the simulator: no FreeSWITCH is installed, calls and phones are simulated.")
        )
    else:
        lines.append(_("The switch is FreeSWITCH (%(which)s).", which=switch.value))
    lines += [_("`.venv/bin/zongji doctor` says how everything is; Ctrl-C stops."), "", ""]
    return "\n".join(lines)


def _prepare(options: argparse.Namespace) -> int:
    prepare(load())
    return 0


def _settings(options: argparse.Namespace) -> int:
    from zongji.reference import markdown, sample

    print(sample() if options.sample else markdown(), end="")
    return 0


def _migrate(options: argparse.Namespace) -> int:
    from core import schema
    from core.database import Database

    settings = load()
    Database.from_settings(settings).dispose()
    before = schema.current(settings.effective_database_url)
    schema.upgrade(settings.effective_database_url)
    print(
        _(
            "The database is at revision %(after)s (it was %(before)s).",
            after=schema.head(),
            before=before or "-",
        )
    )
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from zongji.doctor import examine, report

    findings = list(examine(load()))
    print(report(findings), end="")
    return 1 if any(finding.is_wrong for finding in findings) else 0


def _version(options: argparse.Namespace) -> int:
    from zongji.version import version

    print(version())
    return 0


def _render_switch(options: argparse.Namespace) -> int:
    import shlex

    from freeswitch_conf.layout import command
    from freeswitch_conf.render import render, write
    from zongji.switch_sounds import switch_sounds

    settings = load()
    if options.only_print:
        print(render(settings, switch_sounds(settings)), end="")
        return 0
    print(shlex.join(command(settings, write(settings, switch_sounds(settings)))))
    return 0


def _compile_messages(options: argparse.Namespace) -> int:
    for path in i18n.compile_catalogues():
        print(path)
    return 0


def _demo_seed(options: argparse.Namespace) -> int:
    from zongji.demo import seed

    print(
        _("The demo tenant was created.")
        if seed(load())
        else _("There are tenants already; nothing was done.")
    )
    return 0


def _demo_call(options: argparse.Namespace) -> int:
    from zongji.demo import place_call

    try:
        keys = parse_keys(options.keys)
    except ValueError:
        sys.exit(_("Keys are written like 1@8,2@12: the key, then the second it is pressed at."))
    print(place_call(load(), to=options.to, caller=options.caller, keys=keys))
    return 0


def parse_keys(text: str) -> list[tuple[float, str]]:
    """Return ``(seconds, key)`` pairs of a text such as ``1@8,2@12.5``. Raises ``ValueError``."""
    keys = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        key, _at, seconds = part.partition("@")
        if len(key) != 1 or key not in "0123456789*#ABCD" or float(seconds) < 0:
            raise ValueError(f"{part!r} is no key with a time")
        keys.append((float(seconds), key))
    return keys
