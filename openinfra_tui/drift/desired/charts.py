"""The objects of a chart as an engine would render it, and which of them nobody can foretell.

Where a chart rolls dice, or values are encrypted and no key opens them, it is rendered twice with other
stand-ins: what differs is in doubt, everything else is as sure as any manifest.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from openinfra_tui.build import helm
from openinfra_tui.build.dice import dice
from openinfra_tui.cache import Cache, default_folder
from openinfra_tui.drift.desired import goyaml, sealed
from openinfra_tui.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from openinfra_tui.drift.desired.sealed import Opener

_CUT = re.compile(rb"^---[ \t]*$", re.MULTILINE)
_FILE = re.compile(rb"^# Source: (\S+)$", re.MULTILINE)
_FORM = "1"
_CLOSED = "its values are encrypted and no key opens them"
_DICE = "its chart makes another value each time"
_SERVED = "its chart asks for the version of the cluster, which is not known"
_ASKS = "its chart asks the cluster while it renders"


@dataclass(frozen=True)
class Values:
    """Merged values of a release.

    Attributes:
        plain: what Helm reads.
        other: the same with other stand-ins for what is closed; None when nothing is.
        opened: whether a secret stands in them in clear.
    """

    plain: dict[str, Any]
    other: dict[str, Any] | None = None
    opened: bool = False


@dataclass(frozen=True)
class Printed:
    """One object of a chart, and why the engine may make another, or an empty string."""

    object: dict[str, Any]
    doubt: str = ""


def merged(texts: Sequence[bytes | Mapping[str, Any]], opener: Opener) -> Values:
    """Values in the order in which Helm merges them: maps deep, everything else replaced.

    Args:
        texts: files, or values that stand in an engine object.
        opener: opens what SOPS encrypted.

    Raises:
        UserError: a file is not a mapping.
    """
    plain: dict[str, Any] = {}
    other: dict[str, Any] = {}
    opened = closed = False
    for text in texts:
        found: Any = text
        shut = False
        if isinstance(text, bytes):
            shut = sealed.is_sealed(text)
            clear = opener.values(text) if shut else text
            opened, shut = opened or (shut and clear is not None), clear is None
            found = _parsed(text if clear is None else clear)
            if shut:
                found.pop("sops", None)
        closed = closed or shut
        plain = over(plain, _filled(found, "a") if shut else found)
        other = over(other, _filled(found, "b") if shut else found)
    return Values(plain, other if closed else None, opened)


def printed(
    chart: Path, release: helm.Release, values: Values, *, content: str = "", in_cluster: bool = False
) -> list[Printed]:
    """Every object of a chart.

    Args:
        chart: a package or a folder.
        release: what Helm is told.
        values: what is merged over the chart's own.
        content: a digest of a folder; a package has its own in its name.
        in_cluster: the engine lets the chart ask the cluster (Flux does, Argo CD does not).

    Raises:
        ToolError: there is no helm, or the chart does not render.
        UserError: what it prints is not YAML.
    """
    words = [
        _FORM,
        content or chart.stem,
        repr(release),
        json.dumps(values.plain, sort_keys=True),
        in_cluster,
    ]
    key = hashlib.sha256(json.dumps(words).encode()).hexdigest()
    cache = Cache(default_folder())
    kept = None if values.opened else cache.get(key)
    if kept is not None:
        return [Printed(item["object"], item["doubt"]) for item in kept]
    throws = dice(chart)
    first = _parts(helm.template(chart, release, json.dumps(values.plain).encode()))
    seconds: list[tuple[str, Any]] = first
    if throws.random or values.other is not None:
        again = values.plain if values.other is None else values.other
        seconds = _parts(helm.template(chart, release, json.dumps(again).encode()))
    stable = {json.dumps(item, sort_keys=True) for _, item in seconds}
    found = []
    for file, item in first:
        doubt = ""
        if json.dumps(item, sort_keys=True) not in stable:
            doubt = _DICE if file in throws.random or values.other is None else _CLOSED
        elif file in throws.clock:
            doubt = _DICE
        elif not release.kube_version and file in throws.capabilities:
            doubt = _SERVED
        elif in_cluster and file in throws.lookup:
            doubt = _ASKS
        found.append(Printed(item, doubt))
    if not values.opened:
        cache.put({key: [{"object": item.object, "doubt": item.doubt} for item in found]})
    return found


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        documents = goyaml.load_all(text)
    except (yaml.YAMLError, ValueError):
        raise UserError("a values file is not YAML") from None
    if len(documents) > 1 or not all(isinstance(item, dict) for item in documents):
        raise UserError("a values file is not one mapping")
    return dict(documents[0]) if documents else {}


def over(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Values over others as Helm merges them."""
    out = dict(below)
    for key, value in above.items():
        old = out.get(key)
        out[key] = over(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return out


def _filled(value: Any, word: str) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item, word) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, word) for item in value]
    return word if isinstance(value, str) and value.startswith("ENC[") else value


def _parts(text: bytes) -> list[tuple[str, dict[str, Any]]]:
    found: list[tuple[str, dict[str, Any]]] = []
    for part in _CUT.split(text):
        file = _FILE.search(part)
        try:
            documents = goyaml.load_all(part)
        except (yaml.YAMLError, ValueError):
            raise UserError("helm rendered what is not YAML") from None
        for item in documents:
            if isinstance(item, dict) and item.get("kind"):
                name = file[1].decode("utf-8", "replace") if file else ""
                many = item["items"] if str(item["kind"]).endswith("List") and "items" in item else [item]
                found += [(name, one) for one in many if isinstance(one, dict)]
    return found
