"""Taking a live value into Git: a patch in the folder that the engine builds, proved by building it again.

Nothing is proposed that the proof does not hold for: built with the change, this object must hold the live
values, and every object of the repository else must be what it was.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from openinfra_tui import yamlio
from openinfra_tui.drift.desired.source import Source
from openinfra_tui.drift.mask import Masker
from openinfra_tui.drift.model import EngineRef
from openinfra_tui.drift.values import same
from openinfra_tui.errors import Refused
from openinfra_tui.flow import adopting_release, entry
from openinfra_tui.flow.actions import Action, Write
from openinfra_tui.flow.pointing import ABSENT, at, operation
from openinfra_tui.repo.target import open_repo, require_clean
from openinfra_tui.tree.merge_yaml import merge_yaml
from openinfra_tui.tree.yaml_read import NotStructured

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openinfra_tui.drift.model import Desired, ObjectVerdict
    from openinfra_tui.flow.diff import Job

_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")


def adopt(job: Job, found: ObjectVerdict) -> Action:
    """The patch that makes Git hold what is live; reads and builds, so not for an event loop.

    Raises:
        Refused: nothing can be committed there, it would be a secret in clear, the engine offers no place for
            it, or the proof fails.
    """
    _require_committable(job.target.root)
    desired = next(
        (item for item in job.desired if item.key == found.key and item.application.ref == found.engine), None
    )
    live = job.live.find(desired.object) if desired is not None else None
    if desired is None or live is None or not found.differences:
        raise Refused(f"{found.key} has no live value that differs")
    _require_clear(job, found, live)
    ref = desired.application.ref
    if ref.kind == "Application":
        raise Refused(
            "Argo CD applies it, and has no place of its own for a change of one field",
            "change the chart's values or the manifest in Git",
        )
    why = "One commit; the engine then holds what is live now."
    if ref.kind == "HelmRelease":
        release = _release(job, desired)
        change = adopting_release.change(
            job.renderer.heads(job.target, job.head), release, desired, live, found
        )
        writes = _patched(job, release, list(change.operations))
        after = _built(job, release, writes)
        if after.object != change.release.object:
            raise Refused("the patch does not bring the HelmRelease to what was worked out")
        why = f"{change.why} {why}"
    else:
        operations = [operation(desired.object, live, item.path) for item in found.differences]
        writes = _patched(job, desired, operations)
        _require_live(_built(job, desired, writes), live, found)
    return Action(
        f"Adopt {found.key} into Git", why, writes=writes, commit=f"Adopt what is live in {found.key}"
    )


def _release(job: Job, desired: Desired) -> Desired:
    """The HelmRelease that renders an object, as Git holds it."""
    ref = desired.application.ref
    for item in job.head.objects:
        if EngineRef(item.key.kind, item.key.namespace, item.key.name) == ref:
            if item.application.ref.kind != "Kustomization":
                raise Refused(f"{ref.kind} {ref.name} is no object of a Kustomization of Flux")
            return item
    raise Refused(f"{ref.kind} {ref.name} is not in Git")


def _require_committable(root: Path) -> None:
    """Refuse before anything is shown what the commit would refuse after the yes; any repository will do."""
    repo = open_repo(root) if (root / ".git").exists() else None
    if repo is None:
        raise Refused(f"{root} is no Git work tree", "adopt in a clone of what the engine reads")
    with closing(repo):
        require_clean(repo, foreign=True)


def _require_clear(job: Job, found: ObjectVerdict, live: Mapping[str, Any]) -> None:
    """Refuse what is, or holds, a secret: Git would hold it in clear."""
    masker = Masker()
    for manifest in (*(item.object for item in job.desired), *job.live.objects.values()):
        masker.learn(manifest)
    secret = found.key.kind == "Secret" and not found.key.group
    for item in found.differences:
        value = at(live, item.path)
        if secret or (value is not ABSENT and item.live is not None and not same(item.live, value)):
            raise Refused(
                f"{found.key} holds a secret there: it would stand in Git in clear",
                "change the encrypted value instead",
            )


def _patched(job: Job, desired: Desired, operations: list[dict[str, Any]]) -> tuple[Write, ...]:
    """The patch file, and the kustomization that names it, comments and order as they are."""
    ref, key = desired.application.ref, desired.key
    folder = entry.path_of(job.head.engines[ref]).strip("/")
    root = job.target.root
    here = job.target.path(folder)
    name = next((name for name in _NAMES if (here / name).is_file()), None)
    if name is None:
        raise Refused(
            f"{folder} has no kustomization.yaml, so there is no place for a patch",
            f"write one: cd {folder} && kustomize create --autodetect",
        )
    stem = f"adopted-{key.kind.lower()}-{key.name}"
    stem = re.sub(r"[^a-z0-9.-]+", "-", stem.lower())
    number = 1
    while (here / (patch := f"{stem}{f'-{number}' if number > 1 else ''}.yaml")).exists():
        number += 1
    before = (here / name).read_text(encoding="utf-8")
    held = yamlio.load(before.encode())
    if not isinstance(held, dict):
        raise Refused(f"{folder}/{name} is no mapping")
    target = {"group": key.group, "kind": key.kind, "name": key.name}
    named = {"path": patch, "target": {name: value for name, value in target.items() if value}}
    changed = {**held, "patches": [*(held.get("patches") or ()), named]}
    try:
        after = merge_yaml(_dumped(held), before, _dumped(changed))
    except NotStructured:
        after = ()
    if not isinstance(after, str):
        raise Refused(f"{folder}/{name} cannot be changed without touching what stands there")
    prefix = (here.relative_to(root.resolve())).as_posix()
    return (
        Write(f"{prefix}/{patch}", "", _dumped(operations)),
        Write(f"{prefix}/{name}", before, after),
    )


def _dumped(value: Any) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=1000)


def _built(job: Job, desired: Desired, writes: tuple[Write, ...]) -> Desired:
    """The object after a build of the repository with the change.

    Raises:
        Refused: it does not build, or another object changes too.
    """
    with tempfile.TemporaryDirectory(prefix="openinfra-adopt-") as temporary:
        root = Path(temporary) / "tree"
        shutil.copytree(job.target.root, root, symlinks=True, ignore=shutil.ignore_patterns(".git"))
        for write in writes:
            (root / write.path).write_text(write.after, encoding="utf-8")
        after = job.renderer.render(Source(root), job.roots)
    before = job.renderer.render(job.target, job.roots)
    if after.problems != before.problems:
        raise Refused("with the patch the repository does not build: " + "; ".join(after.problems.values()))
    place = desired.application.ref, desired.key
    old = {(item.application.ref, item.key): item for item in before.objects}
    new = {(item.application.ref, item.key): item for item in after.objects}
    others = [one for one in old.keys() | new.keys() if _object(old.get(one)) != _object(new.get(one))]
    if others != [place]:
        raise Refused("the patch would change other objects too: the folder is built more than once")
    return new[place]


def _object(item: Desired | None) -> Mapping[str, Any] | None:
    return item.object if item is not None else None


def _require_live(after: Desired, live: Mapping[str, Any], found: ObjectVerdict) -> None:
    for item in found.differences:
        one, other = at(after.object, item.path), at(live, item.path)
        if (one is ABSENT) != (other is ABSENT) or (one is not ABSENT and not same(one, other)):
            raise Refused(f"the patch does not bring {item.path} to what is live")
