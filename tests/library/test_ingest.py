"""Indexing: what is heard, followed, reported and left alone."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time

import numpy as np
import pytest
from library_sounds import SpectrumModel, check, picture, tone, write_tone, write_wav

from auricle import audio
from auricle.errors import AudioError, LibraryError, ModelError
from auricle.library import departures, ingest
from auricle.library.ingest import index
from auricle.library.store import Store

MODEL = SpectrumModel()


@pytest.fixture
def sounds(tmp_path):
    folder = tmp_path / "sounds"
    for i in range(4):
        write_tone(folder / f"tone {i}.wav", seconds=1 + i, pitch=300 * (i + 1), seed=i)
    return folder


@pytest.fixture
def store(tmp_path):
    with Store.create(tmp_path / "library", model=MODEL) as made:
        yield made


def counts(summary):
    shown = ("added", "unchanged", "updated", "moved", "vanished", "pruned", "skipped", "failed")
    return {name: getattr(summary, name) for name in shown if getattr(summary, name)}


def names(store):
    return [os.path.basename(r.path) for r in store.recordings()]


def test_a_folder_is_heard_once(store, sounds):
    summary = index(store, [sounds], MODEL)
    assert counts(summary) == {"added": 4}
    assert summary.windows == 1 + 3 + 5 + 7
    assert summary.hours == pytest.approx(10 / 3600)
    assert (summary.model, summary.pipeline_id) == (MODEL.name, MODEL.pipeline_id)
    third = store.recording(str(sounds / "tone 2.wav"))
    assert (third.duration, third.rate, third.channels, third.format) == (3.0, 8000, 1, "wav")
    assert [(s, e) for _, s, e in store.windows_of(third.content_id)] == [(i / 2, i / 2 + 1) for i in range(5)]
    heard = MODEL.embed_audio([audio.Audio(tone(3, 900, seed=2), 8000).slice(1.0, 2.0)])
    scores, ids = store.nearest(heard, 1)
    assert scores[0, 0] > 0.999
    assert store.hydrate(ids[0])[0].start == 1.0
    check(store)


def test_unchanged_files_cost_a_stat(store, sounds, monkeypatch):
    index(store, [sounds], MODEL)
    monkeypatch.setattr(audio, "content_hash", lambda path: pytest.fail("hashed"))
    monkeypatch.setattr(audio, "blocks", lambda *a, **k: pytest.fail("decoded"))
    assert counts(index(store, [sounds], MODEL)) == {"unchanged": 4}


def test_a_touched_file_is_hashed_but_not_heard(store, sounds, monkeypatch):
    index(store, [sounds], MODEL)
    before = picture(store)
    os.utime(sounds / "tone 1.wav")
    monkeypatch.setattr(audio, "blocks", lambda *a, **k: pytest.fail("decoded"))
    assert counts(index(store, [sounds], MODEL)) == {"unchanged": 4}
    assert picture(store) == before


def test_changes_copies_moves_and_vanishing(store, sounds):
    index(store, [sounds], MODEL)
    moved_id = store.recording(str(sounds / "tone 0.wav")).id
    write_tone(sounds / "tone 3.wav", seconds=1.0, pitch=123)
    shutil.copy(sounds / "tone 1.wav", sounds / "copy.wav")
    (sounds / "sub").mkdir()
    os.rename(sounds / "tone 0.wav", sounds / "sub" / "renamed.wav")
    os.unlink(sounds / "tone 2.wav")
    assert counts(index(store, [sounds], MODEL)) == {"added": 1, "unchanged": 1, "updated": 1, "moved": 1, "vanished": 1}
    assert names(store) == ["copy.wav", "renamed.wav", "tone 1.wav", "tone 2.wav", "tone 3.wav"]
    assert store.recording(str(sounds / "sub" / "renamed.wav")).id == moved_id
    assert store.words("renamed")
    assert store.recording(str(sounds / "tone 2.wav")).vanished_at
    assert store.recording(str(sounds / "tone 3.wav")).windows == 1
    check(store)
    assert counts(index(store, [sounds], MODEL)) == {"unchanged": 4, "vanished": 1}
    assert counts(index(store, [sounds], MODEL, prune=True)) == {"unchanged": 4, "pruned": 1}
    assert store.stats().vanished == 0
    check(store)


def test_a_file_that_comes_back_is_no_longer_vanished(store, sounds, tmp_path):
    index(store, [sounds], MODEL)
    os.rename(sounds / "tone 1.wav", tmp_path / "aside.wav")
    assert counts(index(store, [sounds], MODEL)) == {"unchanged": 3, "vanished": 1}
    os.rename(tmp_path / "aside.wav", sounds / "tone 1.wav")
    assert counts(index(store, [sounds], MODEL)) == {"unchanged": 4}
    assert store.stats().vanished == 0


def test_prune_refuses_an_accident(store, sounds):
    index(store, [sounds], MODEL)
    for i in range(3):
        os.unlink(sounds / f"tone {i}.wav")
    summary = index(store, [sounds], MODEL, prune=True)
    assert counts(summary) == {"unchanged": 1, "vanished": 3}
    assert "--force" in summary.warnings[0]
    assert counts(index(store, [sounds], MODEL, prune=True, force=True)) == {"unchanged": 1, "pruned": 3}


@pytest.mark.parametrize("how", ["missing", "empty", "device"])
def test_an_unmounted_drive_is_no_deletion(store, sounds, tmp_path, monkeypatch, how):
    other = write_tone(tmp_path / "other" / "x.wav").parent
    index(store, [sounds, other], MODEL)
    aside = tmp_path / "aside"
    os.rename(sounds, aside)
    if how != "missing":
        sounds.mkdir()
    if how == "device":
        write_tone(sounds / "stranger.wav", pitch=77)
        store.connection.execute("UPDATE roots SET device = device + 1 WHERE path = ?", (os.fsencode(sounds),))
    for _ in range(2):
        summary = index(store, [sounds, other], MODEL, prune=True)
        assert (summary.vanished, summary.pruned, summary.moved) == (0, 0, 0)
        assert len(summary.warnings) == 1
        assert "not mounted" in summary.warnings[0]
        assert store.stats().vanished == 0
    if how == "device":
        store.connection.execute("UPDATE roots SET device = device - 1 WHERE path = ?", (os.fsencode(sounds),))
    shutil.rmtree(sounds, ignore_errors=True)
    os.rename(aside, sounds)
    assert index(store, [sounds, other], MODEL).unchanged == 5


def test_a_copy_while_the_drive_is_away_is_no_move(store, sounds, tmp_path):
    index(store, [sounds], MODEL)
    os.rename(sounds, tmp_path / "aside")
    backup = tmp_path / "backup"
    shutil.copytree(tmp_path / "aside", backup)
    sounds.mkdir()  # the empty mount point
    assert counts(index(store, [backup], MODEL)) == {"added": 4}
    assert store.stats().recordings == 8
    assert store.stats().contents == 4


def test_only_the_roots_of_this_run_count(store, sounds, tmp_path):
    other = write_tone(tmp_path / "other" / "x.wav").parent
    write_tone(other / "y.wav", pitch=99)
    index(store, [sounds, other], MODEL)
    os.unlink(other / "x.wav")
    os.unlink(sounds / "tone 0.wav")
    assert counts(index(store, [other], MODEL, prune=True)) == {"unchanged": 1, "pruned": 1}
    assert "tone 0.wav" in names(store)


def test_identical_new_files_are_heard_once(store, tmp_path, monkeypatch):
    for i in range(6):
        write_tone(tmp_path / "s" / f"same {i}.wav")
    heard = []
    real = audio.blocks
    monkeypatch.setattr(audio, "blocks", lambda path, **k: heard.append(path) or real(path, **k))
    assert counts(index(store, [tmp_path / "s"], MODEL, workers=3)) == {"added": 6}
    assert len(heard) == 1
    assert (store.stats().contents, store.stats().windows) == (1, 3)


def test_bad_files_are_listed_and_the_rest_done(store, sounds):
    (sounds / "text.wav").write_text("this is no sound")
    (sounds / "empty.wav").write_bytes(b"")
    (sounds / "readme.txt").write_text("x")
    (sounds / "gone.wav").symlink_to("nowhere")
    summary = index(store, [sounds, sounds.parent / "missing.wav"], MODEL)
    assert counts(summary) == {"added": 4, "failed": 4, "skipped": 1}
    kinds = {os.path.basename(f.path): f.kind for f in store.failures()}
    assert kinds == {"text.wav": "NotAudio", "empty.wav": "Empty", "gone.wav": "Missing", "missing.wav": "Missing"}
    assert all(f.error for f in store.failures())


def test_unchanged_failures_are_left_alone(store, sounds, monkeypatch):
    bad = sounds / "bad.wav"
    bad.write_text("this is no sound")
    index(store, [sounds], MODEL)
    hashed = []
    real = audio.content_hash
    monkeypatch.setattr(audio, "content_hash", lambda path: hashed.append(path) or real(path))
    assert counts(index(store, [sounds], MODEL)) == {"unchanged": 4, "failed": 1}
    assert not hashed
    assert counts(index(store, [sounds], MODEL, retry_failed=True)) == {"unchanged": 4, "failed": 1}
    assert hashed == [str(bad)]
    write_tone(bad, pitch=55)
    assert counts(index(store, [sounds], MODEL)) == {"added": 1, "unchanged": 4}
    assert not store.failures()
    os.unlink(bad)
    bad.write_text("again no sound, but longer")
    assert counts(index(store, [sounds], MODEL)) == {"unchanged": 4, "failed": 1}
    assert "bad.wav" not in names(store)
    os.unlink(bad)
    index(store, [sounds], MODEL)
    assert not store.failures()
    check(store)


def test_a_truncated_file_keeps_what_was_heard(store, tmp_path):
    whole = write_tone(tmp_path / "s" / "cut.wav", seconds=10)
    os.truncate(whole, whole.stat().st_size * 6 // 10)
    assert counts(index(store, [whole], MODEL)) == {"added": 1, "failed": 1}
    recording = store.recording(str(whole))
    assert 5.5 < recording.duration < 6.5
    assert recording.windows >= 10
    assert [f.kind for f in store.failures()] == ["Truncated"]
    assert counts(index(store, [whole], MODEL)) == {"unchanged": 1, "failed": 1}
    assert counts(index(store, [whole], MODEL, retry_failed=True)) == {"updated": 1, "failed": 1}
    check(store)
    write_tone(whole, seconds=10)
    assert counts(index(store, [whole], MODEL)) == {"updated": 1}
    assert not store.failures()


def test_a_killer_is_tried_twice_and_then_quarantined(store, sounds, monkeypatch):
    real, tries = audio.blocks, []

    def blocks(path, **options):
        if path.endswith("tone 1.wav"):
            tries.append(path)
            raise AudioError("Crashed", path, "the decoder died")
        return real(path, **options)

    monkeypatch.setattr(audio, "blocks", blocks)
    assert counts(index(store, [sounds], MODEL)) == {"added": 3, "failed": 1}
    assert len(tries) == 2
    (failure,) = store.failures()
    assert (failure.kind, failure.quarantined, failure.attempts) == ("Crashed", True, 2)
    index(store, [sounds], MODEL)
    assert len(tries) == 2
    index(store, [sounds], MODEL, retry_failed=True)
    assert len(tries) == 4
    monkeypatch.setattr(audio, "blocks", real)
    assert counts(index(store, [sounds], MODEL, retry_failed=True)) == {"added": 1, "unchanged": 3}


def test_a_transient_failure_is_tried_again(store, sounds, monkeypatch):
    real = audio.content_hash

    def denied(path):
        if path.endswith("tone 1.wav"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(audio, "content_hash", denied)
    assert counts(index(store, [sounds], MODEL)) == {"added": 3, "failed": 1}
    assert store.failures()[0].kind == "Denied"
    monkeypatch.setattr(audio, "content_hash", real)
    assert counts(index(store, [sounds], MODEL)) == {"added": 1, "unchanged": 3}
    assert not store.failures()


def test_a_denied_folder_heals(store, sounds, monkeypatch):
    from auricle.library import scan as scanning

    index(store, [sounds], MODEL)
    real = os.scandir
    write_tone(sounds / "sub" / "deep.wav", pitch=50)
    index(store, [sounds], MODEL)

    def scandir(path):
        if os.fspath(path).endswith("/sub"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(scanning.os, "scandir", scandir)
    assert counts(index(store, [sounds], MODEL, prune=True)) == {"unchanged": 4, "failed": 1}
    assert "deep.wav" in names(store)
    monkeypatch.setattr(scanning.os, "scandir", real)
    assert counts(index(store, [sounds], MODEL)) == {"unchanged": 5}
    assert not store.failures()


def test_a_model_that_fails_on_everything_ends_the_run(store, tmp_path):
    for i in range(30):
        write_tone(tmp_path / "s" / f"{i}.wav", seconds=0.2, pitch=100 + i)

    class Broken(SpectrumModel):
        def embed_audio(self, windows):
            raise RuntimeError("no such operator")

    with pytest.raises(RuntimeError, match="operator"):
        index(store, [tmp_path / "s"], Broken())
    assert counts(index(store, [tmp_path / "s"], MODEL, retry_failed=True)) == {"added": 30}

    class Missing(SpectrumModel):
        def embed_audio(self, windows):
            raise ModelError("Damaged", "weights are damaged")

    write_tone(tmp_path / "s" / "more.wav", pitch=901)
    with pytest.raises(ModelError):
        index(store, [tmp_path / "s"], Missing())
    assert not store.failures()


def test_one_odd_error_costs_one_file(store, sounds):
    class Odd(SpectrumModel):
        def embed_audio(self, windows):
            if windows[0].duration * 8000 < 8000 and len(windows) == 1:
                raise ZeroDivisionError("odd")
            return super().embed_audio(windows)

    write_tone(sounds / "short.wav", seconds=0.3)
    assert counts(index(store, [sounds], Odd())) == {"added": 4, "failed": 1}
    assert "ZeroDivisionError" in store.failures()[0].error


def test_sidecars_markers_and_tags(store, tmp_path):
    sound = write_tone(tmp_path / "s" / "AMBRain_Tin Roof_ME_Lib.wav", seconds=4)
    beside = sound.with_suffix(".srt")
    beside.write_text("1\n00:00:01,000 --> 00:00:02,000\nhello penguin\n")
    index(store, [tmp_path / "s"], MODEL)
    (hit,) = store.words("penguins")
    assert (hit.start, hit.end) == (1.0, 2.0)
    tags = {t.key: t.value for t in store.recording(str(sound)).tags}
    assert tags["ucs.category"] == "ambience"
    assert tags["name"] == "amb rain tin roof me lib"
    beside.write_text("1\n00:00:01,000 --> 00:00:02,000\nhello walrus\n")
    os.utime(beside, ns=(5, 5))
    assert counts(index(store, [tmp_path / "s"], MODEL)) == {"unchanged": 1}
    assert store.words("walrus")
    assert not store.words("penguin")
    os.unlink(beside)
    sound.with_suffix(".json").write_text(json.dumps({"segments": [{"start": 0, "end": 1, "text": "seal"}]}))
    index(store, [tmp_path / "s"], MODEL)
    assert store.words("seal")
    assert not store.words("walrus")
    sound.with_suffix(".vtt").write_text("junk")
    summary = index(store, [tmp_path / "s"], MODEL)
    assert "WEBVTT" in summary.warnings[0]
    assert store.words("seal")
    os.rename(sound, tmp_path / "s" / "moved.wav")
    os.rename(sound.with_suffix(".json"), tmp_path / "s" / "moved.json")
    assert index(store, [tmp_path / "s"], MODEL).moved == 1
    assert store.words("seal")


def test_a_stop_ends_the_run_in_good_order(store, tmp_path):
    for i in range(12):
        write_tone(tmp_path / "s" / f"{i}.wav", seconds=1, pitch=100 + 20 * i)
    stop, seen = threading.Event(), []

    def progress(p):
        seen.append(p)
        if p.files_done >= 3:
            stop.set()

    first = index(store, [tmp_path / "s"], MODEL, workers=1, progress=progress, stop=stop)
    assert 3 <= first.added < 12
    assert seen[-1].files_total == 12
    assert seen[-1].times_real_time > 0
    assert seen[-1].seconds_left is not None
    check(store)
    second = index(store, [tmp_path / "s"], MODEL)
    assert first.added + second.added == 12
    assert second.unchanged == first.added
    check(store)


def test_progress_reaches_the_end(store, sounds):
    seen = []
    (sounds / "bad.wav").write_text("no sound at all")
    index(store, [sounds], MODEL, progress=seen.append)
    assert (seen[-1].files_done, seen[-1].files_total, seen[-1].failed) == (5, 5, 1)
    assert seen[-1].hours == pytest.approx(10 / 3600)
    assert [p.files_done for p in seen] == sorted(p.files_done for p in seen)


def test_a_file_that_changes_while_it_is_read(store, sounds, monkeypatch):
    real = audio.blocks

    def blocks(path, **options):
        yield from real(path, **options)
        if path.endswith("tone 1.wav"):
            os.utime(path, ns=(7, 7))

    monkeypatch.setattr(audio, "blocks", blocks)
    assert counts(index(store, [sounds], MODEL)) == {"added": 3, "failed": 1}
    assert "changed while" in store.failures()[0].error
    monkeypatch.setattr(audio, "blocks", real)
    assert counts(index(store, [sounds], MODEL)) == {"added": 1, "unchanged": 3}


def test_names_that_are_not_utf8(store, tmp_path):
    folder = os.fsencode(tmp_path / "s")
    write_tone(tmp_path / "s" / "x.wav")
    os.rename(folder + b"/x.wav", folder + b"/caf\xe9.wav")
    with open(folder + b"/caf\xe9.srt", "w") as file:
        file.write("1\n00:00:00,0 --> 00:00:01,0\nkettle\n")
    assert counts(index(store, [tmp_path / "s"], MODEL)) == {"added": 1}
    assert os.fsencode(store.hydrate(store.window_ids())[0].path) == folder + b"/caf\xe9.wav"
    assert store.words("kettle")
    assert counts(index(store, [tmp_path / "s"], MODEL)) == {"unchanged": 1}


def test_the_wrong_model_is_declined(store, sounds):
    with pytest.raises(LibraryError) as error:
        index(store, [sounds], SpectrumModel(name="b", pipeline_id="b:2"))
    assert error.value.kind == "OtherModel"


def test_two_runs_at_once(store, sounds):
    started, release = threading.Event(), threading.Event()

    class Slow(SpectrumModel):
        def embed_audio(self, windows):
            started.set()
            release.wait(10)
            return super().embed_audio(windows)

    done = []
    first = threading.Thread(target=lambda: done.append(index(store, [sounds], Slow())))
    first.start()
    assert started.wait(10)
    with Store.open(store.folder) as other:
        with pytest.raises(LibraryError) as error:
            index(other, [sounds], MODEL)
        assert error.value.kind == "Busy"
        waiting = threading.Thread(target=lambda: done.append(index(other, [sounds], MODEL, wait=True)))
        waiting.start()
        time.sleep(0.3)
        assert not done
        release.set()
        first.join()
        waiting.join()
    assert [(s.added, s.unchanged) for s in done] == [(4, 0), (0, 4)]
    check(store)


def test_stereo_and_other_rates(store, tmp_path):
    stereo = np.stack([tone(2, 440, 44100), tone(2, 880, 44100)])
    path = write_wav(tmp_path / "s" / "stereo.wav", stereo, 44100)
    index(store, [path], MODEL)
    recording = store.recording(str(path))
    assert (recording.rate, recording.channels, recording.windows) == (44100, 2, 3)
    assert recording.duration == pytest.approx(2, abs=0.01)


def test_settle_keeps_the_first_moment_of_vanishing(store, sounds, monkeypatch):
    index(store, [sounds], MODEL)
    os.unlink(sounds / "tone 0.wav")
    monkeypatch.setattr(departures, "now", lambda: "2001-01-01T00:00:00Z")
    index(store, [sounds], MODEL)
    monkeypatch.setattr(departures, "now", lambda: "2002-01-01T00:00:00Z")
    index(store, [sounds], MODEL)
    assert store.recording(str(sounds / "tone 0.wav")).vanished_at == "2001-01-01T00:00:00Z"


def test_small_batches_give_the_same_library(store, sounds, tmp_path, monkeypatch):
    index(store, [sounds], MODEL)
    monkeypatch.setattr("auricle.library.writer.COMMIT_FILES", 1)
    with Store.create(tmp_path / "second", model=MODEL) as second:
        index(second, [sounds], MODEL, workers=1)
        assert picture(second) == picture(store)
    assert ingest.VIOLENT == ("Crashed", "Timeout")
