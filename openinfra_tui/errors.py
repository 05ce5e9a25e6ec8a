"""What goes wrong, in two kinds: what the user can mend, and bugs.

::

    UserError            exit 2   the site file, an option or the target is not as it must be
    ├── CheckFailed      exit 3   a repository was checked and faults were found
    ├── Refused          exit 4   the request is understood and would do harm, so nothing was done
    ├── NotBuiltYet      exit 5   known to the catalog, checked by the rules, not generated yet
    ├── ToolError        exit 6   a program that we need is missing, too old or failed
    ├── NotValidated     exit 7   no fault was found, and something could not be checked
    └── Conflicted       exit 8   an edit and a new render changed the same, so nothing was written

A `UserError` is printed as message and hint, without a traceback. Everything else that is raised is a
bug and keeps its traceback (exit 1, Python's own).
"""

from __future__ import annotations


def printable(text: str) -> str:
    """Text without anything that a terminal would obey; lines and tabs stay."""
    return "".join(char if char.isprintable() or char in "\n\t" else ascii(char)[1:-1] for char in text)


class UserError(Exception):
    """Something that the user can mend.

    Args:
        message: what is wrong, with file and line where there is one. Plain text, never markup.
        hint: what to do next, or an empty string.
    """

    exit_code = 2

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class CheckFailed(UserError):
    """A repository was checked and faults were found."""

    exit_code = 3


class Refused(UserError):
    """The request would destroy something, or overwrite what is not ours; nothing was done."""

    exit_code = 4


class NotBuiltYet(UserError):
    """The catalog knows it and the rules check it, but `generate` cannot write it yet."""

    exit_code = 5


class ToolError(UserError):
    """A program that we need is missing, too old, or failed."""

    exit_code = 6


class NotValidated(UserError):
    """No fault was found, but some objects have no schema here, so nobody has checked them."""

    exit_code = 7


class Conflicted(UserError):
    """What the user edited would be changed by a new render too; nothing was written."""

    exit_code = 8
