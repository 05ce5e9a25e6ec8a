"""The schemas of Kubernetes' own kinds: data of `kubernetes-validate`, each file read and compiled once.

`kubernetes_validate.validate` reads 1.5 MB of definitions for every object, hence only its data is used. Its
strict schemas refuse unknown fields.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_FOLDER = re.compile(r"^v((\d+)\.(\d+))\.\d+-local-strict$")


@cache
def _folders() -> dict[tuple[int, int], Traversable]:
    """The strict schemas by minor version, the oldest first."""
    data = resources.files("kubernetes_validate") / "kubernetes-json-schema"
    found = [(match, folder) for folder in data.iterdir() if (match := _FOLDER.match(folder.name))]
    return {
        (int(m[2]), int(m[3])): f
        for m, f in sorted(found, key=lambda pair: (int(pair[0][2]), int(pair[0][3])))
    }


def newest() -> str:
    """The newest minor that there are schemas of."""
    return ".".join(map(str, max(_folders())))


def nearest(minor: str) -> str:
    """The minor with schemas that is nearest to one such as `1.35`; of two equally near, the older."""
    major, number = map(int, minor.split("."))
    near = min(_folders(), key=lambda have: (abs(have[0] - major), abs(have[1] - number), have))
    return ".".join(map(str, near))


@cache
def validator(api: str, kind: str, minor: str) -> Any:
    """The compiled schema of a kind, or None when that version has none.

    Args:
        api: the `apiVersion`; its group is known to the schemas without the domain (`rbac-v1`).
        kind: as in an object.
        minor: from `newest` or `nearest`.
    """
    major, number = map(int, minor.split("."))
    folder = _folders()[major, number]
    short = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api)
    file = folder / f"{kind.lower()}-{short}.json"
    if not re.fullmatch(r"[A-Za-z0-9]+", kind) or "/" in short or not file.is_file():
        return None
    return Draft202012Validator(json.loads(file.read_text("utf-8")), registry=_definitions(major, number))


@cache
def _definitions(major: int, number: int) -> Any:
    text = (_folders()[major, number] / "_definitions.json").read_text("utf-8")
    held: Any = Resource.from_contents(json.loads(text))
    registry: Any = Registry()
    return held @ registry
