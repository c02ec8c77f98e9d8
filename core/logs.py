"""Structured logs, one set-up for all processes: lines for people or JSON for machines, on standard error.

Modules write ``logger = structlog.get_logger(__name__)`` and name facts as keywords. The call id comes from
the context: ``with structlog.contextvars.bound_contextvars(call_id=...)`` in the greenlet that serves the
call. Python's own ``logging`` (libraries) goes the same way.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from core.settings import Settings

_SECRET_NAME = re.compile(
    r"passw|secret|token|a1_hash|authorization|cookie|api_?key|private_?key|signature|recovery|totp|credential",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(r"\b((?:Bearer|Basic|Digest)\s+|whsec_)(?=\S*[0-9=])[^\s,;\"']{6,}", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(?<=://)([^/\s:@]*):[^/\s@]*(?=@)")


QUIET = ("alembic.runtime", "apscheduler")
"""Libraries that tell every look at the database's revision and every turn of the clockwork."""


def hide_secrets(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace values whose name says they are secret, at any depth, and in texts: passwords inside addresses, what
    follows an authorization's scheme, secrets of webhooks.
    """
    for name, value in event.items():
        event[name] = _hidden(name, value)
    return event


def _hidden(name: str, value: Any) -> Any:
    if _SECRET_NAME.search(name):
        return "***"
    if isinstance(value, str):
        return _SECRET_VALUE.sub(r"\1***", _URL_PASSWORD.sub(r"\1:***", value))
    if isinstance(value, dict):
        return {key: _hidden(str(key), item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_hidden("", item) for item in value]
    return value


def configure(settings: Settings, process: str) -> None:
    """Set up logging of this process, once at its start; `process` stands in every JSON line."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        hide_secrets,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(settings, process),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    for chatty in QUIET:
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(True)


def _renderers(settings: Settings, process: str) -> list[Any]:
    if settings.log_format == "console":
        plain = structlog.dev.plain_traceback  # the default prints local variables, secrets among them
        return [structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0, exception_formatter=plain)]

    def add_process(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["process"] = process
        return event

    return [
        add_process,
        structlog.processors.ExceptionRenderer(
            structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        ),
        structlog.processors.JSONRenderer(ensure_ascii=False),
    ]
