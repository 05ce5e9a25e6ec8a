"""Where charts come from, and the comment by which Renovate finds their versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openinfra_tui.plan.component import Release

# Charts without a published package at this release come from the tagged source; kept as one commit because
# a tag can move (osh-atmosphere.md A1b).
GIT_SOURCE = "openstack-helm-git"
GIT_URL = "https://opendev.org/openstack/openstack-helm"
SOURCES = {"openstack-helm": "https://tarballs.opendev.org/openstack/openstack-helm"}
GIT_TAG = "2026.1.0"
GIT_COMMIT = "c665eedfa3ae1b76a7e8438fffcb62aefaa30a46"


def is_oci(url: str) -> bool:
    """Whether a chart source is an OCI registry."""
    return url.startswith("oci://")


def tag(release: Release) -> str:
    """The tag of a chart in an OCI registry, which has no `+`: Helm writes `_`.

    Source: https://helm.sh/docs/topics/registries/
    """
    return release.version.replace("+", "_")


def renovate(release: Release, url: str) -> str:
    """The comment above a version, read by the `customManagers` of renovate.json5."""
    if is_oci(url):
        return f"# renovate: datasource=docker depName={url.removeprefix('oci://')}/{release.chart}"
    return f"# renovate: datasource=helm depName={release.chart} registryUrl={url}"


def renovate_git(url: str) -> str:
    """The comment above the tag and the commit of a repository."""
    if not url.startswith("https://github.com/"):
        return f"# renovate: datasource=git-tags depName={url}"
    return f"# renovate: datasource=github-tags depName={url.removeprefix('https://github.com/')}"
