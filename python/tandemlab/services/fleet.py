"""A fleet: the replicas of one revision, kept alive, and the requests that wait for them."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tandemlab.domain import TandemlabError, Unavailable
from tandemlab.services.folder import ReplicaState
from tandemlab.services.launch import Launch
from tandemlab.services.replica import Replica, ReplicaEnded

_log = logging.getLogger("tandemlab.services")
_BACK_OFF_SECONDS = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_SOUND_SECONDS = 10.0
MAX_WAITING = 1000


@dataclass(eq=False)
class _Place:
    """A replica's place: it is filled again when its replica ends."""

    replica: Replica | None = None
    is_ready: bool = False
    restarts: int = 0
    keeper: asyncio.Task[None] | None = None


@dataclass(eq=False)
class Fleet:
    """Replicas that are started in one way.

    Args:
        log: where their scripts print.
        start_timeout: seconds for ``init()``.
        changed: is called when a replica is ready or has ended.
    """

    launch: Launch
    log: Path
    start_timeout: float
    changed: Callable[[], None] = lambda: None
    _places: list[_Place] = field(default_factory=list)
    _idle: list[Replica] = field(default_factory=list)
    _waiting: deque[asyncio.Future[Replica]] = field(default_factory=deque)
    _busy: int = 0

    # Replicas

    async def grow(self, size: int) -> None:
        """Have at least so many replicas, and wait until the new ones are ready.

        Raises:
            TandemlabError: one did not start; those that were new are gone again.
        """
        new = [_Place() for _ in range(size - len(self._places))]
        starts = [asyncio.create_task(self._start(place)) for place in new]
        try:
            await asyncio.gather(*starts)
        except BaseException:
            for start in starts:
                start.cancel()
            await asyncio.gather(*starts, return_exceptions=True)
            await asyncio.gather(*(place.replica.close() for place in new if place.replica))
            raise
        for place in new:
            self._places.append(place)
            self._enter(place)
            place.keeper = asyncio.create_task(self._keep(place))
        self.changed()

    async def shrink(self, size: int) -> None:
        """Have at most so many replicas; those that go answer what they have begun."""
        gone, self._places = self._places[size:], self._places[:size]
        for place in gone:
            place.is_ready = False
            if place.keeper is not None:
                place.keeper.cancel()
        self._idle = [each for each in self._idle if each not in {p.replica for p in gone}]
        await asyncio.gather(*(self._retire(place.replica) for place in gone if place.replica))
        self.changed()

    async def _retire(self, replica: Replica) -> None:
        while replica.is_busy and not replica.ended.done():
            await asyncio.sleep(0.01)
        await replica.close()

    async def close(self) -> None:
        """Answer what has come, and end all replicas."""
        while (self._waiting or self._busy) and any(p.is_ready for p in self._places):
            await asyncio.sleep(0.01)
        await self.shrink(0)
        for waiting in self._waiting:
            _give_up(waiting)

    @property
    def is_ready(self) -> bool:
        """Whether a replica can answer."""
        return any(place.is_ready for place in self._places)

    @property
    def waiting(self) -> int:
        """How many requests wait for a replica."""
        return len(self._waiting)

    def states(self) -> tuple[ReplicaState, ...]:
        """The replicas as they are now."""
        return tuple(
            ReplicaState(place.replica.pid, place.replica.started, place.is_ready, place.restarts)
            for place in self._places
            if place.replica is not None
        )

    async def _start(self, place: _Place) -> None:
        await asyncio.to_thread(self.launch.ensure)
        place.replica = replica = await Replica.start(self.launch, self.log)
        try:
            await replica.ready(self.start_timeout)
        except BaseException:
            replica.kill()
            raise

    async def _keep(self, place: _Place) -> None:
        """Fill the place again whenever its replica ends, later and later if it does at once."""
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            assert place.replica is not None
            began = loop.time()
            await asyncio.shield(place.replica.ended)
            self._leave(place)
            lived = loop.time() - began >= _SOUND_SECONDS or place.replica.answered
            failures = 1 if place.is_ready and lived else failures + 1
            place.is_ready = False
            place.restarts += 1
            _log.warning("replica %d has ended; it is replaced", place.replica.pid)
            self.changed()
            await asyncio.sleep(_BACK_OFF_SECONDS[min(failures, len(_BACK_OFF_SECONDS)) - 1])
            try:
                await self._start(place)
            except asyncio.CancelledError:
                raise
            except (TandemlabError, OSError) as error:
                _log.error("a replica did not start: %s", error)
                continue
            self._enter(place)
            self.changed()

    def _enter(self, place: _Place) -> None:
        place.is_ready = True
        if place.replica is not None:
            self._release(place.replica)

    def _leave(self, place: _Place) -> None:
        with suppress(ValueError):
            if place.replica is not None:
                self._idle.remove(place.replica)

    # Requests

    async def score(self, request: bytes, timeout: float) -> bytes:
        """A replica's answer to a request; another is asked once if the first ends before it.

        A second end is the request's: it shall not end one replica after another.

        Args:
            timeout: seconds to wait for a replica, and then for its answer.

        Raises:
            Unavailable: all replicas are busy, or none is ready.
            ScriptError, TooSlow, ReplicaEnded: see `Replica.call`.
        """
        self._busy += 1
        try:
            try:
                return await self._ask(request, timeout)
            except ReplicaEnded:
                _log.warning("a replica ended before it answered; another is asked")
                return await self._ask(request, timeout)
        finally:
            self._busy -= 1

    async def _ask(self, request: bytes, timeout: float) -> bytes:
        replica = await self._take(timeout)
        replica.is_busy = True
        try:
            return await replica.call(request, timeout)
        finally:
            replica.is_busy = False
            self._release(replica)

    async def _take(self, timeout: float) -> Replica:
        while True:
            replica = self._idle.pop() if self._idle else await self._next(timeout)
            if replica.is_open:
                return replica

    async def _next(self, timeout: float) -> Replica:
        if len(self._waiting) >= MAX_WAITING:
            raise _unavailable()
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[Replica] = loop.create_future()
        self._waiting.append(waiting)
        alarm = loop.call_later(timeout, _give_up, waiting)
        try:
            return await waiting
        finally:
            alarm.cancel()

    def _release(self, replica: Replica) -> None:
        """Give a replica to who waits longest."""
        if not replica.is_open or not self._has(replica):
            return
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(replica)
                return
        self._idle.append(replica)

    def _has(self, replica: Replica) -> bool:
        return any(place.replica is replica and place.is_ready for place in self._places)


def _give_up(waiting: asyncio.Future[Replica]) -> None:
    if not waiting.done():
        waiting.set_exception(_unavailable())


def _unavailable() -> Unavailable:
    return Unavailable(
        "All replicas of the service are busy, or none is ready.",
        hint="Try again, or give the service more replicas.",
        details={"retry_after": 1},
    )
