"""The key store: secrets are shown once, hashes are kept, a damaged or open file opens nothing."""

from __future__ import annotations

import json
import os
import stat
import threading

import pytest

from auricle.errors import AuricleError, UsageError
from auricle.service.keys import Keys, granted


@pytest.fixture
def keys(tmp_path):
    return Keys(tmp_path / "home" / "keys.json")


def test_a_secret_is_shown_once_and_not_stored(keys):
    secret = keys.create("laptop", ["write", "read"])
    assert secret.startswith("aur_")
    assert len(secret) == 47
    (key,) = keys.list()
    assert (key.name, key.scopes) == ("laptop", ("read", "write"))
    stored = keys.path.read_text()
    assert secret not in stored
    assert secret[4:] not in stored
    assert stat.S_IMODE(keys.path.stat().st_mode) == 0o600
    assert sorted(p.name for p in keys.path.parent.iterdir() if not p.name.endswith(".lock")) == ["keys.json"]


def test_verify(keys):
    assert keys.verify("aur_x") is None
    one, two = keys.create("one"), keys.create("two", ["admin"])
    assert keys.verify(one).name == "one"
    assert keys.verify(two).scopes == ("admin",)
    for wrong in ("", "aur_", one[:-1], one + "x", one.upper(), "x" * 10**6, one + "\0", "\udcff", "\ud800", one + " " * 200):
        assert keys.verify(wrong) is None


def test_every_key_is_compared_whichever_fits(keys, monkeypatch):
    import hmac

    secrets = [keys.create(str(n)) for n in range(5)]
    compared = []
    real = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: compared.append(1) or real(a, b))
    for secret in (secrets[0], secrets[4], "aur_wrong"):
        compared.clear()
        keys.verify(secret)
        assert len(compared) == 5


def test_what_others_change_is_seen(keys):
    other = Keys(keys.path)
    secret = other.create("one")
    assert keys.verify(secret).name == "one"
    other.revoke("one")
    assert keys.verify(secret) is None
    assert keys.list() == ()
    again = other.create("one")
    assert keys.verify(again)
    keys.path.unlink()
    assert keys.verify(again) is None


@pytest.mark.parametrize("name", ["", " ", "a b", "../a", "a/b", "-a", "a" * 65, "a\n", "é", "\0"])
def test_names(keys, name):
    with pytest.raises(UsageError, match="cannot name"):
        keys.create(name)


def test_calls_that_are_wrong(keys):
    keys.create("one")
    with pytest.raises(UsageError, match="already"):
        keys.create("one")
    for scopes in (["root"], [], ["read", "READ"]):
        with pytest.raises(UsageError, match="scope"):
            keys.create("two", scopes)
    with pytest.raises(UsageError, match="no key named"):
        keys.revoke("two")
    assert [key.name for key in keys.list()] == ["one"]


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "null", '"x"', "{}", '{"format": 2, "keys": []}', '{"format": 1}', '{"format": 1, "keys": [1]}', "[" * 100_000,
        '{"format": 1, "keys": [{"name": 1, "scopes": ["read"], "created_at": "", "sha256": "00"}]}',
        '{"format": 1, "keys": [{"name": "a", "scopes": ["read"], "created_at": "", "sha256": ""}]}',
        '{"format": 1, "keys": [{"name": "a", "scopes": [{}], "created_at": "", "sha256": "%s"}]}' % ("0" * 64), "\ud800",
    ],
)  # fmt: skip
def test_a_damaged_file_opens_nothing(keys, text):
    secret = keys.create("one")
    before = os.umask(0o077)
    try:
        keys.path.write_bytes(text.encode("utf-8", "surrogatepass"))
    finally:
        os.umask(before)
    for call in (keys.list, lambda: keys.verify(secret), lambda: keys.create("two"), lambda: keys.revoke("one")):
        with pytest.raises(AuricleError, match="cannot be used"):
            call()


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
def test_a_file_that_others_may_write_is_not_trusted(keys):
    secret = keys.create("one")
    keys.path.chmod(0o622)
    with pytest.raises(AuricleError, match="others may write"):
        Keys(keys.path).verify(secret)
    keys.path.chmod(0o644)
    assert Keys(keys.path).verify(secret)


def test_two_commands_at_once_lose_no_key(keys):
    threads = [threading.Thread(target=Keys(keys.path).create, args=(f"k{n}",)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(key.name for key in keys.list()) == sorted(f"k{n}" for n in range(12))
    assert len({row["sha256"] for row in json.loads(keys.path.read_text())["keys"]}) == 12


def test_a_crash_while_writing_keeps_what_was(keys, monkeypatch):
    secret = keys.create("one")

    def fails(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(OSError, match="space"):
        keys.create("two")
    monkeypatch.undo()
    assert [key.name for key in keys.list()] == ["one"]
    assert keys.verify(secret)
    assert not list(keys.path.parent.glob("*.new"))


def test_scopes_hold_each_other():
    assert granted(["admin"]) == {"read", "write", "admin"}
    assert granted(["write"]) == {"read", "write"}
    assert granted(["read"]) == {"read"}
    assert granted([]) == granted(["other"]) == frozenset()
