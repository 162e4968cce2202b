"""`Notification`: who is told of what has ended, as its users see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from tandemlab.domain import Unavailable
from tandemlab.domain.asset_names import check_asset_name
from tandemlab.domain.ids import new_ulid
from tandemlab.domain.notifications import KIND, PREFIX, Channel, NotificationDefinition
from tandemlab.domain.schedules import Firing
from tandemlab.notifications.channels import tell
from tandemlab.tracking.pausable import Pausable, check_is_new, newest

if TYPE_CHECKING:
    from tandemlab.store.http.place import RemoteWorkspace
    from tandemlab.tracking import Workspace

Notifications: TypeAlias = "list[Notification]"


@dataclass(frozen=True)
class Notification(Pausable):
    """Tells of runs, pipelines and schedules that have ended: by webhook, mail or command.

    The workspace's agent tells, at least once: again and again, less and less often, until it has
    arrived or a day has passed. No run waits for that.

    Attributes:
        asset: what the registry keeps of it.

    >>> from tandemlab.notifications import Webhook
    >>> workspace = getfixture("workspace")
    >>> channel = Webhook("https://example.org/hook", secret="hook-key")
    >>> made = Notification.create(workspace, "failures", channel, experiment="accidents")
    >>> made.definition.on, made.definition.about
    (('Failed',), 'experiment accidents')
    """

    @staticmethod
    def create(
        workspace: Workspace,
        name: str,
        channel: Channel,
        on: Sequence[str] | str = ("Failed",),
        *,
        experiment: str | None = None,
        pipeline: str | None = None,
        schedule: str | None = None,
        description: str | None = None,
        exist_ok: bool = False,
    ) -> Notification:
        """Have submitted runs that end from now on be told of.

        Args:
            channel: a `Webhook`, an `Email` or a `Command`. Secrets are named, and stay in the
                workspace's keyvault.
            on: how a run has to have ended: ``Completed``, ``Failed`` and ``Canceled``.
            experiment: only runs of this one.
            pipeline: only runs of the published pipeline of this name.
            schedule: only runs of the schedule of this name; on ``Failed`` also times at which it
                could not run, or was missed.
            exist_ok: whether a notification of that name that is there gets these settings.

        Raises:
            InvalidInput: a setting that cannot be used.
            AlreadyExists: there is a notification of that name.
        """
        name = check_asset_name(name, kind=KIND)
        if not exist_ok:
            check_is_new(workspace, KIND, name)
        wanted = (on,) if isinstance(on, str) else tuple(on)
        definition = NotificationDefinition(channel, wanted, experiment, pipeline, schedule)
        asset = workspace.assets.register(KIND, name, definition.to_dict(), description=description)
        return Notification(workspace, asset)

    @staticmethod
    def get(workspace: Workspace, name: str) -> Notification:
        """The notification of that name.

        Raises:
            NotFound: there is none.
        """
        name = check_asset_name(name, kind=KIND)
        return Notification(workspace, newest(workspace, KIND, name))

    @staticmethod
    def list(workspace: Workspace) -> Notifications:
        """The notifications by name."""
        return [
            Notification(workspace, each) for each in workspace.assets.list(KIND, archived=True)
        ]

    @cached_property
    def definition(self) -> NotificationDefinition:
        """What is told, and by which way, as plain data."""
        return NotificationDefinition.from_dict(self.asset.definition)

    def get_deliveries(self, limit: int | None = 100) -> Sequence[Firing]:
        """What it had to tell, the last first.

        The state is ``decided`` until it has arrived (``reason`` says what went wrong the last
        time), ``ended`` then, and ``failed`` after a day.
        """
        return self.workspace.store.find_firings(f"{PREFIX}{self.name}", limit=limit)

    def test(self) -> None:
        """Tell of a made-up event now: from this process, or from the workspace's server.

        Raises:
            Unavailable: it did not arrive; the message says why.
        """
        if self.workspace.is_remote:
            problem = self._remote.test_notification(self.name)
            if problem is not None:
                raise Unavailable(problem)
            return
        event = {
            "event": "test",
            "text": f"This is a test of the notification {self.name} in {self.workspace.name}.",
            "workspace": self.workspace.name,
        }
        vault = self.workspace.get_default_keyvault()
        tell(self.definition.channel, event, new_ulid(), vault.get_secret)

    def pause(self) -> Notification:
        """Have it tell nothing until it is resumed."""
        return Notification(self.workspace, self.workspace.assets.change(self.asset, archived=True))

    def resume(self) -> Notification:
        """Have it tell again; also of the last hour's runs that ended meanwhile."""
        changed = self.workspace.assets.change(self.asset, archived=False)
        return Notification(self.workspace, changed)

    def delete(self) -> None:
        """Forget it; what it had to tell is told no more."""
        self.workspace.assets.forget(KIND, self.name)

    @property
    def _remote(self) -> RemoteWorkspace:
        return self.workspace.place  # type: ignore[return-value]

    def __repr__(self) -> str:
        return f"Notification({self.name!r}, {self.definition.channel}, {self.status})"
