"""What is printed, whoever reads it: a terminal, a pipe that closes, a full disk, an encoding without the characters."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import pytest
import soundfile

from auricle.cli import output
from auricle.demo import SOUNDS
from auricle.errors import AudioError
from bad_audio import tone
from cli.conftest import spawn

CROW = SOUNDS / "animals" / "CROW.wav"


def command(*arguments):
    return [sys.executable, "-m", "auricle.cli.main", *map(str, arguments)]


def test_table_aligns_what_terminals_draw():
    lines = output.table([["鳥", "1.0", "x"], ["cafe\u0301", "10.25", "y"], ["dog", "3", ""]], right=[1]).splitlines()
    assert lines == ["鳥      1.0  x", "cafe\u0301  10.25  y", "dog       3"]
    assert output.table([]) == ""


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00.0"), (7.54, "0:07.5"), (59.96, "1:00.0"), (3725, "1:02:05.0")])
def test_clock(seconds, text):
    assert output.clock(seconds) == text


def test_bar():
    assert [output.bar(value).rstrip() for value in (0.0, 0.5, 1.0, 7.0, -1.0)] == ["", "████", "████████", "████████", ""]
    assert all(len(output.bar(i / 64)) == 8 for i in range(65))


def test_names_cannot_steer_the_terminal(tmp_path, run):
    """A file name may hold line breaks and escape codes; a line of ours stays one line."""
    path = tmp_path / "a\nb\x1b[31m\u202egnp.wav"
    soundfile.write(path, tone(), 16_000)
    for arguments in (["info", path], ["classify", path, "--labels", "beep"], ["embed", path]):
        ran = run(*arguments)
        assert ran.code == 0
        assert r"a\nb\x1b[31m\u202egnp.wav" in ran.out
        assert not set(ran.out) & {"\x1b", "\u202e"}
    ran = run("info", f"{path}.no")
    assert len(ran.err.splitlines()) == 1
    assert "\x1b" not in ran.err


def test_short_path(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert output.short_path(str(tmp_path / "here" / "a.wav")) == "a.wav"
    assert output.short_path(str(tmp_path / "hereafter.wav")) == f"~{os.sep}hereafter.wav"
    assert output.short_path("/elsewhere/a.wav") == "/elsewhere/a.wav"
    (tmp_path / "here").rmdir()
    assert output.short_path("/elsewhere/a.wav") == "/elsewhere/a.wav"


def test_a_failure_is_one_line():
    failure = output.failure_of(AudioError("Empty", "a.wav", "a.wav: is\nempty.", hint="Record it\tagain."))
    assert output.error_line(failure) == "a.wav: is empty. Record it again."


def test_an_encoding_without_the_characters(demo_library):
    found = spawn("search", "dog", "--library", demo_library, "--limit", 1, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert (found.code, found.err) == (0, "")
    assert "  -  " in found.out
    told = spawn("classify", CROW, "--labels", "crow,鳥,😀", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert (told.code, told.err) == (0, "")
    assert r"\u9ce5" in told.out
    assert "########" in told.out


def test_json_is_json_in_any_encoding(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr(sys, "stdout", stream)
    output.prepare_streams()
    output.emit_document({"path": "caf\xe9 鳥 😀"})
    assert json.loads(stream.buffer.getvalue().decode("latin-1")) == {"path": "caf\xe9 鳥 😀"}


def test_a_reader_that_has_seen_enough(demo_library):
    """``| head -1``: no traceback, and no failure."""
    process = subprocess.Popen(
        command("embed", "--frames", *sorted((SOUNDS / "field").glob("ZOOM*.opus"))), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(60) == 0


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize("arguments", [["models", "list"], ["models", "list", "--json"], ["export", "dog"]])
def test_a_full_disk_behind_stdout(demo_library, arguments):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            command(*arguments), stdout=full, stderr=subprocess.PIPE, text=True, check=False,
            env={**os.environ, "AURICLE_LIBRARY": str(demo_library)}, timeout=60,
        )  # fmt: skip
    assert done.returncode == 3
    assert done.stderr == "auricle: No space left on device. Free some space, or write elsewhere.\n"


def test_closed_streams():
    done = subprocess.run(["sh", "-c", 'exec "$@" >&- 2>&-', "sh", *command("models", "list")], check=False, timeout=60)
    assert done.returncode == 0


def test_json_says_nothing_else(demo_library, run):
    """On a terminal or not, with ``--json`` stdout is JSON lines, and stderr is for people."""
    for arguments in (["info"], ["search", "dog"], ["similar", CROW], ["duplicates"], ["index", CROW], ["repair"]):
        ran = run(*arguments, "--library", demo_library, "--json")
        assert ran.code == 0
        assert all(isinstance(line, dict) for line in ran.lines)
        assert ran.err == ""


def test_the_published_keys(demo_library, run):
    assert {"path", "scores", "none"} <= set(run("classify", CROW, "--labels", "crow", "--json").lines[0])
    assert {"path", "start", "end", "score", "parts"} <= set(run("search", "dog", "--library", demo_library, "--json").lines[0])
    assert {"path", "start", "end", "score", "parts"} <= set(run("similar", CROW, "--library", demo_library, "--json").lines[0])
    summary = run("index", SOUNDS, "--library", demo_library, "--json").lines[-1]
    assert {"recordings", "windows", "hours", "skipped", "failed", "seconds"} <= set(summary)
    assert {"path", "error", "kind"} <= set(run("classify", "no.wav", "--labels", "crow", "--json").lines[0])


def test_nothing_found_is_done(demo_library, run):
    for json_flag in ([], ["--json"]):
        ran = run("search", "dog", "--where", "duration > 100000", "--library", demo_library, *json_flag)
        assert (ran.code, ran.out) == (0, "")
        assert ran.err == ("" if json_flag else "Nothing fits. Try without --where.\n")


def test_explain_stays_aligned(demo_library, run):
    """Reasons stand on lines of their own below the moment."""
    lines = run("search", "dog barking", "--library", demo_library, "--explain", "-n", 3).out.splitlines()
    moments = [line for line in lines if not line.startswith(" " * 6)]
    assert len(moments) == 3
    assert len({line.index("texts") for line in moments}) == 1
    assert any(line.startswith(" " * 6 + "words: ") for line in lines)
