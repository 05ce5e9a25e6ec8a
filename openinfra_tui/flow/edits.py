"""Edits of the operator in files that we write: found by digest, and never written over.

A structural merge is to come; until then a file that was edited and would change is refused.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from openinfra_tui import yamlio
from openinfra_tui.errors import Refused
from openinfra_tui.tree.model import File, Tree

if TYPE_CHECKING:
    from collections.abc import Mapping

EXPECTED = ".openinfra/expected.yaml"
_SHOWN = 5


def with_expected(tree: Tree) -> Tree:
    """The tree and the digest of each file of ours in it: not the encrypted ones, not the `once` ones."""
    digests = {path: _digest(tree.files[path].content) for path in tree if _is_ours(path, tree.files[path])}
    return tree.merged(Tree({EXPECTED: File(yamlio.dump(digests).encode(), "openinfra-tui")}))


def require_unedited(tree: Tree, existing: Mapping[str, bytes]) -> None:
    """Refuse to write over or remove what the operator changed.

    Args:
        tree: what would be written.
        existing: what the repository holds.

    Raises:
        Refused: a file differs from what we wrote last, and from what we would write now.
    """
    if EXPECTED not in existing:
        return
    last: dict[str, str] = yamlio.load(existing[EXPECTED])
    edited = [
        path
        for path, digest in last.items()
        if path in existing
        and _digest(existing[path]) != digest
        and (path not in tree or existing[path] != tree.files[path].content)
    ]
    if edited:
        more = f" and {len(edited) - _SHOWN} more" if len(edited) > _SHOWN else ""
        raise Refused(
            f"edited since the last generate, and would be lost: {', '.join(edited[:_SHOWN])}{more}",
            "move the change to values.user.yaml beside it, which is never written again, or revert it",
        )


def _is_ours(path: str, file: File) -> bool:
    return not file.once and not path.endswith((".sops.yaml", "/site.yaml"))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
