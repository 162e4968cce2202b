"""Findings: what a check of a workspace says."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        code: stable name of the kind of finding, such as ``blob_missing``.
        where: path in the workspace, with the place in the file where there is one.
        problem: what is wrong, and what it means.
        repair: what a repair does about it, or did; where it can do nothing, what a person can.
        can_repair: whether a repair can do something about it.
        is_note: whether it does no harm and is only good to know.
        repaired: whether a repair has done it.
    """

    code: str
    where: str
    problem: str
    repair: str
    can_repair: bool = False
    is_note: bool = False
    repaired: bool = False

    @property
    def is_open(self) -> bool:
        """Whether something is still wrong."""
        return not (self.is_note or self.repaired)

    def done(self) -> Finding:
        """The same, repaired."""
        return replace(self, repaired=True)

    def failed(self, why: str) -> Finding:
        """The same after a repair that could not be done."""
        return replace(self, problem=f"{self.problem} The repair was not done: {why}")
