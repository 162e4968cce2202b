"""The kinds of targets that are reached by a shell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tandemlab.compute.remote import probing
from tandemlab.compute.remote.launchers import Processes, described
from tandemlab.compute.remote.probing import Step
from tandemlab.compute.remote.shell import LocalShell, Shell
from tandemlab.compute.remote.slurm import Slurm
from tandemlab.compute.remote.ssh_shell import SshShell
from tandemlab.compute.remote.target import RemoteTarget

if TYPE_CHECKING:
    from tandemlab.compute.remote.attaching import AttachConfiguration
    from tandemlab.store.folder import WorkspaceFolder


@dataclass(frozen=True)
class ShellKind:
    """Targets whose jobs one launcher starts.

    Attributes:
        launcher: what starts them.
    """

    launcher: type[Processes] | type[Slurm]

    def validated(self, configuration: AttachConfiguration, workspace_id: str) -> dict[str, Any]:
        """As the protocol says."""
        settings = dict(configuration.settings)
        with _shell(settings, configuration.credentials) as shell:
            found = self._probe(shell, settings, f".tandemlab/{workspace_id}")
            if isinstance(shell, SshShell):
                settings["host_key"] = shell.host_key
        probing.require(self._steps_of(found, settings), shell.location)
        if not self.launcher.has_queue:
            settings.setdefault("slots", int(found.get("cpus", "1")))
        return {**settings, **probing.kept(found)}

    def open(
        self,
        name: str,
        settings: Mapping[str, Any],
        credentials: Mapping[str, str],
        folder: WorkspaceFolder,
    ) -> RemoteTarget:
        """As the protocol says."""
        shell = _open_shell(settings, credentials)
        return RemoteTarget(name, settings, folder, shell, self.launcher(settings))

    def steps(self, settings: Mapping[str, Any], credentials: Mapping[str, str]) -> list[Step]:
        """As the protocol says."""
        with _shell(settings, credentials) as shell:
            found = self._probe(shell, settings, settings["directory"])
            return [Step("connection", shell.location), *self._steps_of(found, settings)]

    def location(self, settings: Mapping[str, Any]) -> str:
        """As the protocol says."""
        return described(settings)

    def _probe(self, shell: Shell, settings: Mapping[str, Any], directory: str) -> dict[str, str]:
        looks = [probing.question(settings, directory), self.launcher.question(settings)]
        return probing.read_answer(shell.run("\n".join(looks)))

    def _steps_of(self, found: Mapping[str, str], settings: Mapping[str, Any]) -> list[Step]:
        return [
            probing.folder_step(found),
            probing.tools_step(found),
            probing.python_step(found),
            probing.r_step(found),
            probing.uv_step(found),
            *self.launcher.steps(found, settings),
        ]


@contextmanager
def _shell(settings: Mapping[str, Any], credentials: Mapping[str, str]) -> Iterator[Shell]:
    shell = _open_shell(settings, credentials)
    try:
        yield shell
    finally:
        if isinstance(shell, SshShell):
            shell.close()


def _open_shell(settings: Mapping[str, Any], credentials: Mapping[str, str]) -> Shell:
    """The shell of a target; nothing is connected to yet."""
    return SshShell(settings, credentials) if "host" in settings else LocalShell()
