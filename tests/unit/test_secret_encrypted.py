"""The store of generated secrets: stable bytes, one value a name, nothing in clear."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyrage import x25519

from openinfra_tui.errors import UserError
from openinfra_tui.secret import sops
from openinfra_tui.secret.encrypted import EncryptedFiles, SecretSpec

KEY, OTHER = x25519.Identity.generate(), x25519.Identity.generate()
IDENTITY, PUBLIC, SECOND = str(KEY), str(KEY.to_public()), str(OTHER.to_public())
ADMIN = SecretSpec("keystone-admin-password", "password")
RABBIT = SecretSpec("rabbitmq-password", "password")
FERNET = SecretSpec("keystone-fernet", "fernet")
KEYSTONE, GLANCE = "sites/fra1/keystone/secrets.sops.yaml", "sites/fra1/glance/secrets.sops.yaml"
WANTED = {
    KEYSTONE: {"endpoints.identity.auth.admin.password": ADMIN, "conf.fernet": FERNET},
    GLANCE: {"endpoints.identity.auth.admin.password": ADMIN, "endpoints.mq.password": RABBIT},
    "sites/fra1/empty/secrets.sops.yaml": {},
}
BLIND = EncryptedFiles({"cluster": PUBLIC})
STORE = EncryptedFiles({"cluster": PUBLIC}, IDENTITY)


def opened(files: dict[str, bytes]) -> dict[str, Any]:
    return {path: sops.decrypt(content, IDENTITY) for path, content in files.items()}


def admin(files: dict[str, bytes], path: str) -> str:
    return str(opened(files)[path]["endpoints"]["identity"]["auth"]["admin"]["password"])


def test_first_run_needs_no_identity_and_shares_values_by_name() -> None:
    files = BLIND.update({}, WANTED)
    assert set(files) == {KEYSTONE, GLANCE}
    assert admin(files, KEYSTONE) == admin(files, GLANCE)
    assert len(admin(files, KEYSTONE)) == 32
    assert set(opened(files)[GLANCE]["endpoints"]) == {"identity", "mq"}
    assert admin(files, KEYSTONE).encode() not in files[KEYSTONE]


def test_nothing_to_do_keeps_every_byte_without_identity() -> None:
    files = BLIND.update({}, WANTED)
    assert BLIND.update({**files, "README.md": b"not yaml: ["}, WANTED) == files


def test_a_new_key_changes_only_its_file_and_keeps_values() -> None:
    files = BLIND.update({}, WANTED)
    wanted = {**WANTED, GLANCE: {**WANTED[GLANCE], "conf.key": SecretSpec("glance-key", "hex32")}}
    with pytest.raises(UserError, match="must be read") as caught:
        BLIND.update(files, wanted)
    assert "--age-key" in caught.value.hint
    after = STORE.update(files, wanted)
    assert after[KEYSTONE] == files[KEYSTONE]
    document = opened(after)[GLANCE]
    assert len(document.pop("conf")["key"]) == 32
    assert document == opened(files)[GLANCE]


def test_a_new_file_needs_the_identity_only_for_a_name_that_exists() -> None:
    files = BLIND.update({}, WANTED)
    fresh = BLIND.update(files, {**WANTED, "nova": {"a.b": SecretSpec("nova-password", "password")}})
    assert {path: fresh[path] for path in files} == files
    shared = {**WANTED, "nova": {"a.b": ADMIN}}
    with pytest.raises(UserError, match="must be read"):
        BLIND.update(files, shared)
    after = STORE.update(files, shared)
    assert opened(after)["nova"] == {"a": {"b": admin(files, KEYSTONE)}}
    assert {path: after[path] for path in files} == files


def test_rotation_changes_one_name_in_every_file_that_holds_it() -> None:
    files = BLIND.update({}, WANTED)
    after = STORE.update(files, WANTED, ["keystone-admin-password"])
    assert admin(after, KEYSTONE) == admin(after, GLANCE) != admin(files, GLANCE)
    assert opened(after)[KEYSTONE]["conf"] == opened(files)[KEYSTONE]["conf"]
    assert opened(after)[GLANCE]["endpoints"]["mq"] == opened(files)[GLANCE]["endpoints"]["mq"]
    only = STORE.update(files, WANTED, ["rabbitmq-password"])
    assert only[KEYSTONE] == files[KEYSTONE]
    assert only[GLANCE] != files[GLANCE]
    with pytest.raises(UserError, match="must be read"):
        BLIND.update(files, WANTED, ["rabbitmq-password"])


def test_an_unknown_name_to_rotate_suggests_the_nearest() -> None:
    with pytest.raises(UserError, match="no secret keystone-admin-pasword") as caught:
        STORE.update({}, WANTED, ["keystone-admin-pasword"])
    assert caught.value.hint == "did you mean keystone-admin-password?"
    with pytest.raises(UserError, match="no secret x"):
        STORE.update({}, {}, ["x"])


def test_changed_recipients_rewrite_every_file_with_the_same_values() -> None:
    files = BLIND.update({}, WANTED)
    both = {"cluster": PUBLIC, "operator": SECOND}
    with pytest.raises(UserError, match="must be read"):
        EncryptedFiles(both).update(files, WANTED)
    after = EncryptedFiles(both, IDENTITY).update(files, WANTED)
    assert opened(after) == opened(files)
    assert sops.decrypt(after[GLANCE], str(OTHER)) == opened(files)[GLANCE]
    swapped = EncryptedFiles({"operator": SECOND, "cluster": PUBLIC})
    assert swapped.update(after, WANTED) == after


def test_keys_that_the_operator_added_stay() -> None:
    document = {
        **opened(BLIND.update({}, WANTED))[KEYSTONE],
        "mine": {"ratio": 1.5, "on": True, "none": None},
    }
    files = {KEYSTONE: sops.encrypt(document, [PUBLIC]).encode()}
    wanted = {KEYSTONE: WANTED[KEYSTONE]}
    assert BLIND.update(files, wanted) == files
    assert opened(STORE.update(files, wanted, ["keystone-fernet"]))[KEYSTONE]["mine"] == document["mine"]


def test_different_values_of_one_name_are_told_and_not_shown() -> None:
    files = BLIND.update({}, WANTED)
    document = opened(files)[GLANCE]
    document["endpoints"]["identity"]["auth"]["admin"]["password"] = "edited-by-hand"
    files[GLANCE] = sops.encrypt(document, [PUBLIC]).encode()
    with pytest.raises(UserError, match="different values in sites/fra1/keystone") as caught:
        STORE.update(files, WANTED, ["rabbitmq-password"])
    assert "edited-by-hand" not in caught.value.message + caught.value.hint
    assert "--rotate keystone-admin-password" in caught.value.hint
    healed = STORE.update(files, WANTED, ["keystone-admin-password"])
    assert admin(healed, KEYSTONE) == admin(healed, GLANCE) != "edited-by-hand"


def test_what_the_user_must_mend() -> None:
    with pytest.raises(UserError, match="no age recipient"):
        EncryptedFiles({}, IDENTITY).update({}, WANTED)
    with pytest.raises(UserError, match="two forms: password and kek"):
        BLIND.update({}, {"a": {"x": ADMIN}, "b": {"x": SecretSpec(ADMIN.name, "kek")}})
    for places in (("a", "a.b"), ("a.b", "a")):
        with pytest.raises(UserError, match="cannot be set"):
            BLIND.update({}, {"f": dict(zip(places, (ADMIN, RABBIT), strict=True))})
    with pytest.raises(UserError, match=f"{KEYSTONE}: .*no `sops` metadata") as caught:
        STORE.update({KEYSTONE: b"endpoints: hidden\n"}, WANTED)
    assert "hidden" not in caught.value.message
    files = BLIND.update({}, WANTED)
    with pytest.raises(UserError, match=f"{KEYSTONE}: .* does not open this file"):
        EncryptedFiles({"cluster": PUBLIC}, str(OTHER)).update(files, WANTED, ["keystone-fernet"])


def test_neither_identity_nor_value_is_in_a_repr() -> None:
    assert IDENTITY not in repr(STORE) + str(STORE)


_names = st.sampled_from(["one", "two", "three", "four"])
_places = st.sampled_from(["a.b", "a.c", "d", "e.f.g", "e.f.h"])
_files = st.dictionaries(
    st.sampled_from(["x", "y", "z"]),
    st.dictionaries(_places, _names.map(lambda name: SecretSpec(name, "hex32"))),
)


@settings(max_examples=60, deadline=None)
@given(before=_files, after=_files, rotate=st.sets(_names))
def test_any_change_keeps_one_value_a_name(before: Any, after: Any, rotate: set[str]) -> None:
    first = BLIND.update({}, before)
    moved = {
        path: {place: before.get(path, {}).get(place, spec) for place, spec in secrets.items()}
        for path, secrets in after.items()
    }
    names = {spec.name for secrets in moved.values() for spec in secrets.values()}
    second = STORE.update(first, moved, rotate & names)
    assert set(second) == {path for path, secrets in moved.items() if secrets}
    seen: dict[str, set[str]] = {}
    for path, secrets in moved.items():
        for place, spec in secrets.items():
            node: Any = sops.decrypt(second[path], IDENTITY)
            for key in place.split("."):
                node = node[key]
            seen.setdefault(spec.name, set()).add(node)
    assert all(len(values) == 1 for values in seen.values())
    assert BLIND.update(second, moved) == second
