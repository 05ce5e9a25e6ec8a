"""What became of each component: read from the conditions that Flux's controllers write."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.controlplane.client import Client, Object, condition

KUSTOMIZATION = ("kustomize.toolkit.fluxcd.io/v1", "Kustomization")
RELEASE = ("helm.toolkit.fluxcd.io/v2", "HelmRelease")
SOURCE = "source.toolkit.fluxcd.io/v1"


@dataclass(frozen=True)
class Outcome:
    """A line of the report: a component, `ready`, `expected` or `failed`, the controller's words, and when."""

    name: str
    state: str
    reason: str
    at: str


def ready_at(obj: Object, revision: str) -> bool:
    """Whether a Kustomization has applied a revision and all of it is ready."""
    return (
        obj.get("status", {}).get("lastAppliedRevision") == revision
        and condition(obj).get("status") == "True"
    )


def kustomizations(client: Client) -> dict[str, Object]:
    """Flux's Kustomizations, by name."""
    return {obj["metadata"]["name"]: obj for obj in client.list(*KUSTOMIZATION)}


def releases(client: Client) -> dict[str, Object]:
    """HelmReleases, by name: the names of a site are unique."""
    return {obj["metadata"]["name"]: obj for obj in client.list(*RELEASE)}


def unready(client: Client, revision: str, names: Iterable[str]) -> dict[str, str]:
    """The steps that are not ready at a revision, with what their Kustomization says."""
    found = kustomizations(client)
    return {
        name: said(found[name]) if name in found else "not there"
        for name in names
        if name not in found or not ready_at(found[name], revision)
    }


def said(obj: Object) -> str:
    """The words of an object's condition Ready."""
    ready = condition(obj) or next(
        (item for item in obj.get("status", {}).get("conditions") or [] if item["type"] == "Ready"), {}
    )
    return f"{ready.get('status', 'Unknown')} {ready.get('reason', '')}: {ready.get('message', '')}"


def outcomes(
    client: Client, revision: str, names: Iterable[str], expected: Mapping[str, str]
) -> list[Outcome]:
    """One outcome a step, in the order of the plan; `expected` says for which it need not be ready, and why."""
    found, result = kustomizations(client), []
    for name in names:
        obj = found.get(name)
        ready = condition(obj) if obj is not None else {}
        if obj is not None and ready_at(obj, revision):
            state, reason = "ready", ready["message"]
        elif name in expected:
            state, reason = "expected", expected[name]
        else:
            state, reason = "failed", said(obj) if obj is not None else "not there"
        result.append(Outcome(name, state, reason, ready.get("lastTransitionTime", "")))
    return result


def write_report(path: Path, engine: str, found: Iterable[Outcome]) -> None:
    """The report of a run, in the form that both engines share."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"engine": engine, "components": [asdict(outcome) for outcome in found]}
    path.write_text(json.dumps(content, indent=1) + "\n", "utf-8")


def write_table(path: Path, client: Client, seconds: float) -> None:
    """All releases and Pods of a site that converged, and how long it took."""
    rows = []
    for name, release in sorted(releases(client).items()):
        latest = release["status"]["history"][0]
        where = release["spec"]["targetNamespace"]
        rows.append(
            {
                "name": name,
                "namespace": where,
                "chart": latest["chartVersion"],
                "status": latest["status"],
                "at": latest["lastDeployed"],
            }
        )
    pods = {
        f"{pod['metadata']['namespace']}/{pod['metadata']['name']}": pod["status"]["phase"]
        for pod in client.list("v1", "Pod")
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps({"seconds": round(seconds), "releases": rows, "pods": pods}, indent=1) + "\n", "utf-8"
    )
