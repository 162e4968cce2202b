"""A short way to a route of which much is asked."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI, Request
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import compile_path
from starlette.types import Receive, Scope, Send


class PlainRoute(APIRoute):
    """A route whose handler gets the request and the parts of the path.

    FastAPI's dependencies would take longer than all the rest; they only describe it.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["method"] not in (self.methods or ()):
            raise HTTPException(405)
        request = Request(scope, receive)
        answer = await self.endpoint(request, **scope["path_params"])
        await answer(scope, receive, send)


class Shortcut:
    """Leads what is asked of one route straight to it, and all else to the application.

    It spares such requests the application's own middlewares and the search for their route. Errors
    are answered by the `Observer`, in the same shape.

    Args:
        router: has the one route.
        prefix: where the application includes the router.
    """

    def __init__(self, app: FastAPI, router: APIRouter, prefix: str) -> None:
        (self._route,) = (route for route in router.routes if isinstance(route, PlainRoute))
        self._app = app
        self._path, _, _ = compile_path(prefix + self._route.path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        route = self._route
        if scope["type"] == "http" and scope["method"] in (route.methods or ()):
            found = self._path.match(scope["path"])
            if found is not None:
                scope.update(app=self._app, route=route, path_params=found.groupdict())
                await route.handle(scope, receive, send)
                return
        await self._app(scope, receive, send)
