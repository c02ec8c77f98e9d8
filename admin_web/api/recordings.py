"""The sound of recordings for programs. Each download is logged, whatever part of it is asked for."""

from __future__ import annotations

from flask import Response, request

from admin_web.api.scopes import ApiScope
from admin_web.api.view import ApiView, Operation
from admin_web.records.views import RangeError, log_use, recording_of, sound
from core.i18n import lazy


class RecordingSound(ApiView):
    """One segment's sound."""

    rule = "/call-records/<call:call_id>/recordings/<id:segment>"
    tag = lazy("Recordings")
    operations = {
        "GET": Operation(
            id="downloadRecording",
            summary=lazy("Download a recorded segment (WAV)"),
            description=lazy("Takes Range for a part of it. Each download is a line of the company's log."),
            scope=ApiScope.RECORDINGS_READ,
            media="audio/wav",
            ranges=True,
            errors=(RangeError,),
        )
    }

    def get(self, call_id: str, segment: int) -> Response:
        """Send the bytes asked for."""
        recording = recording_of(call_id, segment)
        response, _ = sound(recording)
        if request.method == "GET":
            log_use("recordings.download", recording)
        response.headers["Cache-Control"] = "no-store"
        return response
