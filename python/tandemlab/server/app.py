"""The application: all routes, behind the guard and the observer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from tandemlab.domain import InvalidInput, NotFound, TandemlabError, Unavailable
from tandemlab.domain.schemas import as_sentence
from tandemlab.server.access import READER
from tandemlab.server.api import (
    assets,
    automl,
    computes,
    content,
    datasets,
    designer,
    events,
    notifications,
    pipelines,
    run_changes,
    run_tables,
    runs,
    schedules,
    secrets,
    streams,
    sweeps,
    tokens,
    workspaces,
)
from tandemlab.server.api import services as services_api
from tandemlab.server.api.models import EventBatch
from tandemlab.server.errors import ErrorAnswer, answer_of, internal
from tandemlab.server.guard import Failures, Guard
from tandemlab.server.library import Library
from tandemlab.server.login import router as login_router
from tandemlab.server.mlflow.router import router as mlflow_router
from tandemlab.server.observe import Counts, Observer
from tandemlab.server.sessions import Sessions
from tandemlab.server.settings import ServerSettings, make_state_folder
from tandemlab.server.shortcut import Shortcut
from tandemlab.server.studio import router as studio_router
from tandemlab.server.tokens import Tokens
from tandemlab.server.writers import Writers
from tandemlab.store.http.wire import API
from tandemlab.version import __version__

_ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorAnswer, "description": "The request cannot be answered."},
    "5XX": {"model": ErrorAnswer, "description": "The server could not answer."},
}


@dataclass
class Services:
    """What the application consists of.

    Attributes:
        closing: set when the server is told to stop; streams end then.
    """

    library: Library
    tokens: Tokens
    sessions: Sessions
    failures: Failures = field(default_factory=Failures)
    counts: Counts = field(default_factory=Counts)
    writers: Writers = field(default_factory=Writers)
    closing: asyncio.Event = field(default_factory=asyncio.Event)


def create_app(settings: ServerSettings) -> tuple[ASGIApp, Services]:
    """The application of a server, and what it consists of."""
    folder = make_state_folder(settings.root)
    known = Tokens(folder)
    services = Services(Library(settings.root), known, Sessions.of(folder, known))
    app = _application(services)
    inner = Shortcut(app, events.router, API)
    guard = Guard(inner, settings, known, services.sessions, services.failures)
    return Observer(guard, services.counts), services


def describe() -> dict[str, Any]:
    """What the interface of every server is, as OpenAPI."""
    with TemporaryDirectory() as nothing:
        folder = Path(nothing)
        known = Tokens(folder)
        services = Services(Library(folder), known, Sessions(b"", known))
        return _openapi(_application(services))


def _application(services: Services) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        services.writers.close()
        services.library.close()

    app = FastAPI(
        title="tandemlab",
        version=__version__,
        description="Experiments, runs and what they log.",
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{API}/openapi.json",
        generate_unique_id_function=_operation_id,
        responses=_ERRORS,
        lifespan=lifespan,
    )
    app.state.services = services
    for part in (
        events,
        workspaces,
        run_tables,  # before the runs by their ids
        run_changes,
        runs,
        content,
        assets,
        datasets,
        services_api,
        computes,
        pipelines,
        sweeps,
        automl,
        designer,
        schedules,
        notifications,
        secrets,
        tokens,
        streams,
    ):
        app.include_router(part.router, prefix=API)
    app.include_router(pipelines.steps_router, prefix=API)
    app.include_router(schedules.recurrences_router, prefix=API)
    app.include_router(automl.searches_router, prefix=API)
    app.include_router(login_router)
    app.include_router(mlflow_router)
    app.include_router(studio_router)
    _add_probes(app, services)
    _add_error_handlers(app)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _operation_id(route: APIRoute) -> str:
    """``list_runs`` becomes ``listRuns``: what a generated client's method is called."""
    first, *rest = route.name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _openapi(app: FastAPI) -> dict[str, Any]:
    """The description of the interface, with the models that handlers decode by themselves."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        _, more = models_json_schema(
            [(EventBatch, "validation")], ref_template="#/components/schemas/{model}"
        )
        schema["components"]["schemas"] |= more["$defs"]
        app.openapi_schema = schema
    return app.openapi_schema


def _add_probes(app: FastAPI, services: Services) -> None:
    @app.get("/healthz", tags=["probes"])
    async def get_health() -> dict[str, str]:
        """Whether the server's process answers."""
        return {"status": "ok", "version": __version__}

    @app.get("/readyz", tags=["probes"])
    def get_readiness() -> dict[str, str]:
        """Whether the server can do its work: its workspaces can be read, and it is not ending."""
        if services.closing.is_set():
            raise Unavailable("The server is stopping.")
        try:
            services.library.check()
        except TandemlabError as error:
            raise Unavailable(f"A workspace cannot be read: {error.message}") from error
        return {"status": "ok"}

    @app.get("/metrics", tags=["probes"], dependencies=[READER], response_class=PlainTextResponse)
    def get_counts() -> PlainTextResponse:
        """Counts for Prometheus."""
        return PlainTextResponse(
            services.counts.text(), media_type="text/plain; version=0.0.4; charset=utf-8"
        )


def _add_error_handlers(app: FastAPI) -> None:
    @app.exception_handler(TandemlabError)
    async def ours(request: Request, error: TandemlabError) -> Response:
        return answer_of(error, request.scope)

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        return answer_of(internal(), request.scope)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        places = [
            {"place": ".".join(map(str, problem["loc"])), "problem": problem["msg"]}
            for problem in error.errors()[:10]
        ]
        shown = as_sentence(f"{item['place']}: {item['problem']}" for item in places[:3])
        problem = InvalidInput(
            f"The request is not what it should be: {shown}", details={"problems": places}
        )
        return answer_of(problem, request.scope)

    @app.exception_handler(HTTPException)
    async def standard(request: Request, error: HTTPException) -> Response:
        if error.status_code == 404:
            path = request.url.path[:200]
            problem: TandemlabError = NotFound(
                f"There is nothing at {path}.", details={"what": "path", "path": path}
            )
            return answer_of(problem, request.scope)
        content = {"code": "invalid_input", "message": str(error.detail), "hint": "", "details": {}}
        return JSONResponse(
            {"error": {**content, "request_id": request.state.request_id}}, error.status_code
        )
