"""What a request to a Kubernetes API server asks for.

Source: Kubernetes documentation, "Kubernetes API Concepts" (paths, watch and dryRun parameters).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

_RESOURCE = re.compile(
    r"/(?:api/(?P<core>[^/]+)|apis/(?P<group>[^/]+)/(?P<version>[^/]+))"
    r"(?:/namespaces/(?P<namespace>[^/]+)(?=/[^/]+))?"
    r"/(?P<resource>[^/]+)(?:/(?P<name>[^/]+))?(?:/(?P<sub>.+))?"
)
_WRITES = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True)
class Asked:
    """One request: the verb as RBAC names it, the resource, and whether it is only a try."""

    verb: str
    resource: str = ""
    namespace: str = ""
    name: str = ""
    dry_run: bool = False

    @property
    def kind(self) -> str:
        """How the request is counted: `list`, `patch dry-run`, `discovery`…"""
        return f"{self.verb} dry-run" if self.dry_run else self.verb


def understand(method: str, target: str) -> Asked:
    """Read the request line's method and target.

    What names no resource (`/api`, `/openapi/v3`, `/version`, `/healthz`) is `discovery`.
    """
    parts = urlsplit(target)
    query = parse_qs(parts.query, keep_blank_values=True)
    found = _RESOURCE.fullmatch(parts.path)
    if found is None:
        return Asked("discovery")
    resource = found["resource"] + (f"/{found['sub']}" if found["sub"] else "")
    name = found["name"] or ""
    return Asked(
        _verb(method, name, query),
        resource,
        found["namespace"] or "",
        name,
        dry_run="All" in query.get("dryRun", []),
    )


def _verb(method: str, name: str, query: dict[str, list[str]]) -> str:
    if method in _WRITES:
        return "deletecollection" if method == "DELETE" and not name else _WRITES[method]
    if query.get("watch", ["false"])[0] in {"true", "1", ""} and "watch" in query:
        return "watch"
    return "get" if name else "list"
