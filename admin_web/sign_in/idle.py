"""What a page asks about its session's end for want of activity, so that it can warn before (ACC-1)."""

from __future__ import annotations

from flask import jsonify
from flask.typing import ResponseReturnValue

from core.views import Open, View, current_principal, parts


class Left(View):
    """Says how long the session lasts without activity. Asking is none (its path is below ``/live/``)."""

    access = Open.SIGNED_IN

    def get(self) -> ResponseReturnValue:
        """Answer ``{"left_s": …, "warn_s": …}`` in seconds; 401 with ``session-idle`` once it ended."""
        sessions = parts().sessions
        left_s = sessions.idle_left_s(current_principal().session_id)
        return jsonify({"left_s": round(max(0.0, left_s), 1), "warn_s": sessions.warn_s})


class Stay(View):
    """Activity said out loud: "stay signed in", and a wallboard that is looked at."""

    access = Open.SIGNED_IN

    def post(self) -> ResponseReturnValue:
        """Count it. The request itself was it."""
        parts().sessions.touch(current_principal().session_id)
        return jsonify({})
