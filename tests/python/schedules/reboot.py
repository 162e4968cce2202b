"""An agent that systemd looks after is killed, and the machine started anew; see `plugins.systemd`.

Prints as JSON what became of it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from plugins.systemd import Manager
from plugins.waiting import wait_until
from tandemlab import ScriptRunConfig, Workspace
from tandemlab.schedules import Schedule, ScheduleRecurrence
from tandemlab.schedules.autostart import agent_status, install_agent, uninstall_agent


def main(folder: Path) -> None:
    manager = Manager(folder / "home")
    manager.start()
    lab = Workspace.create(folder / 'my 100% "lab"')
    os.chdir(folder)
    made = install_agent(lab, "systemd")
    unit = Path(made.place).name
    found: dict[str, object] = {"unit": unit, "enabled": manager.ask("is-enabled", unit)}

    def pid(*former: int) -> int:
        wait_until(lambda: agent_status(lab).pid not in (None, *former))
        now = agent_status(lab).pid
        assert now is not None and manager.ask("show", "-P", "MainPID", unit) == str(now)
        return now

    first = pid()
    os.kill(first, signal.SIGKILL)
    second = pid(first)
    del os.environ["TANDEMLAB_CA_FILE"]  # the agent knows it by its script alone
    secondly = ScheduleRecurrence("Second", 2)
    config = ScriptRunConfig(folder, command='echo "$TANDEMLAB_CA_FILE"')
    schedule = Schedule.create(lab, "tick", config, recurrence=secondly, overlap="queue")
    wait_until(lambda: schedule.get_runs())
    manager.end()
    wait_until(lambda: agent_status(lab).pid is None)
    before = len(schedule.get_firings(None))
    manager.start()
    pid(first, second)
    wait_until(lambda: len(schedule.get_firings(None)) > before)
    wait_until(lambda: schedule.get_runs()[0].get_status() == "Completed")
    found["said"] = schedule.get_runs()[0].read_log()[0]
    removed = uninstall_agent(lab)
    found["removed"] = removed is not None and removed.place == made.place
    found["left"] = manager.ask("list-unit-files", "--legend=false", unit)
    found["status"] = agent_status(lab).installation
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
