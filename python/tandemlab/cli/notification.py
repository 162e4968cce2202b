"""``tandemlab notification``: have somebody told of what has ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from tandemlab.cli.commands import (
    Noun,
    complete_names,
    limit_option,
    output_option,
    pass_session,
    verb,
    workspace_option,
    yes_option,
)
from tandemlab.cli.session import Session
from tandemlab.cli.tables import Column

if TYPE_CHECKING:
    from tandemlab.domain.notifications import Channel
    from tandemlab.notifications import Notification
    from tandemlab.tracking import Workspace

notification = Noun("notification")

_LIST = (
    Column("notification", whole=True),
    Column("status"),
    Column("on"),
    Column("about", rank=1),
    Column("by"),
    Column("description", rank=2),
)
_DELIVERIES = (
    Column("due", whole=True),
    Column("state"),
    Column("event", whole=True),
    Column("reason", rank=1),
)


def _names(workspace: Workspace) -> list[str]:
    from tandemlab.notifications import Notification

    return [each.name for each in Notification.list(workspace)]


_complete = complete_names(_names)


_name_argument = click.argument("name", metavar="NAME", shell_complete=_complete)


@verb(
    "create",
    "tandemlab notification create failures --webhook https://example.org/hook --sign-with key",
    "tandemlab notification create nightly --email ana@example.org --from lab@example.org --smtp "
    "mail.example.org:587 --user lab --password smtp-password --schedule nightly --on failed --on "
    "completed",
    "tandemlab notification create bell --command 'cat >> ended.jsonl' --on completed",
)
@click.argument("name", metavar="NAME")
@click.option("--webhook", metavar="URL", help="Send JSON to this URL.")
@click.option("--webhook-secret", metavar="SECRET", help="Send it to the URL that this secret is.")
@click.option(
    "--sign-with", metavar="SECRET", help="The secret that signs, as Standard Webhooks has it."
)
@click.option(
    "--email",
    "recipients",
    multiple=True,
    metavar="ADDRESS",
    help="Send a mail to ADDRESS. May be given several times.",
)
@click.option("--from", "sender", metavar="ADDRESS", help="The sender of mails.")
@click.option("--smtp", metavar="HOST[:PORT]", help="The mail server.  [default port: 587]")
@click.option(
    "--security",
    type=click.Choice(["starttls", "tls", "none"]),
    default="starttls",
    show_default=True,
    help="How the connection to the mail server is encrypted.",
)
@click.option("--user", metavar="NAME", help="The user of the mail server.")
@click.option("--password", metavar="SECRET", help="The secret that is the user's password.")
@click.option(
    "--command", metavar="TEXT", help="Run this line of the shell, which reads the event as JSON."
)
@click.option(
    "--on",
    multiple=True,
    type=click.Choice(["completed", "failed", "canceled"]),
    help="How a run has to have ended. May be given several times.  [default: failed]",
)
@click.option("--experiment", "-e", metavar="NAME", help="Only runs of this experiment.")
@click.option("--pipeline", metavar="NAME", help="Only runs of this published pipeline.")
@click.option(
    "--schedule",
    metavar="NAME",
    help="Only runs of this schedule; with failed also times at which it could not run.",
)
@click.option("--description", metavar="TEXT", help="What it is for.")
@click.option(
    "--exist-ok", is_flag=True, help="Change the notification of that name, if it is there."
)
@workspace_option
@output_option
@pass_session
def create(session: Session, /, name: str, **options: Any) -> None:
    """Have somebody told of submitted runs that end from now on.

    One of --webhook, --webhook-secret, --email and --command says how. Secrets are named, and stay
    in the keyvault (`tandemlab keyvault set`). The agent tells at least once, again and again until
    it has arrived; no run waits for that.
    """
    from tandemlab.notifications import Notification

    made = Notification.create(
        session.workspace(),
        name,
        _channel(options),
        options["on"] or ("failed",),
        experiment=options["experiment"],
        pipeline=options["pipeline"],
        schedule=options["schedule"],
        description=options["description"],
        exist_ok=options["exist_ok"],
    )
    session.screen.record(_LIST, _row(made))
    session.suggest("notification test", made.name)


def _channel(options: Mapping[str, Any]) -> Channel:
    from tandemlab.domain import InvalidInput
    from tandemlab.notifications import Command, Email, Webhook

    ways = ("webhook", "webhook_secret", "recipients", "command")
    if sum(bool(options[way]) for way in ways) != 1:
        raise InvalidInput(
            "How to tell is not said, or said twice.",
            hint="Give one of --webhook, --webhook-secret, --email and --command.",
        )
    if options["command"]:
        return Command(options["command"])
    if not options["recipients"]:
        return Webhook(options["webhook"], options["webhook_secret"], options["sign_with"])
    if not options["smtp"] or not options["sender"]:
        raise InvalidInput("A mail needs a server and a sender.", hint="Give --smtp and --from.")
    host, _, port = options["smtp"].partition(":")
    if port and not port.isdecimal():
        raise InvalidInput(f"{port!r} is no port.")
    return Email(
        options["recipients"],
        options["sender"],
        host,
        int(port or 587),
        options["security"],
        options["user"],
        options["password"],
    )


@verb("list", "tandemlab notification list")
@workspace_option
@output_option
@pass_session
def list_notifications(session: Session) -> None:
    """List who is told of what."""
    from tandemlab.notifications import Notification

    session.screen.rows(_LIST, [_row(each) for each in Notification.list(session.workspace())])


@verb("test", "tandemlab notification test failures")
@_name_argument
@workspace_option
@output_option
@pass_session
def test(session: Session, name: str) -> None:
    """Tell of a made-up event now, and say whether it arrived."""
    _find(session, name).test()
    session.screen.note("It has arrived.")


@verb("history", "tandemlab notification history failures")
@_name_argument
@limit_option
@workspace_option
@output_option
@pass_session
def history(session: Session, name: str, limit: int) -> None:
    """List what there was to tell, and whether it has arrived."""
    found = _find(session, name).get_deliveries(limit)
    rows = [
        {"due": each.due, "state": each.state.value, "event": each.slot, "reason": each.reason}
        for each in found
    ]
    session.screen.rows(_DELIVERIES, rows)


@verb("pause", "tandemlab notification pause failures")
@_name_argument
@workspace_option
@output_option
@pass_session
def pause(session: Session, name: str) -> None:
    """Have a notification tell nothing until it is resumed."""
    session.screen.record(_LIST, _row(_find(session, name).pause()))


@verb("resume", "tandemlab notification resume failures")
@_name_argument
@workspace_option
@output_option
@pass_session
def resume(session: Session, name: str) -> None:
    """Have a notification tell again."""
    session.screen.record(_LIST, _row(_find(session, name).resume()))


@verb("delete", "tandemlab notification delete failures --yes")
@_name_argument
@yes_option
@workspace_option
@pass_session
def delete(session: Session, name: str, yes: bool) -> None:
    """Forget a notification."""
    found = _find(session, name)
    if session.screen.confirm(f"Delete the notification {found.name!r}?", yes=yes):
        found.delete()
        session.screen.note(f"The notification {found.name!r} is gone.")


def _find(session: Session, name: str) -> Notification:
    from tandemlab.notifications import Notification

    return Notification.get(session.workspace(), name)


def _row(found: Notification) -> dict[str, Any]:
    return {
        "notification": found.name,
        "status": found.status,
        "on": list(found.definition.on),
        "about": found.definition.about,
        "by": str(found.definition.channel),
        "description": found.description,
    }


for each in (create, list_notifications, test, history, pause, resume, delete):
    notification.add_command(each)
