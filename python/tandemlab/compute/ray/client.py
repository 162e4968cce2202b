"""Requests to a cluster of Ray: its Jobs API and State API, over HTTP."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import quote

from tandemlab.bridge.libraries import need
from tandemlab.domain import InvalidInput, NotAllowed, NotFound, TandemlabError, Unavailable
from tandemlab.store.http.client import trusted_authorities
from tandemlab.version import __version__

if TYPE_CHECKING:
    import httpx

    from tandemlab.compute.ray.tunnel import Tunnel

LARGEST_PACKAGE = 100 << 20
"""Bytes of the largest package that Ray takes over HTTP."""

ENDED = ("SUCCEEDED", "FAILED", "STOPPED")
"""States of jobs that have ended."""

_REASON = re.compile(r"^(?:\w+\.)*\w*(?:Error|Exception): (.*)$", re.MULTILINE)
_EXISTS = "already exists"
_LOG_INTERVAL = 0.1
_MANY = 8


class RayClient:
    """A cluster of Ray, by the address of its dashboard.

    Args:
        address: such as ``http://head:8265``.
        token: for a cluster that asks who comes; None for none.
        tunnel: the way to that address, which is then one of the head's own; None where it leads
            there from here.
    """

    def __init__(
        self, address: str, token: str | None = None, tunnel: Tunnel | None = None
    ) -> None:
        self.address = tunnel.location if tunnel else address
        self._url = address
        self._token = token
        self._tunnel = tunnel
        self._opened: httpx.Client | None = None

    def close(self) -> None:
        """Let go of connections."""
        if self._opened is not None:
            self._opened.close()
        if self._tunnel is not None:
            self._tunnel.close()

    @property
    def _http(self) -> httpx.Client:
        socket = None if self._tunnel is None else self._tunnel.open()
        if self._opened is None:
            httpx = need("httpx", "Clusters of Ray", "ray")
            logging.getLogger("httpx").setLevel(logging.WARNING)
            headers = {"User-Agent": f"tandemlab/{__version__}"}
            if self._token is not None:
                headers["Authorization"] = f"Bearer {self._token}"
            limits = httpx.Limits(max_connections=None)
            verify = trusted_authorities() if self._url.startswith("https:") else False
            self._opened = httpx.Client(
                base_url=self._url,
                headers=headers,
                verify=verify,
                limits=limits,
                timeout=httpx.Timeout(60.0, connect=5.0),
                transport=httpx.HTTPTransport(uds=socket, limits=limits) if socket else None,
            )
        assert self._opened is not None
        return self._opened

    # Jobs

    def version(self) -> str:
        """Of Ray there."""
        return str(self._ask("GET", "/api/version")["ray_version"])

    def submit(self, job: Mapping[str, Any]) -> None:
        """Have Ray run a job under its ``submission_id``; one that it has already stays.

        Raises:
            InvalidInput: Ray refuses it; the message has its words.
        """
        try:
            self._ask("POST", "/api/jobs/", json=job)
        except TandemlabError as problem:
            if _EXISTS not in problem.message:
                raise

    def job(self, name: str) -> dict[str, Any] | None:
        """What Ray says of a job; None if it knows none of that name."""
        try:
            found: dict[str, Any] = self._ask("GET", _job(name))
        except NotFound:
            return None
        return found

    def jobs(self, names: Collection[str]) -> dict[str, dict[str, Any]]:
        """What Ray says of jobs, by name; without those that it does not know."""
        if len(names) > _MANY:
            found = self._ask("GET", "/api/jobs/")
            return {each["submission_id"]: each for each in found if each["submission_id"] in names}
        return {name: job for name in names if (job := self.job(name)) is not None}

    def stop(self, name: str) -> None:
        """Ask all processes of a job to end. One that waits ends once it gets its turn."""
        try:
            self._ask("POST", f"{_job(name)}/stop")
        except NotFound:
            return

    def forget(self, name: str) -> None:
        """Have Ray forget a job that has ended."""
        try:
            self._ask("DELETE", _job(name))
        except (NotFound, InvalidInput):
            return

    # Logs

    @contextmanager
    def follow(self, job: Mapping[str, Any]) -> Iterator[Iterator[bytes]]:
        """A running job's log from its start, as it comes; it has no end."""
        with self._log("stream", job, interval=_LOG_INTERVAL) as stream:
            yield stream

    @contextmanager
    def log(self, job: Mapping[str, Any]) -> Iterator[Iterator[bytes]]:
        """A job's log, as far as it goes.

        Raises:
            NotFound: the machine that it ran on is gone.
        """
        with self._log("file", job) as stream:
            yield stream

    @contextmanager
    def _log(self, kind: str, job: Mapping[str, Any], **more: Any) -> Iterator[Iterator[bytes]]:
        words = {
            "node_id": job["driver_node_id"],
            "filename": f"job-driver-{job['submission_id']}.log",
            "lines": -1,
            **more,
        }
        with self._errors():
            request = self._http.build_request("GET", f"/api/v0/logs/{kind}", params=words)
            answer = self._http.send(request, stream=True)
            try:
                if answer.status_code == 500:
                    raise NotFound(f"{self.address} has no log: {_reason(answer.read())}")
                self._check(answer)
                yield answer.iter_raw()
            finally:
                answer.close()

    # Packages

    def has_package(self, name: str) -> bool:
        """Whether Ray has a package, which it then keeps for some minutes at least."""
        try:
            self._send("GET", _package(name))
        except NotFound:
            return False
        return True

    def send_package(self, name: str, content: IO[bytes], size: int) -> None:
        """Have Ray keep a package.

        Args:
            content: a zip file.
            size: its bytes.

        Raises:
            InvalidInput: it is too large for Ray.
        """
        if size > LARGEST_PACKAGE:
            raise InvalidInput(
                f"Ray takes packages of {LARGEST_PACKAGE >> 20} MiB at most, and the files of the "
                f"run have {size / (1 << 20):.0f} MiB.",
                hint="Leave out what is not needed (.tandemignore), or have the script read it "
                "from a place that the cluster's machines see.",
            )
        headers = {"Content-Length": str(size)}
        self._send("PUT", _package(name), content=content, headers=headers)

    # Machines

    def nodes(self) -> list[dict[str, Any]]:
        """Its machines, those that are gone included."""
        words = {"detail": "true", "limit": 10000}
        answer = self._ask("GET", "/api/v0/nodes", params=words)
        found: list[dict[str, Any]] = answer["data"]["result"]["result"]
        return found

    def events(self) -> dict[str, str]:
        """What has happened to the cluster, by the id of the event.

        The State API fails to sort them by time once a process of Ray was killed.
        """
        found = self._ask("GET", "/events")["data"]["events"]
        return {each["eventId"]: each["message"] for job in found.values() for each in job}

    def _ask(self, method: str, path: str, **words: Any) -> Any:
        return self._send(method, path, **words).json()

    def _send(self, method: str, path: str, **words: Any) -> httpx.Response:
        with self._errors():
            answer = self._http.request(method, path, **words)
            self._check(answer)
            return answer

    def _check(self, answer: httpx.Response) -> None:
        if answer.is_success:
            return
        reason = _reason(answer.read())
        if answer.status_code == 404:
            raise NotFound(f"{self.address}: {reason}")
        if answer.status_code in (401, 403):
            raise NotAllowed(
                f"The cluster at {self.address} lets nobody in without its token: {reason}",
                hint="Attach the target again with the cluster's token.",
            )
        if answer.status_code < 500 or "status code 400" in reason or "ValueError" in answer.text:
            raise InvalidInput(f"Ray says: {reason}", details={"address": self.address})
        raise Unavailable(f"The cluster at {self.address} does not work: {reason}")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        httpx = need("httpx", "Clusters of Ray", "ray")
        try:
            yield
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as problem:
            raise InvalidInput(f"{self.address!r} is no address: {problem}.") from problem
        except httpx.HTTPError as problem:
            why = str(problem) or type(problem).__name__
            raise Unavailable(
                f"The cluster at {self.address} does not answer: {why}.",
                hint="Does its head run, and may its dashboard's port be reached from here?",
                details={"address": self.address},
            ) from problem


def _job(name: str) -> str:
    return f"/api/jobs/{quote(name, safe='')}"


def _package(name: str) -> str:
    return f"/api/packages/gcs/{name}"


def _reason(text: bytes) -> str:
    r"""What Ray says is wrong, without where its code was then.

    >>> _reason(b"Traceback ...\n  File ...\nValueError: Job x already exists.\n.")
    'Job x already exists.'
    """
    said = text.decode("utf-8", "replace").strip()
    found = _REASON.findall(said)
    return str(found[-1] if found else said)[:600]
