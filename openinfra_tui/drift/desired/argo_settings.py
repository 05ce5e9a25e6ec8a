"""What `argocd-cm` takes out of every comparison: the ignore rules of a whole Argo CD (drift.md A6).

Read as Argo CD reads them (argo-cd, util/settings: GetResourceOverrides, GetResourceCompareOptions).
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from openinfra_tui.drift import normalise
from openinfra_tui.drift.desired import argo_apps, goyaml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openinfra_tui.drift.model import Desired, IgnoreRule

NAME = "argocd-cm"
_EVERYTHING = "*/*"
_WHOLE = "resource.customizations"
_SPLIT = f"{_WHOLE}.ignoreDifferences."
_OPTIONS = "resource.compareoptions"
_LISTS = ("jsonPointers", "jqPathExpressions", "managedFieldsManagers")
_DEFINITION = ("apiextensions.k8s.io", "CustomResourceDefinition")
# gitops-engine, pkg/diff: normalizeRole.
_AGGREGATED = {
    "group": "rbac.authorization.k8s.io",
    "kind": "ClusterRole",
    "jqPathExpressions": ["select(.aggregationRule != null) | .rules"],
}


class _Unreadable(Exception):
    """A value that Argo CD cannot read either: it then compares nothing."""


@dataclass(frozen=True)
class Comparing:
    """What holds for every Application of one Argo CD.

    Attributes:
        ignore: its ignore rules.
        status: whose `status` is not compared: `all`, `crd` or `none`.
        problems: what could not be read.
    """

    ignore: tuple[IgnoreRule, ...] = ()
    status: str = "all"
    problems: tuple[str, ...] = ()

    def applied_to(self, desired: Desired) -> Desired:
        """An object with the rules that select it beside those of its Application."""
        if desired.application.ref.kind != "Application":
            return desired
        if desired.object.get("status") and not desired.doubt and not self._ignores_status(desired):
            doubt = f"{NAME} has its status compared, which is not done here"
            desired = dataclasses.replace(desired, doubt=doubt)
        rules = tuple(rule for rule in self.ignore if normalise.rule_matches(rule, desired.object))
        if not rules:
            return desired
        application = desired.application
        application = dataclasses.replace(application, ignore=application.ignore + rules)
        return dataclasses.replace(desired, application=application)

    def _ignores_status(self, desired: Desired) -> bool:
        is_definition = (desired.key.group, desired.key.kind) == _DEFINITION
        return self.status == "all" or (self.status == "crd" and is_definition)


def comparing(data: Mapping[str, Any]) -> Comparing:
    """The rules of the data of an `argocd-cm`; of an empty one those of a new installation."""
    found: list[IgnoreRule] = []
    problems: list[str] = []
    options: Mapping[str, Any] = {}
    for name, key, text in _overrides(data, problems):
        try:
            found.append(_rule(name, key, _parsed(text)))
        except _Unreadable:
            problems.append(_problem(name))
    try:
        options = _parsed(data.get(_OPTIONS))
    except _Unreadable:
        problems.append(_problem(_OPTIONS))
    if options.get("ignoreAggregatedRoles") is True:
        found.append(argo_apps.rule(_AGGREGATED, f"{_OPTIONS} of {NAME}"))
    # An unquoted `off` is a boolean; what Argo CD does not know counts as `all`.
    status = options.get("ignoreResourceStatusField")
    compared = status is False or status in ("none", "off", "false")
    return Comparing(
        tuple(found), "none" if compared else "crd" if status == "crd" else "all", tuple(problems)
    )


def _overrides(data: Mapping[str, Any], problems: list[str]) -> list[tuple[str, str, Any]]:
    """Where a rule stands, the `group/kind` that it is for, and its text; one with a key of its own wins."""
    found: dict[str, tuple[str, Any]] = {}
    try:
        for key, item in _parsed(data.get(_WHOLE)).items():
            found[str(key)] = (f"{_WHOLE} ({key})", item.get("ignoreDifferences"))
    except (_Unreadable, AttributeError):
        problems.append(_problem(_WHOLE))
    for name, text in data.items():
        if not name.startswith(_SPLIT):
            continue
        parts = name.removeprefix(_SPLIT).split("_")
        if len(parts) > 2 or not parts[-1]:
            problems.append(_problem(name))
        else:
            key = "/".join(parts)
            found[_EVERYTHING if key == "all" else key] = (name, text)
    return [(name, key, text) for key, (name, text) in found.items()]


def _rule(name: str, key: str, spec: Mapping[str, Any]) -> IgnoreRule:
    group, _, kind = key.rpartition("/")
    lists = {field: spec.get(field) or [] for field in _LISTS}
    if not all(isinstance(items, list) for items in lists.values()):
        raise _Unreadable
    # Managers are looked up by `group/kind` as it is written (argo-cd, util/argo/diff: HasIgnoreDifference).
    if key != _EVERYTHING and ("/" not in key or re.search(r"[*?\[{]", key)):
        lists["managedFieldsManagers"] = []
    return argo_apps.rule({"group": group, "kind": kind, **lists}, f"{name} of {NAME}")


def _parsed(text: Any) -> Mapping[str, Any]:
    """A value of the ConfigMap, which is YAML itself."""
    if not isinstance(text, str | None):
        raise _Unreadable
    try:
        documents = goyaml.load_all(text or "")
    except (yaml.YAMLError, ValueError):
        raise _Unreadable from None
    if not documents:
        return {}
    if not isinstance(documents[0], dict):
        raise _Unreadable
    return documents[0]


def _problem(name: str) -> str:
    return f"{NAME}: {name} cannot be read, by Argo CD neither: its ignore rules are not known"
