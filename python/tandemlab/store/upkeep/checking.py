"""The order of the checks: each may trust what those before it have looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tandemlab.domain import TandemlabError
from tandemlab.domain.findings import Finding
from tandemlab.store.folder import WorkspaceFolder
from tandemlab.store.upkeep.assets import asset_cases
from tandemlab.store.upkeep.cases import Case
from tandemlab.store.upkeep.contents import content_cases
from tandemlab.store.upkeep.database import database_cases
from tandemlab.store.upkeep.leftovers import leftover_cases
from tandemlab.store.upkeep.runs import mark_cases, run_cases
from tandemlab.store.upkeep.spools import spool_cases


def check_folder(
    folder: WorkspaceFolder, *, repair: bool, quiet: bool, deep: bool = False
) -> list[Finding]:
    """What is not as it should be in a workspace folder.

    Args:
        repair: whether to do what can be done about it.
        quiet: whether nobody else works on the folder, so that everything may be changed.
        deep: whether the contents of all blobs are read.

    Raises:
        VersionMismatch: a newer program made the store or the folder.
        StorageError: something cannot be read that is not damaged, such as for lack of rights.
    """
    folder.read_marker()
    checks: tuple[Callable[[], Iterator[Case]], ...] = (
        lambda: database_cases(folder),
        lambda: run_cases(folder),
        lambda: spool_cases(folder),
        lambda: mark_cases(folder),
        lambda: asset_cases(folder),
        lambda: content_cases(folder, deep=deep),
        lambda: leftover_cases(folder),
    )
    findings: list[Finding] = []
    for check in checks:
        cases = list(check())
        settled = [_settle(case, quiet) if repair else case.finding for case in cases]
        findings += settled
        pairs = zip(cases, settled, strict=True)
        if any(case.is_fatal and finding.is_open for case, finding in pairs):
            break
    return findings


def _settle(case: Case, quiet: bool) -> Finding:
    """Do what can be done about a case; what became of it."""
    if case.mend is None:
        return case.finding
    if case.needs_quiet and not quiet:
        return case.finding.failed(
            "An agent or a server works in this workspace; repeat it in the folder when that has "
            "ended."
        )
    try:
        case.mend()
    except (TandemlabError, OSError) as error:
        return case.finding.failed(str(error))
    return case.finding.done()
