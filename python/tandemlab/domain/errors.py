"""The errors of tandemlab.

    TandemlabError
     ├── InvalidInput        invalid_input       an argument cannot be used
     ├── NotFound            not_found           nothing of that name
     ├── AlreadyExists       already_exists      the name is taken
     ├── InvalidState        invalid_state       not possible in the state it is in
     ├── RunFailed           run_failed          a run that was waited for failed
     ├── StorageError        storage_error       full disk, read-only folder, damaged file
     ├── VersionMismatch     version_mismatch    a newer program made this
     ├── MissingDependency   missing_dependency  an optional package is not installed
     ├── Unavailable         unavailable         a server cannot be reached
     ├── NotAllowed          not_allowed         a server does not let this user do that
     ├── ServiceFailed       service_failed      the script of a scoring service failed
     └── RError              r_error             R code that Python called raised an error
          ├── RCrashed       r_crashed           R ended while it worked
          └── RTimeout       r_timeout           R took longer than it was given

R raises the same as conditions of class ``tandemlab_error_<code>``; the command line ends with
``exit_code``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class TandemlabError(Exception):
    """Base of every error that tandemlab raises on purpose.

    Attributes:
        code: stable name of the kind of error, the same in Python, R and JSON output.
        message: what went wrong, and why.
        hint: what to do next; may be empty.
        details: values for programs.

    >>> NotFound("No run 'a1'.", hint="`tandemlab run list` shows them.").code
    'not_found'
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(
        self, message: str, *, hint: str = "", details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details: dict[str, Any] = dict(details or {})

    def __str__(self) -> str:
        return f"{self.message}\nHint: {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, self.hint, self.details)


def _rebuild(
    kind: type[TandemlabError], message: str, hint: str, details: Mapping[str, Any]
) -> TandemlabError:
    return kind(message, hint=hint, details=details)


class InvalidInput(TandemlabError):
    """An argument cannot be used as it is."""

    code = "invalid_input"
    exit_code = 2


class NotFound(TandemlabError):
    """Nothing of that name is here."""

    code = "not_found"
    exit_code = 3


class AlreadyExists(TandemlabError):
    """The name is taken."""

    code = "already_exists"
    exit_code = 4


class InvalidState(TandemlabError):
    """The thing exists, but its state does not allow this."""

    code = "invalid_state"
    exit_code = 5


class Conflict(InvalidState):
    """Somebody else has changed it meanwhile.

    `details` has what is there: ``version``, ``user`` and ``created``.
    """

    code = "conflict"


class RunFailed(TandemlabError):
    """A run that was waited for ended as Failed or Canceled.

    ``details`` has ``run_id``, ``status``, ``exit_code`` and ``log_tail`` (list of lines).
    """

    code = "run_failed"
    exit_code = 6


class StorageError(TandemlabError):
    """A disk is full, a folder is read-only, or a file is damaged."""

    code = "storage_error"
    exit_code = 7


class VersionMismatch(TandemlabError):
    """What was found was made by another version than the one that reads it."""

    code = "version_mismatch"
    exit_code = 8


class MissingDependency(TandemlabError):
    """An optional package is needed and not installed."""

    code = "missing_dependency"
    exit_code = 9


class Unavailable(TandemlabError):
    """A server cannot be reached, or is too busy, and may be tried again later."""

    code = "unavailable"
    exit_code = 10


class NotAllowed(TandemlabError):
    """A server knows no such user, or the user's role does not allow this.

    ``details`` has ``reason``: ``unknown`` (no valid token), ``role`` (a role with more rights is
    needed), ``origin`` (a request from another site), ``host`` (a name that is not the server's)
    or ``attempts`` (too many failed attempts).
    """

    code = "not_allowed"
    exit_code = 11


class RError(TandemlabError):
    """R code that Python called raised an error.

    ``details`` has ``message``, ``classes`` (of R's condition), ``call`` (text or None) and
    ``traceback`` (R's calls, the outermost first).
    """

    code = "r_error"
    exit_code = 12


class RCrashed(RError):
    """The R process ended while it worked: killed, crashed, or by ``quit()``.

    ``details`` has ``exit_code`` (negative for a signal) and ``stderr`` (its last lines).
    """

    code = "r_crashed"
    exit_code = 13


class RTimeout(RError):
    """R took longer than it was given, and was interrupted."""

    code = "r_timeout"
    exit_code = 14


class ServiceFailed(TandemlabError):
    """The script of a scoring service failed: at its start, or for a request.

    ``details`` has ``name``; ``log_tail`` (list of lines) where the service did not start, and
    ``request_id``, by which its log has the traceback, where a request was not answered.
    """

    code = "service_failed"
    exit_code = 15


def errors_by_code() -> dict[str, type[TandemlabError]]:
    """The kinds of errors by their codes.

    >>> errors_by_code()["conflict"].__name__
    'Conflict'
    """
    found: dict[str, type[TandemlabError]] = {}
    waiting: list[type[TandemlabError]] = [TandemlabError]
    while waiting:
        kind = waiting.pop(0)
        found.setdefault(kind.code, kind)
        waiting += kind.__subclasses__()
    return found
