"""`python -m tests.controlplane.mirrored FOLDER ENGINE`: a mirrored site, read where there is only its mirror.

To be run in a network namespace of its own. Charts of OpenStack-Helm are the real ones; of the others those that
the folder in OPENINFRA_CHARTS holds as packages, while a package that it lacks is fetched and has no objects. What
was fetched, and from where, is printed as JSON.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from openinfra_tui import proc, yamlio
from openinfra_tui.build.kustomize import find
from openinfra_tui.build.many import build_all
from openinfra_tui.catalog.images import merged
from openinfra_tui.engine import pins
from openinfra_tui.flow.generate import Request, generate
from openinfra_tui.flow.mirroring import Needs, needs
from openinfra_tui.site.load import load_site
from tests.controlplane.binaries import binary
from tests.controlplane.charts.checkout import checkout, extract
from tests.controlplane.loopback.git import GitServer
from tests.controlplane.loopback.helm import HelmRepository, package_folder, write_index
from tests.controlplane.loopback.oci import OciRegistry
from tests.controlplane.missing import tool

TODAY = date(2026, 11, 25)
SITE = Path(__file__).parents[1] / "sites" / "services.yaml"
HOST = "https://tarballs.opendev.org/"
# An image past the mirror, wherever it stands.
OUTSIDE = re.compile(r"(?<![\w./-])(?:docker|ghcr|quay|gcr|registry\.k8s)\.io/[\w./-]+[:@][\w.:-]+")
TOOLKIT = "helm-toolkit"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
AUTHOR = {
    f"GIT_{who}_{what}": "op@cloud.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
}


@dataclass(frozen=True)
class Wanted:
    """A chart that the repository asks for: of a Helm repository at a version, or of Git at a tag."""

    release: str
    url: str
    chart: str
    version: str
    in_git: bool
    values: dict[str, Any]


@dataclass
class Read:
    """What was found there."""

    interfaces: list[str]
    outside: str
    charts: dict[str, str] = field(default_factory=dict)
    git: dict[str, str] = field(default_factory=dict)
    images: dict[str, list[str]] = field(default_factory=dict)
    past: list[str] = field(default_factory=list)
    listed: list[str] = field(default_factory=list)


def outside() -> str:
    """What becomes of a connection to anywhere else."""
    try:
        socket.create_connection(("192.0.2.1", 443), timeout=5).close()
    except OSError as error:
        return str(error.strerror)
    return "reached"


def fill(
    folder: Path, helm: Path, wanted: Needs, charts: HelmRepository, registry: OciRegistry, server: GitServer
) -> None:
    """Put into the mirror what `mirror list` names, and nothing else."""
    clone, given = checkout(), os.environ.get("OPENINFRA_CHARTS")
    for chart in wanted.charts:
        work = folder / "charts" / f"{chart.name}-{chart.version}"
        if chart.source.startswith(HOST):
            extract(clone, chart.version.partition("+")[2], (chart.name, TOOLKIT), work)
            package_folder(helm, work / chart.name, charts.folder, chart.version)
        elif given and (package := Path(given, f"{chart.name}-{chart.version}.tgz")).is_file():
            shutil.copy(package, charts.folder)
        else:
            text = f"apiVersion: v2\nname: {chart.name}\nversion: {chart.version}\n"
            charts.publish({"Chart.yaml": text.encode(), "values.yaml": b"{}\n"})
    write_index(charts.folder)
    for image in wanted.images:
        name, _, tag = image.mirror.partition("/")[2].rpartition(":")
        registry.put(name, tag, json.dumps({"schemaVersion": 2, "mediaType": MANIFEST}).encode(), MANIFEST)
    for source in wanted.git:
        work = folder / "git" / source.tag
        work.mkdir(parents=True)
        if source.url == pins.GIT_URL:
            extract(clone, source.tag, (*source.paths, TOOLKIT), work)
        bare = server.path(source.mirror.removeprefix(f"{server.url}/"))
        for words in (
            ["init", "--quiet", "--bare", bare],
            ["init", "--quiet", work],
            ["-C", work, "add", "--all"],
            ["-C", work, "commit", "--quiet", "--allow-empty", "--message", "As at its source"],
            ["-C", work, "tag", source.tag],
            ["-C", work, "push", "--quiet", bare, source.tag],
        ):
            proc.run(["git", *words], env=AUTHOR)


def flux(root: Path) -> Iterator[Wanted]:
    """The charts that Flux would fetch, each with its values as Helm gets them, but for the secret ones."""
    folders = sorted(
        {str(path.parent.relative_to(root)) for path in (root / "sites").rglob("kustomization.yaml")}
    )
    objects: list[dict[str, Any]] = []
    for found in build_all(find(None), root, folders).values():
        assert not isinstance(found, Exception), found
        objects += found
    sources = {
        (item["kind"], item["metadata"]["name"]): item["spec"]
        for item in objects
        if item["kind"] in ("HelmRepository", "GitRepository")
    }
    data = {item["metadata"]["name"]: item.get("data", {}) for item in objects if item["kind"] == "ConfigMap"}
    for item in objects:
        if item["kind"] == "HelmRelease":
            spec = item["spec"]["chart"]["spec"]
            source = sources[spec["sourceRef"]["kind"], spec["sourceRef"]["name"]]
            layers = [
                yamlio.load(data[ref["name"]][ref.get("valuesKey", "values.yaml")].encode())
                for ref in item["spec"].get("valuesFrom", ())
                if ref["kind"] == "ConfigMap"
            ]
            in_git = spec["sourceRef"]["kind"] == "GitRepository"
            version = source["ref"]["tag"] if in_git else spec["version"]
            yield Wanted(
                item["metadata"]["name"], source["url"], spec["chart"], version, in_git, merged(*layers)
            )


def argocd(root: Path) -> Iterator[Wanted]:
    """The same of Argo CD."""
    for path in sorted((root / "clusters").rglob("applications/*.yaml")):
        item = yamlio.load(path.read_bytes())
        for source in item["spec"].get("sources", ()):
            if "helm" in source:
                files = [name.removeprefix("$values/") for name in source["helm"]["valueFiles"]]
                layers = [yamlio.load((root / name).read_bytes()) for name in files if ".sops." not in name]
                in_git, chart = "path" in source, source.get("path") or source["chart"]
                version = pins.GIT_TAG if in_git else source["targetRevision"]
                yield Wanted(path.stem, source["repoURL"], chart, version, in_git, merged(*layers))


def images(node: object) -> Iterator[str]:
    """Every image that an object runs or names."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "image" and isinstance(value, str):
                yield value
            else:
                yield from images(value)
    elif isinstance(node, str):
        # An operator's arguments and environment name images too.
        yield from OUTSIDE.findall(node)
    elif isinstance(node, list):
        for item in node:
            yield from images(item)


