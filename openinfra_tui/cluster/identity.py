"""Who we are to an API server, and what we may do there; both are asked with reviews, which store nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from openinfra_tui.cluster.errors import ApiError

if TYPE_CHECKING:
    from openinfra_tui.cluster.connection import Connection


async def user(connection: Connection) -> str:
    """The name that the server knows us by; empty where it does not say (before Kubernetes 1.28)."""
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    try:
        answer = await connection.send(
            "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", body=json.dumps(body).encode()
        )
        return str(json.loads(answer.content)["status"]["userInfo"]["username"])
    except (ApiError, ValueError, KeyError, TypeError):
        return ""


async def may(connection: Connection, verb: str, group: str, plural: str, namespace: str = "") -> bool:
    """Whether we may do this; False also where the server does not say."""
    attributes = {"verb": verb, "group": group, "resource": plural, "namespace": namespace}
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    try:
        answer = await connection.send(
            "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body=json.dumps(body).encode()
        )
        return bool(json.loads(answer.content)["status"]["allowed"])
    except (ApiError, ValueError, KeyError, TypeError):
        return False
