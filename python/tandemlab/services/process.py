"""The process of a service: it listens, keeps replicas alive, and takes up changes."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import sys
from contextlib import suppress
from dataclasses import replace

import uvicorn
import uvloop

from tandemlab.compute.processes import start_time
from tandemlab.domain import ServiceFailed, TandemlabError
from tandemlab.services.application import Application
from tandemlab.services.deployment import Deployment
from tandemlab.services.fleet import Fleet
from tandemlab.services.folder import LOOK_SECONDS, ServiceFolder, ServiceState, Status
from tandemlab.services.launch import prepare
from tandemlab.services.replica import kill_leftover
from tandemlab.web.addresses import listen, url_of
from tandemlab.web.uvicorn_server import Server

_log = logging.getLogger("tandemlab.services")
_GRACE_SECONDS = 10
_BOUND_SECONDS = 10.0
_LOG_BYTES = 20_000_000
_TAIL_LINES = 20


def serve(folder: ServiceFolder) -> bool:
    """Be the service until it is told to stop; whether it could be deployed."""
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s"
    )
    return uvloop.run(_Service(folder).run())


class _Service:
    def __init__(self, folder: ServiceFolder) -> None:
        self._folder = folder
        self._deployment = folder.read()
        self._application = Application(self._deployment, folder.keys)
        self._fleet: Fleet | None = None
        self._began = folder.log.stat().st_size if folder.log.exists() else 0
        self._status = Status(
            ServiceState.DEPLOYING, os.getpid(), start_time(os.getpid()) or "", replicas=()
        )

    async def run(self) -> bool:
        self._end_leftovers()
        settings = self._deployment.settings
        try:
            listening = listen(settings.host, settings.port or 0)
        except TandemlabError as error:
            self._fail(error)
            return False
        port = listening.getsockname()[1]
        if settings.port != port:
            self._keep(replace(self._deployment, settings=replace(settings, port=port)))
        self._tell(url=url_of(listening, settings.host))
        config = uvicorn.Config(
            self._application,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            timeout_keep_alive=30,
            backlog=2048,
            proxy_headers=False,
        )
        server = Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        working = asyncio.create_task(self._work())
        await asyncio.wait({serving, working}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await serving
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
        if self._fleet is not None:
            await self._fleet.close()
        if self._status.state is ServiceState.FAILED:
            return False
        self._status = replace(self._status, state=ServiceState.STOPPED, replicas=())
        self._folder.write_status(self._status)
        _log.info("stopped")
        return True

    async def _work(self) -> None:
        """Deploy, and take up changes; returns if the service cannot be deployed."""
        try:
            await self._become(self._deployment)
        except Exception as problem:
            self._fail(_as_error(problem))
            return
        loop = asyncio.get_running_loop()
        bounded = loop.time()
        while True:
            proposal = self._folder.proposal()
            if proposal is not None:
                await self._take_up(proposal)
            if loop.time() - bounded > _BOUND_SECONDS:
                self._bound_log()
                bounded = loop.time()
            await asyncio.sleep(LOOK_SECONDS)

    async def _take_up(self, proposal: Deployment) -> None:
        try:
            await self._become(proposal)
        except Exception as problem:  # whatever it is, what answers goes on
            error = _as_error(problem)
            _log.error("a change was refused: %s", error)
            if proposal.revision != self._deployment.revision:
                self._folder.forget_revision(proposal.revision)
            self._tell(refused=proposal.generation, error=self._described(error))
        finally:
            self._folder.settle()

    async def _become(self, wanted: Deployment) -> None:
        """Have replicas of what is wanted ready, let them answer, and end those before them."""
        if self._fleet is not None and not wanted.needs_new_replicas(self._deployment):
            await self._fleet.grow(wanted.settings.replicas)
            await self._fleet.shrink(wanted.settings.replicas)
            self._accept(wanted)
            return
        revision = self._folder.revision(wanted.revision)
        launch = await asyncio.to_thread(prepare, wanted, revision)
        timeout = wanted.settings.start_timeout_seconds
        fleet = Fleet(launch, self._folder.log, timeout, changed=self._tell)
        await fleet.grow(wanted.settings.replicas)
        before, self._fleet = self._fleet, fleet
        old = self._deployment.revision
        self._accept(wanted)
        if before is not None:
            await before.close()
        if old != wanted.revision:
            self._folder.forget_revision(old)

    def _accept(self, wanted: Deployment) -> None:
        assert self._fleet is not None
        if wanted is not self._deployment:
            self._keep(wanted)
        self._application.answer_by(self._deployment, self._fleet)
        self._tell(generation=wanted.generation, error=None)
        _log.info("generation %d answers at %s", wanted.generation, self._status.url)

    def _keep(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._folder.write(deployment)

    def _tell(self, **changes: object) -> None:
        """Write how the service is."""
        self._status = replace(self._status, **changes)  # type: ignore[arg-type]
        if self._fleet is not None:
            state = ServiceState.RUNNING if self._fleet.is_ready else ServiceState.UNHEALTHY
            self._status = replace(self._status, state=state, replicas=self._fleet.states())
        self._folder.write_status(self._status)

    def _fail(self, error: TandemlabError) -> None:
        _log.error("the service could not be deployed: %s", error)
        self._status = replace(
            self._status, state=ServiceState.FAILED, error=self._described(error)
        )
        self._folder.write_status(self._status)

    def _described(self, error: TandemlabError) -> dict[str, object]:
        """An error for others to read, with the last lines of the log, or of the traceback."""
        text = str(error.details.get("traceback") or "")
        if not text:
            with self._folder.log.open("rb") as log:
                log.seek(max(self._began, log.seek(0, os.SEEK_END) - 10_000))
                text = log.read().decode("utf-8", "replace")
        else:
            _log.error("%s", text)
        details = {name: value for name, value in error.details.items() if name != "traceback"}
        tail = [line for line in text.splitlines() if line.strip()][-_TAIL_LINES:]
        return {
            "code": error.code,
            "message": error.message,
            "hint": error.hint,
            "details": {**details, "log_tail": tail},
        }

    def _end_leftovers(self) -> None:
        """Replicas end with their service; this is for those that could not."""
        before = self._folder.read_status()
        for each in before.replicas if before else ():
            kill_leftover(each.pid, each.started)

    def _bound_log(self) -> None:
        """Begin the log anew when it is long; its writers append, so none has to know."""
        with suppress(OSError):
            if self._folder.log.stat().st_size > _LOG_BYTES:
                shutil.copyfile(self._folder.log, self._folder.log.with_suffix(".old.log"))
                os.truncate(self._folder.log, 0)
                self._began = 0


def _as_error(problem: Exception) -> TandemlabError:
    if isinstance(problem, TandemlabError):
        return problem
    _log.error("the service made a mistake", exc_info=problem)
    return ServiceFailed(f"The service made a mistake: {problem!r}.")
