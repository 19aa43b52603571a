"""The exceptions torchladder raises, and the exit status each one carries.

LadderError
├── UsageError        2   the command line or configuration asks for something impossible
├── ProgramError      3   the user's program failed before it could be judged
└── InternalError     4   torchladder itself failed
"""

from typing import ClassVar


class LadderError(Exception):
    """Any failure torchladder reports in one sentence instead of a traceback."""

    exit_status: ClassVar[int] = 4


class UsageError(LadderError):
    """The command line, a path or the configuration is not usable as given."""

    exit_status = 2


class ProgramError(LadderError):
    """The user's program failed before it could be judged."""

    exit_status = 3


class InternalError(LadderError):
    """A defect of torchladder; the message asks for a bug report."""

    exit_status = 4
