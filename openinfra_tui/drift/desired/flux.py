"""The objects that Flux would apply from a repository: entry points, then recursively as Flux does it."""

from __future__ import annotations

import base64
import posixpath
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from openinfra_tui.drift.desired import generated
from openinfra_tui.drift.desired.build import build
from openinfra_tui.drift.desired.sealed import Opener
from openinfra_tui.drift.desired.substitute import SubstitutionError, substitute
from openinfra_tui.drift.model import Application, Desired, EngineRef, IgnoreRule
from openinfra_tui.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from openinfra_tui.drift.desired.source import Source

GROUP = "kustomize.toolkit.fluxcd.io"
MANAGER = "kustomize-controller"
# Fields of a Flux Kustomization that kustomize itself understands (kustomize-controller, generator).
_CHANGES = {"targetNamespace": "namespace", "namePrefix": "namePrefix", "nameSuffix": "nameSuffix"}


class Lookup(Protocol):
    """Reads a ConfigMap or Secret of the cluster."""

    def __call__(self, kind: str, namespace: str, name: str) -> Mapping[str, Any] | None:
        """The object, or None where there is none or it may not be read."""
        ...


@dataclass
class Rendered:
    """What a repository would apply.

    Attributes:
        objects: every desired object, with duplicates.
        engines: the Flux Kustomizations, by name, as they would be applied.
        problems: of engine objects that could not be rendered.
    """

    objects: list[Desired] = field(default_factory=list)
    engines: dict[EngineRef, dict[str, Any]] = field(default_factory=dict)
    problems: dict[EngineRef, str] = field(default_factory=dict)


def entry_points(source: Source) -> list[dict[str, Any]]:
    """Flux Kustomizations of a repository that nothing else of it applies.

    Those whose own file lies below their path (what `flux bootstrap` writes) win; without one, those whose
    file lies below no path of another.
    """
    found = [(name, item) for name, item in source.holding(GROUP) if is_kustomization(item)]
    selfish = [item for name, item in found if _below(name, path_of(item))]
    if selfish:
        # A Kustomization of another repository may have a path that happens to hold its file, such as `./`.
        named = [item for item in selfish if _source_of(item)[2] == item["metadata"]["name"]]
        return named or selfish
    built = {path_of(item) for _, item in found}
    return [item for name, item in found if built.isdisjoint(_around(name))]


def is_kustomization(manifest: Any) -> bool:
    """Whether this is a Flux Kustomization with a place to build."""
    return (
        isinstance(manifest, dict)
        and manifest.get("kind") == "Kustomization"
        and str(manifest.get("apiVersion", "")).startswith(f"{GROUP}/")
        and isinstance(manifest.get("spec"), dict)
    )


def path_of(kustomization: Mapping[str, Any]) -> str:
    """The folder that a Flux Kustomization builds, without `./`; empty for the root."""
    path = posixpath.normpath(str(kustomization["spec"].get("path") or ".")).lstrip("/")
    return "" if path == "." else path


def _around(file: str) -> list[str]:
    """Every folder that a file is below, the root as an empty text."""
    steps = file.split("/")
    return ["/".join(steps[:number]) for number in range(len(steps))]


def _below(file: str, folder: str) -> bool:
    return not folder or file.startswith(f"{folder}/")


def ref_of(manifest: Mapping[str, Any]) -> EngineRef:
    """The name of an engine object."""
    metadata = manifest.get("metadata") or {}
    return EngineRef(
        str(manifest["kind"]), str(metadata.get("namespace") or ""), str(metadata.get("name") or "")
    )


def render(
    source: Source,
    roots: Sequence[Mapping[str, Any]],
    lookup: Lookup,
    *,
    opener: Opener | None = None,
    kustomize: str | None = None,
    jobs: int = 4,
) -> Rendered:
    """Every object below some entry points.

    Kustomizations of another source than their root's are not followed: their content is not here.

    Args:
        source: the repository.
        roots: entry points.
        lookup: reads what `substituteFrom` names.
        opener: decrypts SOPS values.
        kustomize: the program to use.
        jobs: builds at a time.
    """
    rendered = Rendered()
    waiting = list(roots)
    sources = {_source_of(root) for root in roots}
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        while waiting:
            fresh = {ref_of(item): item for item in waiting if ref_of(item) not in rendered.engines}
            waiting = []
            rendered.engines |= {ref: dict(item) for ref, item in fresh.items()}

            def one(item: Mapping[str, Any]) -> tuple[list[Desired], str]:
                return _one(source, item, lookup, opener or Opener(None), kustomize)

            for ref, (objects, problem) in zip(fresh, pool.map(one, fresh.values()), strict=True):
                if problem:
                    rendered.problems[ref] = problem
                rendered.objects += objects
                for desired in objects:
                    if not is_kustomization(desired.object):
                        continue
                    if _source_of(desired.object) in sources:
                        waiting.append(desired.object)
                    else:
                        child = ref_of(desired.object)
                        rendered.problems[child] = "source: its files are in another repository"
    return rendered


