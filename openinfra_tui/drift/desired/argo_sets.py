"""The Applications of an ApplicationSet whose generators read nothing but this repository.

Generators: `list`, `git` (directories and files of this repository), and `matrix` and `merge` of those. What
asks a cluster, a forge or a plugin is not evaluated, and neither is a Go template that does more than name
a parameter: then the set is told as unread.
Source: argo-cd, applicationset/generators and applicationset/utils.
"""

from __future__ import annotations

import fnmatch
import itertools
import posixpath
import re
from typing import TYPE_CHECKING, Any

import yaml

from openinfra_tui.drift.desired import argo_apps, goyaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from openinfra_tui.drift.desired.argo_source import Tools
    from openinfra_tui.drift.desired.source import Source

_PLAIN = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
_GO = re.compile(r"\{\{-?\s*(.+?)\s*-?\}\}")
_GO_FIELD = re.compile(r"(?:\.[A-Za-z_][A-Za-z0-9_]*)+")
_GO_INDEX = re.compile(r"index\s+((?:\.[A-Za-z_][A-Za-z0-9_]*)+)((?:\s+(?:\d+|\"[^\"]*\"))+)")
_QUIET = frozenset({"name", "namespace", "labels", "annotations", "finalizers"})


class NotEvaluated(Exception):
    """A generator or template that cannot be evaluated from the files of a repository."""


def applications(found: Mapping[str, Any], files: Source, tools: Tools) -> list[dict[str, Any]]:
    """The Applications that a set makes.

    Raises:
        NotEvaluated: it cannot be told from this repository alone.
    """
    spec = found["spec"]
    if spec.get("templatePatch"):
        raise NotEvaluated("its templatePatch is a program")
    go = bool(spec.get("goTemplate"))
    out = []
    for generator in spec.get("generators") or ():
        for parameters in _generated(generator, files, tools, go):
            # A generator may lay a template of its own over that of the set.
            inner: Any = next((v.get("template") for v in generator.values() if isinstance(v, dict)), None)
            template = _over(spec.get("template") or {}, inner or {})
            filled = _filled(template, parameters, go=go)
            metadata = {key: value for key, value in (filled.get("metadata") or {}).items() if key in _QUIET}
            metadata["namespace"] = argo_apps.ref_of(found).namespace
            version = str(found["apiVersion"])
            out.append({**filled, "apiVersion": version, "kind": "Application", "metadata": metadata})
    return out


def _generated(
    generator: Mapping[str, Any], files: Source, tools: Tools, go: bool
) -> Iterable[dict[str, Any]]:
    if generator.get("selector"):
        raise NotEvaluated("its generator selects by labels")
    if "list" in generator:
        spec = generator["list"] or {}
        if spec.get("elementsYaml"):
            raise NotEvaluated("its list is a template")
        return [dict(item) if go else _flat_values(item) for item in spec.get("elements") or ()]
    if "git" in generator:
        return list(_git(generator["git"] or {}, files, tools, go))
    if "matrix" in generator:
        pair = generator["matrix"].get("generators") or ()
        sides = [list(_generated(inner, files, tools, go)) for inner in pair]
        return [
            {key: value for one in many for key, value in one.items()} for many in itertools.product(*sides)
        ]
    if "merge" in generator:
        return _merged(generator["merge"], files, tools, go)
    raise NotEvaluated(
        f"its generator {next(iter(generator), 'of no kind')} asks something outside of this repository"
    )


def _merged(spec: Mapping[str, Any], files: Source, tools: Tools, go: bool) -> list[dict[str, Any]]:
    """The parameters of the first generator, each with those of later ones that have equal keys."""
    keys = [str(key) for key in spec.get("mergeKeys") or ()]
    base, *others = [list(_generated(item, files, tools, go)) for item in spec.get("generators") or ()] or [
        []
    ]
    for other in others:
        known = {tuple(str(item.get(key)) for key in keys): item for item in other}
        base = [{**item, **known.get(tuple(str(item.get(key)) for key in keys), {})} for item in base]
    return base


def _git(spec: Mapping[str, Any], files: Source, tools: Tools, go: bool) -> Iterable[dict[str, Any]]:
    if argo_apps.address(str(spec.get("repoURL", ""))) not in tools.own:
        raise NotEvaluated(f"its generator reads another repository: {spec.get('repoURL')}")
    prefix = str(spec.get("pathParamPrefix") or "")
    for path, content in [*_folders(spec, files), *_documents(spec, files)]:
        folder = posixpath.dirname(path) if content is not None else path
        names = {"path": folder, "basename": posixpath.basename(folder)}
        names["basenameNormalized"] = _normalised(names["basename"])
        if content is not None:
            names["filename"] = posixpath.basename(path)
            names["filenameNormalized"] = _normalised(names["filename"])
        values = {str(key): value for key, value in (spec.get("values") or {}).items()}
        segments = folder.split("/")
        if go:
            place: dict[str, Any] = {"path": {**names, "segments": segments}}
            found: dict[str, Any] = {**(content or {}), **({prefix: place} if prefix else place)}
            if values:
                found["values"] = _filled(values, found, go=True)
        else:
            top = f"{prefix}.path" if prefix else "path"
            found = {**_flattened(content or {}), top: folder}
            found |= {f"{top}.{key}": value for key, value in names.items() if key != "path"}
            found |= {f"{top}[{index}]": part for index, part in enumerate(segments) if part}
            found |= {f"values.{key}": value for key, value in _filled(values, found, go=False).items()}
        yield found


