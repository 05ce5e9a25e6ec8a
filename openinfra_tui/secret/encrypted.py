"""Secrets of a site in SOPS-encrypted files of its repository.

The encrypted files are the only place: there is no state beside them. A file is written again only when it
must be, because each writing changes every byte of it.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from openinfra_tui.errors import UserError
from openinfra_tui.secret import forms, sops

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping


@dataclass(frozen=True)
class SecretSpec:
    """What a secret is, never its value: a name, unique in a site, and a form of `forms.form_names()`."""

    name: str
    form: str


@dataclass(frozen=True, repr=False)
class EncryptedFiles:
    """Writes secrets into encrypted files, and reads them back.

    Attributes:
        recipients: who can decrypt: a name for people, and the public age recipient (`age1...`).
        identity: the text of an age identity (`AGE-SECRET-KEY-1...`), needed once existing secrets must be
            read; None without one.
    """

    recipients: Mapping[str, str]
    identity: str | None = None

    def update(
        self,
        existing: Mapping[str, bytes],
        wanted: Mapping[str, Mapping[str, SecretSpec]],
        rotate: Collection[str] = (),
        given: Mapping[str, str] | None = None,
        moved: Mapping[str, str] | None = None,
        made: Mapping[str, str] | None = None,
    ) -> dict[str, bytes]:
        """The encrypted files that hold all wanted secrets.

        A value that exists is kept, unless its name is to be rotated; one name has one value wherever it
        stands. A file keeps its bytes when it has every wanted key, is encrypted for exactly the
        recipients, and holds no rotated name. Keys that are not wanted are kept: the operator may have
        added them with `sops edit`.

        Args:
            existing: files of the repository by path; those that are not wanted are not looked at.
            wanted: for each file, the dotted path below which each secret stands.
            rotate: names that get a new value.
            given: the values of names of the form `given`, which nobody can generate; a value that exists
                already gives way.
            moved: values that another store held; they stand in for generated ones.
            made: values for names that have none yet, or are rotated: something else is encrypted with them.

        Returns:
            Every wanted file that holds at least one secret, by path.

        Raises:
            UserError: there are no recipients, a rotated name is unknown, existing secrets must be read and
                there is no identity or not the right one, or one name has two forms or two values.
        """
        if not self.recipients:
            raise UserError("there is no age recipient", "name at least one in the site file below `secrets`")
        specs = by_name(wanted.values())
        told = given or {}
        require_known((*rotate, *told), specs)
        _require_givable(rotate, told, specs)
        rotate = {*rotate, *told}
        files = {path: secrets for path, secrets in wanted.items() if secrets}
        documents = {path: _document(path, existing[path]) for path in files if path in existing}
        stale = [path for path in files if self._is_stale(path, existing, documents, files[path], rotate)]
        held = {
            spec.name
            for path, document in documents.items()
            for place, spec in files[path].items()
            if _lookup(document, place) is not None
        }
        reused = {spec.name for path in stale for spec in files[path].values()} & held
        plain: dict[str, dict[str, Any]] = {}
        if reused or any(path in documents for path in stale):
            plain = self._decrypt_all({path: existing[path] for path in documents})
        carried = {name: value for name, value in (moved or {}).items() if name not in rotate}
        values = {**(made or {}), **carried, **_values(plain, files, rotate), **told}
        out: dict[str, bytes] = {}
        for path, secrets in files.items():
            if path not in stale:
                out[path] = existing[path]
                continue
            document = plain.get(path, {})
            for place, spec in secrets.items():
                if spec.name not in values and spec.form == forms.GIVEN:
                    raise UserError(
                        f"the secret {spec.name} is yours to give, and the repository has none yet",
                        f"write it into a file, and name that with --secret {spec.name}=FILE",
                    )
                if spec.name not in values:
                    values[spec.name] = forms.generate(spec.form)
                _place(document, place, values[spec.name], path)
            out[path] = sops.encrypt(document, self.recipients.values()).encode("utf-8")
        return out

    def read(
        self, existing: Mapping[str, bytes], wanted: Mapping[str, Mapping[str, SecretSpec]]
    ) -> dict[str, str]:
        """Every value by name, for another store.

        Raises:
            UserError: there is no identity or not the right one, one name has two values, or a file holds
                keys that the operator added, which no other store would have.
        """
        present = {path: existing[path] for path in wanted if path in existing}
        plain = self._decrypt_all(present) if present else {}
        added = [
            f"{path}: {place}"
            for path, document in plain.items()
            for place in _leaves(document)
            if place not in wanted[path]
        ]
        if added:
            raise UserError(
                f"added by hand, and no secret that another store would keep: {'; '.join(added)}",
                "take these keys out with `sops edit`, and add them to the new store afterwards",
            )
        return _values(plain, wanted, ())

    def _is_stale(
        self,
        path: str,
        existing: Mapping[str, bytes],
        documents: Mapping[str, dict[str, Any]],
        secrets: Mapping[str, SecretSpec],
        rotate: Collection[str],
    ) -> bool:
        if path not in documents or any(spec.name in rotate for spec in secrets.values()):
            return True
        if any(_lookup(documents[path], place) is None for place in secrets):
            return True
        return set(sops.recipients_of(existing[path])) != {name.strip() for name in self.recipients.values()}

    def _decrypt_all(self, files: Mapping[str, bytes]) -> dict[str, dict[str, Any]]:
        if self.identity is None:
            raise UserError(
                f"existing secrets must be read to change {', '.join(sorted(files))}",
                "name the file of an age identity that opens them with --age-key",
            )
        out: dict[str, dict[str, Any]] = {}
        for path, content in files.items():
            try:
                out[path] = sops.decrypt(content, self.identity)
            except UserError as error:
                raise UserError(f"{path}: {error.message}", error.hint) from None
        return out


def by_name(places: Iterable[Mapping[str, SecretSpec]]) -> dict[str, SecretSpec]:
    """Every secret by its name.

    Raises:
        UserError: one name has two forms.
    """
    specs: dict[str, SecretSpec] = {}
    for secrets in places:
        for spec in secrets.values():
            if specs.setdefault(spec.name, spec).form != spec.form:
                raise UserError(
                    f"the secret {spec.name} has two forms: {specs[spec.name].form} and {spec.form}"
                )
    return specs


def require_known(rotate: Collection[str], specs: Mapping[str, SecretSpec]) -> None:
    """Refuse a name that no component of the site has.

    Raises:
        UserError: one is unknown; the nearest that there is is named.
    """
    for name in rotate:
        if name not in specs:
            near = difflib.get_close_matches(name, specs, n=1, cutoff=0.0)
            raise UserError(
                f"there is no secret {name} to rotate", f"did you mean {near[0]}?" if near else ""
            )


def _require_givable(
    rotate: Collection[str], given: Collection[str], specs: Mapping[str, SecretSpec]
) -> None:
    for name in given:
        if specs[name].form != forms.GIVEN:
            raise UserError(f"the secret {name} is generated, not given", f"for a new value: --rotate {name}")
    for name in set(rotate) - set(given):
        if specs[name].form == forms.GIVEN:
            raise UserError(f"the secret {name} cannot be made anew here", f"give it: --secret {name}=FILE")


def _document(path: str, content: bytes) -> dict[str, Any]:
    try:
        return sops.sealed_keys(content)
    except UserError as error:
        raise UserError(f"{path}: {error.message}", error.hint) from None


def _lookup(document: Mapping[str, Any], place: str) -> str | None:
    """The scalar at a dotted path as text; None where there is none, or only an empty one."""
    node: Any = document
    for key in place.split("."):
        node = node.get(key) if isinstance(node, dict) else None
    return None if node is None or node == "" or isinstance(node, dict | list) else str(node)


def _leaves(document: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """The dotted paths of all values that are not empty."""
    for key, value in document.items():
        place = f"{above}.{key}" if above else str(key)
        if isinstance(value, dict):
            yield from _leaves(value, place)
        elif value not in (None, "", []):
            yield place


def _values(
    plain: Mapping[str, dict[str, Any]],
    files: Mapping[str, Mapping[str, SecretSpec]],
    rotate: Collection[str],
) -> dict[str, str]:
    """The existing value of each name that is not rotated, which must be the same in every file."""
    values: dict[str, str] = {}
    first: dict[str, str] = {}
    for path, document in plain.items():
        for place, spec in files[path].items():
            value = _lookup(document, place)
            if value is None or spec.name in rotate:
                continue
            here = f"{path} ({place})"
            if values.setdefault(spec.name, value) != value:
                raise UserError(
                    f"the secret {spec.name} has different values in {first[spec.name]} and {here}",
                    f"make them the same with `sops edit`, or make a new one with --rotate {spec.name}",
                )
            first.setdefault(spec.name, here)
    return values


def _place(document: dict[str, Any], place: str, value: str, path: str) -> None:
    *parents, last = place.split(".")
    node: Any = document
    for key in parents:
        node = node.setdefault(key, {})
        if not isinstance(node, dict):
            raise UserError(f"{path}: {place} cannot be set, because {key} above it is a value")
    if isinstance(node.get(last), dict | list):
        raise UserError(f"{path}: {place} cannot be set, because it holds other values")
    node[last] = value
