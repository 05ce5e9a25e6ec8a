"""The script that fills the mirrors, run with a real bash and git, and with stand-ins for skopeo and helm.

The stand-ins keep what they copied in files and write down how they were called; they fail where a file says so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import date
from pathlib import Path

import pytest

from openinfra_tui.errors import UserError
from openinfra_tui.flow.mirror_script import script
from openinfra_tui.flow.mirroring import Chart, GitSource, Image, Needs, needs
from openinfra_tui.plan.mirrors import Mirrors
from openinfra_tui.site.load import load_site

SITES = Path(__file__).parents[1] / "sites"
DIGEST = f"sha256:{'a' * 64}"
SKOPEO = r"""#!/usr/bin/env bash
set -eu
echo "skopeo $*" >>"$STATE/calls"
for word; do case ${word##*/} in *:*@*) echo "a tag and a digest" >&2; exit 1 ;; esac; done
name() { echo "$STATE/images/${1//[^A-Za-z0-9.]/_}"; }
case $1 in
  inspect) cat "$(name "$3")" ;;
  copy)
    if [ -e "$STATE/fails" ] && [ -s "$STATE/fails" ]; then sed -i 1d "$STATE/fails"; exit 1; fi
    cp "$(name "$5")" "$(name "$6")" ;;
esac
"""
HELM = r"""#!/usr/bin/env bash
set -eu
echo "helm $*" >>"$STATE/calls"
case $1 in
  pull) for last; do :; done
    case $2 in oci://*) chart=${2##*/} version=$4 ;; *) chart=$2 version=$6 ;; esac
    echo "$chart" >"$last/$chart-$version.tgz" ;;
  push) cp "$2" "$STATE/pushed/" ;;
  show) [ -e "$STATE/pushed/${3##*/}-$5.tgz" ] ;;
  repo) echo "$5" >"$3/index.yaml" ;;
