"""Services as their users see them: deployed, asked, changed and removed."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tandemlab.compute.processes import is_alive
from tandemlab.domain import AlreadyExists, InvalidState, NotFound
from tandemlab.services.asking import ask, request_text
from tandemlab.services.control import failure, start_process, stop_process
from tandemlab.services.deployment import (
    Deployment,
    InferenceConfig,
    LocalWebserviceDeploymentConfiguration,
)
from tandemlab.services.folder import (
    LOOK_SECONDS,
    ServiceState,
    Status,
    service_folder,
    service_folders,
)
from tandemlab.services.keys import Keys, ServiceAccessToken, read_keys, write_keys
from tandemlab.services.openapi import describe
from tandemlab.services.plans import plan_change, plan_deployment
from tandemlab.services.served_models import ModelSource

if TYPE_CHECKING:
    from tandemlab.tracking import Workspace


class LocalWebservice:
    """A service on this machine, which answers requests by models.

    Args:
        workspace: that it belongs to.
        name: of the service.

    Raises:
        NotFound: there is no such service.
    """

    def __init__(self, workspace: Workspace, name: str) -> None:
        self.workspace = workspace
        self._folder = service_folder(workspace.path, name)
        self._folder.read()

    def __repr__(self) -> str:
        return f"LocalWebservice({self.name!r}, state={self.state.value!r})"

    @staticmethod
    def deploy_configuration(
        port: int | None = None, **options: Any
    ) -> LocalWebserviceDeploymentConfiguration:
        """Where a service listens, and how much it may do.

        Args:
            port: to listen at; None takes any free one.
            options: see `LocalWebserviceDeploymentConfiguration`.
        """
        return LocalWebserviceDeploymentConfiguration(port, **options)

    @staticmethod
    def list(workspace: Workspace) -> list[LocalWebservice]:
        """The services of a workspace, by name."""
        found = []
        for folder in service_folders(workspace.path):
            with suppress(NotFound):  # it was removed meanwhile
                found.append(LocalWebservice(workspace, folder.path.name))
        return found

    @staticmethod
    def list_details(workspace: Workspace) -> Sequence[dict[str, Any]]:
        """`get_details` of the services of a workspace, by name."""
        found = []
        for each in LocalWebservice.list(workspace):
            with suppress(NotFound):  # it was removed meanwhile
                found.append(each.get_details())
        return found

    # What it is

    @property
    def name(self) -> str:
        """Name of the service."""
        return self._folder.path.name

    @property
    def deployment(self) -> Deployment:
        """What the service is made of."""
        return self._folder.read()

    @property
    def status(self) -> Status | None:
        """How its process is; None if it has none."""
        return self._folder.running()

    @property
    def state(self) -> ServiceState:
        """``deploying``, ``running``, ``unhealthy``, ``stopped`` or ``failed``."""
        status = self._folder.read_status()
        if status is not None and is_alive(status.pid, status.started):
            return status.state
        if self._folder.is_locked():
            return ServiceState.DEPLOYING
        has_failed = status is not None and status.state is ServiceState.FAILED
        return ServiceState.FAILED if has_failed else ServiceState.STOPPED

    def get_details(self) -> dict[str, Any]:
        """What the service is and how it is, read at once.

        Raises:
            NotFound: it has been removed.
        """
        deployment, status = self.deployment, self.status
        replicas = status.replicas if status else ()
        url = status.url if status else None
        return {
            "name": self.name,
            "state": self.state.value,
            "models": [model.id for model in deployment.models],
            "url": url,
            "scoring_uri": url and f"{url}/score",
            "swagger_uri": url and f"{url}/openapi.json",
            "port": deployment.settings.port,
            "replicas": deployment.settings.replicas,
            "ready": sum(each.ready for each in replicas),
            "restarts": sum(each.restarts for each in replicas),
            "needs_key": deployment.settings.needs_key,
            "language": deployment.language,
            "entry_script": deployment.entry_script,
            "source_directory": deployment.source_directory,
            "description": deployment.description,
            "generation": deployment.generation,
            "pid": status.pid if status else None,
            "log": str(self.log_file),
        }

    @property
    def port(self) -> int | None:
        """The port that it listens at."""
        return self.deployment.settings.port

    @property
    def scoring_uri(self) -> str:
        """Where requests are sent by POST.

        Raises:
            InvalidState: the service does not run.
        """
        return f"{self._url()}/score"

    @property
    def swagger_uri(self) -> str:
        """Where the service describes its interface, as OpenAPI."""
        return f"{self._url()}/openapi.json"

    def _url(self) -> str:
        status = self._folder.running()
        if status is None or status.url is None:
            raise InvalidState(
                f"The service {self.name!r} does not run.",
                hint=f"`tandemlab service start {self.name}` starts it.",
                details={"name": self.name, "state": self.state.value},
            )
        return status.url

    @property
    def log_file(self) -> Path:
        """The file of what the service says and its scripts print."""
        return self._folder.log

    def get_logs(self, num_lines: int = 5000) -> str:
        """The newest lines of what the service says and its scripts print."""
        try:
            text = self._folder.log.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""
        return "".join(text.splitlines(keepends=True)[-num_lines:])

    # Requests

    def run(self, input_data: Any) -> Any:
        """Score one request.

        Args:
            input_data: JSON as text or bytes, a data frame of pandas or polars (sent as its
                rows), or anything else that JSON can hold.

        Returns:
            What the service answered: the value of its JSON.

        Raises:
            InvalidInput: the request is not what the service takes; the message names the fields.
            ServiceFailed: the script failed; the service's log says why.
            InvalidState: the service does not run.
            Unavailable: all its replicas are busy.
        """
        return json.loads(self.score(request_text(input_data)))

    def score(self, request: bytes) -> bytes:
        """`run` with request and answer as JSON text."""
        settings = self.deployment.settings
        return ask(
            self.scoring_uri,
            request,
            name=self.name,
            key=self.get_keys()[0] if settings.needs_key else None,
            timeout=2 * settings.timeout_seconds + 10,
        )

    def describe(self) -> dict[str, Any]:
        """The service's interface, as OpenAPI."""
        return describe(self.deployment)

    # Keys

    def get_keys(self) -> tuple[str, str]:
        """The primary and the secondary key; either may be shown."""
        keys = read_keys(self._folder.keys)
        return keys.primary, keys.secondary

    def regen_key(self, key: str) -> str:
        """Make a key anew; whoever shows the old one is refused from now on.

        Args:
            key: ``"Primary"`` or ``"Secondary"``.
        """
        with self._folder.changing():
            keys = read_keys(self._folder.keys).regenerated(key)
            write_keys(self._folder.keys, keys)
        return keys.primary if key.capitalize() == "Primary" else keys.secondary

    def get_access_token(self, lifetime_seconds: float = 3600.0) -> ServiceAccessToken:
        """A token that requests may show instead of a key, for a while.

        It ends earlier when the primary key is made anew.

        Args:
            lifetime_seconds: for how long it is valid, 30 days at most.
        """
        return read_keys(self._folder.keys).token(lifetime_seconds)

    def get_token(self, lifetime_seconds: float = 3600.0) -> tuple[str, datetime]:
        """`get_access_token` as the text and when to ask for another, in UTC."""
        found = self.get_access_token(lifetime_seconds)
        return found.access_token, found.refresh_after

    # Changes

    def wait_for_deployment(self, show_output: bool = False, timeout: float | None = None) -> None:
        """Wait until the service answers.

        Args:
            show_output: whether to print its log as it comes.
            timeout: seconds to wait at most; None for as long as it takes.

        Raises:
            ServiceFailed: it could not be deployed, or is stopped; the message has why.
            InvalidState: it takes longer than the timeout.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        shown = 0
        while (state := self.state) is ServiceState.DEPLOYING:
            if show_output:
                shown = self._show_log(shown)
            if deadline is not None and time.monotonic() > deadline:
                raise InvalidState(f"The service {self.name!r} is still being deployed.")
            time.sleep(LOOK_SECONDS)
        if show_output:
            self._show_log(shown)
        if state in (ServiceState.FAILED, ServiceState.STOPPED):
            while self._folder.is_locked():
                time.sleep(LOOK_SECONDS)
            status = self._folder.read_status()
            raise failure(self.name, status.error if status else None)

    def _show_log(self, shown: int) -> int:
        text = self.get_logs()
        sys.stdout.write(text[shown:])
        return len(text)

    def update(
        self,
        models: Sequence[ModelSource] | None = None,
        inference_config: InferenceConfig | None = None,
        deployment_config: LocalWebserviceDeploymentConfiguration | None = None,
        *,
        wait: bool = True,
    ) -> None:
        """Change the service without stopping it: what is new is ready before what is old goes.

        Requests are answered throughout. If the new replicas do not start, the service stays as it
        is. A change of port or host does stop it for a moment.

        Args:
            models: instead of its models.
            inference_config: instead of its script and environment.
            deployment_config: instead of its settings.
            wait: whether to return only when the change is done.

        Raises:
            ServiceFailed: the new script does not start; the message has its last lines.
        """
        with self._folder.changing():
            before = self._newest()
            plan = plan_change(
                self.workspace, self._folder, before, models, inference_config, deployment_config
            )
            self._change(before, plan, wait=wait)

    def reload(self, wait: bool = True) -> None:
        """Take the source again from where it was taken, without stopping.

        Args:
            wait: whether to return only when the new script answers.
        """
        with self._folder.changing():
            before = self._newest()
            plan = plan_change(self.workspace, self._folder, before, reload=True)
            self._change(before, plan, wait=wait)

    def scale(self, replicas: int, wait: bool = True) -> None:
        """Have so many replicas; those that go answer what they have begun."""
        with self._folder.changing():
            before = self._newest()
            settings = replace(before.settings, replicas=replicas)
            plan = plan_change(self.workspace, self._folder, before, deployment_config=settings)
            self._change(before, plan, wait=wait)

    def _newest(self) -> Deployment:
        """What the service is once what was asked for before is done."""
        while self._folder.running() is not None and self._folder.proposal() is not None:
            time.sleep(LOOK_SECONDS)
        return self._folder.read()

    def _change(self, before: Deployment, plan: Deployment, *, wait: bool) -> None:
        status = self._folder.running()
        if status is None:
            self._folder.write(plan)
            self._folder.forget_others(plan.revision)
            return
        ours, theirs = ((d.settings.host, d.settings.port) for d in (plan, before))
        if ours != theirs:
            stop_process(status)
            self._folder.write(plan)
            start_process(self._folder)
        else:
            self._folder.propose(plan)
        if wait:
            self._wait_for(plan.generation)

    def _wait_for(self, generation: int) -> None:
        while (status := self._folder.running()) is not None:
            if status.refused == generation:
                raise failure(self.name, status.error)
            if status.generation >= generation:
                return
            time.sleep(LOOK_SECONDS)
        last = self._folder.read_status()
        raise failure(self.name, last.error if last else None)

    # Start and end

    def start(self, wait: bool = True) -> None:
        """Start a service that is stopped.

        Raises:
            AlreadyExists: its port is taken by now.
            ServiceFailed: its script does not start.
        """
        with self._folder.changing():
            if self._folder.running() is not None:
                return
            start_process(self._folder)
        if wait:
            self.wait_for_deployment()

    def stop(self) -> None:
        """End the service's process; it answers what it has begun. `start` starts it again."""
        with self._folder.changing():
            status = self._folder.running()
            if status is not None:
                stop_process(status)

    def delete(self) -> None:
        """Stop the service and remove it with its files."""
        with self._folder.changing():
            status = self._folder.running() or self._starting()
            if status is not None:
                stop_process(status)
            self._folder.remove()

    def _starting(self) -> Status | None:
        """The process that is about to be the service, if any."""
        while self._folder.is_locked():
            status = self._folder.running()
            if status is not None:
                return status
            time.sleep(LOOK_SECONDS)
        return None


