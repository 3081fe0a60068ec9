"""``auricle keys``: the secret alone on stdout, so that it can be piped; everything else beside it."""

from __future__ import annotations

import json
import subprocess
import sys

from auricle.service.keys import Keys


def test_make_list_revoke(run, monkeypatch, tmp_path):
    monkeypatch.setenv("AURICLE_HOME", str(tmp_path))
    assert "There is no key" in run("keys", "list").err
    made = run("keys", "new", "laptop", "--scope", "read,write")
    assert made.code == 0
    secret = made.out.strip()
    assert secret.startswith("aur_")
    assert "not shown again" in made.err
    assert Keys().verify(secret).scopes == ("read", "write")

    listed = run("keys", "list")
    assert listed.out.startswith("laptop  read, write  ")
    assert secret not in listed.out
    assert run("keys", "list", "--json").lines[0].keys() == {"name", "scopes", "created_at"}

    revoked = run("keys", "revoke", "laptop")
    assert (revoked.code, revoked.out, revoked.err) == (0, "", "Revoked: laptop\n")
    assert Keys().verify(secret) is None
    assert run("keys", "list", "--json").out == ""


def test_json(run, monkeypatch, tmp_path):
    monkeypatch.setenv("AURICLE_HOME", str(tmp_path))
    (made,) = run("keys", "new", "me", "-s", "admin", "--json").lines
    assert made["scopes"] == ["admin"]
    assert Keys().verify(made["secret"]).name == "me"
    assert run("keys", "revoke", "me", "--json").lines == [{"name": "me", "revoked": True}]


def test_what_is_wrong_is_said_in_one_line(run, monkeypatch, tmp_path):
    monkeypatch.setenv("AURICLE_HOME", str(tmp_path))
    run("keys", "new", "a")
    for arguments in (
        ("new", "a"), ("new", ""), ("new", "../a"), ("new", "b", "--scope", "root"), ("new", "b", "--scope", ","), ("revoke", "b"),
        ("new",), ("list", "x"),
    ):  # fmt: skip
        ran = run("keys", *arguments)
        assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1), arguments
    (tmp_path / "keys.json").write_text(json.dumps({"format": 1}))
    ran = run("keys", "list")
    assert (ran.code, ran.err.count("\n")) == (3, 1)
    assert "keys.json" in ran.err


def test_keys_wake_no_server():
    code = (
        "import sys, auricle.service.keys, auricle.service.config; print([m for m in ('fastapi', 'pydantic', 'numpy') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
