"""A kubeconfig as kubectl reads it: which server, and who we are there.

Files of `KUBECONFIG` are merged, the first word on a name wins; relative paths are relative to the file that
holds them. Inside a cluster without a kubeconfig the mounted service account is used.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from openinfra_tui import proc, yamlio
from openinfra_tui.errors import ToolError, UserError

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_EXEC_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")


@dataclass(frozen=True)
class ExecPlugin:
    """A program that hands out credentials."""

    api_version: str
    command: str
    args: tuple[str, ...]
    env: dict[str, str]
    provide_cluster_info: bool
    hint: str


@dataclass(frozen=True)
class Credential:
    """What proves who we are; nothing of it appears in a representation.

    Attributes:
        expires: when an exec plugin says that it ends.
    """

    token: str = field(default="", repr=False)
    certificate: bytes = field(default=b"", repr=False)
    key: bytes = field(default=b"", repr=False)
    username: str = ""
    password: str = field(default="", repr=False)
    expires: datetime | None = None


@dataclass(frozen=True)
class Access:
    """How to reach one API server.

    Attributes:
        context: the context's name, `in-cluster` inside a Pod.
        server: its URL.
        authority: PEM of the certificate authority; empty for the system's.
        insecure: the certificate is not checked.
        tls_server_name: the name that the certificate must hold.
        proxy_url: a proxy on the way.
        namespace: of the context.
        credential: static credentials.
        token_file: read again whenever a credential is needed.
        plugin: a program that hands out credentials.
        impersonate: headers of impersonation.
    """

    context: str
    server: str
    authority: bytes = b""
    insecure: bool = False
    tls_server_name: str = ""
    proxy_url: str = ""
    namespace: str = "default"
    credential: Credential = Credential()
    token_file: Path | None = None
    plugin: ExecPlugin | None = None
    impersonate: tuple[tuple[str, str], ...] = ()


def load(context: str | None = None, path: Path | None = None) -> Access:
    """The access of a context.

    Args:
        context: its name; without one the current context.
        path: one kubeconfig file, instead of `KUBECONFIG` and `~/.kube/config`.

    Raises:
        UserError: there is no kubeconfig, the context is not in it, or it is not as it must be.
    """
    files = [path] if path else _files()
    found = [file for file in files if file.is_file()]
    if not found:
        if path is None and context is None and (inside := _in_cluster()):
            return inside
        raise UserError(
            f"no kubeconfig: {', '.join(map(str, files))}", "set KUBECONFIG, or name a context of one"
        )
    configs = [(file, _read(file)) for file in found]
    name = context or next((str(c["current-context"]) for _, c in configs if c.get("current-context")), "")
    if not name:
        raise UserError("the kubeconfig has no current context", "name one with --context")
    chosen, _ = _entry(configs, "contexts", "context", name)
    cluster, cluster_file = _entry(configs, "clusters", "cluster", str(chosen.get("cluster", "")))
    user: dict[str, Any] = {}
    user_file = cluster_file
    if chosen.get("user"):
        user, user_file = _entry(configs, "users", "user", str(chosen["user"]))
    return _access(name, chosen, cluster, cluster_file, user, user_file)


def _files() -> list[Path]:
    named = [part for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    return [Path(part) for part in named] or [Path.home() / ".kube" / "config"]


def _read(path: Path) -> dict[str, Any]:
    try:
        config = yamlio.load(path.read_bytes())
    except OSError as error:
        raise UserError(f"cannot read the kubeconfig {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError):
        raise UserError(f"the kubeconfig {path} is not YAML") from None  # the error quotes the text
    if not isinstance(config, dict):
        raise UserError(f"the kubeconfig {path} is not a mapping")
    return config


def _entry(
    configs: list[tuple[Path, dict[str, Any]]], section: str, key: str, name: str
) -> tuple[dict[str, Any], Path]:
    names: list[str] = []
    for path, config in configs:
        for item in config.get(section) or ():
            if not isinstance(item, dict):
                continue
            names.append(str(item.get("name")))
            if item.get("name") == name and isinstance(item.get(key), dict):
                return item[key], path
    raise UserError(f"the kubeconfig has no {key} {name!r}", f"it has {', '.join(names) or 'none'}")


def _access(
    name: str,
    context: dict[str, Any],
    cluster: dict[str, Any],
    cluster_file: Path,
    user: dict[str, Any],
    user_file: Path,
) -> Access:
    server = str(cluster.get("server", ""))
    if not server.startswith(("https://", "http://")):
        raise UserError(f"the cluster of context {name!r} has no server URL")
    token_file = user.get("tokenFile")
    credential = Credential(
        token=str(user.get("token") or ""),
        certificate=_data(user, "client-certificate", user_file),
        key=_data(user, "client-key", user_file),
        username=str(user.get("username") or ""),
        password=str(user.get("password") or ""),
    )
    return Access(
        context=name,
        server=server.rstrip("/"),
        authority=_data(cluster, "certificate-authority", cluster_file),
        insecure=bool(cluster.get("insecure-skip-tls-verify")),
        tls_server_name=str(cluster.get("tls-server-name") or ""),
        proxy_url=str(cluster.get("proxy-url") or ""),
        namespace=str(context.get("namespace") or "default"),
        credential=credential,
        token_file=user_file.parent / str(token_file) if token_file else None,
        plugin=_plugin(user.get("exec"), user_file),
        impersonate=_impersonation(user),
    )


def _data(section: dict[str, Any], key: str, file: Path) -> bytes:
    """Inline base64 wins over a file, as in client-go."""
    if inline := section.get(f"{key}-data"):
        try:
            return base64.b64decode("".join(str(inline).split()), validate=True)
        except (binascii.Error, ValueError):
            raise UserError(f"{key}-data of {file} is not base64") from None
    if not section.get(key):
        return b""
    path = file.parent / str(section[key])
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {key} {path}: {error.strerror}") from error


def _plugin(section: Any, file: Path) -> ExecPlugin | None:
    if not isinstance(section, dict):
        return None
    version = str(section.get("apiVersion", ""))
    if version not in _EXEC_VERSIONS:
        raise UserError(f"exec credentials of version {version!r} are not supported")
    if section.get("interactiveMode") == "Always":
        raise UserError("the exec plugin of this user wants a terminal", "log in first, then run this again")
    command = str(section.get("command", ""))
    if os.sep in command and not Path(command).is_absolute():
        command = str(file.parent / command)
    return ExecPlugin(
        version,
        command,
        tuple(str(word) for word in section.get("args") or ()),
        {str(item["name"]): str(item["value"]) for item in section.get("env") or ()},
        bool(section.get("provideClusterInfo")),
        str(section.get("installHint") or ""),
    )


def _impersonation(user: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Headers of `as`, `as-uid`, `as-groups` and `as-user-extra`."""
    headers: list[tuple[str, str]] = []
    if user.get("as"):
        headers.append(("Impersonate-User", str(user["as"])))
    if user.get("as-uid"):
        headers.append(("Impersonate-Uid", str(user["as-uid"])))
    headers += [("Impersonate-Group", str(group)) for group in user.get("as-groups") or ()]
    for name, values in (user.get("as-user-extra") or {}).items():
        headers += [(f"Impersonate-Extra-{name}", str(value)) for value in values]
    return tuple(headers)