esac
"""


class Place:
    """A folder with the stand-ins, what they hold, and how to run a script there."""

    def __init__(self, root: Path, *images: str) -> None:
        self.root = root
        for name in ("bin", "images", "pushed"):
            (root / name).mkdir(parents=True)
        for name, text in (("skopeo", SKOPEO), ("helm", HELM)):
            (root / "bin" / name).write_text(text)
            (root / "bin" / name).chmod(0o755)
        for image in images:
            self.put(image, f"manifest of {image}")

    def put(self, image: str, manifest: str) -> None:
        self.image(image).write_text(manifest)

    def image(self, reference: str) -> Path:
        name = "".join(
            char if char.isascii() and (char.isalnum() or char == ".") else "_"
            for char in f"docker://{reference}"
        )
        return self.root / "images" / name

    def run(self, text: str, path: str = "") -> subprocess.CompletedProcess[str]:
        (self.root / "calls").write_text("")
        env = {
            "PATH": path or f"{self.root / 'bin'}:{os.environ['PATH']}",
            "STATE": str(self.root),
            "HOME": str(self.root),
            "MIRROR_WORK": str(self.root / "work"),
            "MIRROR_PAUSE": "0",
        }
        bash = shutil.which("bash")
        assert bash
        return subprocess.run(
            [bash, "-s"], input=text, env=env, cwd=self.root, capture_output=True, text=True, check=False
        )

    def calls(self, word: str) -> list[str]:
        return [line for line in (self.root / "calls").read_text().splitlines() if line.startswith(word)]


def wanted(
    mirrors: Mirrors,
    *,
    charts: tuple[tuple[str, str, str], ...] = (),
    git: tuple[GitSource, ...] = (),
    images: tuple[str, ...] = (),
) -> Needs:
    return Needs(
        "fra1",
        mirrors,
        tuple(Chart(*chart, mirrors.chart(chart[2])) for chart in charts),
        git,
        tuple(Image(image, None, (), mirrors.image(image)) for image in images),
        ("the images of something",),
    )


def test_images_are_copied_once_and_a_tag_that_moved_again(tmp_path: Path) -> None:
    one, two, fixed = "quay.io/a/one:1", "docker.io/b/two:latest-x", f"quay.io/a/fixed@{DIGEST}"
    place = Place(tmp_path / "p", one, two, fixed)
    tagged = fixed.replace("@", ":1@")  # skopeo takes no tag beside a digest
    text = script(wanted(Mirrors(images="reg.example:5000/m"), images=(one, two, tagged)))
    first = place.run(text)
    assert (first.returncode, first.stderr) == (0, "")
    assert place.image(f"reg.example:5000/m/{one}").read_text() == f"manifest of {one}"
    assert place.calls("skopeo copy") == [
        f"skopeo copy --quiet --all --preserve-digests docker://{image} docker://reg.example:5000/m/{image}"
        for image in (one, two, fixed)
    ]
    again = place.run(text)
    assert again.returncode == 0
    assert place.calls("skopeo copy") == []
    assert again.stdout.count("there: ") == 3
    assert place.calls(f"skopeo inspect --raw docker://{fixed}") == []  # what has a digest cannot move
    place.put(two, "moved")
    assert place.run(text).returncode == 0
    assert len(place.calls("skopeo copy")) == 1
    assert place.image(f"reg.example:5000/m/{two}").read_text() == "moved"


def test_what_fails_is_tried_again_and_the_rest_goes_on(tmp_path: Path) -> None:
    images = ("quay.io/a/one:1", "quay.io/a/two:1")
    place = Place(tmp_path / "p", *images)
    text = script(wanted(Mirrors(images="reg.example/m"), images=images))
    (place.root / "fails").write_text("1\n1\n1\n1\n")
    first = place.run(text)
    assert first.returncode == 1
    assert "failed: image quay.io/a/one:1" in first.stderr
    assert "copied: image quay.io/a/two:1" in first.stdout  # at its second try
    assert len(place.calls("skopeo copy")) == 5
    second = place.run(text)
    assert second.returncode == 0
    assert len(place.calls("skopeo copy")) == 1
    assert second.stdout.splitlines()[-1] == "all there"


CHARTS = (
    ("cert-manager", "v1.21.1", "oci://quay.io/jetstack/charts"),
    ("keystone", "2026.1.19+55794356b", "https://tarballs.opendev.org/openstack/openstack-helm"),
)


def test_charts_are_pushed_once_to_an_oci_registry(tmp_path: Path) -> None:
    place = Place(tmp_path / "p")
    text = script(wanted(Mirrors(charts="oci://reg.example/charts"), charts=CHARTS))
    first = place.run(text)
    assert (first.returncode, first.stderr) == (0, "")
    assert sorted(path.name for path in (place.root / "pushed").iterdir()) == [
        "cert-manager-v1.21.1.tgz",
        "keystone-2026.1.19+55794356b.tgz",
    ]
    assert len(place.calls("helm push")) == 2
    assert place.run(text).returncode == 0
    assert place.calls("helm push") == place.calls("helm pull") == []
    # A push that was stopped: the download is there, and is not made again.
    (place.root / "pushed/cert-manager-v1.21.1.tgz").unlink()
    assert place.run(text).returncode == 0
    assert (len(place.calls("helm push")), len(place.calls("helm pull"))) == (1, 0)


def test_charts_become_the_folder_of_a_helm_repository(tmp_path: Path) -> None:
    place = Place(tmp_path / "p")
    text = script(wanted(Mirrors(charts="https://charts.example"), charts=CHARTS))
    assert place.run(text).returncode == 0
    folder = place.root / "work/charts"
    assert (folder / "index.yaml").read_text() == "https://charts.example\n"
    assert (folder / "keystone-2026.1.19+55794356b.tgz").is_file()
    assert len(place.calls("helm pull")) == 2
    assert place.run(text).returncode == 0
    assert place.calls("helm pull") == []


@pytest.mark.usefixtures("git_author")
def test_a_commit_is_copied_once_with_its_tag(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        return subprocess.run(["git", *words], check=True, capture_output=True, text=True).stdout.strip()

    source, target = tmp_path / "source", tmp_path / "target.git"
    git("init", "-q", "-b", "main", str(source))
    git("-C", str(source), "commit", "-q", "--allow-empty", "-m", "one")
    git("-C", str(source), "tag", "-a", "1.0", "-m", "1.0")
    commit = git("-C", str(source), "rev-parse", "HEAD")
    git("init", "-q", "--bare", str(target))
    place = Place(tmp_path / "p")
    pin = GitSource(str(source), "1.0", commit, ("a",), str(target))
    text = script(wanted(Mirrors(git="https://git.example"), git=(pin,)))
    first = place.run(text)
    assert "copied: " in first.stdout, first.stderr
    assert git("-C", str(target), "rev-parse", "1.0^{commit}") == commit
    shutil.move(source, tmp_path / "away")  # the second run needs nothing from there
    again = place.run(text)
    assert (again.returncode, again.stdout.split("\n")[0]) == (0, f"there: repository {source} 1.0")
    other = GitSource(str(tmp_path / "away"), "1.0", "0" * 40, ("a",), str(target))
    moved = place.run(script(wanted(Mirrors(git="https://git.example"), git=(other,))))
    assert moved.returncode == 1


def test_a_program_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    place = Place(tmp_path / "p")
    (place.root / "few").mkdir()
    for name in ("mkdir", "bash"):
        found = shutil.which(name)
        assert found
        (place.root / "few" / name).symlink_to(found)
    text = script(wanted(Mirrors(images="reg.example/m"), images=("quay.io/a/one:1",)))
    result = place.run(text, str(place.root / "few"))
    assert (result.returncode, result.stderr) == (127, "needs skopeo\n")


def test_the_script_of_a_whole_site_copies_all_that_is_listed(tmp_path: Path) -> None:
    given = ("mirrors.images=reg.example/m", "mirrors.charts=oci://reg.example/charts")
    found = needs(load_site(SITES / "services.yaml", given), date(2026, 11, 25))
    place = Place(tmp_path / "p", *(image.reference for image in found.images))
    result = place.run(script(found))
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.count("copied: image") == len(found.images) > 40
    assert result.stdout.count("copied: chart") == len(found.charts) > 20
    for gap in found.unknown:
        assert f"# Not in this list: {gap}." in script(found)


def test_hostile_words_stay_words(tmp_path: Path) -> None:
    evil = "quay.io/a/b:1'; touch evil; '$(touch evil)"
    place = Place(tmp_path / "p", evil)
    assert place.run(script(wanted(Mirrors(images="reg.example/m"), images=(evil,)))).returncode == 0
    assert not (place.root / "evil").exists()


def test_a_site_without_mirrors_has_no_script() -> None:
    with pytest.raises(UserError, match="names no mirror"):
        script(wanted(Mirrors()))
