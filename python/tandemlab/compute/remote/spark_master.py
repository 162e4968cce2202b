"""What the master of a cluster of Spark says; for the shell of a target, by the standard library.

``python -c CODE VERB MASTER UI [CORES MEGABYTES]``; the verbs are `probe`, `nodes` and `admits`.
"""

from __future__ import annotations

import json
import socket
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

SECONDS = 5.0
UNAVAILABLE = 75  # EX_TEMPFAIL
WAITS = (
    "Initial job has not accepted any resources; check your cluster UI to ensure that workers are "
    "registered and have sufficient resources"
)


def answers(master: str) -> bool:
    """Whether one of the masters of ``spark://HOST:PORT,HOST:PORT`` listens."""
    for address in master[len("spark://") :].split(","):
        host, _, port = address.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), SECONDS).close()
        except OSError:
            continue
        return True
    return False


def read(address: str) -> Any:
    """The JSON at an address, past all proxies; None if there is none."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    asked = urllib.request.Request(address, headers={"Accept": "application/json"})
    try:
        with opener.open(asked, timeout=SECONDS) as response:
            return json.load(response)
    except (OSError, ValueError):
        return None


def state_of(uis: str) -> tuple[dict[str, Any] | None, str]:
    """What the living master of a standalone cluster says of it, and its address."""
    for ui in filter(None, uis.split(",")):
        found = read(ui + "/json/")
        if isinstance(found, dict) and found.get("status") in ("ALIVE", "RECOVERING"):
            return found, ui
    return None, ""


def gpus_of(resources: Mapping[str, Any]) -> int:
    """How many GPUs a worker has."""
    return len(resources.get("gpu", {}).get("addresses", []))


def workers(state: Mapping[str, Any]) -> Iterator[str]:
    """Lines of name, state, processors, kB of memory and GPUs."""
    for each in state["workers"]:
        memory, gpus = each["memory"] * 1024, gpus_of(each["resources"])
        yield f"{each['host']} {each['state'].lower()} {each['cores']} {memory} {gpus}"


def node_managers(ui: str) -> Iterator[str]:
    """The same of a cluster of YARN, from its resource manager."""
    found = read(ui + "/ws/v1/cluster/nodes")
    for each in ((found or {}).get("nodes") or {}).get("node", []):
        cores = each["usedVirtualCores"] + each["availableVirtualCores"]
        memory = (each["usedMemoryMB"] + each["availMemoryMB"]) * 1024
        yield f"{each['nodeHostName']} {each['state'].lower()} {cores} {memory} 0"


def probe(master: str, uis: str) -> Iterator[str]:
    """Lines of name and value, for who attaches the target or looks at it."""
    if master == "yarn":
        alive = [node for node in node_managers(uis) if " running " in node]
        yield f"workers {len(alive)}" if alive else ""
        return
    if answers(master):
        yield "master_answers yes"
    state, ui = state_of(uis)
    if state is not None:
        yield f"master_url {state['url']}"
        yield f"master_ui {ui}"
        yield f"workers {state['aliveworkers']}"
        yield f"worker_cores {state['cores']}"
        yield f"worker_memory {state['memory']}"


def refusal(master: str, state: Mapping[str, Any], cores: int, megabytes: int) -> str:
    """Why no worker can have such an executor; empty if one can, or if there is none yet."""
    alive = [each for each in state["workers"] if each["state"] == "ALIVE"]
    if not alive or any(e["cores"] >= cores and e["memory"] >= megabytes for e in alive):
        return ""
    sizes = sorted({f"{each['cores']} cores and {each['memory']} MB" for each in alive})
    return (
        f"No worker of {master} has {cores} cores and {megabytes} MB for an executor; they have "
        f"{'; '.join(sizes[:5])}. Spark would wait: {WAITS}."
    )


def admits(master: str, uis: str, cores: str, megabytes: str) -> None:
    """Whether a job can be given to the master now; ends the program if not."""
    if not answers(master):
        sys.stderr.write(f"The master {master} does not answer.")
        sys.exit(UNAVAILABLE)
    state, _ = state_of(uis)
    problem = state and refusal(master, state, int(cores), int(megabytes))
    if problem:
        sys.exit(problem)


def main(verb: str, master: str, uis: str, *sizes: str) -> None:
    """Do what a verb says."""
    if verb == "admits":
        admits(master, uis, *sizes)
    elif verb == "probe":
        print("\n".join(filter(None, probe(master, uis))))
    elif master == "yarn":
        print("\n".join(node_managers(uis)))
    else:
        state, _ = state_of(uis)
        if state is None:
            sys.stderr.write(f"The web interface of {master} does not answer at {uis}.")
            sys.exit(UNAVAILABLE)
        print("\n".join(workers(state)))


if __name__ == "__main__":
    main(*sys.argv[1:])
