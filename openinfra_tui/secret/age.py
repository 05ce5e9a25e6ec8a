"""Age identities: the private key that opens a site's secrets, kept outside the repository.

The file has the form that `age-keygen` writes, so `SOPS_AGE_KEY_FILE` and Flux's `*.agekey` take it as it
is. Only X25519 identities (`AGE-SECRET-KEY-1...`) are read: `pyrage` has no software post-quantum ones.
"""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from pyrage import x25519

from openinfra_tui.errors import Refused, UserError

_PREFIX = "AGE-SECRET-KEY-1"


def find_or_make(path: Path, repository: Path) -> tuple[str, bool]:
    """The identity of a file, or a new one in memory where there is no file; nothing is written.

    Args:
        path: the identity file.
        repository: the folder of the generated repository, which must not hold the file.

    Returns:
        The identity, and whether it is new: then `keep` must write it before anything is encrypted for good.

    Raises:
        Refused: the file is, or would be, inside the repository.
        UserError: the file cannot be read, or holds no X25519 identity.
    """
    if path.resolve().is_relative_to(repository.resolve()):
        raise Refused(
            f"the age key {path} would be inside the repository {repository}",
            "name a file outside it with --age-key; whoever reads the repository could open every secret",
        )
    if path.exists() or path.is_symlink():
        return read_identity(path), False
    return str(x25519.Identity.generate()), True


def keep(path: Path, identity: str) -> None:
    """Write a new identity to its file, which has mode 0600 from the first byte on and replaces nothing.

    Args:
        path: the file; missing folders above it are made with mode 0700.
        identity: from `find_or_make`.

    Raises:
        UserError: the file cannot be made, or has appeared meanwhile.
    """
    made = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                os.fchmod(file.fileno(), 0o600)  # the umask may have taken more than it should
                file.write(f"# created: {made}\n# public key: {public_recipient(identity)}\n{identity}\n")
                file.flush()
                os.fsync(file.fileno())
            path.hardlink_to(beside)  # whole or not at all, and never over another
        finally:
            Path(beside).unlink()
    except OSError as error:  # also when another process has just made it: then the next run reads it
        raise UserError(f"cannot make the age key {path}: {error.strerror}") from error


def read_identity(path: Path) -> str:
    """The first X25519 identity of an identity file.

    Raises:
        UserError: the file cannot be read, or holds no X25519 identity. The message holds no key.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not an age identity file") from error
    except OSError as error:
        raise UserError(
            f"cannot read the age key {path}: {error.strerror}", "name it with --age-key"
        ) from error
    for line in text.splitlines():
        word = line.strip()
        if word.startswith(_PREFIX):
            public_recipient(word)
            return word
    raise UserError(
        f"{path} holds no X25519 age identity",
        f"it must have a line that begins with {_PREFIX}; see age-keygen",
    )


def public_recipient(identity: str) -> str:
    """The public recipient (`age1...`) of an X25519 identity.

    Raises:
        UserError: the text is not an X25519 identity. The message does not hold it.
    """
    return str(parse_identity(identity).to_public())


def parse_identity(identity: str) -> x25519.Identity:
    """An X25519 identity from its text.

    Raises:
        UserError: the text is not one. The message does not hold it, nor does a chained error.
    """
    try:
        return x25519.Identity.from_str(identity.strip())
    except Exception as error:  # pyrage raises classes of its own that derive from Exception only
        raise UserError(f"not an X25519 age identity ({type(error).__name__})") from None


def parse_recipient(recipient: str) -> x25519.Recipient:
    """An X25519 recipient from its text.

    Raises:
        UserError: the text is not one, for example a post-quantum recipient (`age1pq1...`).
    """
    try:
        return x25519.Recipient.from_str(recipient.strip())
    except Exception as error:  # see parse_identity
        shown = recipient if recipient.startswith("age1") else "something that does not begin with age1"
        raise UserError(
            f"not an X25519 age recipient: {shown} ({type(error).__name__})",
            "it must be what `age-keygen -y` prints for the key, age1... (age1pq1... is not supported)",
        ) from None
