"""Sending sounds of the file store, by byte ranges, as players ask for them."""

from __future__ import annotations

from flask import Response, request
from werkzeug.datastructures import Range

from core.errors import CallerFault, NotFound
from core.i18n import lazy
from core.store import FileStore, NoSuchFileError
from core.views import parts


class RangeError(CallerFault):
    """The bytes asked for are not in the file."""

    id = "range"
    status = 416
    sentence = lazy("The recording has no such part.")


def store() -> FileStore:
    """Return the installation's file store."""
    return FileStore(parts().settings.store_dir)


def stored_sound(key: str) -> tuple[Response, int]:
    """Return the answer with the bytes of a WAV file the request asks for, and where they begin.

    Raises ``NotFound``, :class:`RangeError`.
    """
    files = store()
    try:
        size = files.size(key)
    except NoSuchFileError:
        raise NotFound(kind="sound") from None
    start, end, partial = _part(request.range, size)
    body = () if request.method == "HEAD" else files.read(key, start, end)
    response = Response(body, 206 if partial else 200, content_type="audio/wav")
    response.headers.update({"Accept-Ranges": "bytes", "Content-Length": str(end - start)})
    response.headers["Cache-Control"] = "private, no-transform, max-age=3600"
    if partial:
        response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return response, start


def _part(wanted: Range | None, size: int) -> tuple[int, int, bool]:
    """Return first byte, byte after the last, and whether that is a part. Raises :class:`RangeError`."""
    if wanted is None or wanted.units != "bytes" or len(wanted.ranges) != 1:
        return 0, size, False
    found = wanted.range_for_length(size)
    if found is None or found[0] is None:
        raise RangeError()
    return found[0], found[1], True
