"""The shell script that a job is, wherever it runs."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

# The shell writes a line at once; to rename a file it would start a process, which takes longer.
# What keeps it from its work is in the log, with a status once the job is its own.
_SCRIPT = """\
#!/bin/sh
# Runs the job of {run_id} and leaves its exit status in job/exit.
cd {place} || exit 1
log={place}/files/user_logs/std_log.txt
[ -e job/claim ] && exit 0  # a second start does nothing
if ! mkdir job/claim 2>> "$log"; then
  [ -e job/claim ] || echo "tandemlab: The job could not begin. Submit the run again." >> "$log"
  exit 0
fi
leave() {{ status=$?; cd {place} && echo "$status" > job/exit; }}
trap leave EXIT
stat=; [ -r /proc/$$/stat ] && read -r stat < /proc/$$/stat
printf '%s\\n%s\\n' "$$" "$stat" > job/pid
trap : HUP INT TERM
{exports}
if ! cd work; then
  echo "tandemlab: The run's folder work/ was removed as the job began. Submit it again." >> "$log"
  exit 126  # as shells have it for what cannot be run
fi
{{
  {steps}
}} < /dev/null >> "$log" 2>&1
exit
"""


def job_script(
    run_id: str,
    place: str,
    command: Sequence[str],
    variables: Mapping[str, str],
    first: Sequence[str] = (),
) -> str:
    """A script that runs a command once, and keeps its pid and exit status in files.

    Args:
        place: path of the run's directory where the script runs.
        first: lines of shell that come before the command, which is not run if one of them fails.
    """
    return _SCRIPT.format(
        run_id=run_id,
        place=shlex.quote(place),
        exports=exports(variables),
        steps=" &&\n  ".join([*first, shlex.join(command)]),
    )


def exports(variables: Mapping[str, str]) -> str:
    """Shell that sets variables of the environment.

    >>> exports({"A": "1 2"})
    "export A='1 2'"
    """
    return "\n".join(
        f"export {name}={shlex.quote(value)}" for name, value in sorted(variables.items())
    )
