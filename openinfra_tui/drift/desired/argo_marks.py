"""How Argo CD marks what it applies."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, NamedTuple

from openinfra_tui.drift.desired import argo_apps
from openinfra_tui.drift.model import Desired, EngineRef, key_of

if TYPE_CHECKING:
    from collections.abc import Mapping

TRACKING_ID = "argocd.argoproj.io/tracking-id"
# Argo CD 3 puts no mark on definitions (reposerver/repository/repository.go).
_UNMARKED = ("apiextensions.k8s.io", "CustomResourceDefinition")


class Tracking(NamedTuple):
    """How Argo CD marks what it applies: `application.resourceTrackingMethod` and the like of argocd-cm.

    Attributes:
        method: annotation (the default since v3), label, or annotation+label.
        label: the key of the label.
        namespace: where Argo CD runs; Applications elsewhere are told by their namespace too.
        installation: an id of this Argo CD, empty for none.
    """

    method: str = "annotation"
    label: str = "app.kubernetes.io/instance"
    namespace: str = "argocd"
    installation: str = ""

    def instance(self, ref: EngineRef) -> str:
        """The name of an Application in tracking marks."""
        return argo_apps.instance(ref, self.namespace)

    def identity(self, manifest: Mapping[str, Any], ref: EngineRef, namespace: str) -> str:
        """What the annotation of an object says; of one without a namespace, that of the destination."""
        key = key_of(dict(manifest))
        return f"{self.instance(ref)}:{key.group}/{key.kind}:{key.namespace or namespace}/{key.name}"

    def owns(self, manifest: Mapping[str, Any], ref: EngineRef) -> bool:
        """Whether an object is marked as applied by an Application; a mark copied from another is none."""
        metadata = manifest.get("metadata") or {}
        if self.method == "label":
            return (metadata.get("labels") or {}).get(self.label) == self.instance(ref)
        mark = str((metadata.get("annotations") or {}).get(TRACKING_ID) or "")
        # Of what has no namespace, any that the mark names will do: it is unique without.
        return mark == self.identity(manifest, ref, mark.rpartition(":")[2].partition("/")[0])


def tracking(settings: Mapping[str, Any] | None, namespace: str) -> Tracking:
    """The marks that `argocd-cm` asks for; without it those of a new installation."""
    data = (settings or {}).get("data") or {}
    plain = Tracking()
    return Tracking(
        str(data.get("application.resourceTrackingMethod") or plain.method),
        str(data.get("application.instanceLabelKey") or plain.label),
        namespace or plain.namespace,
        str(data.get("installationID") or ""),
    )


def marked(desired: Desired, marks: Tracking) -> Desired:
    """An object with the marks that Argo CD puts on it; its namespace must be known by now."""
    ref = desired.application.ref
    if ref.kind != "Application" or (desired.key.group, desired.key.kind) == _UNMARKED:
        return desired
    metadata = dict(desired.object.get("metadata") or {})
    annotations = dict(metadata.get("annotations") or {})
    annotations.pop("argocd.argoproj.io/installation-id", None)
    if marks.method != "label":
        annotations[TRACKING_ID] = marks.identity(desired.object, ref, desired.application.namespace)
        if marks.installation:
            annotations["argocd.argoproj.io/installation-id"] = marks.installation
    if annotations:
        metadata["annotations"] = annotations
    if marks.method != "annotation":
        # A label holds 63 characters and must not end in a sign.
        name = marks.instance(ref)
        name = name if marks.method == "label" else name[:63].rstrip("-_.")
        metadata["labels"] = {**(metadata.get("labels") or {}), marks.label: name}
    marked = {**desired.object, "metadata": metadata}
    if marks.method != "label":
        return dataclasses.replace(desired, object=marked)
    application = dataclasses.replace(desired.application, instance_label=marks.label)
    return dataclasses.replace(desired, object=marked, application=application)
