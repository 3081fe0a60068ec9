"""What real folders hold, through every command: one clear line each with the way out, the right exit code, and the rest still done."""

from __future__ import annotations

import base64
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import soundfile

from auricle.demo import SOUNDS
from bad_audio import MAKERS, make_all, tone
from cli.conftest import Ran, spawn

GOOD = SOUNDS / "animals" / "CROW.wav"
DOG = SOUNDS / "animals" / "dog barking.ogg"
# A header is enough to say what a file claims to be.
HEADER_LIES = ("lying_header", "truncated_mp3", "nan", "no_samples", "bomb")
# The first tenth of a second is there, whatever is wrong with the rest.
SOUND_BEFORE_THE_FAULT = ("lying_header", "truncated_mp3", "nan", "bomb")


@pytest.fixture(scope="module")
def bad(tmp_path_factory):
    return make_all(tmp_path_factory.mktemp("bad"))


@pytest.fixture(scope="module")
def mixed(bad):
    """Every bad input, with a good one at both ends."""
    return [GOOD, *(each.path for each in bad.values()), DOG]


def one_line_each(ran: Ran, count: int) -> list[str]:
    lines = ran.err.splitlines()
    assert len(lines) == count, ran.err
    assert all(line.startswith("auricle: ") for line in lines), ran.err
    assert "Traceback" not in ran.err
    return lines


def told(lines: list[dict]) -> dict[str, str]:
    """Path as bytes of the file → kind, of the inputs that failed."""
    return {(base64.b64decode(d["path_bytes"]) if "path_bytes" in d else os.fsencode(d["path"])): d["kind"] for d in lines if "error" in d}


def expected(bad, *, heard=()) -> dict[bytes, str]:
    return {os.fsencode(each.path): each.kind for name, each in bad.items() if each.kind and name not in heard}


@pytest.mark.parametrize(
    ("command", "heard"),
    [(["classify", "--labels", "crow,dog"], ()), (["embed"], ()), (["embed", "--frames"], ()), (["info"], HEADER_LIES)],
)
def test_the_rest_is_done(run, bad, mixed, command, heard):
    ran = run(command[0], *mixed, *command[1:], "--json")
    assert ran.code == 1
    assert told(ran.lines) == expected(bad, heard=heard)
    assert all(line["hint"] for line in ran.lines if "error" in line)
    done = {base64.b64decode(d["path_bytes"]) if "path_bytes" in d else os.fsencode(d["path"]) for d in ran.lines if "error" not in d}
    assert done == {os.fsencode(path) for path in mixed} - set(expected(bad, heard=heard))
    assert ran.err == ""


@pytest.mark.parametrize("command", [["classify", "--labels", "crow,dog"], ["embed"]])
def test_one_line_for_people(run, bad, mixed, command):
    ran = run(command[0], *mixed, *command[1:])
    assert ran.code == 1
    lines = one_line_each(ran, len(expected(bad)))
    for path in expected(bad):
        assert sum(os.fsdecode(path) in line for line in lines) == 1


def test_silence_and_a_tenth_of_a_second_are_none_of_the_labels(run, bad):
    ran = run("classify", bad["silence"].path, bad["short"].path, "--labels", "dog barking,rain", "--json")
    assert ran.code == 0
    assert all(line["none"] > 0.5 for line in ran.lines)


@pytest.fixture(scope="module")
def indexed(bad, tmp_path_factory):
    """The bad inputs and a good one, indexed: (what the run said, the folder of the library, the folder of sounds)."""
    folder, library = Path(bad["empty"].path).parent, tmp_path_factory.mktemp("indexed") / "library"
    ran = spawn("index", folder, GOOD, folder.parent / "elsewhere.wav", "--library", library, "--json")
    return ran, library, folder


