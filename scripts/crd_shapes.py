"""Write `check/shapes/crds.json`: names and types of the custom resources that we generate.

From a folder of CustomResourceDefinitions: `python scripts/crd_shapes.py CRDS`. No prose, no defaults.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from openinfra_tui import yamlio

KINDS = {
    "argoproj.io": ("AppProject", "Application"),
    "bitnami.com": ("SealedSecret",),
    "cert-manager.io": ("Certificate", "ClusterIssuer", "Issuer"),
    "external-secrets.io": ("ClusterSecretStore", "ExternalSecret"),
    "gateway.envoyproxy.io": ("BackendTrafficPolicy", "EnvoyProxy"),
    "gateway.networking.k8s.io": ("Gateway", "GatewayClass", "HTTPRoute"),
    "helm.toolkit.fluxcd.io": ("HelmRelease",),
    "kustomize.toolkit.fluxcd.io": ("Kustomization",),
    "metallb.io": ("IPAddressPool", "L2Advertisement"),
    "source.toolkit.fluxcd.io": ("GitRepository", "HelmRepository", "OCIRepository"),
}
PROSE = ("description", "default", "example", "title")


def bare(schema: Any, *, names: bool = False) -> Any:
    """A schema without prose; below `properties` every key is a name and stays."""
    if isinstance(schema, list):
        return [bare(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {
        key: value
        for key, value in schema.items()
        if names or key not in (*PROSE, "x-kubernetes-validations")
    }
    return {key: bare(value, names=key == "properties" and not names) for key, value in kept.items()}


def main() -> None:
    """Read the folder, write the file."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(Path(sys.argv[1]).rglob("*.yaml")):
        for crd in yamlio.load_all(path.read_bytes()):
            if not isinstance(crd, dict) or crd.get("kind") != "CustomResourceDefinition":
                continue
            spec = crd["spec"]
            if spec["names"]["kind"] not in KINDS.get(spec["group"], ()):
                continue
            for version in spec["versions"]:
                if version["served"] and not version.get("deprecated"):
                    key = f"{spec['group']}/{version['name']}/{spec['names']['kind']}"
                    found[key] = bare(version["schema"]["openAPIV3Schema"])
    target = Path(__file__).parents[1] / "openinfra_tui/check/shapes/crds.json"
    target.write_text(json.dumps(found, sort_keys=True, separators=(",", ":")) + "\n", "utf-8")


if __name__ == "__main__":
    main()