def rendered(one: Wanted, helm: Path, folder: Path) -> set[str]:
    """Fetch a chart, and the images of what Helm makes of it."""
    work = folder / "fetched" / one.release
    work.mkdir(parents=True)
    if one.in_git:
        proc.run(["git", "clone", "--quiet", "--depth=1", f"--branch={one.version}", one.url, work / "clone"])
        chart = work / "clone" / one.chart
        proc.run([helm, "dependency", "build", chart], timeout=300)
    else:
        words = ["--repo", one.url, "--version", one.version, "--destination", work]
        proc.run([helm, "pull", *words, one.chart])
        (chart,) = work.glob("*.tgz")
    values = yaml.safe_dump(one.values).encode()
    words = ["--namespace", "openstack", "--values", "-"]
    text = proc.run([helm, "template", one.release, chart, *words], stdin=values).stdout
    # Definitions speak of images in their descriptions, and what only `helm test` starts is never asked for.
    objects = [
        item
        for item in yamlio.load_all(text)
        if item["kind"] != "CustomResourceDefinition"
        and "test" not in (item["metadata"].get("annotations") or {}).get("helm.sh/hook", "")
    ]
    return {image for item in objects for image in images(item)}


def read(folder: Path, engine: str) -> Read:
    """Fill a mirror, generate the site for it, and fetch everything that the repository names."""
    found = Read(sorted(name for _, name in socket.if_nameindex()), outside())
    skopeo, helm = tool("skopeo", "skopeo"), binary("helm")
    # Not before: the programs of the control plane are kept where the user's is.
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    with ExitStack() as stack:
        charts = stack.enter_context(HelmRepository(folder / "mirror"))
        registry = stack.enter_context(OciRegistry())
        server = stack.enter_context(GitServer(folder / "bare"))
        given = (
            f"gitops.engine={engine}",
            f"mirrors.images=127.0.0.1:{registry.port}/mirror",
            f"mirrors.charts={charts.url}",
            f"mirrors.git={server.url}",
        )
        wanted = needs(load_site(SITE, given), TODAY)
        fill(folder, helm, wanted, charts, registry, server)
        generate(Request(SITE, folder / "out", given, commit=False), TODAY, lambda _: None)
        for one in {"flux": flux, "argocd": argocd}[engine](folder / "out"):
            (found.git if one.in_git else found.charts)[one.release] = one.url
            found.images[one.release] = sorted(rendered(one, helm, folder))
        named = {image for several in found.images.values() for image in several}
        found.past = sorted(image for image in named if not image.startswith(f"127.0.0.1:{registry.port}/"))
        for reference in sorted(named - set(found.past)):
            proc.run([skopeo, "inspect", "--raw", "--tls-verify=false", f"docker://{reference}"])
        found.listed = sorted(image.mirror for image in wanted.images)
    return found


if __name__ == "__main__":
    print(json.dumps(vars(read(Path(sys.argv[1]), sys.argv[2]))))  # noqa: T201 - what its caller reads
