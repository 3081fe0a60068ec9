"""``auricle data`` as a person runs it."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import soundfile

from auricle.demo import SOUNDS


@pytest.fixture
def sounds(tmp_path):
    """A folder of a few real sounds with labels."""
    for name in ("animals/dog barking.ogg", "animals/cow.flac", "home/door slam.flac"):
        source = next(SOUNDS.rglob(name.split("/")[1]))
        (tmp_path / "Sounds" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, tmp_path / "Sounds" / name)
    return tmp_path / "Sounds"


def test_import_check_convert(run, sounds):
    out = sounds / "m.jsonl"
    ran = run("data", "import", "folder", sounds, "-o", out, "--captions", "--licence", "CC BY-NC 4.0")
    assert (ran.code, ran.out) == (0, f"3 items in {out}.\n")
    ran = run("data", "check", out)
    assert ran.code == 0, ran.out
    assert "CC BY-NC 4.0  non-commercial" in ran.out
    assert "All is well: 0 broken or missing inputs, 0 lies, 0 leaks." in ran.out
    assert run("data", "convert", out, sounds / "m.parquet", "--json").lines == [{"manifest": str(sounds / "m.parquet"), "items": 3}]
    assert run("data", "convert", sounds / "m.parquet", sounds / "s-%03d.tar").code == 0
    assert run("data", "check", sounds / "s-000.tar", "--no-hear").code == 0
    back = sounds / "back.jsonl"
    assert run("data", "convert", sounds / "s-000.tar", back).code == 0
    assert run("data", "check", back, "--json").lines[-1] == {"kind": "summary", "ok": True, "broken": 0, "lies": 0, "heard": True}
    ran = run("data", "convert", out, back)
    assert (ran.code, "exists already" in ran.err) == (2, True)


def test_what_is_wrong_is_told(run, sounds):
    run("data", "import", "folder", sounds, "-o", sounds / "m.jsonl")
    (sounds / "animals/cow.flac").unlink()
    (sounds / "home/door slam.flac").write_bytes(b"no sound")
    ran = run("data", "check", sounds / "m.jsonl")
    assert ran.code == 1
    assert "cow.flac: there is no such file. Check the path" in ran.err
    assert "door slam.flac: is no audio" in ran.err
    assert "Not well: 2 broken or missing inputs" in ran.out
    lines = run("data", "check", sounds / "m.jsonl", "--json").lines
    assert [line["kind"] for line in lines[:2]] == ["Missing", "NotAudio"]


def test_a_leak_is_told(run, sounds, tmp_path):
    run("data", "import", "folder", sounds, "-o", sounds / "m.jsonl")
    samples, rate = soundfile.read(sounds / "animals/dog barking.ogg")
    other = tmp_path / "other"
    other.mkdir()
    soundfile.write(other / "x.wav", 0.5 * np.concatenate([np.zeros(999), samples if samples.ndim == 1 else samples.mean(1)]), rate)
    run("data", "import", "folder", other, "-o", other / "test.jsonl")
    ran = run("data", "check", sounds / "m.jsonl", "--against", other / "test.jsonl")
    assert ran.code == 1
    assert "LEAK  same sound by fingerprint" in ran.out
    assert "dog barking.ogg = x.wav" in ran.out
    (edge,) = [
        line
        for line in run("data", "check", sounds / "m.jsonl", "--against", other / "test.jsonl", "--json").lines
        if line["kind"] == "overlap"
    ]
    assert (edge["where"], edge["leak"], edge["same"]) == ("against", True, "sound")


def test_what_is_known_of_sets(run, tmp_path):
    path = tmp_path / "m.jsonl"
    path.write_text('{"id": "a", "set": "wavcaps", "captions": ["a dog"]}\n')
    ran = run("data", "check", path, "--against", "clotho")
    assert ran.code == 0
    assert "89.0 %" in ran.out.split("Known of these sets")[1]


def test_sets(run):
    listed = run("data", "sets")
    assert {"audiocaps", "esc50", "fsd50k"} <= {line.split()[0] for line in listed.out.splitlines()}
    assert "404 test captions verbatim in train" in run("data", "sets", "audiocaps").out
    assert run("data", "sets", "clotho", "--json").lines[0]["layout"]["kind"] == "csv_captions"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["check", "none.jsonl"], 3, "none.jsonl: there is no such manifest"),
        (["check", "x.txt"], 2, "no manifest is called that"),
        (["check", "none.jsonl", "--against", "esc10"], 3, "none.jsonl: there is no such manifest"),
        (["import", "nonsense", ".", "-o", "m.jsonl"], 2, "nothing to import a 'nonsense' with"),
        (["import", "folder", "none", "-o", "m.jsonl"], 3, "no such file or folder"),
        (["import", "csv", "none.csv", "-o", "m.jsonl"], 2, "Give e.g. --columns"),
        (["import", "esc50", ".", "-o", "m.jsonl"], 3, "has no meta/esc50.csv"),
        (["import", "esc50", ".", "-o", "m.jsonl", "--absent", "maybe"], 2, "Choose one of fail, drop, text"),
        (["sets", "esc51"], 2, "Did you mean esc50?"),
    ],
)
def test_errors_are_one_line(run, tmp_path, monkeypatch, arguments, code, said):
    monkeypatch.chdir(tmp_path)
    ran = run("data", *arguments)
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.data
def test_a_set_at_hand_against_another(run, data, tmp_path):
    ran = run("data", "import", "ambience", data, "-o", tmp_path / "a.tar")
    assert ran.code == 0, ran.err
    ran = run("data", "check", tmp_path / "a.tar", "--against", f"rides={data}")
    assert "CC BY-SA" in ran.out
    assert "share-alike" in ran.out


def test_instructions_of_others(run, sounds):
    (sounds / "slam.jsonl").write_text('{"source": "animals/cow.flac", "target": "a cow", "prompt": "What is heard?"}\n')
    ran = run("data", "import", "slam", sounds / "slam.jsonl", "-o", sounds / "m.jsonl")
    assert (ran.code, ran.out) == (0, f"1 item in {sounds / 'm.jsonl'}.\n")
    line = json.loads((sounds / "m.jsonl").read_text())
    assert (line["audio"], line["questions"]) == ("animals/cow.flac", [{"question": "What is heard?", "answer": "a cow"}])
    (sounds / "slam.jsonl").write_text('{"target": "a cow"}\n')
    ran = run("data", "import", "slam", sounds / "slam.jsonl", "-o", sounds / "n.jsonl")
    assert ran.code == 3
    assert "slam.jsonl:1: it has no source" in ran.err
