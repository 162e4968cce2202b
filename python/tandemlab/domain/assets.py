"""Assets: what a workspace keeps under a kind, a name and a version, as plain values."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from tandemlab.domain.asset_names import (
    check_aliases,
    check_asset_name,
    check_kind,
    check_version,
)
from tandemlab.domain.errors import AlreadyExists, InvalidInput
from tandemlab.domain.ids import new_ulid
from tandemlab.domain.names import check_file_name, check_metric_name, is_name
from tandemlab.domain.records import FileRecord
from tandemlab.domain.secrets import Secret

_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MAX_DEFINITION = 1 << 20
_MAX_TEXT = 10_000
_MAX_INTEGER = 2**63


class AssetRole(str, Enum):
    """What an asset is to a run that uses it."""

    INPUT = "input"
    OUTPUT = "output"

    @classmethod
    def of(cls, text: str) -> AssetRole:
        """The role of that name.

        Raises:
            InvalidInput: there is none.
        """
        try:
            return cls(text)
        except ValueError:
            raise InvalidInput(f"A role is input or output, not {text!r:.60}.") from None

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class Asset:
    """One registered version of something that has a name.

    Attributes:
        kind: ``environment``, ``dataset``, ``model``, ``datastore`` and so on.
        version: 1, 2, 3 … for each kind and name, as registered; never used again.
        created: when it was registered.
        updated: when it was registered, or what may change of it was changed.
        user: who registered it.
        definition: what it is, as plain JSON; the kind says what is in it. It never changes.
        digest: SHA-256 of the definition and the files.
        tags: labels, text to text.
        properties: facts, text to text, written once.
        aliases: names of this version, such as ``production``; one names one version of a name.
        archived: whether it is hidden from lists, and passed over where no version is named.
        run_id: the run that made it.
        files: its contents, which are kept as long as it is there.
    """

    kind: str
    name: str
    version: int
    created: datetime
    updated: datetime
    digest: str
    definition: Mapping[str, Any] = field(default_factory=dict)
    user: str | None = None
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    archived: bool = False
    run_id: str | None = None
    files: tuple[FileRecord, ...] = ()

    @property
    def reference(self) -> str:
        """``NAME:VERSION``: what people write to mean this one."""
        return f"{self.name}:{self.version}"


def digest_of_asset(definition: Mapping[str, Any], files: Iterable[FileRecord]) -> str:
    """SHA-256 of a definition and files, whatever their order."""
    named = sorted((file.name, file.digest, file.size) for file in files)
    content = {"definition": definition, "files": named}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class NewAsset:
    """Something that is about to be registered.

    What is the same as the newest version of its name (by its digest), and that one not archived,
    is given back as that version, unless `always_new`.

    Attributes:
        files: contents that were put into the workspace's blobs.
        based_on: the version that must be the newest one; 0 for none, None for any.
        key: names this registration: sent twice, it is done once.

    Raises:
        InvalidInput: a name that cannot be one, a definition that is not plain JSON, or tags and
            properties that are not text.

    >>> first = NewAsset("model", "churn", {"framework": "sklearn"})
    >>> first.digest == NewAsset("model", "churn", {"framework": "sklearn"}).digest
    True
    """

    kind: str
    name: str
    definition: Mapping[str, Any] = field(default_factory=dict)
    user: str | None = None
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    run_id: str | None = None
    files: tuple[FileRecord, ...] = ()
    always_new: bool = False
    based_on: int | None = None
    key: str = field(default_factory=new_ulid)

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "kind", check_kind(self.kind))
        set_(self, "name", check_asset_name(self.name, kind=self.kind))
        set_(self, "definition", _checked_definition(self.definition))
        set_(self, "description", _checked_text(self.description, "description"))
        set_(self, "user", _checked_text(self.user, "user"))
        set_(self, "tags", _checked_labels(self.tags, "tag"))
        set_(self, "properties", _checked_labels(self.properties, "property"))
        set_(self, "aliases", check_aliases(self.aliases))
        set_(self, "files", _checked_files(self.files))
        if self.run_id is not None and not is_name(self.run_id):
            raise InvalidInput(f"{self.run_id!r} cannot be the id of a run.")
        if not _KEY.fullmatch(self.key):
            raise InvalidInput(f"{self.key[:80]!r} cannot be the key of a registration.")

    @property
    def digest(self) -> str:
        """SHA-256 of the definition and the files, whose order does not matter."""
        return digest_of_asset(self.definition, self.files)


@dataclass(frozen=True, slots=True)
class AssetChange:
    """What is to be different in an asset; None and empty leave as it is.

    Attributes:
        description: empty text removes it.
        tags: are added or replaced; None as a value removes one.
        properties: are added; another value for one that is there is refused.
        aliases: all that it has from now on; those of another version of the name are taken over.

    Raises:
        InvalidInput: as for `NewAsset`.
    """

    description: str | None = None
    tags: Mapping[str, str | None] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] | None = None
    archived: bool | None = None

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        kept = {name: value for name, value in self.tags.items() if value is not None}
        removed = dict.fromkeys(check_metric_name(name) for name in self.tags.keys() - kept.keys())
        set_(self, "description", _checked_text(self.description, "description"))
        set_(self, "tags", {**_checked_labels(kept, "tag"), **removed})
        set_(self, "properties", _checked_labels(self.properties, "property"))
        if self.aliases is not None:
            set_(self, "aliases", check_aliases(self.aliases))

    def of_tags(self, tags: Mapping[str, str]) -> dict[str, str]:
        """The tags that an asset with `tags` has afterwards."""
        found = {**tags, **self.tags}
        return {name: value for name, value in sorted(found.items()) if value is not None}

    def of_properties(self, properties: Mapping[str, str]) -> dict[str, str]:
        """The properties that an asset with `properties` has afterwards.

        Raises:
            AlreadyExists: one of them has another value.
        """
        for name, value in self.properties.items():
            if properties.get(name, value) != value:
                raise AlreadyExists(
                    f"The property {name!r} is {properties[name]!r} already.",
                    hint="Properties are written once; use a tag for what changes.",
                    details={"property": name},
                )
        return dict(sorted({**properties, **self.properties}.items()))


@dataclass(frozen=True, slots=True)
class AssetUsage:
    """That a run uses an asset, or has made it.

    Attributes:
        label: the name of the run's input or output.
        kind: of the asset, as `name` and `version` are.

    Raises:
        InvalidInput: names that cannot be.
    """

    run_id: str
    role: AssetRole
    label: str
    kind: str
    name: str
    version: int

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "role", AssetRole.of(self.role))
        set_(self, "label", check_metric_name(self.label))
        set_(self, "kind", check_kind(self.kind))
        set_(self, "name", check_asset_name(self.name, kind=self.kind))
        check_version(self.version)


def _checked_text(text: object, what: str) -> str | None:
    if text is None:
        return None
    if not isinstance(text, str) or isinstance(text, Secret):
        raise InvalidInput(f"A {what} is text that everybody may see, not {type(text).__name__}.")
    if len(text) > _MAX_TEXT or not _is_storable(text):
        raise InvalidInput(
            f"A {what} is text of at most {_MAX_TEXT} characters, without NUL characters."
        )
    return text


def _is_storable(text: str) -> bool:
    try:
        return "\0" not in text and bool(text.encode("utf-8") or True)
    except UnicodeEncodeError:  # half of a character
        return False


def _checked_labels(labels: object, what: str) -> dict[str, str]:
    if not isinstance(labels, Mapping):
        raise InvalidInput(f"Give each {what} as a name and a text, not {labels!r:.80}.")
    found: dict[str, str] = {}
    for name, value in labels.items():
        if not isinstance(value, str):
            raise InvalidInput(
                f"The {what} {str(name)[:60]!r} must be text, not {type(value).__name__}."
            )
        found[check_metric_name(name)] = _checked_text(value, what) or ""
    return dict(sorted(found.items()))


def _checked_files(files: Sequence[FileRecord]) -> tuple[FileRecord, ...]:
    names = [check_file_name(file.name) for file in files]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidInput(f"The file {twice!r} is given twice.", details={"name": twice})
    return tuple(sorted(files, key=lambda file: file.name))


def _checked_definition(definition: object) -> dict[str, Any]:
    """A copy that is plain JSON."""
    if not isinstance(definition, Mapping):
        raise InvalidInput(
            f"A definition is an object of names and values, not {type(definition).__name__}."
        )
    found: dict[str, Any] = _plain(definition, "definition", 0)
    if len(json.dumps(found)) > _MAX_DEFINITION:
        raise InvalidInput(
            f"A definition takes at most {_MAX_DEFINITION >> 10} KiB as JSON.",
            hint="Keep what is large as a file.",
        )
    return found


def _plain(value: object, where: str, depth: int) -> Any:
    if depth > 100:
        raise InvalidInput(f"The definition is nested too deeply: {where[:200]}.")
    if isinstance(value, Mapping):
        found = {}
        for name, item in value.items():
            if not isinstance(name, str) or not _is_storable(name):
                raise InvalidInput(f"{where[:200]} has the name {name!r:.60}, which is not text.")
            found[name] = _plain(item, f"{where}.{name}", depth + 1)
        return found
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{where}[{at}]", depth + 1) for at, item in enumerate(value)]
    if isinstance(value, Secret):
        raise InvalidInput(
            f"{where[:200]} is a secret: everybody who sees the workspace would see it.",
            hint="Keep it in the keyvault, and its name in the definition.",
        )
    if value is None or type(value) is bool or (type(value) is str and _is_storable(value)):
        return value
    if type(value) is int and -_MAX_INTEGER <= value < _MAX_INTEGER:
        return value
    if type(value) is float and value - value == 0:
        return value
    raise InvalidInput(
        f"{where[:200]} is {value!r:.80}, which JSON cannot hold.",
        hint="A definition has texts, finite numbers, booleans, lists and objects.",
    )
