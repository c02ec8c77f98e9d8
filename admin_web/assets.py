"""Built front-end files by the name of their source: reads Vite's manifest in ``admin_web/static/dist``.

In templates: ``{{ vite_asset("admin_web/frontend/shell.ts") }}`` gives the entry's styles and script,
``{{ icon("phone") }}`` an icon of the sprite, ``vite_url(source)`` one file's address.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

DIST = Path(__file__).parent / "static" / "dist"
ICONS = "admin_web/frontend/icons.json"


class NotBuiltError(Exception):
    """The front end was not built, or lacks the file asked for. The text says what to run."""


class Assets:
    """The manifest of one build, read again when the file changes (a rebuild needs no restart)."""

    def __init__(self, dist: Path = DIST, base: str = "/static/dist/") -> None:
        self._path = dist / ".vite" / "manifest.json"
        self._base = base
        self._lock = threading.Lock()
        self._read_at_ns = -1
        self._manifest: dict[str, Any] = {}

    def url(self, source: str) -> str:
        """Return the address of the file built from `source`. Raises :class:`NotBuiltError`."""
        return self._base + str(self._chunk(source)["file"])

    def tags(self, entry: str) -> Markup:
        """Return the style, preload and script elements of `entry`. Raises :class:`NotBuiltError`."""
        chunks = self._closure(entry)
        styles = dict.fromkeys(css for chunk in chunks for css in chunk.get("css", ()))
        parts = [Markup('<link rel="stylesheet" href="{}">').format(self._base + css) for css in styles]
        parts += [
            Markup('<link rel="modulepreload" href="{}">').format(self._base + chunk["file"])
            for chunk in chunks[1:]
        ]
        parts.append(
            Markup('<script type="module" src="{}"></script>').format(self._base + chunks[0]["file"])
        )
        return Markup("\n").join(parts)

    def icon(self, name: str, css: str = "") -> Markup:
        """Return the icon `name` of the sprite as decoration (hidden from screen readers)."""
        return Markup('<svg class="icon{}" aria-hidden="true"><use href="{}#{}"></use></svg>').format(
            " " + css if css else "", self.url(ICONS), escape(name)
        )

    def _closure(self, entry: str) -> list[dict[str, Any]]:
        """Return the chunk of `entry` and, after it, every chunk it imports at load."""
        seen: dict[str, dict[str, Any]] = {}
        todo = [entry]
        while todo:
            source = todo.pop(0)
            if source not in seen:
                seen[source] = self._chunk(source)
                todo += seen[source].get("imports", ())
        return list(seen.values())

    def _chunk(self, source: str) -> dict[str, Any]:
        manifest = self._current()
        if source not in manifest:
            raise NotBuiltError(
                f"The front end has no file built from {source}; run `npm ci && npm run build`."
            )
        chunk: dict[str, Any] = manifest[source]
        return chunk

    def _current(self) -> dict[str, Any]:
        try:
            changed_ns = self._path.stat().st_mtime_ns
        except FileNotFoundError:
            if self._manifest:  # a build is under way; what was there before still answers
                return self._manifest
            raise NotBuiltError("The front end is not built; run `npm ci && npm run build`.") from None
        with self._lock:
            if changed_ns != self._read_at_ns:
                self._manifest = json.loads(self._path.read_text())
                self._read_at_ns = changed_ns
            return self._manifest
