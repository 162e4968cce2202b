"""Workspace: what holds experiments and runs, in a folder or at a server."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from importlib import import_module
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any, TypeAlias

from tandemlab.domain import (
    AlreadyExists,
    InvalidInput,
    InvalidState,
    NotFound,
    RunQuery,
    RunRecord,
    RunTable,
)
from tandemlab.domain.ids import new_ulid
from tandemlab.domain.names import check_name, is_name
from tandemlab.domain.times import now
from tandemlab.store.durable import storage_errors
from tandemlab.store.folder import WorkspaceFolder
from tandemlab.store.place import Place, is_url
from tandemlab.tracking import known
from tandemlab.tracking.config_file import find_workspace, write_config
from tandemlab.tracking.queries import run_query

if TYPE_CHECKING:
    from tandemlab.domain import Garbage
    from tandemlab.domain.findings import Finding
    from tandemlab.store import Store
    from tandemlab.store.http import RemoteWorkspace
    from tandemlab.tracking.assets import Assets
    from tandemlab.tracking.experiment import Experiment
    from tandemlab.tracking.keyvault import Keyvault
    from tandemlab.tracking.run import Run


Runs: TypeAlias = "list[Run]"
Findings: TypeAlias = "list[Finding]"
_YOUNG_SECONDS = 3600


class Workspace:
    """What holds experiments, their runs and files: a folder, or a workspace at a server.

    `Workspace(path)` and `Workspace(url)` open one without touching it; `create`, `ensure`, `get`
    and `from_config` are the ways to make and find one. A URL is ``http://HOST:PORT/NAME``.

    >>> workspace = getfixture("workspace")
    >>> workspace.experiment("demo").name
    'demo'
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.place: Place = _place(path)

    def __repr__(self) -> str:
        return f"Workspace({self.address!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.address,)

    @property
    def folder(self) -> WorkspaceFolder:
        """The folder that the workspace is.

        Raises:
            InvalidState: it is at a server.
        """
        if not isinstance(self.place, WorkspaceFolder):
            raise InvalidState(
                f"The workspace {self.address} is at a server, not in a folder of this machine."
            )
        return self.place

    @property
    def is_remote(self) -> bool:
        """Whether the workspace is at a server."""
        return not isinstance(self.place, WorkspaceFolder)

    def _remote(self) -> RemoteWorkspace:
        from tandemlab.store.http import RemoteWorkspace

        assert isinstance(self.place, RemoteWorkspace)
        return self.place

    # Making and finding

    @classmethod
    def create(
        cls,
        name: str | os.PathLike[str],
        *,
        friendly_name: str | None = None,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        store: str | None = None,
        artifacts: str | os.PathLike[str] | None = None,
        exist_ok: bool = False,
    ) -> Workspace:
        """Make a workspace.

        Args:
            name: ``"lab"`` makes ``./lab``; a path makes that folder, named by its last part; a
                URL has the server make it.
            friendly_name: a longer name to show.
            description: what it is for.
            tags: labels, text to text.
            store: address of a PostgreSQL database that keeps runs and metrics, such as
                ``"postgresql://user@host/lab"``, without a password: that comes from
                ``PGPASSWORD``, ``~/.pgpass`` or a service file. None keeps them in the folder,
                in SQLite.
            artifacts: where the contents of files and sources are kept: ``"s3://bucket/prefix"``,
                or another folder. Options for S3 may follow, as in
                ``?endpoint=https://minio.example.org&region=eu-west-1&profile=lab``. Keys come from
                the environment (``AWS_ACCESS_KEY_ID`` and so on) or ``~/.aws``, and later also from
                the keyvault's ``artifacts-access-key-id`` and ``artifacts-secret-access-key``. None
                keeps contents in the folder.
            exist_ok: whether a workspace that is there already is opened, and a database that
                holds one is joined: folders on several machines then see the same runs.

        Raises:
            InvalidInput: the name cannot be one, or an address has a password or key.
            AlreadyExists: a workspace is there and `exist_ok` is False, or other things are, or
                one with another store or artifacts; or the artifacts are another workspace's.
            StorageError: the folder cannot be written, the database cannot be reached, or there is
                no such bucket.
            NotAllowed: the keys for the artifacts are missing or do not suffice.
            Unavailable: the artifacts' place cannot be reached.
        """
        workspace = cls(name)
        if workspace.is_remote:
            places = (store, artifacts)
            workspace._create_remote(friendly_name, description, tags, places, exist_ok=exist_ok)
            return workspace
        store, artifacts = _checked(store, artifacts)
        path = workspace.path
        check_name(path.name, what="workspace")
        workspace._complete()
        if not workspace.folder.exists:
            marker = workspace._new_marker(friendly_name, description, tags)
            workspace._make(marker, store=store, artifacts=artifacts, join=exist_ok)
        elif not exist_ok:
            raise AlreadyExists(
                f"There is a workspace at {path} already.",
                hint="Open it with Workspace.ensure() or exist_ok=True.",
                details={"path": str(path)},
            )
        for what, asked in (("store", store), ("artifacts", artifacts)):
            found = workspace.folder.read_marker().get(what)
            if asked not in (None, found):
                kept = "runs" if what == "store" else "contents"
                raise AlreadyExists(
                    f"The workspace at {path} keeps its {kept} in {found or 'its folder'}.",
                    hint=f"Open it without {what}, or make another workspace.",
                    details={"path": str(path), what: found},
                )
        known.remember(workspace.address, workspace.name)
        return workspace

    def _create_remote(
        self,
        friendly_name: str | None,
        description: str | None,
        tags: Mapping[str, str] | None,
        places: tuple[object, object],
        *,
        exist_ok: bool,
    ) -> None:
        if any(place is not None for place in places):
            raise InvalidInput(
                "A server chooses where its workspaces keep their runs and contents.",
                hint="Leave store and artifacts out.",
            )
        place = self._remote()
        if not exist_ok or not place.exists:
            settings = {
                "friendly_name": friendly_name,
                "description": description,
                "tags": dict(tags or {}),
            }
            place.create({**settings, "exist_ok": exist_ok})
        known.remember(self.address, self.name)

    @classmethod
    def ensure(
        cls,
        name: str | os.PathLike[str],
        *,
        store: str | None = None,
        artifacts: str | os.PathLike[str] | None = None,
    ) -> Workspace:
        """The workspace of that name or path, made if it is not there; see `create`."""
        return cls.create(name, store=store, artifacts=artifacts, exist_ok=True)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Workspace:
        """The workspace at `path`, which may be a URL.

        Raises:
            NotFound: there is none.
            Unavailable: its server cannot be reached, and never could from this machine.
        """
        workspace = cls(path)
        if not workspace.is_remote:
            workspace._complete()
        if not workspace.place.exists:
            raise NotFound(
                f"There is no workspace at {workspace.address}.",
                hint="`tandemlab workspace list` shows those that are known.",
                details={"path": workspace.address},
            )
        known.remember(workspace.address, workspace.name)
        return workspace

    @classmethod
    def get(cls, name: str) -> Workspace:
        """The known workspace of that name, or the one at that path or URL.

        Raises:
            NotFound: no known workspace has that name.
            InvalidInput: several have it.
        """
        if is_url(name):
            return cls.open(name)
        address = known.find_by_name(name)
        if address is not None:
            return cls(address)
        with suppress(NotFound):
            return cls.open(name)
        names = sorted(set(known.known_workspaces().values()))
        raise NotFound(
            f"No workspace {name!r} is known on this machine.",
            hint=f"Known are: {', '.join(names)}." if names else "Create one with create().",
            details={"name": name},
        )

    @classmethod
    def from_config(
        cls, path: str | os.PathLike[str] | None = None, file_name: str | None = None
    ) -> Workspace:
        """The workspace that a folder or one of its parents belongs to.

        Args:
            path: a ``config.json``, or a folder to start from; the working directory if None.
            file_name: another name than ``config.json``.

        Raises:
            NotFound: nothing was found, or it points to a workspace that is not there.
        """
        return cls.open(find_workspace(Path(path or "."), file_name))

    @staticmethod
    def list() -> dict[str, Workspace]:
        """The known workspaces, by path or URL."""
        return {address: Workspace(address) for address in sorted(known.known_workspaces())}

    def _make(
        self,
        marker: Mapping[str, Any],
        *,
        store: str | None = None,
        artifacts: str | None = None,
        join: bool = False,
    ) -> None:
        """Make the folder a workspace, once, however many processes try; or leave it as it was."""
        path = self.path
        if path.exists() and not self.folder.may_be_filled:
            raise AlreadyExists(
                f"{path} exists and is not a workspace.",
                hint="Choose another name, or a folder inside it.",
                details={"path": str(path)},
            )
        is_new = not path.exists()
        with storage_errors(path):
            path.mkdir(parents=True, exist_ok=True)
        try:
            self.folder.fill(marker, store=store, artifacts=artifacts, join=join)
        except BaseException:
            if is_new and not self.folder.exists:
                shutil.rmtree(path, ignore_errors=True)
            raise

    def _complete(self) -> None:
        """Make a workspace of a folder that off-line runs of R have made, without Python."""
        if not self.folder.exists and any(self.path.glob("runs/offline_*/run.json")):
            self._make(self._new_marker())

    def _new_marker(
        self,
        friendly_name: str | None = None,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        return {
            "id": new_ulid(),
            "name": self.path.name,
            "created": now().isoformat(timespec="seconds").replace("+00:00", "Z"),
            "friendly_name": friendly_name,
            "description": description,
            "tags": dict(tags or {}),
        }

    # What it is

    @property
    def path(self) -> Path:
        """Absolute path of the folder; for a workspace at a server, of what waits to be sent."""
        return self.place.path

    @property
    def address(self) -> str:
        """Absolute path of the folder, or the URL: what opens the workspace again."""
        return self.place.address

    @cached_property
    def _marker(self) -> dict[str, Any]:
        return self.place.read_marker()

    @property
    def name(self) -> str:
        """The workspace's name."""
        return str(self._marker["name"])

    @property
    def id(self) -> str:
        """An id that stays when the folder is moved."""
        return str(self._marker["id"])

    @property
    def tags(self) -> dict[str, str]:
        """Labels given at creation."""
        return dict(self._marker.get("tags") or {})

    @property
    def store(self) -> Store:
        """The database behind this workspace."""
        self._marker  # noqa: B018 - refuses a folder that is no workspace or a newer one
        return self.place.store

    def get_details(self) -> dict[str, Any]:
        """Name, id, path, creation time, descriptions, tags, store, artifacts and counts.

        ``store`` and ``artifacts`` are the addresses of its database and of the place for contents,
        None if they are in the folder.
        """
        experiments = self.store.list_experiments()
        return {
            "store": None,
            "artifacts": None,
            **self._marker,
            "path": self.address,
            "experiments": len(experiments),
            "runs": sum(experiment.run_count for experiment in experiments),
        }

    def write_config(
        self, path: str | os.PathLike[str] | None = None, file_name: str | None = None
    ) -> Path:
        """Write ``.tandemlab/config.json`` that leads `from_config` here; its path.

        Args:
            path: the project's folder; the working directory if None.
            file_name: another name than ``config.json``.
        """
        project = Path(os.path.abspath(path or "."))
        with storage_errors(project):
            return write_config(self.address, self.name, project, file_name)

    def delete(self) -> None:
        """Delete the workspace with everything in it.

        A PostgreSQL database stays as it is, with the runs in it; so do contents that are kept at
        another place than the folder.

        Raises:
            InvalidState: runs are active.
            StorageError: it cannot be removed.
        """
        if self.is_remote:
            self._remote().delete()
        else:
            self._delete_folder()
        known.forget(self.address)

    def _delete_folder(self) -> None:
        from tandemlab.domain.records import JOBS
        from tandemlab.domain.status import ACTIVE

        jobs = self.find_runs(RunQuery(status=ACTIVE, type=JOBS, include_children=True))
        job = next((job for job in jobs if self.folder.owns_run(job.id)), None)
        if job is not None:
            raise InvalidState(
                f"The workspace {self.name!r} has active runs, such as {job.id}.",
                hint="Cancel them first, or wait for them.",
            )
        self.store.close()
        doomed = self.path.with_name(f".{self.path.name[:60]}.{token_hex(4)}.deleted")
        with storage_errors(self.path):
            self.path.rename(doomed)
            shutil.rmtree(doomed)

    def attend(self) -> None:
        """See to it that an agent works on queued runs, and that it looks now."""
        from tandemlab.tracking.agent import attend

        if self.is_remote:
            self._remote().attend()
        else:
            attend(self.folder)

    def remote_targets(self) -> dict[str, dict[str, str | None]]:
        """The compute targets of the workspace's server, with their interpreters by language."""
        return self._remote().targets()

    def check(self, repair: bool = False, deep: bool = False) -> Findings:
        """What is not as it should be in the folder: store, runs, spools, contents, leftovers.

        A repair does what can be done without losing anything: it adopts runs that the store does
        not know, takes in what was left out, links files again, removes what is stale, and builds
        a damaged store anew from the runs' spools. What it replaces is kept beside, with
        ``damaged`` in its name. While an agent or a server works in the folder, its store is not
        built anew.

        Args:
            repair: whether to repair what can be repaired.
            deep: whether the contents of all blobs are read, to compare them with their digests.

        Returns:
            What was found, and whether it was repaired; an empty list if all is well.

        Raises:
            VersionMismatch: a newer program made the workspace.
            InvalidState: a repair was asked for and the folder is read-only.
            NotAllowed: a server lets only contributors check, and only owners repair.
        """
        if self.is_remote:
            return self._remote().check(repair=repair, deep=deep)
        from tandemlab.tracking.checking import check

        return check(self, repair=repair, deep=deep)

    def sync(self) -> None:
        """Send what waits on this machine, now: to the server, or contents to their place.

        It happens by itself while these can be reached. It may be repeated and interrupted:
        everything arrives once.

        Raises:
            InvalidInput: the workspace is a folder that keeps its contents itself.
            Unavailable: the server or the place cannot be reached; what was not sent stays.
            NotAllowed: it does not let you in.
        """
        from tandemlab.tracking.sending import send

        send(self)

    def gc(
        self, older_than_seconds: float = 86_400, dry_run: bool = False, *, take_over: bool = False
    ) -> Garbage:
        """Remove contents that no run and no asset needs any more.

        Deleting a run leaves its contents, since others may have the same. What is needed is
        never removed, and others may go on working meanwhile: what was put lately stays, as does
        what is recorded in the last moment.

        Args:
            older_than_seconds: only what nobody has put for so long; at least 3600.
            dry_run: whether it is only counted.
            take_over: for contents at another place: whether this folder takes the place of the
                one that they were those of, which is gone, such as after a restored backup. If
                that one is still in use, what only it needs is removed.

        Returns:
            How many contents went, and of how many bytes; ``young`` ones stay for now.

        Raises:
            InvalidInput: less than an hour.
            InvalidState: the source of a run or the file of an asset cannot be read, so that what
                it needs is not known; or the contents at the other place are those of another
                folder. Nothing was removed.

        >>> getfixture("workspace").gc(dry_run=True)
        Garbage(contents=0, bytes=0, young=0, kept=0, dry_run=True)
        """
        if not older_than_seconds >= _YOUNG_SECONDS:
            raise InvalidInput(
                f"Contents stay for {_YOUNG_SECONDS} seconds at least, not {older_than_seconds:g}.",
                hint="Those of a run that is just being made look like garbage.",
            )
        if self.is_remote:
            return self._remote().collect_garbage(
                older_than_seconds, dry_run=dry_run, take_over=take_over
            )
        from tandemlab.store.upkeep import collect_garbage

        return collect_garbage(
            self.folder, older_than=older_than_seconds, dry_run=dry_run, take_over=take_over
        )

    # What is in it

    def get_default_keyvault(self) -> Keyvault:
        """The secrets of this workspace."""
        from tandemlab.tracking.keyvault import Keyvault, open_keyvault

        if self.is_remote:
            return Keyvault(self._remote().secrets)
        return open_keyvault(self.folder, self.id)

    def get_default_datastore(self) -> Any:
        """The default `Datastore`: a folder of the workspace until another one is chosen."""
        return _datastores().get_default(self)

    def set_default_datastore(self, name: str) -> None:
        """Make a datastore the default.

        Raises:
            NotFound: there is none of that name.
        """
        _datastores().set_default(self, name)

    @property
    def datastores(self) -> dict[str, Any]:
        """The datastores by name, the workspace's own first."""
        return {datastore.name: datastore for datastore in _datastores().list(self)}

    @property
    def datasets(self) -> dict[str, Any]:
        """The newest version of each registered dataset, by name; see `tandemlab.Dataset`."""
        data = import_module("tandemlab.data")  # above this layer
        return dict(data.Dataset.get_all(self))

    @property
    def assets(self) -> Assets:
        """What this workspace keeps under a kind, a name and a version."""
        from tandemlab.tracking.assets import Assets

        self._marker  # noqa: B018 - refuses a folder that is no workspace or a newer one
        return Assets(self.place)

    @property
    def models(self) -> dict[str, Any]:
        """The newest version of each registered model, by name; see `tandemlab.models.Model`."""
        models = import_module("tandemlab.models")  # above this layer
        return {model.name: model for model in models.Model.list(self, latest=True)}

    def experiment(self, name: str) -> Experiment:
        """The experiment of that name, created if it is not there."""
        from tandemlab.tracking.experiment import Experiment

        return Experiment(self, name)

    @property
    def experiments(self) -> dict[str, Experiment]:
        """The experiments that are not archived, by name."""
        return {
            record.name: self.experiment(record.name)
            for record in self.store.list_experiments()
            if not record.archived
        }

    def get_run(self, run_id: str) -> Run:
        """The run of that id; those of pipelines and sweeps have classes of their own.

        Raises:
            NotFound: there is none.
        """
        from tandemlab.tracking.run_types import handle_of

        return handle_of(self, self.get_record(run_id))

    def get_record(self, run_id: str) -> RunRecord:
        """What the store knows of a run, once what it has logged was taken in.

        Raises:
            NotFound: there is no such run.
        """
        if not isinstance(run_id, str):
            raise InvalidInput(f"A run's id is text, not {type(run_id).__name__}.")
        record = self._find_record(run_id) if is_name(run_id) else None
        if record is None:
            shown = run_id[:128]
            raise NotFound(
                f"No run {shown!r} in the workspace {self.name!r}.",
                hint="`tandemlab run list` shows the runs that exist.",
                details={"what": "run", "run_id": shown},
            )
        return record

    def _find_record(self, run_id: str) -> RunRecord | None:
        self.place.catch_up(run_id)
        record = self.store.get_run(run_id)
        if record is None:
            self.place.catch_up_all()
            record = self.store.get_run(run_id)
        return record

    def find_runs(self, query: RunQuery) -> Runs:
        """Runs that match, newest first."""
        from tandemlab.tracking.run_types import handle_of

        self.place.catch_up_all()
        return [handle_of(self, record) for record in self.store.find_runs(query)]

    def get_runs(
        self,
        filter: str | None = None,
        *,
        experiment: str | None = None,
        order_by: str | Sequence[str] | None = None,
        limit: int | None = None,
        offset: int = 0,
        include_children: bool = False,
    ) -> Runs:
        """Runs that a filter lets through, newest first unless sorted otherwise.

        Args:
            filter: such as ``"metrics.auc > 0.8 and params.model = 'glm' and tags.team = 'a'"``.
                Fields are ``metrics.NAME`` (the newest value), ``params.NAME``, ``tags.NAME``,
                ``properties.NAME``, ``status``, ``experiment``, ``number``, ``id``,
                ``display_name``, ``description``, ``type``, ``target``, ``parent``, ``user``,
                ``created``, ``started``, ``ended`` (times such as ``'2026-01-31 12:30'``, in UTC
                unless they say otherwise), ``duration`` (seconds), ``exit_code``, and ``text``
                for all texts at once. Operators are ``= != < <= > >= in like ilike contains``
                and ``is null``, joined by ``and``, ``or``, ``not`` and parentheses. Names with
                spaces stand in backquotes.
            experiment: only runs of that experiment.
            order_by: such as ``"metrics.auc desc"``; several, separated by commas or in a list.
                Runs without a value come last.
            limit: at most that many.
            offset: how many of the first to pass over.
            include_children: whether child runs are listed beside their parents.

        Raises:
            InvalidInput: a filter or an order that cannot be read; the message points to where.

        >>> workspace = getfixture("workspace")
        >>> with workspace.experiment("demo").start_logging() as run:
        ...     run.log_param("model", "glm")
        ...     run.log("auc", 0.9)
        >>> len(workspace.get_runs("metrics.auc > 0.8 and params.model = 'glm'"))
        1
        """
        return self.find_runs(
            run_query(
                filter,
                order_by,
                limit=limit,
                offset=offset,
                experiment=experiment,
                include_children=include_children,
            )
        )

    def runs_table(
        self,
        experiment: str | None = None,
        *,
        filter: str | None = None,
        order_by: str | Sequence[str] | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> dict[str, Any]:
        """`runs_frame` as plain columns: name to list."""
        from tandemlab.tracking.tables import runs_table

        return runs_table(
            self._table_runs(
                experiment, filter=filter, order_by=order_by, limit=limit, offset=offset
            )
        )

    def _table_runs(self, experiment: str | None, **options: Any) -> RunTable:
        query = run_query(**options, experiment=experiment, include_children=True)
        self.place.catch_up_all()
        return self.store.table_runs(query)

    def runs_frame(
        self, experiment: str | None = None, *, library: str = "pandas", **options: Any
    ) -> Any:
        """One row per run, children included, newest first, as a data frame.

        Columns: ``run_id, experiment, number, display_name, status, type, target, parent,
        created, started, ended`` (UTC), ``duration`` (seconds), ``metrics.NAME`` (the newest
        value), ``params.NAME`` and ``tags.NAME``.

        Args:
            experiment: only runs of that experiment.
            library: ``"pandas"`` or ``"polars"``, whose data frame it is.
            options: ``filter``, ``order_by``, ``limit`` and ``offset`` as for `get_runs`.

        Raises:
            InvalidInput: as `get_runs`, or another library.
            MissingDependency: the library is not installed.
        """
        from tandemlab.tracking.tables import runs_frame

        return runs_frame(self._table_runs(experiment, **options), library)


def _datastores() -> Any:
    return import_module("tandemlab.data").Datastore  # above this layer


def _place(address: str | os.PathLike[str]) -> Place:
    if isinstance(address, str) and is_url(address):
        from tandemlab.store.http import RemoteWorkspace

        return RemoteWorkspace(address)
    return WorkspaceFolder(Path(os.path.abspath(Path(address).expanduser())))


def _checked(
    store: str | None, artifacts: str | os.PathLike[str] | None
) -> tuple[str | None, str | None]:
    """Addresses as they are written down."""
    if store is not None:
        from tandemlab.store.sql.postgresql import check_address as check_store

        store = check_store(store)
    if artifacts is None:
        return store, None
    from tandemlab.store.artifacts import check_address

    return store, check_address(artifacts)
