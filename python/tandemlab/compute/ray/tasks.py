"""Tasks of Ray that are begun for us by jobs of it, drivers: one for each sweep."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Callable, Collection, Mapping
from itertools import count
from typing import Any

from tandemlab.compute.ray.client import ENDED, RayClient
from tandemlab.compute.ray.driver import BEGIN, CANCEL, STOP, message_for
from tandemlab.compute.ray.following import Follower
from tandemlab.compute.ray.journal import Lines
from tandemlab.compute.ray.packages import Package

_log = logging.getLogger("tandemlab.agent")

NOT_TAKEN = "NOT_TAKEN"
"""The status of a task that its driver has never heard of, and has ended."""


def is_task(handle: str) -> bool:
    """Whether a handle is that of a task; others are those of jobs."""
    return "/" in handle


class Tasks:
    """Has drivers begin and end tasks, and knows what they have told of them.

    A task is described as Ray describes jobs: by its status, and the machine that its log is on.

    Attributes:
        is_possible: whether drivers work on the cluster, as far as is known.
    """

    def __init__(self, client: RayClient) -> None:
        self.is_possible = True
        self._client = client
        self._numbers: dict[str, int] = {}
        self._followers: dict[str, Follower[DriverLog]] = {}
        self._starting = threading.Lock()

    def driver_for(self, group: str, start: Callable[[str], None]) -> str:
        """The driver of a group of tasks.

        Args:
            start: submits the job of a name.
        """
        with self._starting:
            for number in count(self._numbers.get(group, 1)):
                name = f"{group}.tasks.{number}"
                found = self._client.job(name)
                if found is None:
                    start(name)
                if found is None or found["status"] not in ENDED:
                    self._numbers[group] = number
                    return name
        raise AssertionError

    def begin(self, handle: str, package: Package) -> None:
        """Have a task begin that a driver has not taken before."""
        driver, _, task = handle.partition("/")
        package.upload(self._client, message_for(driver, BEGIN, task))

    def cancel(self, handle: str) -> None:
        """Have a task end, or never begin."""
        self._send(handle, CANCEL, b"\n")

    def tell_to_stop(self, handle: str, path: str) -> None:
        """Have a file be there where a task runs."""
        self._send(handle, STOP, path.encode())

    def _send(self, handle: str, verb: str, content: bytes) -> None:
        driver, _, task = handle.partition("/")
        name = message_for(driver, verb, task)
        self._client.send_package(name, io.BytesIO(content), len(content))

    def has_taken(self, handle: str) -> bool:
        """Whether a driver has ever told of a task; its log is read for that."""
        driver, _, task = handle.partition("/")
        found = self._client.job(driver)
        if found is None:
            return False
        follower = self._follower(driver)
        follower.read_again(found)
        return task in follower.journal.tasks

    def known(self, handles: Collection[str]) -> dict[str, dict[str, Any]]:
        """What is known of tasks, without those whose driver the cluster does not know."""
        drivers = self._client.jobs({handle.partition("/")[0] for handle in handles})
        for name, found in drivers.items():
            self._follower(name).follow(found)
        return {
            handle: self._told_of(task, drivers[name], self._follower(name))
            for handle in handles
            for name, _, task in [handle.partition("/")]
            if name in drivers
        }

    def _told_of(
        self, task: str, driver: Mapping[str, Any], follower: Follower[DriverLog]
    ) -> dict[str, Any]:
        is_over = driver["status"] in ENDED and follower.has_all(driver)
        log = follower.journal
        if is_over and not log.is_ready and self.is_possible:
            self.is_possible = False
            *_, reason = ["", *str(driver.get("message")).strip().splitlines()]
            _log.warning("trials are jobs of Ray, since no driver can begin tasks: %s", reason)
        found = log.tasks.get(task, {"status": NOT_TAKEN if is_over else "PENDING"})
        if is_over and found["status"] in ("PENDING", "RUNNING"):
            found = {**found, "status": driver["status"], "message": driver.get("message")}
        return {"driver_node_id": found.get("node"), "submission_id": task, **found}

    def _follower(self, driver: str) -> Follower[DriverLog]:
        if driver not in self._followers:
            self._followers[driver] = Follower(self._client, DriverLog(), is_known=True)
        return self._followers[driver]


class DriverLog(Lines):
    """What a driver has told.

    Attributes:
        is_ready: whether it has joined the cluster.
        tasks: the last that it has told of each.
    """

    def __init__(self) -> None:
        super().__init__()
        self.is_ready = False
        self.tasks: dict[str, Mapping[str, Any]] = {}

    def anew(self) -> DriverLog:
        """As `Lines` says; what it has told of tasks is told again, and holds until then."""
        found = DriverLog()
        found.is_ready, found.tasks = self.is_ready, dict(self.tasks)
        return found

    def take(self, told: Mapping[str, Any]) -> None:
        """As `Lines` says."""
        kind = told["tandemlab"]
        if kind == "ready":
            self.is_ready = True
        elif kind == "task":
            if told["status"] == "PENDING":  # which is known if all is read again
                self.tasks.setdefault(told["task"], told)
            else:
                self.tasks[told["task"]] = told
        elif kind == "over":
            self.has_ended = True