def _in_cluster() -> Access | None:
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT")
    if not host or not port or not (_ACCOUNT / "token").is_file():
        return None
    name = f"[{host}]" if ":" in host else host
    return Access(
        context="in-cluster",
        server=f"https://{name}:{port}",
        authority=(_ACCOUNT / "ca.crt").read_bytes(),
        namespace=(_ACCOUNT / "namespace").read_text().strip() or "default",
        token_file=_ACCOUNT / "token",
    )


def credential(access: Access) -> Credential:
    """Credentials that are good now: from the plugin, the token file, or the kubeconfig itself.

    Raises:
        UserError: the plugin failed or its answer is none, or the token file cannot be read.
    """
    if access.plugin:
        return _run(access.plugin, access)
    if access.token_file:
        try:
            token = access.token_file.read_text().strip()
        except OSError as error:
            raise UserError(f"cannot read the token file {access.token_file}: {error.strerror}") from error
        return Credential(token, access.credential.certificate, access.credential.key)
    return access.credential


def _run(plugin: ExecPlugin, access: Access) -> Credential:
    spec: dict[str, Any] = {"interactive": False}
    if plugin.provide_cluster_info:
        spec["cluster"] = {
            "server": access.server,
            "tls-server-name": access.tls_server_name,
            "insecure-skip-tls-verify": access.insecure,
            "certificate-authority-data": base64.b64encode(access.authority).decode(),
        }
    info = {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": spec}
    environment = {**plugin.env, "KUBERNETES_EXEC_INFO": json.dumps(info)}
    try:
        printed = proc.run([plugin.command, *plugin.args], env=environment, timeout=60).stdout
        answer = json.loads(printed)
        status = answer["status"]
        expires = status.get("expirationTimestamp")
        return Credential(
            token=str(status.get("token") or ""),
            certificate=str(status.get("clientCertificateData") or "").encode(),
            key=str(status.get("clientKeyData") or "").encode(),
            expires=datetime.fromisoformat(expires).astimezone(UTC) if expires else None,
        )
    except ToolError as error:
        raise UserError(f"the exec plugin failed: {error.message}", plugin.hint or error.hint) from error
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(f"{plugin.command} printed no ExecCredential", plugin.hint) from None
