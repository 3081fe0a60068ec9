"""``auricle export``: moments never fall on one another, nothing is written over, the rest is done."""

from __future__ import annotations

import json

import pytest
import soundfile

from bad_audio import tone


@pytest.fixture
def twins(tmp_path):
    """Two recordings of one name in two folders, and moments of both; two begin at the same hundredth."""
    lines = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / "take.wav"
        soundfile.write(path, tone(4.0), 16_000)
        lines += [json.dumps({"path": str(path), "start": start, "end": start + 1}) for start in (0.0, 1.5, 1.5)]
    return "\n".join(lines)


@pytest.mark.parametrize("format", ["wav", "flac", "ogg"])
def test_no_two_moments_in_one_file(run, tmp_path, twins, format):
    ran = run("export", "--format", format, "--out", tmp_path / "clips", stdin=twins)
    assert ran.code == 0, ran.err
    written = ran.out.splitlines()
    assert len(set(written)) == len(written) == 6
    assert {path.name for path in (tmp_path / "clips").iterdir()} == {path.rsplit("/", 1)[1] for path in written}
    for path in written:
        assert soundfile.info(path).duration == pytest.approx(1.0, abs=0.02)


def test_nothing_is_written_over(run, tmp_path, twins):
    clips = tmp_path / "clips"
    first = run("export", "-f", "wav", "-o", clips, stdin=twins).out.splitlines()
    for path in first[1:]:
        (clips / path).unlink()
    again = run("export", "-f", "wav", "-o", clips, stdin=twins)
    assert (again.code, again.out) == (2, "")
    assert "nothing was written" in again.err
    assert len(list(clips.iterdir())) == 1
    assert len(run("export", "-f", "wav", "-o", clips, "--overwrite", stdin=twins).out.splitlines()) == 6


def test_pad_and_fade(run, tmp_path, twins):
    (path,) = run("export", "-f", "wav", "-o", tmp_path / "c", "--pad", 0.5, "--fade", 0.1, stdin=twins.splitlines()[1]).out.splitlines()
    samples, rate = soundfile.read(path)
    assert len(samples) / rate == pytest.approx(2.0, abs=0.01)
    assert abs(samples[:20]).max() < 0.01 < 0.2 < abs(samples[rate // 2 :]).max()


def test_one_moment_in_a_file_of_its_name(run, tmp_path, twins):
    out = tmp_path / "new" / "one.wav"
    assert run("export", "-f", "wav", "-o", out, stdin=twins.splitlines()[0]).out == f"{out}\n"
    assert soundfile.info(out).duration == pytest.approx(1.0)
    ran = run("export", "-f", "wav", "-o", tmp_path / "two.wav", stdin=twins)
    assert (ran.code, (tmp_path / "two.wav").exists()) == (2, False)


@pytest.mark.parametrize("format", ["csv", "jsonl", "kaleidoscope", "reaper", "m3u"])
def test_lists_go_to_stdout_or_to_a_file(run, tmp_path, twins, format):
    told = run("export", "-f", format, stdin=twins)
    assert (told.code, told.err) == (0, "")
    out = tmp_path / "list"
    written = run("export", "-f", format.upper(), "-o", out, stdin=twins)
    assert (written.code, written.out) == (0, "")
    (path,) = [path for path in tmp_path.iterdir() if path.name.startswith("list")]
    assert str(path.name) in written.err
    assert path.read_bytes().decode() == told.out
    assert run("export", "-f", format, "-o", out, stdin=twins).code == 2


@pytest.mark.parametrize("format", ["audacity", "srt", "vtt"])
def test_formats_of_one_recording_a_file(run, tmp_path, twins, format):
    ran = run("export", "-f", format, stdin=twins)
    assert (ran.code, ran.out) == (2, "")
    assert "--out" in ran.err
    assert run("export", "-f", format, "-o", tmp_path / "lists", stdin=twins).err.count("wrote ") == 2


def test_no_moments(run, tmp_path):
    assert run("export", "-f", "wav", "-o", tmp_path / "clips", stdin="").code == 0
    assert not (tmp_path / "clips").exists()
    ran = run("export", stdin="\n")
    assert ran.out.startswith("path,start,end")
    assert "no moments" in ran.err


def test_what_search_prints_comes_back_whole(run, demo_library):
    piped = run("search", "dog barking", "--library", demo_library, "--json", "-n", 4).out
    through = run("export", "--format", "jsonl", stdin=piped)
    straight = run("export", "dog barking", "--format", "jsonl", "-n", 4, "--library", demo_library)
    assert [(d["path"], d["start"], d["end"], d["score"]) for d in through.lines] == [
        (d["path"], d["start"], d["end"], d["score"]) for d in straight.lines
    ]
