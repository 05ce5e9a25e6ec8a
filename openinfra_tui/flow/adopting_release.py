"""Taking a live value of a Helm release into its HelmRelease: a value of the chart, or else a post renderer.

A values key is taken only if the whole chart, rendered again with it, differs in that one leaf alone. What no
key reaches becomes a patch in `spec.postRenderers`, rendered too before it is proposed.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import yaml

from openinfra_tui.drift.desired.helm_head import Unread
from openinfra_tui.drift.model import key_of
from openinfra_tui.drift.pointer import escaped
from openinfra_tui.drift.values import same
from openinfra_tui.errors import Refused
from openinfra_tui.flow.pointing import ABSENT, applied, at, operation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from openinfra_tui.drift.desired.helm_head import Heads
    from openinfra_tui.drift.model import Desired, Key, ObjectVerdict

_MOST = 60  # renders for one difference
_SCALAR = (str, int, float)  # a bool is an int


@dataclass(frozen=True)
class Change:
    """What becomes of a HelmRelease.

    Attributes:
        release: as it is afterwards.
        operations: the JSON patch that brings it there.
        why: which keys were proved, and what became a post renderer.
    """

    release: Desired
    operations: tuple[dict[str, Any], ...]
    why: str


def change(
    heads: Heads, release: Desired, desired: Desired, live: Mapping[str, Any], found: ObjectVerdict
) -> Change:
    """The values and post renderers that make a release hold what is live.

    Args:
        heads: renders HelmReleases.
        release: the HelmRelease in Git.
        desired: the object as its release holds it.
        live: what is there.
        found: where they differ.

    Raises:
        Refused: the chart cannot be rendered, Git holds another value than the release, or nothing is proved.
    """
    try:
        return _change(heads, release, desired, live, found)
    except Unread as error:
        name = f"HelmRelease {release.key.name}"
        raise Refused(f"{name} cannot be rendered here, so nothing is proved: {error}") from error


def _change(
    heads: Heads, release: Desired, desired: Desired, live: Mapping[str, Any], found: ObjectVerdict
) -> Change:
    key = desired.key
    before = _rendered(heads, release)
    if key not in before:
        raise Refused(f"the chart that Git names does not make {key}", "let Flux apply it first")
    now, rendered = release, before
    operations: list[dict[str, Any]] = []
    left: list[dict[str, Any]] = []
    said: list[str] = []
    for item in found.differences:
        wanted, held = at(desired.object, item.path), at(before[key].object, item.path)
        if (wanted is ABSENT) != (held is ABSENT) or (wanted is not ABSENT and not same(wanted, held)):
            raise Refused(f"Git renders another value at {item.path}", "let Flux apply it first")
        step = operation(before[key].object, live, item.path)
        proved = _proved(heads, now, rendered, key, step, wanted)
        if proved is None:
            left.append(step)
            continue
        path, value, rendered = proved
        one = _set(now.object, ("spec", "values", *path), value)
        now, operations = _with(now, [one]), [*operations, one]
        said.append(f"values.{'.'.join(path)} is {value!r} then.")
    if left:
        one = _set(now.object, ("spec", "postRenderers"), [_renderer(key, desired, left)], append=True)
        now, operations = _with(now, [one]), [*operations, one]
        paths = ", ".join(str(step["path"]) for step in left)
        said.append(f"No value of the chart reaches {paths} alone: a post renderer sets it.")
        _require(heads, now, before, key, live, found)
    said.append("The whole chart was rendered with it: nothing else changes.")
    return Change(now, tuple(operations), " ".join(said))


def _proved(
    heads: Heads,
    release: Desired,
    before: Mapping[Key, Desired],
    key: Key,
    step: dict[str, Any],
    wanted: Any,
) -> tuple[tuple[str, ...], Any, dict[Key, Desired]] | None:
    """The values key, its value, and the whole render with it: it differs from `before` in one leaf alone."""
    there = step.get("value")
    if step["op"] != "replace" or not isinstance(wanted, _SCALAR) or not isinstance(there, _SCALAR):
        return None
    expected = {place: item.object for place, item in before.items()}
    expected[key] = applied(expected[key], [step])
    last = str(step["path"]).rpartition("/")[2].lower()
    candidates = [*_candidates(heads.values_of(release), wanted, there)]
    # A key of the same name is the likeliest.
    candidates.sort(key=lambda pair: pair[0][-1].lower() != last)
    for path, value in candidates[:_MOST]:
        tried = _with(release, [_set(release.object, ("spec", "values", *path), value)])
        try:
            after = _rendered(heads, tried)
        except Unread:
            continue  # the chart refuses this value
        doubtful = any(item.doubt for item in after.values())
        if not doubtful and {place: item.object for place, item in after.items()} == expected:
            return path, value, after
    return None


def _candidates(values: Any, wanted: Any, there: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Leaves that stand in the desired value, with what would make the live one of it."""
    old, new = str(wanted), str(there)
    for path, leaf in _leaves(values, ()):
        text = str(leaf)
        if isinstance(leaf, bool) or isinstance(wanted, bool):
            if leaf is wanted and isinstance(there, bool):
                yield path, there
            continue
        start = old.find(text) if text else -1
        if start < 0:
            continue
        head, tail = old[:start], old[start + len(text) :]
        if len(new) > len(head) + len(tail) and new.startswith(head) and new.endswith(tail):
            value = _as(leaf, new[len(head) : len(new) - len(tail)])
            if value is not None:
                yield path, value


