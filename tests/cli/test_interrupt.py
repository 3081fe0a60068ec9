"""Stopped in the middle, by a person or by a full disk: the exit code says so, nothing is lost, the next run finishes."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile

from auricle.demo import SOUNDS
from cli.conftest import spawn

CROW = SOUNDS / "animals" / "CROW.wav"


def command(*arguments):
    return [sys.executable, "-m", "auricle.cli.main", *map(str, arguments)]


def noises(folder: Path, count: int, seconds: float) -> Path:
    folder.mkdir()
    random = np.random.default_rng(0)
    for i in range(count):
        soundfile.write(folder / f"noise {i:03d}.wav", 0.1 * random.standard_normal(int(seconds * 16_000)).astype(np.float32), 16_000)
    return folder


def committed(library: Path) -> int:
    try:
        with closing(sqlite3.connect(f"file:{library / 'auricle.db'}?mode=ro", uri=True)) as connection:
            return connection.execute("SELECT count(*) FROM recordings").fetchone()[0]
    except sqlite3.Error:
        return 0


def wait_for(what, seconds=30):
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.kill
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_index_interrupted(tmp_path, number):
    """As a terminal does it: the signal goes to the whole group, decoders included."""
    sounds, library = noises(tmp_path / "sounds", 48, 15), tmp_path / "library"
    process = subprocess.Popen(
        command("index", sounds, "--library", library, "--json"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, env={**os.environ, "AURICLE_THREADS": "1"},
    )  # fmt: skip
    wait_for(lambda: (library / "auricle.db").exists() and list((library / "vectors").iterdir()))
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert err.splitlines()[-1] == "auricle: interrupted; what was heard is kept. Run the same command again to go on."
    summary = json.loads(out.splitlines()[-1])
    held = committed(library)
    assert summary["recordings"] == summary["added"] == held < 48
    assert summary["failed"] == 0
    with pytest.raises(ProcessLookupError):  # nobody stays behind
        os.killpg(process.pid, 0)
    again = spawn("index", sounds, "--library", library, "--json")
    assert again.code == 0, again.err
    assert (again.lines[-1]["unchanged"], again.lines[-1]["added"], again.lines[-1]["recordings"]) == (held, 48 - held, 48)


@pytest.mark.kill
def test_other_commands_interrupted(tmp_path):
    sounds = noises(tmp_path / "sounds", 30, 20)
    process = subprocess.Popen(
        command("embed", *sorted(sounds.iterdir())), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "auricle: interrupted.\n")


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
@pytest.mark.parametrize(("term", "columns"), [("xterm", 20), ("xterm", 200), ("dumb", 80)])
def test_index_on_a_terminal(tmp_path, term, columns):
    """A bar however narrow it is, and nothing of the kind on a dumb one."""
    outside, inside = pty.openpty()
    process = subprocess.Popen(
        command("index", CROW, "--library", tmp_path / "library"), stdin=inside, stdout=inside, stderr=inside,
        env={**os.environ, "TERM": term, "COLUMNS": str(columns), "NO_COLOR": "1"},
    )  # fmt: skip
    os.close(inside)
    seen = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([outside], [], [], 0.1)[0]:
            try:
                part = os.read(outside, 65536)
            except OSError:  # the other end is closed
                part = b""
            if not part:
                break
            seen += part
    os.close(outside)
    assert process.wait(60) == 0
    assert (b"\x1b[" in seen) == (term != "dumb")
    assert b"\x1b[3" not in seen  # NO_COLOR
    text = seen.decode().replace("\r\n", "\n")
    assert "1 added in " in text
    assert "The library holds 1 recording, " in text


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="mounting a small disk needs the superuser")
def test_a_full_disk(tmp_path):
    """A real file system of a few megabytes: exit code 3, one line; what was committed is found; with space, the next run finishes."""
    disk, sounds = tmp_path / "disk", noises(tmp_path / "sounds", 40, 1)
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)], capture_output=True, check=False).returncode:
        pytest.skip("this system lets nobody mount a tmpfs")
    try:
        library = disk / "library"
        assert spawn("index", CROW, "--library", library).code == 0
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        (disk / "ballast").write_bytes(b"x" * (free - 60_000))
        full = spawn("index", sounds, "--library", library)
        assert full.code == 3, full
        assert "Free some space" in full.err
        assert len(full.err.splitlines()) == 1
        held = committed(library)
        assert 1 <= held < 41
        assert spawn("search", "crow", "--library", library, "--json").lines[0]["path"] == str(CROW)
        os.unlink(disk / "ballast")
        again = spawn("index", sounds, "--library", library, "--json")
        assert (again.code, again.lines[-1]["recordings"]) == (0, 41)
    finally:
        with suppress(OSError):
            subprocess.run(["umount", "-l", str(disk)], check=False)
