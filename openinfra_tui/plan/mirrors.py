"""Where a site fetches from instead of the internet: the references of a plan, led through its mirrors.

An image keeps its host as a folder of the mirror, so that no two images can meet; a chart keeps its name, and
a Git repository owner and name, which is all that a Git server has places for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Mirrors:
    """`spec.mirrors` of a site; an empty text is no mirror.

    Attributes:
        images: registry, port and path prefix.
        charts: URL of a Helm repository, or of the folder of an OCI registry.
        git: URL of a Git server.
    """

    images: str = ""
    charts: str = ""
    git: str = ""

    def __bool__(self) -> bool:
        return bool(self.images or self.charts or self.git)

    def image(self, reference: str) -> str:
        """An image where the site fetches it."""
        if not self.images or self.has_image(reference):
            return reference
        return f"{self.images}/{with_host(reference)}"

    def chart(self, url: str) -> str:
        """The chart source that stands in for one of the internet."""
        return self.charts or url

    def repository(self, url: str) -> str:
        """The Git repository that stands in for one of the internet."""
        return f"{self.git}{urlsplit(url).path.removesuffix('.git')}" if self.git else url

    def has_image(self, reference: str) -> bool:
        """Whether an image is in the mirror."""
        return reference.startswith(f"{self.images}/")

    def reaches_image(self, reference: str) -> bool:
        """Whether an image is in the registry of the mirror: an operator's own lies beside what is copied."""
        return reference.startswith(f"{self.images.split('/')[0]}/")

    def has_chart(self, url: str) -> bool:
        """Whether a chart source is the mirror, or a folder of it."""
        return f"{url.rstrip('/')}/".startswith(f"{self.charts}/")

    def has_repository(self, url: str) -> bool:
        """Whether a Git repository is in the mirror."""
        return url.startswith(f"{self.git}/")


def mirrors_of(spec: Mapping[str, object]) -> Mirrors:
    """The mirrors of the `spec` of a site file, URLs without a slash at the end."""
    found = spec.get("mirrors")
    given = found if isinstance(found, dict) else {}
    return Mirrors(**{key: str(given.get(key) or "").rstrip("/") for key in ("images", "charts", "git")})


def with_host(reference: str) -> str:
    """An image reference with its host: one without is of Docker Hub, below `library` if it has no owner.

    Source: https://github.com/distribution/reference/blob/main/normalize.go
    """
    host, slash, _ = reference.partition("/")
    if slash and ("." in host or ":" in host or host == "localhost"):
        return reference
    return f"docker.io/{reference}" if slash else f"docker.io/library/{reference}"
