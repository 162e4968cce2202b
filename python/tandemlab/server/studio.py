"""The studio: the pages of the browser's application, which `web/` is built into.

They hold nothing secret; what they show comes by the interface, with the rights of who asks.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from secrets import token_urlsafe
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse
from starlette.datastructures import Headers

from tandemlab.domain import NotFound
from tandemlab.server.access import services, user_of

STUDIO = "/studio"
router = APIRouter(include_in_schema=False)
_NONCE = "NONCE"
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")
_KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}


def built_folder() -> Path:
    """Where the built pages are, if they were built."""
    return Path(str(files("tandemlab.server"))) / "pages"


@router.get("/")
def show_start() -> Response:
    """Lead people who only know the server's address to the studio."""
    return RedirectResponse(f"{STUDIO}/", 303)


@router.get(f"{STUDIO}/assets/{{name:path}}")
def get_asset(request: Request, name: str) -> Response:
    """A script, style or picture; its name changes with its content."""
    path = built_folder() / "assets" / name
    kind = _KINDS.get(path.suffix)
    if kind is None or not _NAME.fullmatch(name) or not path.is_file():
        raise NotFound(f"The studio has no file {name[:80]!r}.", details={"what": "file"})
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    packed = path.with_name(f"{name}.gz")
    if "gzip" in Headers(scope=request.scope).get("accept-encoding", "") and packed.is_file():
        path = packed
        headers["Content-Encoding"] = "gzip"
    return FileResponse(path, media_type=kind, headers=headers)


@router.get(STUDIO)
@router.get(f"{STUDIO}/{{path:path}}")
def show_studio(request: Request) -> Response:
    """The application, which finds by the address what it is to show."""
    if user_of(request) is None and services(request).tokens.are_required:
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?{urlencode({'next': target})}", 303)
    nonce = token_urlsafe(16)
    page = _page(built_folder() / "index.html").replace(_NONCE, nonce)
    policy = (
        f"default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; "
        "img-src 'self' data:; font-src 'self'; connect-src 'self'; frame-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    return HTMLResponse(page, headers={"Content-Security-Policy": policy})


def _page(path: Path) -> str:
    try:
        return _read(str(path), path.stat().st_mtime_ns)
    except FileNotFoundError as error:
        raise NotFound(
            "The studio's pages are not part of this installation.",
            hint="In a clone, `tools/bootstrap` builds them; wheels of releases have them.",
            details={"what": "studio"},
        ) from error


@cache
def _read(path: str, _changed: int) -> str:
    return Path(path).read_text(encoding="utf-8")
