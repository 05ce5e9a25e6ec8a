from __future__ import annotations

from pathlib import Path

import pytest

from openinfra_tui.errors import Refused, UserError
from openinfra_tui.secret import sops
from openinfra_tui.secret.age import find_or_make, public_recipient
from openinfra_tui.secret.encrypted import EncryptedFiles, SecretSpec
from openinfra_tui.secret.given import read_given

WANTED = {
    "a.sops.yaml": {"secret.userKey": SecretSpec("ceph-client-key", "given")},
    "b.sops.yaml": {
        "conf.keyring": SecretSpec("ceph-client-key", "given"),
        "conf.password": SecretSpec("a-password", "password"),
    },
}


@pytest.fixture
def store(tmp_path: Path) -> EncryptedFiles:
    identity, _ = find_or_make(tmp_path / "age.key", tmp_path / "out")
    return EncryptedFiles({"operator": public_recipient(identity)}, identity)


def plain(store: EncryptedFiles, files: dict[str, bytes]) -> dict[str, dict[str, dict[str, str]]]:
    assert store.identity is not None
    return {path: sops.decrypt(content, store.identity) for path, content in files.items()}


def test_a_given_secret_stands_wherever_it_is_wanted(store: EncryptedFiles) -> None:
    found = plain(store, store.update({}, WANTED, given={"ceph-client-key": "AQ=="}))
    assert found["a.sops.yaml"]["secret"]["userKey"] == found["b.sops.yaml"]["conf"]["keyring"] == "AQ=="
    assert len(found["b.sops.yaml"]["conf"]["password"]) == 32


def test_without_it_nothing_is_made_up(store: EncryptedFiles) -> None:
    with pytest.raises(UserError, match=r"ceph-client-key is yours to give") as raised:
        store.update({}, WANTED)
    assert "--secret ceph-client-key=FILE" in raised.value.hint


def test_it_is_kept_until_a_new_one_is_given(store: EncryptedFiles) -> None:
    first = store.update({}, WANTED, given={"ceph-client-key": "old"})
    assert store.update(first, WANTED) == first
    second = plain(store, store.update(first, WANTED, given={"ceph-client-key": "new"}))
    assert second["a.sops.yaml"]["secret"]["userKey"] == second["b.sops.yaml"]["conf"]["keyring"] == "new"
    before = plain(store, first)
    assert second["b.sops.yaml"]["conf"]["password"] == before["b.sops.yaml"]["conf"]["password"]


def test_given_and_generated_are_not_the_same_thing(store: EncryptedFiles) -> None:
    given = {"ceph-client-key": "AQ=="}
    with pytest.raises(UserError, match=r"cannot be made anew"):
        store.update(store.update({}, WANTED, given=given), WANTED, rotate=["ceph-client-key"])
    with pytest.raises(UserError, match=r"a-password is generated"):
        store.update({}, WANTED, given={**given, "a-password": "mine"})
    with pytest.raises(UserError, match=r"no secret ceph-key"):
        store.update({}, WANTED, given={"ceph-key": "AQ=="})


def test_the_file_of_a_given_secret(tmp_path: Path) -> None:
    file, repository = tmp_path / "ceph.key", tmp_path / "out"
    file.write_text("AQ==\n", "utf-8")
    assert read_given({"ceph-client-key": file}, repository) == {"ceph-client-key": "AQ=="}


@pytest.mark.parametrize("content", [b"", b"\n", b"[client.x]\n key = AQ==\n", b"\xff\xfe", b"x" * 5000])
def test_a_file_that_is_no_secret_is_refused_without_its_content(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "ceph.key"
    file.write_bytes(content)
    with pytest.raises(UserError) as raised:
        read_given({"ceph-client-key": file}, tmp_path / "out")
    assert "AQ==" not in str(raised.value)
    assert "xxx" not in str(raised.value)


def test_a_secret_in_clear_in_the_repository_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ceph.key").write_text("AQ==\n", "utf-8")
    with pytest.raises(Refused, match=r"is in the repository"):
        read_given({"ceph-client-key": tmp_path / "ceph.key"}, tmp_path)
    with pytest.raises(UserError, match=r"cannot be read: FileNotFoundError"):
        read_given({"ceph-client-key": tmp_path / "none"}, tmp_path / "out")
