"""The secrets of a site, kept in the store that the site names, and moved when it names another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from openinfra_tui.engine import layout
from openinfra_tui.secret import sops
from openinfra_tui.secret.encrypted import EncryptedFiles, SecretSpec
from openinfra_tui.secret.external import ExternalStore
from openinfra_tui.secret.sealed_store import SealedStore
from openinfra_tui.secret.sops_store import SopsStore
from openinfra_tui.secret.store import Holder

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from openinfra_tui.plan.model import Plan
    from openinfra_tui.secret.store import Store

FILL = "store/values.sops.yaml"
CERTIFICATE = "sealed-secrets.crt"


@dataclass(frozen=True, repr=False)
class Keys:
    """What opens and closes the secrets of a site.

    Attributes:
        recipients: who can decrypt, by a name: public age recipients.
        identity: the age identity that reads existing values, if there is one.
        certificate: a new certificate of Sealed Secrets' controller, if one was given.
    """

    recipients: Mapping[str, str]
    identity: str | None = None
    certificate: bytes | None = None


@dataclass(frozen=True)
class Kept:
    """What a store wrote.

    Attributes:
        files: by path.
        left: files of another store, whose values these hold now.
        notes: what the operator must know: what is new, and what must be restarted.
    """

    files: Mapping[str, bytes]
    left: frozenset[str]
    notes: tuple[str, ...]


def holders(plan: Plan) -> tuple[Holder, ...]:
    """Every component that has secrets, as its store sees it."""
    return tuple(
        Holder(
            file,
            layout.secret_name(component),
            component.namespace or "default",
            {secret.path: SecretSpec(secret.name, secret.form) for secret in component.secrets},
        )
        for file, component in layout.secret_files(plan).items()
    )


def wanted_secrets(plan: Plan) -> dict[str, Mapping[str, SecretSpec]]:
    """By the file that keeps them, the path of each secret in the values and what it is."""
    return {holder.file: holder.places for holder in holders(plan)}


def readers(plan: Plan) -> dict[str, str]:
    """The name of every secret, sorted, and the components that read it."""
    found: dict[str, list[str]] = {}
    for component in plan.components:
        for name in sorted({secret.name for secret in component.secrets}):
            found.setdefault(name, []).append(component.name)
    return {name: ", ".join(found[name]) for name in sorted(found)}


def keep_secrets(
    plan: Plan,
    keys: Keys,
    existing: Mapping[str, bytes],
    rotate: Collection[str],
    given: Mapping[str, str],
    made: Mapping[str, str] | None = None,
) -> Kept:
    """Write the secrets of a plan into its store; values that exist stay, also when another store had them.

    Args:
        plan: the steps of one cluster.
        keys: what opens and closes them.
        existing: the files of the repository.
        rotate: names that get a new value.
        given: values that the operator brings, by name.
        made: values for names that have none yet, or are rotated: something else is encrypted with them.

    Raises:
        Refused: the values are in a store that nobody but the cluster can read.
        UserError: a name is wrong, or what must be read cannot be read.
    """
    folder, wanted = f"sites/{plan.site.name}", plan.site.get("secrets.backend")
    before = layout.stores_of(existing, plan.site.name)
    left: frozenset[str] = frozenset()
    moved: dict[str, str] = {}
    for other in sorted(before - {wanted}) if wanted not in before else ():
        old = _as_kept_by(plan, other)
        moved |= _store(other, folder, keys).read(existing, holders(old))
        left |= {path for path in existing if path in layout.secret_files(old) or path == f"{folder}/{FILL}"}
    store = _store(wanted, folder, keys)
    files = store.update(existing, holders(plan), rotate=rotate, given=given, moved=moved, made=made)
    notes = [f"the values moved from {name} to {wanted}" for name in sorted(before - {wanted}) if moved]
    notes += _renewed(plan, {*rotate, *(given if before else ())})
    notes += _recipients(files, existing)
    return Kept(files, left - files.keys(), tuple(notes))


def _as_kept_by(plan: Plan, store: str) -> Plan:
    """The plan of the same site with another store: where that one keeps what."""
    secrets = {**plan.site.get("secrets"), "backend": store}
    return replace(plan, site=replace(plan.site, spec={**plan.site.spec, "secrets": secrets}))


def _store(name: str, folder: str, keys: Keys) -> Store:
    files = EncryptedFiles(keys.recipients, keys.identity)
    if name == "external-secrets":
        return ExternalStore(files, f"{folder}/{FILL}", folder.rsplit("/", 1)[-1])
    if name == "sealed-secrets":
        return SealedStore(f"{folder}/{CERTIFICATE}", keys.certificate)
    return SopsStore(files)


def _renewed(plan: Plan, names: Collection[str]) -> Iterator[str]:
    """For each secret with a new value, what reads it."""
    where = {"external-secrets": f" after `sh sites/{plan.site.name}/store/fill.sh NAME`"}
    when = where.get(plan.site.get("secrets.backend"), "")
    for name in sorted(names):
        readers = [
            release.name
            for component in plan.components
            if any(secret.name == name for secret in component.secrets)
            for release in component.releases
        ]
        if not readers:
            yield f"the secret {name} is new"
            continue
        yield (
            f"the secret {name} is new; its releases are upgraded{when.replace('NAME', name)}, "
            f"and their pods must be restarted: {', '.join(readers)}"
        )


def _recipients(files: Mapping[str, bytes], existing: Mapping[str, bytes]) -> Iterator[str]:
    """Who can read now, and who could before."""
    both = [path for path in files if path.endswith(".sops.yaml") and path in existing]
    before = {name for path in both for name in sops.recipients_of(existing[path])}
    after = {name for path in both for name in sops.recipients_of(files[path])}
    if before != after:
        yield f"encrypted anew for {', '.join(sorted(after))}; that changes no value and restarts nothing"
    if before - after:
        yield (
            f"{', '.join(sorted(before - after))} could read every value until now, and still can in Git's "
            "history: make them new with --rotate"
        )