def _folders(spec: Mapping[str, Any], files: Source) -> list[tuple[str, None]]:
    """Folders that a pattern of `directories` matches and none of those with `exclude`; `*` stops at `/`."""
    wanted = spec.get("directories") or ()
    known: set[str] = set()
    for name in files.files if wanted else ():
        parts = name.split("/")[:-1]
        known |= {"/".join(parts[:length]) for length in range(1, len(parts) + 1)}
    return [
        (folder, None)
        for folder in sorted(known)
        if not any(part.startswith(".") for part in folder.split("/"))
        and any(_matches(str(item["path"]), folder) for item in wanted if not item.get("exclude"))
        and not any(_matches(str(item["path"]), folder) for item in wanted if item.get("exclude"))
    ]


def _documents(spec: Mapping[str, Any], files: Source) -> list[tuple[str, dict[str, Any]]]:
    wanted = spec.get("files") or ()
    found: list[tuple[str, dict[str, Any]]] = []
    for name in files.files if wanted else ():
        if not any(_matches_deep(str(item["path"]), name) for item in wanted if not item.get("exclude")):
            continue
        if any(_matches_deep(str(item["path"]), name) for item in wanted if item.get("exclude")):
            continue
        try:
            (content,) = goyaml.load_all((files.root / name).read_bytes())
        except (yaml.YAMLError, ValueError):
            raise NotEvaluated(f"its generator reads {name}, which is not one document of YAML") from None
        many = content if isinstance(content, list) else [content]
        found += [(name, dict(item)) for item in many if isinstance(item, dict)]
    return found


def _matches(pattern: str, path: str) -> bool:
    """Go's path.Match: a star stops at a slash."""
    wanted, given = pattern.split("/"), path.split("/")
    return len(wanted) == len(given) and all(map(fnmatch.fnmatchcase, given, wanted))


def _matches_deep(pattern: str, path: str) -> bool:
    """A pattern in which `**` stands for any number of folders."""

    def walk(wanted: list[str], given: list[str]) -> bool:
        if not wanted:
            return not given
        if wanted[0] == "**":
            return any(walk(wanted[1:], given[skip:]) for skip in range(len(given) + 1))
        return bool(given) and fnmatch.fnmatchcase(given[0], wanted[0]) and walk(wanted[1:], given[1:])

    return walk(pattern.split("/"), path.split("/"))


def _normalised(name: str) -> str:
    return re.sub(r"[^-a-z0-9.]", "-", name.lower())[:253].strip("-.")


def _flat_values(element: Mapping[str, Any]) -> dict[str, Any]:
    out = {str(key): value for key, value in element.items() if key != "values"}
    return out | {f"values.{key}": value for key, value in (element.get("values") or {}).items()}


def _flattened(value: Any, prefix: str = "") -> dict[str, Any]:
    items: Iterable[tuple[Any, Any]]
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    else:
        return {prefix: str(value).lower() if isinstance(value, bool) else str(value)}
    out: dict[str, Any] = {}
    for key, item in items:
        out |= _flattened(item, f"{prefix}.{key}" if prefix else str(key))
    return out


def _over(below: Any, above: Any) -> Any:
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above if above not in (None, "", {}, []) else below
    return {key: _over(below.get(key), above.get(key)) for key in {**below, **above}}


def _filled(value: Any, parameters: Mapping[str, Any], *, go: bool) -> Any:
    if isinstance(value, dict):
        return {
            str(_filled(key, parameters, go=go)): _filled(item, parameters, go=go)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_filled(item, parameters, go=go) for item in value]
    if not isinstance(value, str):
        return value
    if go:
        return _GO.sub(lambda match: _go(match[1], parameters), value)
    # What is no parameter stays as it is written.
    return _PLAIN.sub(lambda match: str(parameters.get(match[1], match[0])), value)


def _go(expression: str, parameters: Mapping[str, Any]) -> str:
    """The value of a field or of `index`; everything else is a program."""
    indexed = _GO_INDEX.fullmatch(expression)
    if not indexed and not _GO_FIELD.fullmatch(expression):
        raise NotEvaluated(f"its template holds {{{{{expression}}}}}")
    steps: list[Any] = (indexed[1] if indexed else expression).split(".")[1:]
    steps += [
        int(word) if word.isdigit() else word.strip('"') for word in (indexed[2] if indexed else "").split()
    ]
    node: Any = parameters
    for step in steps:
        try:
            node = node[step]
        except (KeyError, IndexError, TypeError):
            raise NotEvaluated(f"its template names {expression}, which no generator gives") from None
    if isinstance(node, dict | list) or node is None:
        raise NotEvaluated(f"its template prints {expression}, which is no text")
    return str(node).lower() if isinstance(node, bool) else str(node)
