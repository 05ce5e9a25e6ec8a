"""A proof of the run before counts only where nothing that it looks at has changed."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from openinfra_tui.cache import default_folder
from openinfra_tui.drift.model import Application, Desired, EngineRef, IgnoreRule, Key, ObjectVerdict, Origin
from openinfra_tui.flow import proofs
from openinfra_tui.flow.proofs import Proofs

ROOT = Path("/r")
FLUX = Application(EngineRef("Kustomization", "flux-system", "apps"), "kustomize-controller", takes_over=True)
LIVE = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "it", "uid": "1"}, "data": {"a": "1"}}
DESIRED = Desired(
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "it"}, "data": {"a": "1"}},
    FLUX,
    Origin("f", 3),
)
PROVED = ObjectVerdict(
    "v1", Key("", "ConfigMap", "", "it"), "in-sync", "none", "local", FLUX.ref, Origin("f", 3)
)


def _after(*found: ObjectVerdict, whole: bool = True) -> Proofs:
    """The proofs of a run after one that found this."""
    before = Proofs(ROOT, "uid", "types")
    for item in found:
        before.learn(before.digest(DESIRED, LIVE), item)
    before.keep(whole=whole)
    return Proofs(ROOT, "uid", "types")


def test_what_was_proved_is_known_as_it_was() -> None:
    now = _after(PROVED)
    assert now.known(now.digest(DESIRED, LIVE), DESIRED) == PROVED


@pytest.mark.parametrize(
    "found",
    [
        PROVED._replace(proof="dry-run"),
        PROVED._replace(reason="equal, and never applied by kustomize-controller"),
        PROVED._replace(verdict="drifted", next="update"),
        PROVED._replace(verdict="ignored"),
    ],
)
def test_only_a_plain_proof_is_kept(found: ObjectVerdict) -> None:
    now = _after(found)
    assert now.known(now.digest(DESIRED, LIVE), DESIRED) is None


def _with(manifest: dict[str, Any] | None = None, **how: Any) -> Desired:
    return Desired({**DESIRED.object, **(manifest or {})}, dataclasses.replace(FLUX, **how))


@pytest.mark.parametrize(
    ("desired", "live"),
    [
        (_with({"data": {"a": "2"}}), LIVE),
        (_with({"data": {"a": 1}}), LIVE),
        (_with(takes_over=False), LIVE),
        (_with(manager="other"), LIVE),
        (_with(ignore=(IgnoreRule(("/data",)),)), LIVE),
        (_with(ref=EngineRef("Kustomization", "flux-system", "b")), LIVE),
        (DESIRED, {**LIVE, "data": {"a": "2"}}),
        (DESIRED, {**LIVE, "metadata": {**LIVE["metadata"], "uid": "2"}}),  # type: ignore[dict-item]
        (DESIRED, {**LIVE, "metadata": {**LIVE["metadata"], "managedFields": []}}),  # type: ignore[dict-item]
    ],
)
def test_any_change_is_another_comparison(desired: Desired, live: dict[str, Any]) -> None:
    now = _after(PROVED)
    assert now.known(now.digest(desired, live), desired) is None


def test_other_types_another_version_and_another_form_are_other_proofs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    same = _after(PROVED).digest(DESIRED, LIVE)
    assert Proofs(ROOT, "uid", "types").digest(DESIRED, LIVE) == same
    assert Proofs(ROOT, "uid", "others").digest(DESIRED, LIVE) != same
    for name in ("__version__", "_FORM"):
        with monkeypatch.context() as changed:
            changed.setattr(proofs, name, "other")
            assert Proofs(ROOT, "uid", "types").digest(DESIRED, LIVE) != same


def test_repositories_and_clusters_do_not_share() -> None:
    digest = _after(PROVED).digest(DESIRED, LIVE)
    for other in (Proofs(Path("/other"), "uid", "types"), Proofs(ROOT, "other", "types")):
        assert other.known(digest, DESIRED) is None


@pytest.mark.parametrize(
    "desired",
    [
        Desired({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "it"}}, FLUX),
        Desired(DESIRED.object, FLUX, sealed=("/data/a",)),
        Desired(DESIRED.object, FLUX, problem="build: no"),
        Desired(DESIRED.object, FLUX, doubt="it rolls dice"),
        Desired({**DESIRED.object, "data": {"a": 1 << 70}}, FLUX),
    ],
)
def test_secrets_and_what_is_not_certain_are_not_kept(desired: Desired) -> None:
    assert Proofs(ROOT, "uid", "types").digest(desired, LIVE) == ""
    assert Proofs(ROOT, "uid", "types").digest(DESIRED, None) == ""


@pytest.mark.parametrize(("whole", "kept"), [(True, False), (False, True)])
def test_what_was_not_met_again_goes_unless_only_a_part_was_looked_at(*, whole: bool, kept: bool) -> None:
    before = _after(PROVED)
    before.learn(before.digest(DESIRED, {**LIVE, "data": {}}), PROVED)
    before.keep(whole=whole)
    now = Proofs(ROOT, "uid", "types")
    assert (now.known(now.digest(DESIRED, LIVE), DESIRED) is not None) == kept
    assert now.known(now.digest(DESIRED, {**LIVE, "data": {}}), DESIRED) is not None


@pytest.mark.parametrize("text", ["", "{}", "[1", "[null, 3]"])
def test_a_damaged_file_costs_time_only(text: str) -> None:
    _after(PROVED)
    (file,) = default_folder("proofs").iterdir()
    file.write_text(text)
    now = Proofs(ROOT, "uid", "types")
    assert now.known(now.digest(DESIRED, LIVE), DESIRED) is None
