"""What one source of an Application builds to: a folder of manifests, a kustomization, a chart.

The tool is chosen as Argo CD chooses it: what the source names, else a `Chart.yaml`, else a kustomization,
else plain files (argo-cd, util/app/discovery and reposerver/repository). A chart sees no cluster.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import yaml

from openinfra_tui.build import helm
from openinfra_tui.drift.desired import (
    argo_apps,
    argo_env,
    argo_overrides,
    argo_values,
    charts,
    globs,
    goyaml,
)
from openinfra_tui.drift.desired.build import build
from openinfra_tui.drift.desired.charts import Printed
from openinfra_tui.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from openinfra_tui.drift.desired.argo_env import Environment
    from openinfra_tui.drift.desired.sealed import Opener
    from openinfra_tui.drift.desired.source import Source

_KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_UNCOMMITTED = "the revision that it names is not known before there is a commit or a fixed version"
_SKIP = b"+argocd:skip-file-rendering"
_LIKE_A_MANIFEST = (b"apiVersion:", b"kind:", b"metadata:")
_IMAGE = re.compile(
    r"(?:(?P<name>[^=]+)=)?(?P<new>[^@:]+(?::\d+/[^@:]+)?)(?::(?P<tag>[^@]+))?(?:@(?P<digest>.+))?"
)


@dataclass(frozen=True)
class Tools:
    """What a render needs beside the files.

    Attributes:
        opener: decrypts values.
        kustomize: the program to use.
        offline: whether charts may not be fetched.
        kube_version: of the cluster, or an empty string.
        api_versions: of the cluster, as `group/version/Kind`.
        own: addresses of this repository.
        home: the namespace that Argo CD itself runs in.
    """

    opener: Opener
    kustomize: str | None = None
    offline: bool = False
    kube_version: str = ""
    api_versions: tuple[str, ...] = ()
    own: frozenset[str] = field(default_factory=frozenset)
    home: str = "argocd"

    def holds(self, source: Mapping[str, Any]) -> bool:
        """Whether the files of a source are those of this repository."""
        return argo_apps.is_git(source) and argo_apps.address(str(source.get("repoURL", ""))) in self.own


def objects(
    files: Source, source: Mapping[str, Any], application: Mapping[str, Any], tools: Tools
) -> list[Printed]:
    """Every object of one source.

    Raises:
        Elsewhere: its files are not here.
        NotFetched: its chart is not here.
        UserError: it does not build.
    """
    revision = _revision(files, source)
    name = argo_apps.instance(argo_apps.ref_of(application), tools.home)
    if tools.holds(source):
        source = argo_overrides.applied(files, source, name)
    environment = argo_env.of(source, application, name, revision)
    found = _built(files, source, application, tools, environment)
    if revision or not argo_env.names_revision(source):
        return found
    return [replace(item, doubt=item.doubt or _UNCOMMITTED) for item in found]


def _revision(files: Source, source: Mapping[str, Any]) -> str:
    """What Argo CD will know a source by; empty where that cannot be told yet."""
    if argo_apps.is_git(source):
        return "" if files.dirty else files.revision
    # An artifact is known by its digest, whatever tag names it.
    by_version = _remote(source).fixed and not str(source.get("repoURL", "")).startswith("oci://")
    return str(source["targetRevision"]) if by_version else ""


def _built(
    files: Source,
    source: Mapping[str, Any],
    application: Mapping[str, Any],
    tools: Tools,
    environment: Environment,
) -> list[Printed]:
    if not argo_apps.is_git(source):
        chart = helm.fetch(_remote(source), offline=tools.offline)
        return _chart(chart, "", "", files, source, application, tools, environment)
    if not tools.holds(source):
        raise argo_values.Elsewhere(f"its files are in another repository: {source.get('repoURL')}")
    below = argo_apps.path_of(source)
    folder = files.path(below)
    if source.get("plugin") is not None:
        raise UserError("a config management plugin renders it, and only Argo CD can run that")
    if source.get("helm") is not None or (folder / "Chart.yaml").is_file():
        return _chart(folder, below, files.digest, files, source, application, tools, environment)
    if source.get("kustomize") is not None or any((folder / name).is_file() for name in _KUSTOMIZATIONS):
        changes = _changes(source.get("kustomize") or {}, environment)
        return [Printed(item) for item in build(files, below, changes, tools.kustomize)]
    return [Printed(item) for item in _directory(folder, files.root.resolve(), source.get("directory") or {})]


def _remote(source: Mapping[str, Any]) -> helm.Chart:
    url, version = str(source.get("repoURL", "")), str(source.get("targetRevision") or "")
    name = str(source.get("chart") or "")
    if url.startswith("oci://"):
        return helm.Chart(f"{url}/{name}" if name else url, name or url.rpartition("/")[2], version)
    if "://" not in url:
        return helm.Chart(f"oci://{url}/{name}", name, version)  # a registry is written without a protocol
    return helm.Chart(url, name, version)


def _chart(
    chart: Path,
    below: str,
    content: str,
    files: Source,
    source: Mapping[str, Any],
    application: Mapping[str, Any],
    tools: Tools,
    environment: Environment,
) -> list[Printed]:
    spec = source.get("helm") or {}
    destination = application["spec"].get("destination") or {}
    settings: list[str] = []
    for item in spec.get("parameters") or ():
        word = "--set-string" if item.get("forceString") else "--set"
        value = environment.put_in(str(item.get("value", "")))
        settings += [word, f"{item['name']}={_escaped(value)}"]
    for item in spec.get("fileParameters") or ():
        path = files.path(argo_values.placed(str(item["path"]), below, application, tools, environment))
        settings += ["--set-file", f"{item['name']}={_escaped(str(path))}"]
    release = helm.Release(
        str(spec.get("releaseName") or application["metadata"]["name"]),
        str(spec.get("namespace") or destination.get("namespace") or ""),
        str(spec.get("kubeVersion") or tools.kube_version),
        tuple(str(item) for item in spec.get("apiVersions") or tools.api_versions),
        tuple(settings),
        crds=not spec.get("skipCrds"),
        schema=not spec.get("skipSchemaValidation"),
        tests=not spec.get("skipTests"),
    )
    texts: list[bytes | Mapping[str, Any]] = [
        *argo_values.texts(files, below, source, application, tools, environment)
    ]
    inline = spec.get("valuesObject")
    if isinstance(inline, dict):
        texts.append(inline)
    elif spec.get("values"):
        texts.append(str(spec["values"]).encode())
    return charts.printed(chart, release, charts.merged(texts, tools.opener), content=content)


def _escaped(value: str) -> str:
    """A value of `--set` in which a comma does not begin the next one (argo-cd, cleanSetParameters)."""
    whole = value.startswith("{") and value.endswith("}")
    return value if whole else re.sub(r"(?<!\\),", r"\\,", value)


def _changes(spec: Mapping[str, Any], environment: Environment) -> dict[str, Any]:
    """The fields of a kustomization that the source lays over it (argo-cd, util/kustomize: Build)."""
    out = {
        name: spec[name] for name in ("namePrefix", "nameSuffix", "namespace", "patches") if spec.get(name)
    }
    if spec.get("components"):
        out["components"] = [str(item) for item in spec["components"]]
    if spec.get("images"):
        out["images"] = [_image(environment.put_in(str(item))) for item in spec["images"]]
    if spec.get("replicas"):
        out["replicas"] = [
            {"name": item["name"], "count": int(str(item["count"]))} for item in spec["replicas"]
        ]
    if spec.get("commonLabels"):
        selectors = not spec.get("labelWithoutSelector")
        pairs = {str(key): environment.put_in(str(value)) for key, value in spec["commonLabels"].items()}
        label = {"pairs": pairs, "includeSelectors": selectors}
        label |= {"includeTemplates": True} if spec.get("labelIncludeTemplates") and not selectors else {}
        out["labels"] = [label]
    if spec.get("commonAnnotations"):
        marks = {str(key): str(value) for key, value in spec["commonAnnotations"].items()}
        if spec.get("commonAnnotationsEnvsubst"):
            marks = {key: environment.put_in(value) for key, value in marks.items()}
        out["commonAnnotations"] = marks
    return out


def _image(text: str) -> dict[str, str]:
    """`[NAME=]NEW[:TAG][@DIGEST]`, as `kustomize edit set image` reads it."""
    found = _IMAGE.fullmatch(text)
    if found is None:
        raise UserError(f"not an image override: {text!r}")
    out = {"name": found["name"] or found["new"]}
    if found["name"]:
        out["newName"] = found["new"]
    out |= {"newTag": found["tag"]} if found["tag"] else {}
    return out | ({"digest": found["digest"]} if found["digest"] else {})


def _directory(folder: Path, root: Path, spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Plain files: not below the folder unless `recurse`; `exclude` wins over `include`."""
    include, exclude = str(spec.get("include") or ""), str(spec.get("exclude") or "")
    found: list[dict[str, Any]] = []
    for path in sorted(folder.rglob("*") if spec.get("recurse") else folder.iterdir()):
        name = path.relative_to(folder).as_posix()
        if ".git" in path.relative_to(folder).parts or not path.is_file():
            continue
        if path.suffix not in (".yaml", ".yml", ".json", ".jsonnet"):
            continue
        if (exclude and globs.matches(exclude, name)) or (include and not globs.matches(include, name)):
            continue
        if not path.resolve().is_relative_to(root):
            raise UserError(f"{name} leads out of the repository")
        content = path.read_bytes()
        if _SKIP in content:
            continue
        if path.suffix == ".jsonnet":
            raise UserError(f"{name} is Jsonnet, which is not rendered here")
        found += _manifests(content, name)
    return found


def _manifests(content: bytes, name: str) -> list[dict[str, Any]]:
    try:
        documents = goyaml.load_all(content)
    except (yaml.YAMLError, ValueError):
        if all(word in content for word in _LIKE_A_MANIFEST):
            raise UserError(f"{name} is not YAML") from None
        return []  # Argo CD ignores what does not look like a manifest
    found: list[dict[str, Any]] = []
    for item in documents:
        if not isinstance(item, dict) or not item.get("kind"):
            if found or all(word in content for word in _LIKE_A_MANIFEST):
                raise UserError(f"{name} holds what is not a manifest")
            return []
        many = item["items"] if str(item["kind"]).endswith("List") and "items" in item else [item]
        found += [one for one in many if isinstance(one, dict)]
    return found
