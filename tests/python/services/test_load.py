"""Services under load: every request is answered, whatever becomes of replicas meanwhile."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from plugins.waiting import wait_until
from tandemlab import Workspace
from tandemlab.services import InferenceConfig, LocalWebservice, deploy_model

pytestmark = pytest.mark.full

SCRIPT = "import time\ndef run(data):\n    time.sleep(0.002)\n    return {number}\n"
R_SCRIPT = "init <- function() function(data) jsonlite::unbox(0L)\n"
CLIENTS = 4


def deployed(lab: Workspace, script: Path) -> LocalWebservice:
    settings = LocalWebservice.deploy_configuration(replicas=2)
    service = deploy_model(lab, "demo", [], InferenceConfig(script), settings)
    service.wait_for_deployment()
    return service


@contextmanager
def asked_all_the_while(service: LocalWebservice) -> Iterator[Counter[int]]:
    """Clients that ask one request after another; counts their answers. None may go unanswered."""
    answers: Counter[int] = Counter()
    problems: list[BaseException] = []
    is_over, sent = threading.Event(), [0] * CLIENTS

    def ask(client: int) -> None:
        mine: Counter[int] = Counter()
        while not is_over.is_set():
            sent[client] += 1
            try:
                mine[service.run("0")] += 1
            except BaseException as problem:
                problems.append(problem)
        answers.update(mine)

    clients = [threading.Thread(target=ask, args=(number,)) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        yield answers
    finally:
        is_over.set()
        for client in clients:
            client.join()
    assert problems == []
    assert sum(answers.values()) == sum(sent) > 0


def test_nothing_is_lost_over_reloads(services: Workspace, scripts: Callable[..., Path]) -> None:
    service = deployed(services, scripts(SCRIPT.format(number=0)))
    with asked_all_the_while(service) as answers:
        for number in (1, 2):
            scripts(SCRIPT.format(number=number))
            service.reload()
        service.scale(1)
        service.scale(3)
    assert set(answers) == {0, 1, 2}


@pytest.mark.parametrize("language", ["python", "r"])
def test_nothing_is_lost_when_replicas_are_killed(
    language: str, services: Workspace, scripts: Callable[..., Path]
) -> None:
    is_r = language == "r"
    script = scripts(R_SCRIPT, "score.R") if is_r else scripts(SCRIPT.format(number=0))
    service = deployed(services, script)

    def replaced() -> int:
        status = service.status
        ready = status is not None and [each.ready for each in status.replicas] == [True, True]
        return sum(each.restarts for each in status.replicas) if ready and status else -1

    with asked_all_the_while(service) as answers:
        for count in range(1, 7):
            status = service.status
            assert status is not None
            os.kill(status.replicas[count % 2].pid, signal.SIGKILL)
            wait_until(lambda count=count: replaced() == count)
    assert set(answers) == {0}
    assert "another is asked" in service.get_logs()