def _leaves(values: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Scalars below mappings; a list is replaced as a whole, so none of its items is a key."""
    if isinstance(values, dict):
        for name, value in values.items():
            yield from _leaves(value, (*path, str(name)))
    elif isinstance(values, _SCALAR) and path:
        yield path, values


def _as(leaf: Any, text: str) -> Any:
    """A text in the type of the value that it replaces; None where it cannot be one."""
    if isinstance(leaf, str):
        return text
    try:
        return type(leaf)(text)
    except ValueError:
        return None


def _set(manifest: Any, path: tuple[str, ...], value: Any, *, append: bool = False) -> dict[str, Any]:
    """The operation that puts a value somewhere, with the mappings on the way that are not there."""
    pointer, holder = "", manifest
    for number, name in enumerate(path):
        pointer += f"/{escaped(name)}"
        if not isinstance(holder, dict) or holder.get(name) is None:
            for below in reversed(path[number + 1 :]):
                value = {below: value}
            return {"op": "add", "path": pointer, "value": value}
        holder = holder[name]
    if append:
        return {"op": "add", "path": f"{pointer}/-", "value": value[0]}
    return {"op": "replace", "path": pointer, "value": value}


def _with(release: Desired, operations: list[dict[str, Any]]) -> Desired:
    return replace(release, object=applied(release.object, operations))


def _renderer(key: Key, desired: Desired, steps: list[dict[str, Any]]) -> dict[str, Any]:
    version = str(desired.object["apiVersion"]).rpartition("/")[2]
    target = {"group": key.group, "version": version, "kind": key.kind, "name": key.name}
    patch = yaml.safe_dump(copy.deepcopy(steps), sort_keys=False, allow_unicode=True, width=1000)
    named = {name: value for name, value in target.items() if value}
    return {"kustomize": {"patches": [{"target": named, "patch": patch}]}}


def _require(
    heads: Heads,
    release: Desired,
    before: Mapping[Key, Desired],
    key: Key,
    live: Mapping[str, Any],
    found: ObjectVerdict,
) -> None:
    """Render with everything.

    Raises:
        Refused: another object changes too, or this one is not what is live.
    """
    after = _rendered(heads, release)
    others = {
        place
        for place in before.keys() | after.keys()
        if place not in before or place not in after or before[place].object != after[place].object
        if not (place in before and before[place].doubt)
    }
    if others != {key}:
        raise Refused("a post renderer would change other objects too")
    steps = [operation(before[key].object, live, item.path) for item in found.differences]
    if after[key].object != applied(before[key].object, steps):
        raise Refused("rendered with the change the object is not what is live")


def _rendered(heads: Heads, release: Desired) -> dict[Key, Desired]:
    return {key_of(item.object): item for item in heads.objects_of(release)}
