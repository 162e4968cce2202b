"""Services as their users see them: deployed, asked, changed and removed."""

from __future__ import annotations

import http.client
import json
import os
import signal
import sys
import time
import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tandemlab.bridge import without_r
from tandemlab.compute.processes import is_alive
from tandemlab.domain import (
    AlreadyExists,
    InvalidInput,
    InvalidState,
    NotAllowed,
    NotFound,
    ServiceFailed,
    TandemlabError,
    Unavailable,
)
from tandemlab.services.deployment import (
    Deployment,
    InferenceConfig,
    LocalWebserviceDeploymentConfiguration,
)
from tandemlab.services.folder import (
    ServiceFolder,
    ServiceState,
    Status,
    service_folder,
    service_folders,
)
from tandemlab.services.keys import Keys, read_keys, write_keys
from tandemlab.services.openapi import describe
from tandemlab.services.plans import plan_change, plan_deployment
from tandemlab.services.replica import kill_leftover
from tandemlab.services.served_models import ModelSource
from tandemlab.store.daemons import start_daemon, take_lock

if TYPE_CHECKING:
    from tandemlab.tracking import Workspace

_STOP_SECONDS = 30.0
_LOOK_SECONDS = 0.02


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
        return [
            LocalWebservice(workspace, folder.path.name)
            for folder in service_folders(workspace.path)
        ]

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
        return json.loads(self.score(_request_text(input_data)))

    def score(self, request: bytes) -> bytes:
        """`run` with request and answer as JSON text."""
        headers = {"Content-Type": "application/json"}
        if self.deployment.settings.needs_key:
            headers["Authorization"] = f"Bearer {self.get_keys()[0]}"
        url = urllib.parse.urlsplit(self.scoring_uri)
        seconds = 2 * self.deployment.settings.timeout_seconds + 10
        connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=seconds)
        try:
            connection.request("POST", url.path, request, headers)
            answer = connection.getresponse()
            content = answer.read()
        except OSError as error:
            raise Unavailable(f"The service {self.name!r} cannot be reached: {error}.") from error
        finally:
            connection.close()
        if answer.status == 200:
            return content
        raise _refusal(answer.status, content, self.name)

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
            time.sleep(_LOOK_SECONDS)
        if show_output:
            self._show_log(shown)
        if state in (ServiceState.FAILED, ServiceState.STOPPED):
            while self._folder.is_locked():
                time.sleep(_LOOK_SECONDS)
            status = self._folder.read_status()
            raise _failure(self.name, status.error if status else None)

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
            time.sleep(_LOOK_SECONDS)
        return self._folder.read()

    def _change(self, before: Deployment, plan: Deployment, *, wait: bool) -> None:
        status = self._folder.running()
        if status is None:
            self._folder.write(plan)
            self._folder.forget_others(plan.revision)
            return
        ours, theirs = ((d.settings.host, d.settings.port) for d in (plan, before))
        if ours != theirs:
            self._stop(status)
            self._folder.write(plan)
            _start(self._folder)
        else:
            self._folder.propose(plan)
        if wait:
            self._wait_for(plan.generation)

    def _wait_for(self, generation: int) -> None:
        while (status := self._folder.running()) is not None:
            if status.refused == generation:
                raise _failure(self.name, status.error)
            if status.generation >= generation:
                return
            time.sleep(_LOOK_SECONDS)
        last = self._folder.read_status()
        raise _failure(self.name, last.error if last else None)

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
            _start(self._folder)
        if wait:
            self.wait_for_deployment()

    def stop(self) -> None:
        """End the service's process; it answers what it has begun. `start` starts it again."""
        with self._folder.changing():
            status = self._folder.running()
            if status is not None:
                self._stop(status)

    def _stop(self, status: Status) -> None:
        os.kill(status.pid, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        while is_alive(status.pid, status.started):
            if time.monotonic() > deadline:
                os.kill(status.pid, signal.SIGKILL)
            time.sleep(_LOOK_SECONDS)
        for each in status.replicas:
            kill_leftover(each.pid, each.started)

    def delete(self) -> None:
        """Stop the service and remove it with its files."""
        with self._folder.changing():
            status = self._folder.running() or self._starting()
            if status is not None:
                self._stop(status)
            self._folder.remove()

    def _starting(self) -> Status | None:
        """The process that is about to be the service, if any."""
        while self._folder.is_locked():
            status = self._folder.running()
            if status is not None:
                return status
            time.sleep(_LOOK_SECONDS)
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
            service._stop(status)
        if not folder.keys.exists():
            write_keys(folder.keys, Keys.new())
        folder.write(deployment)
        folder.forget_others(deployment.revision)
        _start(folder)
    return LocalWebservice(workspace, name)


def _start(folder: ServiceFolder) -> None:
    """Start the service's process, and wait until it listens.

    Raises:
        AlreadyExists: its port is taken.
        InvalidState: it runs already.
    """
    folder.settle()
    lock = take_lock(folder.lock)
    if lock is None:
        raise InvalidState(f"The service {folder.path.name!r} is being started or stopped.")
    command = [sys.executable, "-m", "tandemlab.services", str(folder.path), str(lock)]
    (folder.path / "state.json").unlink(missing_ok=True)
    try:
        start_daemon(command, lock, folder.log, without_r(os.environ))
    finally:
        os.close(lock)
    while (status := folder.read_status()) is None:
        if not folder.is_locked():
            break
        time.sleep(_LOOK_SECONDS)
    if status is None:
        raise ServiceFailed(
            f"The process of the service {folder.path.name!r} did not start.",
            hint=f"{folder.log} has its output.",
            details={"name": folder.path.name, "log_tail": []},
        )
    if status.state is ServiceState.FAILED:
        raise _failure(folder.path.name, status.error)


def _failure(name: str, error: Mapping[str, Any] | None) -> TandemlabError:
    """Why a service could not be deployed or changed, as it said it."""
    if error is None:
        return ServiceFailed(
            f"The service {name!r} has ended.",
            hint=f"`tandemlab service logs {name}` shows its output.",
            details={"name": name, "log_tail": []},
        )
    kinds: dict[str, type[TandemlabError]] = {
        kind.code: kind for kind in _all_kinds(TandemlabError)
    }
    details = {"name": name, **error["details"]}
    said = "".join(f"\n  {line}" for line in details.get("log_tail", ()))
    message = f"The service {name!r}: {error['message']}{said and ' It said last:'}{said}"
    return kinds.get(error["code"], ServiceFailed)(message, hint=error["hint"], details=details)


def _all_kinds(kind: type[TandemlabError]) -> list[type[TandemlabError]]:
    return [kind, *(found for each in kind.__subclasses__() for found in _all_kinds(each))]


def _request_text(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    if hasattr(value, "to_dicts"):
        value = value.to_dicts()
    elif hasattr(value, "columns") and hasattr(value, "to_json"):
        return str(value.to_json(orient="records", date_format="iso")).encode()
    try:
        return json.dumps(value, default=_listed, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            f"The request cannot be JSON: {error}.", hint="Give text that is JSON."
        ) from error


def _listed(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"a value of the type {type(value).__name__}")


def _refusal(status: int, content: bytes, name: str) -> TandemlabError:
    try:
        error = json.loads(content)["error"]
    except (ValueError, KeyError, TypeError):
        error = {"message": f"The service answered with the status {status}.", "details": {}}
    kinds: dict[int, type[TandemlabError]] = {
        401: NotAllowed,
        403: NotAllowed,
        404: NotFound,
        503: Unavailable,
    }
    kind = kinds.get(status, InvalidInput if status < 500 else ServiceFailed)
    details = {"name": name, **error["details"], "request_id": error.get("request_id", "")}
    return kind(error["message"], hint=error.get("hint", ""), details=details)
