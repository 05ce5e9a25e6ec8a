"""A Site: one cloud at one place, as validated and defaulted plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Site:
    """The content of one valid `site.yaml`.

    Attributes:
        name: `metadata.name`; also the folder name under `sites/` and `clusters/`.
        spec: everything below `spec`, every default of the schema filled in. Plain dicts, lists and scalars;
            read it, never change it.
        source: the file that was read, as it was named by the user.
        text: the file as it was read, without overrides and defaults.
        lines: the line (from 1) of each value that is written in the file, by its dotted path from the top,
            e.g. `spec.nodes.0.name`. What came from a default or an override is absent.
    """

    name: str
    spec: Mapping[str, Any]
    source: str
    text: str
    lines: Mapping[str, int]

    def get(self, path: str, default: Any = None) -> Any:
        """What is at a dotted path below `spec`; items of a list by number, e.g. `nodes.0.name`.

        Args:
            path: names and numbers joined by dots. The empty path is the whole spec.
            default: what to answer where nothing is.
        """
        here: Any = self.spec
        for step in path.split(".") if path else ():
            if isinstance(here, Mapping) and step in here:
                here = here[step]
            elif _is_list(here) and step.isascii() and step.isdigit() and int(step) < len(here):
                here = here[int(step)]
            else:
                return default
        return here


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)
