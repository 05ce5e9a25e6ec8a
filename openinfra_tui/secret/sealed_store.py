"""Sealed Secrets: Git holds values that only the controller in the cluster can open.

Nobody else can read them, so a value that is wanted in a second place must be given or made anew, and none
can be moved to another store.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from openinfra_tui import yamlio
from openinfra_tui.errors import Refused, UserError
from openinfra_tui.secret import forms
from openinfra_tui.secret.encrypted import by_name, require_known
from openinfra_tui.secret.seal import read_certificate, seal
from openinfra_tui.secret.store import VALUES, WATCHED, values_template

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from openinfra_tui.secret.store import Holder


@dataclass(frozen=True)
class SealedStore:
    """Keeps values sealed in Git.

    Attributes:
        file: where the certificate stands in the repository.
        certificate: the certificate to seal for from now on, in PEM; None for the one in the repository.
    """

    file: str
    certificate: bytes | None = None

    def update(
        self,
        existing: Mapping[str, bytes],
        holders: Sequence[Holder],
        *,
        rotate: Collection[str] = (),
        given: Mapping[str, str] | None = None,
        moved: Mapping[str, str] | None = None,
        made: Mapping[str, str] | None = None,
    ) -> dict[str, bytes]:
        """See `Store.update`. A name of any form may be given, because what exists cannot be read.

        A sealed value that stays keeps its bytes, also under a new certificate: the controller keeps its old
        keys, and `kubeseal --re-encrypt` brings a value to the new one.
        """
        told = given or {}
        specs = by_name(holder.places for holder in holders)
        require_known((*rotate, *told), specs)
        carried = {name: value for name, value in (moved or {}).items() if name not in rotate}
        values = {**(made or {}), **carried, **told}
        for name in rotate:
            if name not in values:
                values[name] = _make(name, specs[name].form)
        kept = {holder.file: _sealed(holder.file, existing) for holder in holders}
        new = {name for name in specs if name in told or name in rotate}
        _require_readable(holders, kept, values)
        pem = self.certificate or existing.get(self.file)
        if pem is None:
            raise UserError(
                "there is no certificate to seal for",
                "name the file of the controller's certificate with --certificate; RUNBOOK.md of a site "
                "says how to make one before there is a cluster",
            )
        source = "the certificate" if self.certificate else self.file
        key, clean = read_certificate(pem, source)
        out = {self.file: clean}
        for holder in holders:
            sealed = kept[holder.file]
            for name in sorted({spec.name for spec in holder.places.values()}):
                if name in sealed and name not in new:
                    continue
                if name not in values:
                    values[name] = _make(name, specs[name].form)
                sealed[name] = seal(values[name], key, holder.namespace, holder.secret)
            out[holder.file] = yamlio.dump(_document(holder, sealed)).encode()
        return out

    def read(self, existing: Mapping[str, bytes], holders: Sequence[Holder]) -> dict[str, str]:  # noqa: ARG002
        """See `Store.read`.

        Raises:
            Refused: always; only the controller can open what is sealed.
        """
        raise Refused(
            "sealed values can be opened by the controller in the cluster only, so they cannot be moved to "
            "another store",
            "keep secrets.backend: sealed-secrets; or delete every sealed-secret.yaml of the site in a "
            "commit, generate, and before you push write the values of the running cluster "
            "(`kubectl get secret`) over the new ones with `sops edit`",
        )


def _make(name: str, form: str) -> str:
    if form == forms.GIVEN:
        raise UserError(
            f"the secret {name} is yours to give, and the repository has none yet",
            f"write it into a file, and name that with --secret {name}=FILE",
        )
    return forms.generate(form)


def _sealed(file: str, existing: Mapping[str, bytes]) -> dict[str, str]:
    """The sealed values of a file by name; empty where there is no file."""
    if file not in existing:
        return {}
    try:
        document = yamlio.load(existing[file])
    except (yaml.YAMLError, UnicodeDecodeError):
        raise UserError(f"{file} is not YAML", "restore it from Git") from None
    spec = document.get("spec") if isinstance(document, dict) else None
    data = spec.get("encryptedData") if isinstance(spec, dict) else None
    if not isinstance(data, dict):
        raise UserError(f"{file} is no SealedSecret", "restore it from Git")
    return {str(name): str(value) for name, value in data.items()}


def _require_readable(
    holders: Sequence[Holder], kept: Mapping[str, Mapping[str, str]], values: Mapping[str, str]
) -> None:
    """Refuse a name that is sealed in one place, wanted in another, and known to nobody here.

    Raises:
        UserError: there is such a name.
    """
    for holder in holders:
        for name in sorted({spec.name for spec in holder.places.values()}):
            others = [file for file, sealed in kept.items() if name in sealed]
            if name not in kept[holder.file] and others and name not in values:
                raise UserError(
                    f"{holder.file} needs the secret {name}, which is sealed in {others[0]}: nobody here can "
                    "read it",
                    "write its value from the running cluster into a file and name that with "
                    f"--secret {name}=FILE, or make a new one everywhere with --rotate {name}",
                )


def _document(holder: Holder, sealed: Mapping[str, str]) -> dict[str, Any]:
    """The SealedSecret (bitnami.com/v1alpha1) that makes the Secret of a component."""
    return {
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "metadata": {"name": holder.secret, "namespace": holder.namespace},
        "spec": {
            "encryptedData": dict(sorted(sealed.items())),
            "template": {
                "metadata": {"labels": WATCHED},
                "data": {VALUES: values_template(holder.places)},
            },
        },
    }