def test_index_names_each_and_does_the_rest(bad, indexed):
    ran, library, folder = indexed
    assert ran.code == 1
    failed = told(ran.lines)
    loops = {os.fsencode(bad["symlink_loop"].path).replace(b"loop.wav", b"loop_back.wav"): "Missing"}
    elsewhere = {os.fsencode(folder.parent / "elsewhere.wav"): "Missing"}
    kinds = {path: kind for path, kind in expected(bad, heard=("missing",)).items() if kind != "IsFolder"}
    assert failed == {**kinds, **loops, **elsewhere}
    assert all(line["hint"] for line in ran.lines[:-1])
    summary = ran.lines[-1]
    assert {"recordings", "windows", "hours", "skipped", "failed", "seconds"} <= set(summary)
    assert summary["failed"] == len(failed)
    with sqlite3.connect(library / "auricle.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_what_failed_is_named_again_but_not_tried_again(run, indexed):
    before, library, folder = indexed
    again = run("index", folder, "--library", library)
    assert again.code == 1
    one_line_each(again, len(told(before.lines)) - 1)  # the missing path was not asked for this time
    assert "unchanged" in again.out
    assert "added" not in again.out
    assert "updated" not in again.out


def test_info_lists_what_could_not_be_heard(run, indexed):
    ran = run("info", "--library", indexed[1])
    assert ran.code == 0
    assert f"{len(told(indexed[0].lines))} files could not be heard:" in ran.out
    (document,) = run("info", "--library", indexed[1], "--json").lines
    assert {f["kind"] for f in document["failed_files"]} == set(told(indexed[0].lines).values())
    assert all(f["hint"] for f in document["failed_files"])


def test_a_name_that_is_not_text(run, bad, indexed):
    """It is found, printed readably, and exported by the bytes that are its name."""
    raw = os.fsencode(bad["not_utf8"].path)
    ran = run("search", "--like", bad["not_utf8"].path, "--library", indexed[1], "--json", "-n", 50)  # others sound the same
    hits = [hit for hit in ran.lines if "path_bytes" in hit]
    assert base64.b64decode(hits[0]["path_bytes"]) == raw
    assert "\ufffd" in hits[0]["path"]
    clips = indexed[1].parent / "clips"
    exported = run("export", "-f", "wav", "-o", clips, stdin=json.dumps(hits[0]))
    assert exported.code == 0, exported.err
    assert soundfile.info(exported.out.strip()).duration == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("name", [name for name, (_, kind) in MAKERS.items() if kind and name != "denied"])
def test_like_a_bad_clip(run, bad, demo_library, name):
    ran = run("search", "--like", bad[name].path, "--library", demo_library)
    assert (ran.code, ran.out) == (1, "")
    one_line_each(ran, 1)


def test_like_an_odd_clip(run, bad, demo_library):
    for name in ("silence", "short", "not_utf8"):
        assert run("search", "--like", bad[name].path, "--library", demo_library, "--json").code == 0


def test_export_of_what_cannot_be_heard(run, bad, tmp_path):
    """Each once, however many of its moments are asked for; the good ones are written."""
    paths = [each.path for name, each in bad.items() if name != "not_utf8"] + [str(GOOD)]
    spans = [(0.0, 0.05), (0.0, 0.09)]
    piped = "\n".join(json.dumps({"path": path, "start": start, "end": end}) for path in paths for start, end in spans)
    ran = run("export", "-f", "flac", "-o", tmp_path / "clips", stdin=piped)
    assert ran.code == 1
    failed = expected(bad, heard=(*SOUND_BEFORE_THE_FAULT, "not_utf8"))
    one_line_each(ran, len(failed))
    written = ran.out.splitlines()
    assert len(written) == len(set(written)) == 2 * (len(paths) - len(failed))
    assert all(soundfile.info(path).frames for path in written)


@pytest.mark.parametrize(
    ("labels", "why"),
    [("", "empty"), ("dog,,rain", "empty"), ("dog,rain,dog", "dog"), ("dog, dog", "dog"), ("missing.txt", "missing.txt"), ("/", "folder")],
)
def test_labels(run, labels, why):
    ran = run("classify", GOOD, "--labels", labels)
    assert (ran.code, ran.out) == (2, "")
    assert why in one_line_each(ran, 1)[0]


def test_labels_of_a_file_that_is_not_text(run):
    ran = run("classify", GOOD, "--labels", DOG)
    assert ran.code == 2
    assert "not UTF-8" in one_line_each(ran, 1)[0]


@pytest.mark.parametrize("command", [["search", "dog"], ["similar", GOOD], ["duplicates"], ["info"], ["export", "dog"], ["repair"]])
@pytest.mark.parametrize("kind", ["absent", "other files", "a file"])
def test_not_a_library(run, tmp_path, command, kind):
    path = tmp_path / "x"
    if kind == "other files":
        path.mkdir()
        (path / "notes.txt").write_text("mine")
    elif kind == "a file":
        path.write_text("mine")
    ran = run(*command, "--library", path)
    assert (ran.code, ran.out) == (3, "")
    assert str(path) in one_line_each(ran, 1)[0]
    assert path.exists() == (kind != "absent")


def test_index_takes_no_folder_of_other_files_for_its_library(run, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    ran = run("index", GOOD, "--library", tmp_path)
    assert ran.code == 2
    one_line_each(ran, 1)
    assert os.listdir(tmp_path) == ["notes.txt"]


@pytest.mark.parametrize("command", [["search", "dog"], ["index", GOOD], ["export", "dog"]])
def test_library_of_another_model(run, tmp_path, demo_library, command):
    other = tmp_path / "library"
    shutil.copytree(demo_library, other)
    with sqlite3.connect(other / "auricle.db") as connection:
        connection.execute("UPDATE meta SET value = 'other@1:0123456789ab' WHERE key = 'pipeline_id'")
        connection.execute("UPDATE meta SET value = 'other@1' WHERE key = 'model'")
    for more in ([], ["--model", "tiny-towers"]) if command[0] != "export" else ([],):
        ran = run(*command, *more, "--library", other)
        assert (ran.code, ran.out) == (3, "")
        assert "other@1" in one_line_each(ran, 1)[0]


@pytest.mark.parametrize(
    "arguments",
    [
        ["search", "dog", "--where", "nonsense = 3"],
        ["search", "dog", "--where", "duration >"],
        ["search", "dog", "--where", "duration > loud"],
        ["search", "dog", "--where", "'; drop table recordings"],
        ["export", "dog", "--where", "nonsense = 3"],
        ["export", "--where", "duration > 3"],
        ["search"],
        ["search", ""],
        ["search", "dog", "--sources", "smell"],
        ["search", "dog", "--sources", ","],
        ["search", "dog", "--limit", "0"],
        ["search", "dog", "--limit", "many"],
        ["search", "--like", f"{DOG}@5-2"],
        ["search", "dog", "cat"],
        ["search", "--limt", "3"],
        ["serach", "dog"],
        ["duplicates", "--threshold", "2"],
        ["export", "dog", "--format", "raevn"],
        ["export", "dog", "--format", "wav"],
        ["export", "dog", "--pad", "1"],
        ["index"],
        ["index", ""],
        ["info", ""],
        ["embed"],
        ["classify", GOOD],
        ["models", "lst"],
        ["models", "pull", "hf:a/b", "--precision", "float3"],
    ],
    ids=lambda arguments: " ".join(map(str, arguments))[:40],
)
def test_a_wrong_call(run, demo_library, monkeypatch, arguments):
    monkeypatch.setenv("AURICLE_LIBRARY", str(demo_library))
    ran = run(*arguments, stdin="")
    assert (ran.code, ran.out) == (2, ""), ran
    one_line_each(ran, 1)


def test_a_wrong_call_names_what_was_meant(run):
    assert "raven" in run("export", "dog", "--format", "raevn").err
    assert "--limit" in run("search", "--limt", "3").err


@pytest.mark.parametrize(
    "arguments",
    [
        ["models", "show", "nonsense"],
        ["models", "verify", "nonsense"],
        ["models", "show", SOUNDS],
        ["classify", GOOD, "--labels", "dog", "--model", "nonsense"],
        ["embed", GOOD, "--model", GOOD],
        ["index", GOOD, "--model", "nonsense"],
        ["models", "pull", "nonsense"],
    ],
    ids=lambda arguments: " ".join(map(str, arguments[:2])),
)
def test_no_such_model(run, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    ran = run(*arguments)
    assert (ran.code, ran.out) == (3, "")
    one_line_each(ran, 1)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "line", ["garbage", "[1]", '{"path": 3, "start": 0, "end": 1}', '{"path": "a.wav"}', '{"path":"a","start":"x","end":1}']
)
def test_moments_that_are_none(run, line):
    ran = run("export", stdin=line)
    assert (ran.code, ran.out) == (2, "")
    one_line_each(ran, 1)


# -- as a user whom the system can refuse ----------------------------------------------------------------------------------------


@pytest.fixture
def as_nobody(tmp_path_factory):
    """``(run, folder)``: commands as a user without the superuser's rights, and a folder that this user owns."""
    if not hasattr(os, "getuid"):
        pytest.skip("permissions of this kind are POSIX")
    folder = Path(tempfile.mkdtemp(prefix="auricle-test-"))
    environment = {**os.environ, "HOME": str(folder), "AURICLE_HOME": str(folder / "home"), "PYTHONDONTWRITEBYTECODE": "1"}
    prefix, user = _without_rights()
    if user is not None:
        os.chown(folder, user, user)

    def call(*arguments):
        done = subprocess.run(
            [*prefix, sys.executable, "-m", "auricle.cli.main", *map(str, arguments)],
            capture_output=True, text=True, errors="surrogateescape", timeout=60, env=environment, cwd=folder, check=False,
            user=user, group=user, extra_groups=[] if user is not None else None,
        )  # fmt: skip
        return Ran(done.returncode, done.stdout, done.stderr)

    yield call, folder
    for path in folder.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o700)
    shutil.rmtree(folder)


def _without_rights() -> tuple[list[str], int | None]:
    """A command to put before, and a user to become. The superuser becomes nobody, or where nobody may read this Python, lays down the
    right to pass over permissions (which leaves it the owner of its files, whose permissions then count)."""
    if os.getuid() != 0:
        return [], None
    probe = [sys.executable, "-c", "import auricle, numpy, soundfile"]
    try:
        if subprocess.run(probe, user=65534, group=65534, extra_groups=[], capture_output=True, check=False, cwd="/").returncode == 0:
            return [], 65534
    except OSError:  # nobody may not even start it
        pass
    drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--"]
    if shutil.which("setpriv") and subprocess.run([*drop, "true"], capture_output=True, check=False).returncode == 0:
        return drop, None
    pytest.skip("this Python can be read by the superuser only, and there is no setpriv to lay down rights")


def test_permission_denied(as_nobody):
    call, folder = as_nobody
    sounds = folder / "sounds"
    (sounds / "closed").mkdir(parents=True)
    soundfile.write(sounds / "closed" / "b.wav", tone(), 16_000)
    for name, seconds in (("open.wav", 1), ("denied.wav", 2)):
        soundfile.write(sounds / name, tone(seconds), 16_000)
    _give(folder)
    (sounds / "denied.wav").chmod(0)
    (sounds / "closed").chmod(0)

    ran = call("index", sounds, "--library", folder / "library", "--json")
    assert ran.code == 1, ran.err
    assert told(ran.lines) == {os.fsencode(sounds / name): "Denied" for name in ("denied.wav", "closed")}
    assert all(line["hint"] for line in ran.lines[:-1])
    assert ran.lines[-1]["recordings"] == 1

    ran = call("classify", sounds / "denied.wav", sounds / "open.wav", "--labels", "dog,beep")
    assert ran.code == 1
    assert "denied.wav" in one_line_each(ran, 1)[0]
    assert "open.wav" in ran.out

    # Once it may be read, the next run hears it.
    (sounds / "denied.wav").chmod(0o600)
    again = call("index", sounds, "--library", folder / "library", "--json")
    assert (again.code, again.lines[-1]["recordings"], told(again.lines)) == (1, 2, {os.fsencode(sounds / "closed"): "Denied"})


def test_nowhere_to_write(as_nobody, demo_library):
    call, folder = as_nobody
    (folder / "closed").mkdir()
    shutil.copytree(demo_library, folder / "library")
    _give(folder)
    (folder / "closed").chmod(0o500)
    for arguments in (
        ["index", GOOD, "--library", folder / "closed" / "library"],
        ["export", "dog", "--library", folder / "library", "--out", folder / "closed" / "dogs.csv"],
        ["export", "dog", "--library", folder / "library", "--format", "wav", "--out", folder / "closed" / "clips"],
    ):
        ran = call(*arguments)
        assert ran.code == 3, (arguments, ran)
        one_line_each(ran, 1)
    assert os.listdir(folder / "closed") == []


def test_a_library_that_may_only_be_read(as_nobody, demo_library):
    """Search works; index says why it does not."""
    call, folder = as_nobody
    library = folder / "library"
    shutil.copytree(demo_library, library)
    _give(folder)
    for path in [*library.rglob("*"), library]:
        path.chmod(0o500 if path.is_dir() else 0o400)
    found = call("search", "dog barking", "--library", library, "--json", "--limit", 1)
    assert found.code == 0, found.err
    assert found.lines[0]["path"].endswith("dog barking.ogg")
    ran = call("index", GOOD, "--library", library)
    assert ran.code == 3
    one_line_each(ran, 1)


def _give(folder: Path) -> None:
    owner = folder.stat().st_uid
    for path in folder.rglob("*"):
        os.chown(path, owner, owner if owner else -1)
