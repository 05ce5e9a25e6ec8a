"""Flux: a plan as Kustomizations, HelmReleases and sources (Flux 2.9; gitops-and-peers.md A)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openinfra_tui.engine import (
    flux_mirror,
    flux_secrets,
    flux_sources,
    layout,
    manifests,
    mirror,
    objects,
    pins,
)
from openinfra_tui.engine.flux_sources import bare
from openinfra_tui.tree.model import File, Tree
from openinfra_tui.yamlio import dump

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from openinfra_tui.plan.component import Component, Release
    from openinfra_tui.plan.model import Plan, Step

_KUSTOMIZATION = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
_KEEP = {"kustomize.toolkit.fluxcd.io/prune": "disabled"}
_STABLE = {"disableNameSuffixHash": True, "labels": {"reconcile.fluxcd.io/watch": "Enabled"}}


def write(plan: Plan, rendered: Mapping[str, Mapping[str, bytes]], secret_files: Collection[str]) -> Tree:
    """Every file that Flux reads beside values and secrets.

    Args:
        plan: the steps of one cluster.
        rendered: by component, the files of its skeleton.
        secret_files: paths of the encrypted values files.
    """
    files: dict[str, str] = {}
    sources, common = layout.chart_sources(plan), layout.commons(plan)
    images = mirror.values_files(plan, rendered)
    for step in plan.steps:
        component = step.component
        if step.configs:
            files |= _configs(plan, component, rendered[component.name])
        elif component.manifests is not None:
            files |= manifests.write(plan, component, component.manifests)
        elif component.objects is not None:
            sealed = f"{layout.overlay(plan, component)}/secrets.sops.yaml" in secret_files
            files |= objects.write(plan, component, rendered, sealed)
        elif component.is_common:
            files |= _common(plan, component, sources, secret_files)
        else:
            shared = common.get(component.group or "")
            led = images.get(f"{layout.overlay(plan, component)}/{mirror.FILE}", "")
            files |= _release(plan, component, shared, sources, secret_files, led)
    files |= _entry(plan, secret_files)
    tree = Tree({path: File(text.encode(), "flux") for path, text in files.items()})
    return tree.merged(layout.user_values(plan, "flux"))


def _common(
    plan: Plan, component: Component, sources: Mapping[str, str], secret_files: Collection[str]
) -> dict[str, str]:
    base, overlay = layout.base(component), layout.overlay(plan, component)
    used = {r.source for c in plan.components if c.group == component.name for r in c.releases}
    objects = [
        flux_sources.helm_repository(name, sources[name]) for name in sorted(used) if name != pins.GIT_SOURCE
    ]
    led = flux_mirror.common(plan, sources, used)
    patches: list[Mapping[str, Any]] = [*led.patches]
    files = {f"{overlay}/{name}": text for name, text in led.files.items()}
    if pins.GIT_SOURCE in used:
        objects.append(flux_sources.git_repository())
        patches.insert(0, {"path": "pin.yaml"})
        files[f"{overlay}/pin.yaml"] = (
            "# The charts that have no published package at this release, at one commit: a tag can move.\n"
            + dump(
                {
                    **bare("source.toolkit.fluxcd.io/v1", "GitRepository", pins.GIT_SOURCE),
                    "spec": {"ref": {"tag": pins.GIT_TAG, "commit": pins.GIT_COMMIT}},
                }
            )
        )
    files[f"{base}/sources.yaml"] = "---\n".join(dump(item) for item in objects)
    files[f"{base}/kustomization.yaml"] = dump(
        {**_KUSTOMIZATION, "namespace": component.namespace, "resources": ["sources.yaml"]}
    )
    generators: dict[str, Any] = {
        "configMapGenerator": [
            {"name": f"{component.name}-common-values", "files": ["values.yaml"], "options": _STABLE}
        ]
    }
    resources, secrets = flux_secrets.build(plan, component, secret_files, {"options": _STABLE})
    files[f"{overlay}/kustomization.yaml"] = dump(
        {
            **_KUSTOMIZATION,
            "namespace": component.namespace,
            "resources": [f"../../../../{base}", *resources],
            **({"patches": patches} if patches else {}),
            **generators,
            **secrets,
        }
    )
    return files


def _release(
    plan: Plan,
    component: Component,
    common: Component | None,
    sources: Mapping[str, str],
    secret_files: Collection[str],
    images: str,
) -> dict[str, str]:
    (release,) = component.releases
    base, overlay = layout.base(component), layout.overlay(plan, component)
    up = "../" * (overlay.count("/") + 1)
    has_secrets = bool(flux_secrets.file_of(plan, component, secret_files))
    common_secrets = common is not None and bool(flux_secrets.file_of(plan, common, secret_files))
    resources, secrets = flux_secrets.build(plan, component, secret_files, {})
    url = sources.get(release.source, pins.GIT_URL)
    led = flux_mirror.release(plan, component, release, url, shared=common is not None, images=images)
    objects = flux_sources.source(component, release, url, common is not None)
    pin = flux_sources.pin(component, release, url, layout.chart_place(plan, release))
    patches = [*([{"path": "pin.yaml"}] if pin else []), *led.patches]
    helm_release = _helm_release(component, release, url, common, has_secrets, common_secrets)
    generators: dict[str, Any] = {
        "configMapGenerator": [
            {"name": f"{component.name}-values", "files": ["values.yaml"]},
            *led.maps,
            {"name": f"{component.name}-user-values", "files": ["values.yaml=values.user.yaml"]},
        ],
        **secrets,
    }
    files = {
        **{f"{overlay}/{name}": text for name, text in led.files.items()},
        f"{base}/release.yaml": "---\n".join(dump(item) for item in [*objects, helm_release]),
        f"{base}/kustomizeconfig.yaml": _NAME_REFERENCE,
        f"{base}/kustomization.yaml": dump(
            {
                **_KUSTOMIZATION,
                "namespace": component.namespace,
                "resources": ["release.yaml"],
                "configMapGenerator": [{"name": f"{component.name}-base-values", "files": ["values.yaml"]}],
                "configurations": ["kustomizeconfig.yaml"],
            }
        ),
        f"{overlay}/kustomization.yaml": dump(
            {
                **_KUSTOMIZATION,
                "namespace": component.namespace,
                "resources": [f"{up}{base}", *resources, *led.resources],
                **({"patches": patches} if patches else {}),
                **generators,
            }
        ),
    }
    if pin:
        files[f"{overlay}/pin.yaml"] = pin
    return files


_NAME_REFERENCE = (
    "# The generated names carry a digest, so that a changed value is a changed release.\n"
    + dump(
        {
            "nameReference": [
                {
                    "kind": kind,
                    "version": "v1",
                    "fieldSpecs": [{"path": "spec/valuesFrom/name", "kind": "HelmRelease"}],
                }
                for kind in ("ConfigMap", "Secret")
            ]
        }
    )
)


def _helm_release(
    component: Component,
    release: Release,
    url: str,
    common: Component | None,
    has_secrets: bool,
    common_secrets: bool,
) -> dict[str, Any]:
    if pins.is_oci(url):
        chart: dict[str, Any] = {"chartRef": {"kind": "OCIRepository", "name": component.name}}
    elif release.source == pins.GIT_SOURCE:
        reference = {"kind": "GitRepository", "name": pins.GIT_SOURCE}
        chart = {
            "chart": {
                "spec": {
                    "chart": f"./{release.chart}",
                    "reconcileStrategy": "Revision",
                    "sourceRef": reference,
                }
            }
        }
    else:
        name = release.source if common else component.name
        chart = {
            "chart": {"spec": {"chart": release.chart, "sourceRef": {"kind": "HelmRepository", "name": name}}}
        }
    wait = {"disableWait": True} if release.disable_wait else {}
    crds = {"crds": release.crds} if release.crds else {}
    # RetryOnFailure: a rollback or an uninstall of a half-made OpenStack loses data (osh-atmosphere.md A9).
    action = {"strategy": {"name": "RetryOnFailure", "retryInterval": "2m"}, **wait, **crds}
    maps, secrets = "ConfigMap", "Secret"
    order: list[dict[str, Any]] = [{"kind": maps, "name": f"{component.name}-base-values"}]
    if common:
        order.append({"kind": maps, "name": f"{common.name}-common-values"})
    order.append({"kind": maps, "name": f"{component.name}-values"})
    if common and common_secrets:
        order.append({"kind": secrets, "name": f"{common.name}-common-secrets"})
    if component.secrets_vary:  # the release is that of every site
        order.append({"kind": secrets, "name": f"{component.name}-secrets", "optional": True})
    elif has_secrets:
        order.append({"kind": secrets, "name": f"{component.name}-secrets"})
    order.append({"kind": maps, "name": f"{component.name}-user-values"})
    return {
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {"name": release.name, "annotations": _KEEP},
        "spec": {
            "interval": "1h",
            "releaseName": release.name,
            "targetNamespace": component.namespace,
            "storageNamespace": component.namespace,
            **chart,
            "timeout": release.timeout,
            "maxHistory": 5,
            "install": action,
            "upgrade": action,
            "driftDetection": {"mode": "enabled"},
            "valuesFrom": order,
        },
    }


def _configs(plan: Plan, component: Component, rendered: Mapping[str, bytes]) -> dict[str, str]:
    folder = f"{layout.overlay(plan, component)}/configs"
    names = sorted(path.removeprefix(f"{folder}/") for path in rendered if path.startswith(f"{folder}/"))
    return {f"{folder}/kustomization.yaml": dump({**_KUSTOMIZATION, "resources": names})}


def _entry(plan: Plan, secret_files: Collection[str]) -> dict[str, str]:
    folder = layout.entry(plan)
    files = {
        f"{folder}/{step.name}.yaml": dump(_flux_kustomization(plan, step, secret_files))
        for step in plan.steps
    }
    names = sorted(path.removeprefix(f"{folder}/") for path in files)
    files[f"{folder}/kustomization.yaml"] = dump({**_KUSTOMIZATION, "resources": ["flux-system", *names]})
    url, branch = plan.site.get("gitops.url"), plan.site.get("gitops.branch", "main")
    access = {"secretRef": {"name": "flux-system"}} if str(url).startswith("ssh://") else {}
    source = {
        **bare("source.toolkit.fluxcd.io/v1", "GitRepository", "flux-system", "flux-system"),
        "spec": {"interval": "1m", "url": url, "ref": {"branch": branch}, **access},
    }
    root = {
        **bare("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "flux-system", "flux-system"),
        "spec": {
            "interval": "10m",
            "path": f"./{folder}",
            "prune": True,
            "sourceRef": {"kind": "GitRepository", "name": "flux-system"},
        },
    }
    files[f"{folder}/flux-system/gotk-sync.yaml"] = f"{dump(source)}---\n{dump(root)}"
    files[f"{folder}/flux-system/kustomization.yaml"] = dump(
        {**_KUSTOMIZATION, "resources": ["gotk-sync.yaml"]}
    )
    return files


def _flux_kustomization(plan: Plan, step: Step, secret_files: Collection[str]) -> dict[str, Any]:
    component = step.component
    health = component.configs.health if step.configs and component.configs else component.health
    if not step.configs:
        health = (*health, *flux_secrets.health(plan, component, secret_files))
    configs = "/configs" if step.configs else ""
    own = component.objects.timeout if component.objects and not step.configs else "10m"
    timeout = max((release.timeout for release in component.releases), key=_seconds, default=own)
    spec: dict[str, Any] = {
        "interval": "10m",
        "retryInterval": "1m",
        "timeout": timeout,
        "path": f"./sites/{plan.site.name}/{component.place}{configs}",
        "prune": True,
        "wait": True,
        "sourceRef": {"kind": "GitRepository", "name": "flux-system"},
    }
    if step.depends_on:
        spec["dependsOn"] = [{"name": name} for name in step.depends_on]
    if flux_secrets.is_decrypted(secret_files) and not step.configs:
        spec["decryption"] = {"provider": "sops", "secretRef": {"name": "sops-age"}}
    if health:
        spec["healthCheckExprs"] = [dict(item) for item in health]
    return {
        **bare("kustomize.toolkit.fluxcd.io/v1", "Kustomization", step.name, "flux-system"),
        "spec": spec,
    }


def _seconds(duration: str) -> int:
    return int(duration[:-1]) * (60 if duration.endswith("m") else 1)
