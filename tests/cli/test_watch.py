"""``auricle watch``: what comes is heard, what fails is named once, Ctrl-C ends it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest

from auricle.demo import SOUNDS

CROW, COW = SOUNDS / "animals" / "CROW.wav", SOUNDS / "animals" / "cow.flac"


@pytest.mark.kill
def test_watch(tmp_path):
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    shutil.copy(CROW, sounds / "first.wav")
    process = subprocess.Popen(
        [sys.executable, "-m", "auricle.cli.main", "watch", sounds, "--every", "0.2", "--library", tmp_path / "library", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip

    def told():
        return json.loads(process.stdout.readline())

    try:
        assert told()["added"] == 1
        arriving = tmp_path / "arriving"
        shutil.copy(COW, arriving)
        os.replace(arriving, sounds / "second.flac")
        second = told()
        assert (second["added"], second["recordings"]) == (1, 2)
        (sounds / "broken.wav").write_text("no sound")
        assert told()["kind"] == "NotAudio"
        os.replace(sounds / "second.flac", sounds / "moved.flac")
        assert told()["moved"] == 1  # and the failure is not told again
    finally:
        os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", "")
