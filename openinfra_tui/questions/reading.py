"""From a site file, finished or not, to answers."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from openinfra_tui.questions.answers import Answers, put, value_of
from openinfra_tui.questions.listing import asked_by_name, listed, questions
from openinfra_tui.questions.model import NAME, Question, schema_path
from openinfra_tui.site import read, validate
from openinfra_tui.site.load import apply_overrides
from openinfra_tui.site.problem import Problem, SiteError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openinfra_tui.site.model import Site


def answers_of(site: Site) -> Answers:
    """The answers that a site holds: what its file says, and what differs from the defaults."""
    found = _flat({"metadata": {"name": site.name}, "spec": site.spec})
    values = {
        path: value
        for path, value in found.items()
        if ".".join(map(str, schema_path(path))) in site.lines
        or value != value_of(Answers({key: other for key, other in found.items() if key != path}), path)
    }
    return Answers(values)


def answers_from(text: str, source: str, overrides: Sequence[str] = ()) -> Answers:
    """The answers of a site file that may lack any of them.

    Args:
        text: the YAML.
        source: what to call it in messages.
        overrides: as for `load_site`.

    Raises:
        SiteError: what is there is not as the schema demands.
    """
    read_in = read.read(text, source)
    data = read_in.data if isinstance(read_in.data, dict) else {}
    problems = list(read_in.problems)
    if read_in.data is not None and not isinstance(read_in.data, dict):
        problems.append(Problem(source, 0, "", "a site file is one mapping with metadata and spec"))
    problems += apply_overrides(data, overrides)
    if problems:
        raise SiteError(problems)
    for path, message in validate.faults(data, unfinished=True):
        problems.append(Problem(source, read_in.lines.get(path, 0), read.dotted(path), message))
    if problems:
        raise SiteError(problems)
    return Answers(_flat(data))


def override(answers: Answers, overrides: Sequence[str]) -> Answers:
    """The answers with some replaced.

    Args:
        answers: what was said before.
        overrides: `metadata.name=VALUE`, or `PATH=VALUE` as for `load_site`.

    Raises:
        SiteError: a path leads nowhere, or a value is not as the schema demands.
    """
    data: dict[str, Any] = {"metadata": {}, "spec": {}}
    for path, value in answers.values.items():
        question = listed(path)
        keys = question is not None and question.kind == "keys"
        places = {f"{path}.{key}": {} for key in value} if keys else {path: deepcopy(value)}
        for place, content in places.items():
            put(data, place, content)
    for name in (one.partition("=")[2] for one in overrides if one.startswith(f"{NAME}=")):
        given = read.read(name, "--set").data
        if given is None:
            data["metadata"].pop("name", None)
        else:
            data["metadata"]["name"] = given if isinstance(given, str) else name
    rest = [one for one in overrides if not one.startswith(f"{NAME}=")]
    problems = apply_overrides(data, rest)
    found = [] if problems else validate.faults(data, unfinished=True)
    problems += [Problem("--set", 0, read.dotted(path), message) for path, message in found]
    if problems:
        raise SiteError(problems)
    return Answers(_flat(data), answers.seen)


def _flat(data: Mapping[str, Any]) -> dict[str, Any]:
    """The value of each question that is in the data."""
    values: dict[str, Any] = {}
    spec = data.get("spec", {})
    if "name" in data.get("metadata", {}):
        values[NAME] = data["metadata"]["name"]
    for question in questions():
        if question.path != NAME:
            values |= _found(spec, question)
    return values


def _found(spec: Any, question: Question) -> dict[str, Any]:
    parent, star, rest = question.path.partition(".*.")
    if not star:
        value = _get(spec, question.path)
        if question.kind == "keys" and value is not None:
            value = [key for key in value if not asked_by_name(f"{question.path}.{key}")]
        return {} if value is None else {question.path: value}
    out = {}
    for key, part in (_get(spec, parent) or {}).items():
        value = None if asked_by_name(f"{parent}.{key}") else _get(part, rest)
        if value is not None:
            out[f"{parent}.{key}.{rest}"] = value
    return out


def _get(data: Any, path: str) -> Any:
    for step in path.split("."):
        if not isinstance(data, Mapping) or step not in data:
            return None
        data = data[step]
    return data
