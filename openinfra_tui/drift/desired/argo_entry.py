"""Where Argo CD begins in a repository: Applications and ApplicationSets that no other one of it applies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openinfra_tui.drift.desired import argo_apps, argo_roots

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from openinfra_tui.drift.desired.source import Source


def entry_points(files: Source, remotes: Iterable[str]) -> list[dict[str, Any]]:
    """Applications and ApplicationSets of a repository that no other one of it applies.

    Args:
        files: the repository.
        remotes: addresses of the repository, as Git knows them.
    """
    found = [
        (name, item)
        for name, item in files.holding(argo_apps.GROUP)
        if (argo_apps.is_application(item) or argo_apps.is_set(item)) and "{{" not in str(item["metadata"])
    ]
    own = own_addresses(files, [item for _, item in found], remotes)
    places = [(name, _applied(item, own)) for name, item in found]
    return [found[index][1] for index in argo_roots.roots(places)]


def _applied(item: Mapping[str, Any], own: Collection[str]) -> set[str]:
    """The folders of this repository that an Application applies; those of a set are not known yet."""
    if not argo_apps.is_application(item):
        return set()
    return {
        argo_apps.path_of(source)
        for source in argo_apps.sources(item)
        if source.get("path") is not None
        and argo_apps.is_git(source)
        and argo_apps.address(str(source.get("repoURL", ""))) in own
    }


def own_addresses(
    files: Source, engines: Iterable[Mapping[str, Any]], remotes: Iterable[str]
) -> frozenset[str]:
    """Addresses of this repository: Git's remotes where Applications name one, else where their paths are."""
    known = {argo_apps.address(url) for url in remotes}
    named: dict[str, bool] = {}
    for item in engines:
        for source in _git_sources(item):
            url = argo_apps.address(str(source.get("repoURL", "")))
            named[url] = named.get(url, False) or _is_here(files, source, item)
    if known & named.keys():
        return frozenset(known)
    return frozenset(url for url, here in named.items() if here)


def _is_here(files: Source, source: Mapping[str, Any], item: Mapping[str, Any]) -> bool:
    """Whether the folder of a source, or a values file that it lends to another one, is in the repository."""
    if source.get("path") is not None:
        return (files.root / argo_apps.path_of(source)).is_dir()
    lent = f"${source['ref']}/" if source.get("ref") and argo_apps.is_application(item) else ""
    names = (
        name
        for other in argo_apps.sources(item)
        for name in (other.get("helm") or {}).get("valueFiles") or ()
    )
    return bool(lent) and any(
        str(name).startswith(lent) and (files.root / str(name).removeprefix(lent)).is_file() for name in names
    )


def _git_sources(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    if argo_apps.is_application(item):
        return [source for source in argo_apps.sources(item) if argo_apps.is_git(source)]
    template = item["spec"].get("template") or {}
    inner = argo_apps.sources(template) if isinstance(template.get("spec"), dict) else []
    generators = [entry["git"] for entry in item["spec"].get("generators") or () if entry.get("git")]
    return [source for source in (*inner, *generators) if argo_apps.is_git(source)]