def _source_of(kustomization: Mapping[str, Any]) -> tuple[str, str, str]:
    reference = kustomization["spec"].get("sourceRef") or {}
    own = (kustomization.get("metadata") or {}).get("namespace") or ""
    return str(reference.get("kind")), str(reference.get("namespace") or own), str(reference.get("name"))


def application_of(kustomization: Mapping[str, Any]) -> Application:
    """How kustomize-controller applies what a Kustomization holds."""
    spec = kustomization["spec"]
    rules = tuple(
        IgnoreRule(
            tuple(str(path) for path in rule.get("paths") or ()),
            {str(key): str(value) for key, value in (rule.get("target") or {}).items()},
            "spec.ignore",
        )
        for rule in spec.get("ignore") or ()
    )
    return Application(
        ref_of(kustomization),
        MANAGER,
        takes_over=True,
        prune=bool(spec.get("prune")),
        force=bool(spec.get("force")),
        suspended=bool(spec.get("suspend")),
        ignore=rules,
    )


def _one(
    source: Source, kustomization: Mapping[str, Any], lookup: Lookup, opener: Opener, kustomize: str | None
) -> tuple[list[Desired], str]:
    """The objects of one Kustomization, and why it cannot be built."""
    spec, ref = kustomization["spec"], ref_of(kustomization)
    if _source_of(kustomization)[0] == "ExternalArtifact":
        return [], "source: an ExternalArtifact, whose files another controller puts together"
    application = application_of(kustomization)
    folder = path_of(kustomization)
    changes = {theirs: spec[ours] for ours, theirs in _CHANGES.items() if spec.get(ours)}
    changes |= {name: spec[name] for name in ("patches", "images", "components") if spec.get(name)}
    try:
        objects = build(source, folder, changes, kustomize)
    except UserError as error:
        return [], f"build: {error.message}"
    try:
        variables = _variables(spec, ref.namespace, lookup)
    except SubstitutionError as error:
        variables, missing = {}, f"substitution: {error}"
    else:
        missing = ""
    labels = {f"{GROUP}/name": ref.name, f"{GROUP}/namespace": ref.namespace}
    common = spec.get("commonMetadata") or {}
    out = []
    problem = ""
    opened = [opener.open(item) for item in objects]
    by = _generated(objects, opened) if spec.get("decryption") else {}
    for item, (plain, closed) in zip(objects, opened, strict=True):
        name = str((item.get("metadata") or {}).get("name") or "")
        origin = source.origin(str(item.get("kind", "")), name, folder)
        trouble = missing
        manifest, doubtful = generated.renamed(plain, by) if by else (plain, False)
        if variables is not None and not missing:
            try:
                manifest = substitute(manifest, variables, strict=True)
            except SubstitutionError as error:
                trouble = f"substitution: {error}"
        if trouble:
            problem = trouble  # one failure fails the whole Kustomization
        manifest = _with_metadata(manifest, common, labels)
        doubt = generated.DOUBT if doubtful else ""
        out.append(Desired(manifest, application, origin, closed, trouble, doubt))
    if problem:
        out = [replace(item, problem=item.problem or problem) for item in out]
    return out, problem


def _generated(
    objects: Sequence[Mapping[str, Any]], opened: Sequence[tuple[Mapping[str, Any], tuple[str, ...]]]
) -> dict[str, str]:
    """New names of the Secrets that hold an encrypted file, whether it could be opened or not."""
    return generated.names(
        (built, built if closed else plain)
        for built, (plain, closed) in zip(objects, opened, strict=True)
        if built.get("kind") == "Secret"
        and (closed or plain.get("data") != built.get("data"))
        and "data" in built
    )


def _variables(spec: Mapping[str, Any], namespace: str, lookup: Lookup) -> dict[str, str] | None:
    """The variables of postBuild, or None when nothing is substituted.

    Raises:
        SubstitutionError: a ConfigMap or Secret that is not optional cannot be read.
    """
    post = spec.get("postBuild")
    if not isinstance(post, dict):
        return None
    found: dict[str, str] = {}
    for reference in post.get("substituteFrom") or ():
        kind, name = str(reference.get("kind")), str(reference.get("name"))
        holder = lookup(kind, namespace, name)
        if holder is None:
            if reference.get("optional"):
                continue
            raise SubstitutionError(f"{kind} {namespace}/{name} cannot be read")
        for key, value in (holder.get("data") or {}).items():
            plain = base64.b64decode(str(value)).decode() if kind == "Secret" else str(value)
            found[str(key)] = plain.replace("\n", "")  # kustomize-controller strips line ends
    found |= {str(key): str(value) for key, value in (post.get("substitute") or {}).items()}
    if not found and post.get("substituteStrategy") != "Always":
        return None
    return found


def _with_metadata(
    manifest: dict[str, Any], common: Mapping[str, Any], labels: Mapping[str, str]
) -> dict[str, Any]:
    metadata = dict(manifest.get("metadata") or {})
    metadata["labels"] = {**(metadata.get("labels") or {}), **(common.get("labels") or {}), **labels}
    if common.get("annotations"):
        metadata["annotations"] = {**(metadata.get("annotations") or {}), **common["annotations"]}
    return {**manifest, "metadata": metadata}
