"""The error tree: what a user can mend gets one line, what we broke keeps its traceback.

    Exception
    └── DeepenoughError            anything this program raises on purpose
        ├── InputError             the user's input: one line (where, expected, got, remedy), exit code 2
        │   ├── SourceError        a data source that cannot be used (missing, empty, one class, ...)
        │   ├── StudyError         a study file, an option or a study folder that does not fit
        │   ├── WeightsError       weights that are missing, of another network, or unsafe to open
        │   └── RecordError        a records file (Parquet, JSON, CSV) that is missing, torn or of another form
        ├── DecodeError            one picture that cannot be decoded; caught by the data layer and quarantined
        └── Interrupted            stopped by the user or a full disk; resumable, exit code 3

Everything else that escapes is a bug: it is not caught, and exits with code 1 and its traceback.
"""

from __future__ import annotations

import copyreg
from typing import Any


class DeepenoughError(Exception):
    """Anything this program raises on purpose; reaches another process whole, by pickle."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Exception's own way calls the class with the finished line; our classes are called with its parts
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # pyright: ignore[reportAttributeAccessIssue]


class InputError(DeepenoughError):
    """The user's input cannot be used; says so in one line and can be mended by the user.

    Args:
        where: the option, file or key that is at fault, as the user wrote it.
        expected: what would have been right.
        got: what came instead.
        remedy: what to do now, as an imperative; empty where `expected` already says it.

    >>> str(InputError("--margin", "a number above 0, in points", "-1", "try --margin 0.5"))
    '--margin: expected a number above 0, in points; got -1; try --margin 0.5'
    """

    def __init__(self, where: str, expected: str, got: str, remedy: str = "") -> None:
        self.where, self.expected, self.got, self.remedy = where, expected, got, remedy
        line = f"{where}: expected {expected}; got {got}" + (f"; {remedy}" if remedy else "")
        super().__init__(" ".join(line.split()))  # a file name may hold a newline; the message is one line


class SourceError(InputError):
    """A data source that cannot be used."""


class StudyError(InputError):
    """A study file, an option or a study folder that does not fit."""


class HeldError(StudyError):
    """A folder that another program holds."""


class WeightsError(InputError):
    """Weights that are missing, belong to another network, or are unsafe to open."""


class RecordError(InputError):
    """A records file that is missing, torn or of another form."""


class DecodeError(DeepenoughError):
    """One picture that cannot be decoded.

    Args:
        reason: a short stable word for the quarantine table, for example `truncated`.
        detail: what the decoder said, one line.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        self.reason, self.detail = reason, " ".join(detail.split())
        super().__init__(f"{self.reason}: {self.detail}" if self.detail else self.reason)


class Interrupted(DeepenoughError):  # noqa: N818  a stop that was asked for is no error
    """The run was stopped before its end; what is on disk can be resumed.

    Args:
        why: what stopped it, for example `Ctrl-C` or `no space left on device`.
        how_to_go_on: the command that resumes it.
    """

    def __init__(self, why: str, how_to_go_on: str) -> None:
        self.why, self.how_to_go_on = why, how_to_go_on
        super().__init__(f"stopped ({why}); what was saved is kept; go on with: {how_to_go_on}")
