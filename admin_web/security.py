"""What browsers are told to refuse, and proof that a change was meant: headers and CSRF."""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from flask import Flask, Response, g, request
from flask_wtf.csrf import CSRFProtect

from core.settings import Settings
from core.views import Open, View, parts


def csp_nonce() -> str:
    """Return this response's nonce for styles a library must write itself (the waveform)."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return str(g.csp_nonce)


def phone_sources(settings: Settings, host: str) -> str:
    """Return where the softphone may connect to: the WebSocket of the switch, as browsers on `host` reach it."""
    if settings.sip_ws_url:
        address = urlsplit(settings.sip_ws_url)
        return f"{address.scheme}://{address.netloc}"
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    return f"ws://{name}:{settings.sip_ws_port} wss://{name}:{settings.sip_wss_port}"


def policy(settings: Settings, host: str, nonce: str) -> str:
    """Return the content security policy: everything from here, no inline script or style without the nonce."""
    return "; ".join(
        [
            "default-src 'self'",
            "script-src 'self'",
            f"style-src 'self' 'nonce-{nonce}'",
            "img-src 'self' data: blob:",
            "media-src 'self' blob:",
            "worker-src 'self' blob:",
            f"connect-src 'self' {phone_sources(settings, host)}",
            # Pages of other systems open beside a call (DSK-6), where the company says.
            "frame-src 'self' https: http:",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
    )


def install(app: Flask) -> CSRFProtect:
    """Add the headers to every answer and ask every change for its token."""
    csrf = CSRFProtect(app)

    @app.after_request
    def _headers(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", policy(parts().settings, request.host, csp_nonce()))
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Referrer-Policy", "same-origin")
        headers.setdefault("X-Frame-Options", "DENY")
        headers.setdefault("Permissions-Policy", "microphone=(self), camera=(), geolocation=()")
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        if request.is_secure:
            headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        if request.path.startswith("/static/dist/assets/"):
            headers["Cache-Control"] = "public, max-age=31536000, immutable"
        elif request.path.startswith("/static/"):
            headers["Cache-Control"] = "public, max-age=3600"
        else:
            headers.setdefault("Cache-Control", "no-store")
            headers.add("Vary", "HX-Request")
        return response

    return csrf


def exempt_machines(app: Flask, csrf: CSRFProtect) -> None:
    """Programs have no form token; their views check a secret or a key instead, and no cookie."""
    for function in app.view_functions.values():
        view_class = getattr(function, "view_class", None)
        if (
            isinstance(view_class, type)
            and issubclass(view_class, View)
            and view_class.access in (Open.MACHINE, Open.KEY)
        ):
            csrf.exempt(function)
