"""How a browser logs in and out."""

from __future__ import annotations

from html import escape
from secrets import token_urlsafe
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from tandemlab.domain import InvalidInput, NotAllowed
from tandemlab.server.access import READER, services, user_of
from tandemlab.server.api.models import SessionContent
from tandemlab.server.errors import status_of
from tandemlab.server.guard import refusal
from tandemlab.server.sessions import COOKIE, LOGIN_COOKIE, SECONDS
from tandemlab.version import __version__

router = APIRouter()
_MOST_BYTES = 10_000
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>tandemlab: log in</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style nonce="{nonce}">
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 24rem; margin: 15vh auto }}
input, button {{ font: inherit; width: 100%; box-sizing: border-box; padding: .5rem }}
.problem {{ color: #b00020 }}
</style></head><body><main>
<h1>tandemlab</h1>
<p class="problem" role="alert">{problem}</p>
<form method="post" action="/login">
<input type="hidden" name="form" value="{form}">
<input type="hidden" name="next" value="{next}">
<label for="token">Your token for this server</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button>Log in</button>
</form>
<p>An owner makes one with <code>tandemlab server token create NAME</code>.</p>
</main></body></html>
"""


_GO_ON = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>tandemlab</title>
<meta http-equiv="refresh" content="0;url={next}"></head>
<body><a href="{next}">Go on to the studio</a></body></html>
"""


@router.get("/login", include_in_schema=False)
def show_login(request: Request, next: str = "/", ticket: str | None = None) -> Response:
    """The page where a browser gives its token; with a ticket it need not."""
    if ticket is None:
        return _page(request, next, "", 200)
    token = services(request).sessions.redeem(ticket)
    if token is None:
        said = "That address has been used, or is too old. Run `tandemlab studio` again."
        return _page(request, next, said, 403)
    # A redirect of somebody else's link would not carry the cookie, which is for this site alone.
    answer = HTMLResponse(_GO_ON.format(next=escape(_local(next))))
    _set_cookie(request, answer, COOKIE, services(request).sessions.start(token), SECONDS)
    return answer


def _page(request: Request, target: str, problem: str, status: int) -> Response:
    nonce = token_urlsafe(16)
    sessions = services(request).sessions
    page = _PAGE.format(
        nonce=nonce,
        problem=escape(problem),
        form=escape(sessions.login_field(nonce)),
        next=escape(_local(target)),
    )
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    # Without a referrer a browser would send the form with no origin, as from another site.
    headers = {"Content-Security-Policy": policy, "Referrer-Policy": "same-origin"}
    answer = HTMLResponse(page, status, headers=headers)
    _set_cookie(request, answer, LOGIN_COOKIE, nonce, 600)
    return answer


@router.post("/login", include_in_schema=False)
async def log_in(request: Request) -> Response:
    """Take a token, and give a session's cookie."""
    body = await request.body()
    if len(body) > _MOST_BYTES:
        raise InvalidInput("The form is too large.")
    try:
        fields = parse_qs(body.decode(), max_num_fields=10)
    except (UnicodeDecodeError, ValueError) as error:
        raise InvalidInput("The form cannot be read.") from error
    form = {name: values[0] for name, values in fields.items()}
    target = form.get("next", "/")
    sessions = services(request).sessions
    if not sessions.is_login(request.cookies.get(LOGIN_COOKIE, ""), form.get("form", "")):
        return _page(request, target, "The page was too old. Please try again.", 403)
    token = services(request).tokens.check(form.get("token", "").strip())
    if token is None:
        client = request.client.host if request.client else ""
        no = refusal(services(request).failures, client, "That token is not valid.", counts=True)
        return _page(request, target, f"{no.message} {no.hint}", status_of(no))
    answer = RedirectResponse(_local(target), 303)
    _set_cookie(request, answer, COOKIE, sessions.start(token), SECONDS)
    answer.delete_cookie(LOGIN_COOKIE)
    return answer


@router.post("/logout", status_code=204, tags=["session"])
def log_out(response: Response) -> None:
    """End the browser's session."""
    response.delete_cookie(COOKIE)


@router.get("/api/v1/session", dependencies=[READER], tags=["session"])
def get_session(request: Request) -> SessionContent:
    """Who asks, and what a browser must send with requests that change something."""
    user = user_of(request)
    if user is None:
        raise NotAllowed("Nobody is logged in.", details={"reason": "unknown"})
    csrf = None if user.cookie is None else services(request).sessions.csrf(user.cookie)
    return SessionContent(user=user.name, role=user.role.value, csrf=csrf, version=__version__)


def _set_cookie(request: Request, answer: Response, name: str, value: str, seconds: int) -> None:
    answer.set_cookie(
        name,
        value,
        max_age=seconds,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
        path="/",
    )


def _local(target: str) -> str:
    """A path at this server, or its root: a log-in must not lead away."""
    is_path = target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if is_path and target.isprintable() and "\\" not in target else "/"
