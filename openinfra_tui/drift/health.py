"""Whether an object does what it should: the rules of kstatus (kubernetes-sigs/cli-utils, pkg/kstatus)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openinfra_tui.drift.model import group_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CURRENT, IN_PROGRESS, FAILED = "Current", "InProgress", "Failed"
TERMINATING, NOT_FOUND = "Terminating", "NotFound"


def health(live: Mapping[str, Any] | None) -> str:
    """Current, InProgress, Failed, Terminating, or NotFound where there is no object."""
    if live is None:
        return NOT_FOUND
    metadata, status = live.get("metadata") or {}, live.get("status") or {}
    if metadata.get("deletionTimestamp"):
        return TERMINATING
    seen = status.get("observedGeneration")
    if seen is not None and seen != metadata.get("generation"):
        return IN_PROGRESS
    conditions = _conditions(status)
    if _state(conditions, "Reconciling") == "True":
        return IN_PROGRESS
    if _state(conditions, "Stalled") == "True":
        return FAILED
    rule = _RULES.get((group_of(str(live.get("apiVersion", ""))), str(live.get("kind"))))
    if rule is not None:
        return rule(live.get("spec") or {}, status, conditions)
    ready = _state(conditions, "Ready")
    return CURRENT if ready in ("True", "") else IN_PROGRESS


_Conditions = dict[str, dict[str, Any]]


def _conditions(status: Mapping[str, Any]) -> _Conditions:
    found = status.get("conditions")
    items = found if isinstance(found, list) else []
    return {str(item.get("type")): item for item in items if isinstance(item, dict)}


def _state(conditions: _Conditions, name: str) -> str:
    return str(conditions.get(name, {}).get("status", ""))


def _number(values: Mapping[str, Any], name: str, otherwise: int = 0) -> int:
    value = values.get(name)
    return value if isinstance(value, int) else otherwise


def _always(*_: object) -> str:
    return CURRENT


def _deployment(spec: Mapping[str, Any], status: Mapping[str, Any], conditions: _Conditions) -> str:
    progressing = conditions.get("Progressing", {})
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return FAILED
    wanted = _number(spec, "replicas", 1)
    there, updated = _number(status, "replicas"), _number(status, "updatedReplicas")
    available, ready = _number(status, "availableReplicas"), _number(status, "readyReplicas")
    if wanted != there or wanted > updated or updated > available or wanted > ready:
        return IN_PROGRESS
    # Without a deadline the controller writes no such condition.
    moved = "progressDeadlineSeconds" not in spec or (
        progressing.get("status") == "True" and progressing.get("reason") == "NewReplicaSetAvailable"
    )
    return CURRENT if moved and _state(conditions, "Available") == "True" else IN_PROGRESS


def _stateful_set(spec: Mapping[str, Any], status: Mapping[str, Any], _: _Conditions) -> str:
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type") == "OnDelete":
        return CURRENT
    wanted = _number(spec, "replicas", 1)
    if wanted != _number(status, "replicas") or wanted > _number(status, "readyReplicas"):
        return IN_PROGRESS
    partition = (strategy.get("rollingUpdate") or {}).get("partition")
    if isinstance(partition, int):
        return IN_PROGRESS if _number(status, "updatedReplicas") < wanted - partition else CURRENT
    same = status.get("currentRevision", "") == status.get("updateRevision", "")
    return CURRENT if same and wanted <= _number(status, "currentReplicas") else IN_PROGRESS


def _daemon_set(_: Mapping[str, Any], status: Mapping[str, Any], __: _Conditions) -> str:
    wanted = status.get("desiredNumberScheduled")
    if not isinstance(wanted, int) or "observedGeneration" not in status:
        return IN_PROGRESS
    names = ("currentNumberScheduled", "updatedNumberScheduled", "numberAvailable", "numberReady")
    return IN_PROGRESS if any(wanted > _number(status, name) for name in names) else CURRENT


def _replica_set(spec: Mapping[str, Any], status: Mapping[str, Any], conditions: _Conditions) -> str:
    wanted = _number(spec, "replicas", 1)
    names = ("fullyLabeledReplicas", "availableReplicas", "readyReplicas")
    short = any(wanted > _number(status, name) for name in names) or _number(status, "replicas") > wanted
    return IN_PROGRESS if short or _state(conditions, "ReplicaFailure") == "True" else CURRENT


def _pod(_: Mapping[str, Any], status: Mapping[str, Any], conditions: _Conditions) -> str:
    phase = status.get("phase")
    if phase in ("Succeeded", "Failed") or (phase == "Running" and _state(conditions, "Ready") == "True"):
        return CURRENT
    # kstatus waits 15 s before it says so; here the next event says otherwise.
    if phase == "Pending" and conditions.get("PodScheduled", {}).get("reason") == "Unschedulable":
        return FAILED
    containers = [item for item in status.get("containerStatuses") or () if isinstance(item, dict)]
    waiting = [((item.get("state") or {}).get("waiting") or {}).get("reason") for item in containers]
    return FAILED if phase == "Running" and "CrashLoopBackOff" in waiting else IN_PROGRESS


def _claim(_: Mapping[str, Any], status: Mapping[str, Any], __: _Conditions) -> str:
    return CURRENT if status.get("phase") == "Bound" else IN_PROGRESS


def _job(_: Mapping[str, Any], status: Mapping[str, Any], conditions: _Conditions) -> str:
    if _state(conditions, "Failed") == "True":
        return FAILED
    still = any(_state(conditions, name) == "True" for name in ("Complete", "Suspended"))
    return CURRENT if still or status.get("startTime") else IN_PROGRESS


def _service(spec: Mapping[str, Any], _: Mapping[str, Any], __: _Conditions) -> str:
    return IN_PROGRESS if spec.get("type") == "LoadBalancer" and not spec.get("clusterIP") else CURRENT


def _definition(_: Mapping[str, Any], __: Mapping[str, Any], conditions: _Conditions) -> str:
    established = conditions.get("Established", {})
    refused = established.get("status") == "False" and established.get("reason") != "Installing"
    if refused or _state(conditions, "NamesAccepted") == "False":
        return FAILED
    return CURRENT if established.get("status") == "True" else IN_PROGRESS


_RULES: dict[tuple[str, str], Callable[[Mapping[str, Any], Mapping[str, Any], _Conditions], str]] = {
    ("", "ConfigMap"): _always,
    ("", "PersistentVolumeClaim"): _claim,
    ("", "Pod"): _pod,
    ("", "Secret"): _always,
    ("", "Service"): _service,
    ("apps", "DaemonSet"): _daemon_set,
    ("apps", "Deployment"): _deployment,
    ("apps", "ReplicaSet"): _replica_set,
    ("apps", "StatefulSet"): _stateful_set,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
    ("batch", "CronJob"): _always,
    ("batch", "Job"): _job,
    ("policy", "PodDisruptionBudget"): _always,
}
