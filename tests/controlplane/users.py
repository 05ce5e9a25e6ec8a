"""Who may do what in the test cluster: one token a user, rights by RBAC as an operator would give them."""

from __future__ import annotations

import secrets
from pathlib import Path

from tests.controlplane.client import Client, Object

ADMIN = "admin"
READER = "reader"
NO_SECRETS = "no-secrets"
NOBODY = "nobody"
USERS = (ADMIN, READER, NO_SECRETS, NOBODY)

_LOOK = ["get", "list", "watch"]
_RBAC = "rbac.authorization.k8s.io/v1"


def write_tokens(path: Path) -> dict[str, str]:
    """Write the API server's token file; returns the token of each user."""
    tokens = {user: secrets.token_hex(16) for user in USERS}
    groups = {ADMIN: '"system:masters"'}
    lines = [f"{token},{user},{user},{groups.get(user, '')}".rstrip(",") for user, token in tokens.items()]
    path.touch(mode=0o600)
    path.write_text("\n".join(lines) + "\n")
    return tokens


def grant(admin: Client) -> None:
    """Give the readers their rights; again whenever API groups were added.

    RBAC only adds, so "all but Secrets" is spelled out from what the server has: every resource of the core
    group but that one, and every other group whole.
    """
    core = [
        resource["name"]
        for resource in admin.request("GET", "/api/v1")["resources"]
        if resource["name"] != "secrets"
    ]
    crds = admin.list("apiextensions.k8s.io/v1", "CustomResourceDefinition")
    groups = {group["name"] for group in admin.request("GET", "/apis")["groups"]}
    groups |= {crd["spec"]["group"] for crd in crds}
    _bind(admin, READER, [{"apiGroups": ["*"], "resources": ["*"], "verbs": _LOOK}])
    _bind(
        admin,
        NO_SECRETS,
        [
            {"apiGroups": [""], "resources": core, "verbs": _LOOK},
            {"apiGroups": sorted(groups), "resources": ["*"], "verbs": _LOOK},
        ],
    )


def _bind(admin: Client, user: str, rules: list[Object]) -> None:
    name = f"tests:{user}"
    admin.apply({"apiVersion": _RBAC, "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules})
    admin.apply(
        {
            "apiVersion": _RBAC,
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
        }
    )
