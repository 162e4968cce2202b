"""What a service is: plain values, and their form in ``service.json``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from tandemlab.domain import InvalidInput, NotAllowed, VersionMismatch
from tandemlab.environments import Environment
from tandemlab.training.languages import Language
from tandemlab.web.addresses import is_loopback

FORMAT = 1


@dataclass(frozen=True)
class InferenceConfig:
    """How requests to a service are answered.

    A Python script has two functions: ``init()``, which is called once and loads what is needed,
    and ``run(data)``, which gets the text of a request, JSON, and gives the answer: text, or a
    value that JSON can hold, also of numpy and pandas. An R script has ``init()``, which gives the
    function of one argument that answers.

    The models' files are in the folder that the environment variable ``AZUREML_MODEL_DIR`` names
    (``TANDEMLAB_MODEL_DIR`` too): with one model in that folder itself, with several in
    ``NAME/VERSION/`` below it.

    Args:
        entry_script: path of the script, ``.py`` or ``.R``, inside the source directory. None has
            the ``predict()`` of the service's only model answer, by the model's format.
        environment: packages that the script needs: an `Environment`, or the name of a registered
            or curated one; None for this Python, or the R that tandemlab finds.
        source_directory: folder of the script and the files that it needs. None takes the script
            alone. The service works on a copy; nothing is written into the folder.
        description: for people.
        check_inputs: whether requests are checked by the signature of the service's only model,
            and reach the script as a list of records. None: only where there is no script.

    >>> InferenceConfig("score.py", source_directory="scoring").entry_script
    'score.py'
    """

    entry_script: str | os.PathLike[str] | None = None
    environment: Environment | str | None = None
    source_directory: str | os.PathLike[str] | None = None
    description: str | None = None
    check_inputs: bool | None = None

    def located(self) -> tuple[Path, str]:
        """Absolute path of the source directory, and the script's path in it.

        Raises:
            InvalidInput: the script is not there, outside of the directory, or of no language that
                is known.
        """
        assert self.entry_script is not None
        given = Path(self.entry_script).expanduser()
        if self.source_directory is None:
            script = given.absolute()
            folder = script.parent
        else:
            folder = Path(self.source_directory).expanduser().absolute()
            script = folder / given
        if not folder.is_dir():
            raise InvalidInput(
                f"The source directory {folder} is not a folder.",
                hint="Give the folder that holds the entry script.",
                details={"path": str(folder)},
            )
        if not script.is_file():
            raise InvalidInput(
                f"There is no entry script {str(given)!r} in {folder}.",
                hint="Give its path inside the source directory.",
                details={"entry_script": str(given), "source_directory": str(folder)},
            )
        try:
            inside = script.resolve().relative_to(folder.resolve())
        except ValueError:
            raise InvalidInput(
                f"The entry script {script} is outside of the source directory {folder}.",
                hint="Give a source directory that holds it.",
            ) from None
        Language.of(inside.name)
        return folder, str(inside)


@dataclass(frozen=True)
class LocalWebserviceDeploymentConfiguration:
    """Where a service listens, and how much it may do.

    Args:
        port: to listen at; None takes any free one, which the service then keeps.
        replicas: how many processes answer, each one request at a time. A request whose process
            ends before it has answered (killed, out of memory) is given to another, once:
            ``run()`` may see a request twice.
        auth_enabled: whether requests need a key. None: only where others can reach the service.
        host: address to listen at. At another than this machine's own, requests need a key.
        timeout_seconds: for one request. A script that takes longer is killed, and its process
            replaced.
        start_timeout_seconds: for ``init()``.
        max_request_bytes: the largest request that is taken.

    Raises:
        InvalidInput: a value that cannot be.
        NotAllowed: others could reach the service, and nobody would be asked for a key.
    """

    port: int | None = None
    replicas: int = 1
    auth_enabled: bool | None = None
    host: str = "127.0.0.1"
    timeout_seconds: float = 60.0
    start_timeout_seconds: float = 300.0
    max_request_bytes: int = 16 << 20

    def __post_init__(self) -> None:
        if self.port is not None and not 0 <= self.port <= 65535:
            raise InvalidInput(f"{self.port} is no port.", hint="Ports go from 1 to 65535.")
        if not 1 <= self.replicas <= 64:
            raise InvalidInput(f"A service has 1 to 64 replicas, not {self.replicas}.")
        for name in ("timeout_seconds", "start_timeout_seconds", "max_request_bytes"):
            if not getattr(self, name) > 0:
                raise InvalidInput(f"{name} must be more than 0, not {getattr(self, name)}.")
        if self.auth_enabled is False and not self.is_loopback:
            raise NotAllowed(
                f"A service at {self.host} can be reached by others, and would ask nobody for a "
                "key.",
                hint="Leave auth_enabled out, or listen at 127.0.0.1.",
                details={"reason": "unknown", "host": self.host},
            )

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the service."""
        return is_loopback(self.host)

    @property
    def needs_key(self) -> bool:
        """Whether requests need a key."""
        return not self.is_loopback if self.auth_enabled is None else self.auth_enabled


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model of a service.

    Attributes:
        version: of the registered model; None for a file or folder that is not registered.
        path: where it came from, if it is not registered.
    """

    name: str
    version: int | None = None
    path: str | None = None

    @property
    def id(self) -> str:
        """``NAME:VERSION``, or the name."""
        return self.name if self.version is None else f"{self.name}:{self.version}"


@dataclass(frozen=True, slots=True)
class Deployment:
    """A service as its folder keeps it.

    Attributes:
        generation: 1, 2, 3, …, counted with every change.
        revision: the generation whose folder below ``revisions/`` has its source and models.
        language: ``python`` or ``r``.
        entry_script: its path inside the source.
        source_directory: where the source was taken from; a reload takes it again. None where the
            model's ``predict()`` answers.
        takes_folder: whether that whole folder was taken, rather than the script alone.
        environment: as `Environment.to_dict` gives it; None for what the machine has.
        settings: of `LocalWebserviceDeploymentConfiguration`, with the port that it has.
        created, updated: microseconds since 1970-01-01 UTC.
        signature: by which requests are checked; None if they are not.
        sample_input: a request that fits it.
    """

    name: str
    generation: int
    revision: int
    language: str
    entry_script: str
    source_directory: str | None
    takes_folder: bool
    models: tuple[ServedModel, ...]
    environment: Mapping[str, Any] | None
    settings: LocalWebserviceDeploymentConfiguration
    created: int
    updated: int
    description: str | None = None
    signature: Mapping[str, Any] | None = None
    sample_input: Any = None
    tags: Mapping[str, str] = field(default_factory=dict)

    def needs_new_replicas(self, before: Deployment) -> bool:
        """Whether the replicas of what was before cannot answer for this."""
        ours, theirs = (
            (each.revision, each.entry_script, each.environment) for each in (self, before)
        )
        return ours != theirs

    def to_dict(self) -> dict[str, Any]:
        """The content of ``service.json``."""
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Deployment:
        """What `to_dict` gave.

        Raises:
            VersionMismatch: a newer program wrote it.
        """
        if content["format"] > FORMAT:
            raise VersionMismatch(
                f"The service has the format {content['format']}; this tandemlab knows {FORMAT}.",
                hint="Upgrade tandemlab.",
            )
        known = {each.name for each in fields(cls)}
        values = {name: value for name, value in content.items() if name in known}
        values["models"] = tuple(ServedModel(**model) for model in content["models"])
        values["settings"] = LocalWebserviceDeploymentConfiguration(**content["settings"])
        return cls(**values)
