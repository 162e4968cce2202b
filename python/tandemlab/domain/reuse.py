"""Whether a step has to run again: what its result depends on, and what of that has changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias

from tandemlab.domain.comparison import ComparedFile

Parts: TypeAlias = Mapping[str, Any]


class Reason(str, Enum):
    """Why a step ran, or did not."""

    REUSED = "reused"
    TAKEN = "taken"
    FIRST = "first"
    CHANGED = "changed"
    DAMAGED = "damaged"
    NOT_ALLOWED = "not_allowed"
    NO_OUTPUTS = "no_outputs"
    UNKNOWN_INPUTS = "unknown_inputs"
    FORCED = "forced"
    SKIPPED = "skipped"

    def __str__(self) -> str:
        return self.value


_WORDS = {
    Reason.REUSED: "was not run: nothing that its result depends on has changed since {run}",
    Reason.TAKEN: "was not run: the run that was resumed has completed it as {run}",
    Reason.FIRST: "was run: it has not completed before",
    Reason.CHANGED: "was run: something has changed since {run}",
    Reason.DAMAGED: "was run: nothing has changed, but what {run} wrote is gone or damaged",
    Reason.NOT_ALLOWED: "was run: it does not allow reuse",
    Reason.NO_OUTPUTS: "was run: it has no outputs, so that there is nothing to reuse",
    Reason.UNKNOWN_INPUTS: "was run: what its inputs hold cannot be told from this machine",
    Reason.FORCED: "was run: it was asked for, whatever there is",
    Reason.SKIPPED: "was skipped: {note}",
}


def reuse_key(parts: Parts) -> str:
    """The digest of all that a step's result depends on.

    >>> reuse_key({"a": 1, "b": 2}) == reuse_key({"b": 2, "a": 1})
    True
    """
    text = json.dumps(parts, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class PartChange:
    """A part of what a step's result depends on that is another than before.

    Attributes:
        part: ``source``, ``command``, ``environment``, ``variables``, ``inputs.NAME``,
            ``parameters.NAME``, ``outputs.NAME`` or, of a component, ``component.version``.
        before: its value then, a digest for sources and inputs; None where it was absent.
        after: its value now.
    """

    part: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a step ran, or did not; it prints as text.

    Attributes:
        step: name of the step.
        reason: why.
        run: the earlier run that was compared with, or whose outputs were reused; None for none.
        changes: the parts that are not as in that run.
        code: the files of the source that are not as in that run, with their differences.
        note: why it was skipped; None if it was not.

    >>> change = PartChange("parameters.n", 1, 2)
    >>> print(Explanation("fit", Reason.CHANGED, "study_01.2.1", (change,)))
    The step 'fit' was run: something has changed since study_01.2.1.
      parameters.n: 1 → 2
    """

    step: str
    reason: Reason
    run: str | None = None
    changes: tuple[PartChange, ...] = ()
    code: tuple[ComparedFile, ...] = field(default=())
    note: str | None = None

    def __str__(self) -> str:
        lines = [
            f"The step {self.step!r} {_WORDS[self.reason].format(run=self.run, note=self.note)}."
        ]
        for change in self.changes:
            if change.part == "source" and self.code:
                lines.append("  source:")
                for file in self.code:
                    lines.append(f"    {file.path}: {file.change}")
                    lines += [f"      {line}" for line in file.diff.splitlines()]
            else:
                lines.append(f"  {change.part}: {_shown(change.before)} → {_shown(change.after)}")
        return "\n".join(lines)


def changed_parts(before: Parts, after: Parts) -> tuple[PartChange, ...]:
    """The parts that differ, one by one.

    >>> changed_parts({"inputs": {"a": "1", "b": "2"}}, {"inputs": {"a": "1", "b": "3"}})
    (PartChange(part='inputs.b', before='2', after='3'),)
    """
    left, right = dict(_flat(before)), dict(_flat(after))
    return tuple(
        PartChange(part, left.get(part), right.get(part))
        for part in {**left, **right}
        if left.get(part) != right.get(part)
    )


def has_changed(changes: tuple[PartChange, ...], part: str) -> bool:
    """Whether a part is among those that changed."""
    return any(change.part == part for change in changes)


def _flat(parts: Parts) -> Iterator[tuple[str, Any]]:
    for name, value in parts.items():
        if isinstance(value, Mapping) and name != "environment":
            for key, item in value.items():
                yield f"{name}.{key}", item
        else:
            yield name, value


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    is_digest = len(text) == 64 and set(text) <= set("0123456789abcdef")
    return f"{text[:12]}…" if is_digest else text
