"""The one place from which other programs are started.

Argument lists only, never a shell; output captured; a deadline always. Secrets go through `stdin`, never
through an argument, because every user of the machine can read arguments.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from openinfra_tui.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Result:
    """What a program left behind: return code, output, complaints."""

    argv: tuple[str, ...]
    code: int
    stdout: bytes
    stderr: str


def run(
    argv: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    timeout: float = 120.0,
    ok_codes: Sequence[int] = (0,),
) -> Result:
    """Run one program and wait for it.

    Args:
        argv: program and arguments.
        cwd: working directory of the program.
        env: variables to set on top of the environment.
        stdin: bytes to feed; without them the program reads end of file.
        timeout: seconds before the program is killed.
        ok_codes: return codes that are not a failure.

    Raises:
        ToolError: the program is missing, ran out of time, or returned another code.
    """
    words = tuple(str(word) for word in argv)
    environment = {**os.environ, **env} if env else None
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            env=environment,
            input=stdin if stdin is not None else b"",
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError as error:
        raise ToolError(f"{words[0]} is not installed", f"install {words[0]} and put it on PATH") from error
    except PermissionError as error:
        raise ToolError(f"{words[0]} cannot be executed", "check the file's mode") from error
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"{words[0]} did not finish within {timeout:g} s") from error
    stderr = done.stderr.decode("utf-8", "replace")
    if done.returncode not in ok_codes:
        lines = stderr.strip().splitlines()
        raise ToolError(
            f"{' '.join(words[:3])} failed ({done.returncode}): {lines[-1] if lines else 'no message'}"
        )
    return Result(words, done.returncode, done.stdout, stderr)


def interactive(argv: Sequence[str | Path]) -> None:
    """Run one program that has the terminal for itself, such as an editor, for as long as it likes.

    Raises:
        ToolError: the program is missing or cannot be executed.
    """
    words = tuple(str(word) for word in argv)
    try:
        subprocess.run(words, check=False)
    except OSError as error:
        raise ToolError(f"{words[0]} cannot be run: {error.strerror}") from error
