"""What the rules of an engine leave out of a comparison, cut out of both sides.

The three ways to name a field: a JSON pointer, a path of jq, and the manager that owns it. Of jq those paths
are understood that Argo CD's documentation shows: fields, `[]`, an index, `select(.a == "b")`, `?` and `|`.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from openinfra_tui.drift import managed, normalise
from openinfra_tui.drift.pointer import escaped, for_removal
from openinfra_tui.drift.values import same

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openinfra_tui.drift.model import Desired

_TOKEN = re.compile(
    r"""\s*(?:
      \.?(?P<iterate>\[\s*\])
    | \.?\[\s*(?P<index>-?\d+)\s*\]
    | \.?\[\s*(?P<key>"(?:[^"\\]|\\.)*")\s*\]
    | \.(?P<quoted>"(?:[^"\\]|\\.)*")
    | \.(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<pipe>\|)
    | select\(\s*(?P<left>\.[A-Za-z0-9_."\[\]]*)\s*(?P<operator>==|!=)\s*
      (?P<right>"(?:[^"\\]|\\.)*"|-?\d+|true|false|null)\s*\)
    | (?P<self>\.)(?=\s*(?:\||$))
    )\s*\??""",
    re.VERBOSE,
)


class NotUnderstood(Exception):
    """A rule in a language that is not evaluated here."""


class Ignoring(NamedTuple):
    """The rules that select one object."""

    pointers: tuple[str, ...] = ()
    jq: tuple[str, ...] = ()
    managers: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether the object as a whole is ignored."""
        return "" in self.pointers

    def cut(self, manifest: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any]:
        """An object without what is ignored.

        Args:
            manifest: desired, live, or what the server answered.
            live: the live object, whose managedFields tell who owns what.

        Raises:
            NotUnderstood: a rule cannot be evaluated.
        """
        if not (self.pointers or self.jq or self.managers):
            return manifest if isinstance(manifest, dict) else dict(manifest)
        found = {*self.pointers, *(pointer for path in self.jq for pointer in evaluate(path, manifest))}
        for entry in managed.entries(live) if self.managers else ():
            if entry.manager in self.managers:
                found |= {managed.locate(manifest, path) for path in managed.paths(entry.fields)} - {""}
        return normalise.without(manifest, for_removal(found))

    def differing(self, desired: Mapping[str, Any], live: Mapping[str, Any]) -> str:
        """The first rule that takes a difference out of sight, or an empty string."""
        for path in self.pointers:
            wanted = normalise.value_at(desired, path)
            if wanted is not None and not same(wanted, normalise.value_at(live, path)):
                return path
        for path in self.jq:
            for pointer in evaluate(path, desired):
                if not same(normalise.value_at(desired, pointer), normalise.value_at(live, pointer)):
                    return path
        for name in self.managers:
            cut = Ignoring(managers=(name,)).cut(desired, live)
            if cut != dict(desired) and not _within(desired, live):
                return f"what {name} manages"
        return ""


NONE = Ignoring()


def _within(desired: Any, live: Any) -> bool:
    """Whether every leaf of a manifest has its value in the live object, items of lists by position."""
    if isinstance(desired, dict):
        return isinstance(live, dict) and all(_within(value, live.get(key)) for key, value in desired.items())
    if isinstance(desired, list):
        return isinstance(live, list) and len(live) >= len(desired) and all(map(_within, desired, live))
    return same(desired, live)


def rules_of(desired: Desired) -> Ignoring:
    """The rules of its engine object that select one object."""
    if not desired.application.ignore:
        return NONE
    rules = [rule for rule in desired.application.ignore if normalise.rule_matches(rule, desired.object)]
    return Ignoring(
        tuple(path for rule in rules for path in rule.paths),
        tuple(path for rule in rules for path in rule.jq),
        tuple(name for rule in rules for name in rule.managers),
    )


def evaluate(expression: str, manifest: Mapping[str, Any]) -> list[str]:
    """The JSON pointers that a path of jq leads to in an object.

    Raises:
        NotUnderstood: it is more than a path.
    """
    here: list[tuple[str, Any]] = [("", manifest)]
    position = 0
    text = expression.strip()
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None or token.end() == position:
            raise NotUnderstood(f"the path {expression!r} of an ignore rule is not evaluated here")
        position = token.end()
        if token["pipe"] or token["self"]:
            continue
        here = [found for pointer, node in here for found in _step(token, pointer, node)]
    return [pointer for pointer, _ in here if pointer]


def _step(token: re.Match[str], pointer: str, node: Any) -> list[tuple[str, Any]]:
    if token["left"]:
        found = [value for _, value in _along(token["left"], node)]
        wanted = json.loads(token["right"])
        value = found[0] if found else None
        same = value == wanted and isinstance(value, bool) == isinstance(wanted, bool)
        return [(pointer, node)] if same == (token["operator"] == "==") else []
    if token["iterate"]:
        items = enumerate(node) if isinstance(node, list) else node.items() if isinstance(node, dict) else ()
        return [(f"{pointer}/{escaped(key)}", value) for key, value in items]
    if token["index"]:
        index = int(token["index"])
        if not isinstance(node, list) or not -len(node) <= index < len(node):
            return []
        return [(f"{pointer}/{index % len(node)}", node[index])]
    name = token["name"] or json.loads(token["quoted"] or token["key"])
    return [(f"{pointer}/{escaped(name)}", node[name])] if isinstance(node, dict) and name in node else []


def _along(path: str, node: Any) -> list[tuple[str, Any]]:
    here: list[tuple[str, Any]] = [("", node)]
    position = 0
    while position < len(path):
        token = _TOKEN.match(path, position)
        if token is None or token.end() == position or token["pipe"]:
            raise NotUnderstood(f"the condition {path!r} of an ignore rule is not evaluated here")
        position = token.end()
        if not token["self"]:
            here = [found for pointer, value in here for found in _step(token, pointer, value)]
    return here
