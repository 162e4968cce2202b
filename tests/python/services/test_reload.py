"""A reload under load: every request is answered, by the old script or by the new."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tandemlab import Workspace
from tandemlab.services import InferenceConfig, LocalWebservice, deploy_model

pytestmark = pytest.mark.full

SCRIPT = "import time\ndef run(data):\n    time.sleep(0.002)\n    return {number}\n"
CLIENTS = 4


def test_nothing_is_lost_over_reloads_under_load(
    services: Workspace, scripts: Callable[..., Path]
) -> None:
    config = InferenceConfig(scripts(SCRIPT.format(number=0)))
    settings = LocalWebservice.deploy_configuration(replicas=2)
    service = deploy_model(services, "demo", [], config, settings)
    service.wait_for_deployment()
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
    for number in (1, 2):
        scripts(SCRIPT.format(number=number))
        service.reload()
    service.scale(1)
    service.scale(3)
    is_over.set()
    for client in clients:
        client.join()
    assert problems == []
    assert sum(answers.values()) == sum(sent) > 0
    assert set(answers) == {0, 1, 2}