def deploy_model(
    workspace: Workspace,
    name: str,
    models: Sequence[ModelSource],
    inference_config: InferenceConfig | None = None,
    deployment_config: LocalWebserviceDeploymentConfiguration | None = None,
    *,
    overwrite: bool = False,
) -> LocalWebservice:
    """Deploy models as a service on this machine, which outlives this session.

    It returns once the service's process listens; `LocalWebservice.wait_for_deployment` waits
    until its script is ready.

    Args:
        name: of the service, as a file may be called.
        models: registered models, their names (``"NAME"``, ``"NAME:VERSION"``,
            ``"NAME@ALIAS"``), or paths of files and folders.
        inference_config: the script that answers, and its environment. None has the ``predict()``
            of the only model answer, and its signature check requests.
        deployment_config: where it listens, and how much it may do.
        overwrite: whether a service of that name is replaced.

    Raises:
        AlreadyExists: there is such a service, or its port is taken.
        InvalidInput: the script or a model is not there.
    """
    folder = service_folder(workspace.path, name)
    with folder.changing():
        service = LocalWebservice(workspace, name) if folder.exists else None
        if service is not None and service.state is not ServiceState.FAILED and not overwrite:
            raise AlreadyExists(
                f"There is a service {name!r} already.",
                hint="Give overwrite=True to replace it, change it by update(), or choose another "
                "name.",
                details={"name": name},
            )
        deployment = plan_deployment(
            workspace,
            folder,
            models,
            inference_config or InferenceConfig(),
            deployment_config or LocalWebserviceDeploymentConfiguration(),
        )
        if service is not None and (status := folder.running()) is not None:
            stop_process(status)
        if not folder.keys.exists():
            write_keys(folder.keys, Keys.new())
        folder.write(deployment)
        folder.forget_others(deployment.revision)
        start_process(folder)
    return LocalWebservice(workspace, name)
