"""``auricle caption`` and ``auricle ask``: real two heads that nobody taught, and one whose words are written down."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from auricle.results import Answer, Caption, Evidence, Summary
from tasks.speaking_models import DOG, RAIN, Weighs, heard, say, silence, written

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture
def saying(run, monkeypatch):
    """The command, with a model that says what the test says."""

    def call(words, *arguments, **more):
        from auricle.tasks import speaking

        monkeypatch.setattr(speaking, "speaker", lambda model=None: words if not isinstance(words, str) else say(words, **more))
        return run(*arguments)

    return call


@pytest.fixture
def day(tmp_path):
    return written(tmp_path / "day.wav", silence(6), heard(DOG, 6), heard(RAIN, 6))


# ------------------------------------------------------------------------------------------------------------------ caption


def test_a_clip_for_people(saying):
    ran = saying("A dog barks while a violin plays.", "caption", DOG, "--keep-unsupported")
    path, sentence, *spans, marked = ran.out.splitlines()
    assert (ran.code, ran.err) == (0, "")
    assert (Path(path).name, sentence) == (DOG.name, "  A dog barks while a violin plays.")
    assert spans
    assert all(line.split()[-3:] == ["A", "dog", "barks"] for line in spans)
    assert marked.split() == ["?", "a", "violin", "plays", "(no", "evidence)"]


def test_a_timeline_for_people(saying, day):
    ran = saying("a dog barks and rain falls on a roof", "caption", day)
    assert [line for line in ran.out.splitlines()[1:] if not line.startswith("    ")] == [
        "  0:00.0–0:06.0  nothing is heard", "  0:06.0–0:12.0  a dog barks", "  0:12.0–0:18.0  rain falls on a roof",
        "  in all: a dog barks, then rain falls on a roof",
    ]  # fmt: skip


def test_a_file_that_ends_too_early_is_heard_until_there(saying, day):
    day.write_bytes(day.read_bytes()[: 44 + 2 * 16000 * 15])
    ran = saying("a dog barks", "caption", day)
    assert (ran.code, "0:06.0–0:12.0  a dog barks" in ran.out, ran.err.count("\n")) == (1, True, 1)
    assert [line.get("kind", line.get("start")) for line in saying("a dog barks", "caption", day, "--json").lines][1:] == [
        6.0,
        12.0,
        "Truncated",
        0.0,
    ]


def test_captions_as_lines(saying, day):
    ran = saying("a dog barks and rain falls on a roof", "caption", day, DOG, "--json")
    *captions, told, clip = ran.lines
    assert [set(line) for line in captions] == [{f.name for f in fields(Caption)}] * 3
    assert set(told) == {f.name for f in fields(Summary)}
    assert set(captions[1]["evidence"][0]) == {f.name for f in fields(Evidence)}
    assert told["summary"] == "a dog barks, then rain falls on a roof"
    assert (clip["caption"], clip["path"]) == ("a dog barks", str(DOG))


def test_two_heads_that_nobody_taught(run, untaught_heads):
    """Whatever they say, what nothing supports is not printed as if it were heard."""
    ran = run("caption", DOG, "--model", untaught_heads, "--json")
    (line,) = ran.lines
    assert (ran.code, line["model"]) == (0, "random@1")
    assert line["evidence"] or line["caption"] == "no sound could be made out"
    answer = run("ask", DOG, "is there a dog?", "--options", "yes,no", "--model", untaught_heads, "--json").lines[0]
    assert set(answer) == {f.name for f in fields(Answer)}
    assert answer["answer"] == max(answer["scores"], key=answer["scores"].__getitem__)


def test_kept_in_a_library_and_found(saying, run, tmp_path, day):
    library = tmp_path / "library"
    assert run("index", day, "--library", library).code == 0
    ran = saying("a dog barks and rain falls on a roof", "caption", day, DOG, "--library", library)
    assert (ran.code, "dog barking.ogg is not in the library" in ran.err) == (1, True)  # named, and the others are done
    hits = run("search", "falls on a roof", "--library", library, "--json").lines
    assert hits[0]["why"]["texts"] == "rain falls on a roof"
    nowhere = saying("a dog barks", "caption", day, "--library", tmp_path / "none")
    assert (nowhere.code, nowhere.out, nowhere.err.count("\n")) == (3, "", 1)


def test_a_library_of_the_environment_is_left_alone(saying, monkeypatch, tmp_path):
    monkeypatch.setenv("AURICLE_LIBRARY", str(tmp_path / "none"))
    assert saying("a dog barks", "caption", DOG).code == 0
    assert saying("a dog barks", "caption", DOG, "--store").code == 3


def test_streamed_on_a_terminal(run, untaught_heads):
    """Words as they are spoken on stderr, gone when the line is done; what is printed is the same."""
    arguments = ["caption", str(DOG), "--model", str(untaught_heads), "--json"]
    plain = run(*arguments)
    main, other = pty.openpty()
    command = [sys.executable, "-m", "auricle.cli.main", *arguments]
    shown = subprocess.run(command, stdout=subprocess.PIPE, stderr=other, check=True, timeout=120, env=os.environ | {"TERM": "xterm"})
    os.close(other)
    drawn = os.read(main, 1 << 20).decode()
    os.close(main)
    assert (plain.err, shown.stdout.decode()) == ("", plain.out)
    assert drawn.startswith("\r\x1b[K  0:00.0")
    assert drawn.endswith("\r\x1b[K")
    assert "\n" not in drawn


# ---------------------------------------------------------------------------------------------------------------------- ask


def test_an_answer_for_people(saying, day):
    ran = saying("yes", "ask", day, "is a dog barking?")
    path, answer, where, *spans = ran.out.splitlines()
    assert (ran.code, ran.err, Path(path).name, answer) == (0, "", "day.wav", "  yes")
    assert where == "    asked of 0:06.0 to 0:12.0"
    assert spans[0].split()[0].startswith("0:06")
    marked = saying("yes", "ask", RAIN, "is a violin played?").out
    assert "? " in marked
    assert "a violin (no evidence)" in marked


def test_options_with_contrast(saying):
    def odds(sounds, option):
        return {"rain": -3.0 if sounds else -9.0, "a fan": -2.0 if sounds else -1.0}[option]

    ran = saying(Weighs(lambda sounds, prompt: "", odds=odds), "ask", RAIN, "which is it?", "--options", "rain,a fan", "--contrast", "1")
    assert ran.out.splitlines()[1:4] == ["  rain", "    rain    6.00", "    a fan  -1.00"]


def test_together_and_with_examples(saying):
    speaker = say("the first", sounds=None)
    ran = saying(speaker, "ask", DOG, RAIN, "which is louder?", "--together", "--example", f"{RAIN}=soft")
    assert (ran.code, ran.out.splitlines()[1]) == (0, "  the first")
    assert [len(sounds) for sounds, _ in speaker.asked] == [3]
    apart = say("loud", sounds=None)
    assert len(saying(apart, "ask", DOG, RAIN, "is it loud?", "--json").lines) == 2
    assert [len(sounds) for sounds, _ in apart.asked] == [1, 1]


def test_what_cannot_be_told(saying):
    (line,) = saying("I cannot tell.", "ask", DOG, "what colour is the dog?", "--json").lines
    assert (line["answer"], line["cannot_tell"]) == ("cannot tell from this recording", True)


# -------------------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize("command", [["caption"], ["ask"]])
def test_twenty_files_some_of_them_unreadable(saying, tmp_path, command):
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    short = written(tmp_path / "short.wav", heard(RAIN, 1))
    files = [short] * 17 + [tmp_path / "bad.wav", tmp_path / "none.wav", tmp_path]
    question = ["is a dog barking?"] if command == ["ask"] else []
    ran = saying("yes", *command, *files, *question, "--json")
    assert ran.code == 1
    assert [line.get("kind", "") for line in ran.lines] == [""] * 17 + ["NotAudio", "Missing", "IsFolder"]
    plain = saying("yes", *command, *files, *question)
    assert (plain.code, plain.err.count("\n")) == (1, 3)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["caption", DOG, "--model", "tiny-towers"], 3),
        (["ask", DOG, "is it a dog?", "--model", "tiny-towers"], 3),
        (["caption", DOG, "--model", "no-such-model"], 3),
        (["caption"], 2),
        (["ask"], 2),
        (["ask", DOG], 2),
    ],
)
def test_what_is_wrong_is_said_in_one_line(run, arguments, code):
    ran = run(*arguments)
    assert (ran.code, ran.out, ran.err.count("\n")) == (code, "", 1)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([""], 2),
        (["?!"], 2),
        (["word " * 10_000], 2),
        (["is it?", "--options", "yes"], 2),
        (["is it?", "--options", "yes,yes"], 2),
        (["is it?", "--options", "none.txt"], 2),
        (["is it?", "--contrast", "-1"], 2),
        (["is it?", "--at", "9-3"], 2),
        (["is it?", "--at", "soon"], 2),
        (["is it?", "--example", "nothing"], 2),
        (["is it?", "--example", f"{RAIN}=wet"], 3),
        ([str(RAIN), "which?", "--together"], 3),
        (["dog " * 490], 3),
    ],
)
def test_questions_that_are_none(run, untaught_heads, arguments, code):
    ran = run("ask", DOG, *arguments, "--model", untaught_heads)
    assert (ran.code, ran.out, ran.err.count("\n")) == (code, "", 1)
    assert len(ran.err) < 400


def test_what_a_model_says_cannot_draw_on_a_terminal(saying):
    ran = saying("yes \x1b[2J\u202e a dog barks", "ask", DOG, "is a dog barking?")
    assert "\x1b" not in ran.out
    assert "\u202e" not in ran.out
    assert json.loads(saying("\x1b[2J", "ask", DOG, "is it?", "--json").out)["answer"] == "\x1b[2J"


@pytest.mark.parametrize(("page", "result"), [("caption.md", Caption), ("ask.md", Answer)])
def test_the_pages_name_every_key(page, result):
    table = (DOCS / page).read_text("utf-8").split("## What is printed")[1]
    keys = re.findall(r"`(\w+)`", "".join(line.split("|")[1] for line in table.splitlines() if line.startswith("|")))
    assert keys == [field.name for field in fields(result)]
    assert all(f"`{field.name}`" in table for field in (*fields(Evidence), *(fields(Summary) if result is Caption else ())))
