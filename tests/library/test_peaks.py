"""The waveforms beside a library: made in passing, kept while it pleases, never in the way."""

from __future__ import annotations

import os
import sqlite3
import threading

import numpy as np
import pytest
from library_sounds import SpectrumModel, picture, tone, write_tone, write_wav

from auricle import _faults, audio
from auricle.audio.waveform import Tracer, resample
from auricle.errors import AudioError, LibraryError
from auricle.library import peaks
from auricle.library.ingest import index
from auricle.library.peaks import DATABASE, PeakCache, ensure
from auricle.library.repair import repair
from auricle.library.store import Store

MODEL = SpectrumModel()


@pytest.fixture(autouse=True)
def _closed():
    yield
    peaks.close_all()
    _faults.disarm()


@pytest.fixture
def store(tmp_path):
    with Store.create(tmp_path / "library", model=MODEL) as made:
        yield made


@pytest.fixture
def sounds(tmp_path):
    for i in range(3):
        write_tone(tmp_path / "sounds" / f"tone {i}.wav", seconds=1 + i, pitch=300 * (i + 1), seed=i)
    return tmp_path / "sounds"


def envelope(seconds=2.0, seed=0):
    tracer = Tracer(8000)
    tracer.add(tone(seconds, 440, seed=seed))
    return tracer.finish()


def same(a, b):
    assert (a.bucket, a.seconds, a.peak) == (b.bucket, b.seconds, b.peak)
    assert (a.low.tobytes(), a.high.tobytes(), a.level.tobytes()) == (b.low.tobytes(), b.high.tobytes(), b.level.tobytes())


def test_what_is_put_comes_back(tmp_path):
    with PeakCache(tmp_path) as cache:
        assert cache.get("a") is None
        one, two = envelope(1.0), envelope(20.0, seed=1)
        assert cache.put("a", one)
        assert cache.put("b", two)
        assert cache.put("a", one)
        same(cache.get("a"), one)
        assert sorted(cache.get_many(["a", "b", "c"])) == ["a", "b"]
        assert len(two) == 1000
    with PeakCache(tmp_path) as again:
        same(again.get("b"), two)


def test_an_index_run_draws_every_file(store, sounds):
    index(store, [sounds], MODEL)
    for recording in store.recordings():
        known = peaks.of(store.folder).get(recording.hash)
        assert known.seconds == recording.duration
        same(known, peaks.trace(recording.path))
    shape = resample(known, 0.0, known.seconds, 160)
    assert shape.peak_db == pytest.approx(20 * np.log10(0.42), abs=0.5)


def test_drawing_changes_nothing_of_what_is_indexed(tmp_path, store, sounds, monkeypatch):
    index(store, [sounds], MODEL)
    monkeypatch.setattr("auricle.library.hearing.RATE_FACTOR", -1)
    with Store.create(tmp_path / "other", model=MODEL) as other:
        index(other, [sounds], MODEL)
        assert picture(other) == picture(store)
        assert not peaks.of(other.folder).get_many(r.hash for r in other.recordings())


def test_a_model_that_is_deaf_to_most_of_it_draws_nothing(tmp_path, store):
    call = (0.5 * np.sin(2 * np.pi * 20_000 * np.arange(48_000) / 48_000)).astype(np.float32)
    write_wav(tmp_path / "sounds" / "bat.wav", call, 48_000)
    index(store, [tmp_path / "sounds"], MODEL)
    (bat,) = store.recordings()
    assert peaks.of(store.folder).get(bat.hash) is None
    assert ensure(store.folder, bat.path, bat.hash).peak == pytest.approx(0.5, abs=0.01)
    assert peaks.of(store.folder).get(bat.hash) is not None


def test_a_truncated_file_is_drawn_as_far_as_it_goes(store, sounds):
    path = sounds / "tone 2.wav"
    os.truncate(path, path.stat().st_size // 2)
    index(store, [path], MODEL)
    (recording,) = store.recordings()
    assert peaks.of(store.folder).get(recording.hash).seconds == recording.duration == pytest.approx(1.5, abs=0.01)
    same(peaks.trace(recording.path), peaks.of(store.folder).get(recording.hash))


@pytest.mark.parametrize("action", ["enospc", "eio"])
def test_a_full_disk_is_not_for_the_waveform_to_say(store, sounds, action):
    _faults.arm("peaks.put", action)
    assert index(store, [sounds], MODEL).added == 3
    assert _faults.disarm() == []
    assert len(peaks.of(store.folder).get_many(r.hash for r in store.recordings())) == 2


def test_the_last_space_is_for_the_library(tmp_path, monkeypatch):
    monkeypatch.setattr(peaks, "RESERVED_BYTES", 1 << 60)
    with PeakCache(tmp_path) as cache:
        assert not cache.put("a", envelope())
        assert cache.get("a") is None


def test_a_kept_waveform_is_not_heard_again(tmp_path, monkeypatch):
    path = write_tone(tmp_path / "a.wav")
    first = ensure(tmp_path, str(path), "digest")
    monkeypatch.setattr(audio, "blocks", lambda *a, **k: pytest.fail("decoded"))
    same(ensure(tmp_path, str(path), "digest"), first)


def test_many_ask_and_one_hears(tmp_path, monkeypatch):
    path, calls, real = write_tone(tmp_path / "a.wav", seconds=20), [], audio.blocks
    monkeypatch.setattr(audio, "blocks", lambda *a, **k: calls.append(1) or real(*a, **k))
    found = []
    threads = [threading.Thread(target=lambda: found.append(ensure(tmp_path, str(path), "digest"))) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert (len(found), len(calls)) == (8, 1)


def test_what_cannot_be_heard_says_so(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"no sound at all" * 10)
    with pytest.raises(AudioError):
        ensure(tmp_path, str(tmp_path / "a.wav"), "digest")
    with pytest.raises(AudioError):
        ensure(tmp_path, str(tmp_path / "nothing.wav"), "other")


GARBAGE = {
    "text": lambda path: path.write_bytes(b"this is no database " * 500),
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: os.truncate(path, 5000),
    "holes": lambda path: path.write_bytes(path.read_bytes()[:4096] + b"\xff" * 20_000),
    "version": lambda path: _execute(path, "PRAGMA user_version = 99"),
    "stranger": lambda path: _execute(path, "PRAGMA application_id = 1"),
    "table": lambda path: _execute(path, "DROP TABLE envelopes"),
    "blob": lambda path: _execute(path, "UPDATE envelopes SET buckets = x'0102'"),
}


def _execute(path, sql):
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(sql)
    connection.close()


@pytest.mark.parametrize("kind", GARBAGE)
def test_damage_is_thrown_away(tmp_path, kind):
    kept = envelope()
    with PeakCache(tmp_path) as cache:
        for i in range(30):
            cache.put(str(i), kept)
    GARBAGE[kind](tmp_path / DATABASE)
    with PeakCache(tmp_path) as cache:
        for i in range(30):
            found = cache.get(str(i))
            assert found is None or len(found) == len(kept)
        cache.put("new", kept)
        if cache.get("new") is None:
            assert cache.put("new", kept)
        same(cache.get("new"), kept)


def test_a_deleted_file_is_begun_anew(tmp_path):
    with PeakCache(tmp_path) as cache:
        cache.put("a", envelope())
        for name in peaks.FILES:
            (tmp_path / name).unlink(missing_ok=True)
        assert cache.get("a") is None
        assert cache.put("a", envelope())
        assert (tmp_path / DATABASE).is_file()
        same(cache.get("a"), envelope())


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    with PeakCache(tmp_path) as cache:
        cache.put("a", envelope())
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    path = write_tone(tmp_path / "a.wav")
    with PeakCache(tmp_path) as cache:
        same(cache.get("a"), envelope())
        assert not cache.put("b", envelope())
    assert ensure(tmp_path / "nowhere", str(path), "digest").seconds == 2.0
    assert not (tmp_path / "nowhere").exists()


def test_another_program_that_holds_it(tmp_path, monkeypatch):
    monkeypatch.setattr(peaks, "_BUSY_SECONDS", 0.05)
    with PeakCache(tmp_path) as cache:
        cache.put("a", envelope())
        other = sqlite3.connect(tmp_path / DATABASE, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert not cache.put("b", envelope())
        same(cache.get("a"), envelope())
        other.execute("ROLLBACK")
        other.close()
        assert cache.put("b", envelope())


def test_the_library_does_not_mind_it(store, sounds):
    index(store, [sounds], MODEL)
    before, folder = picture(store), store.folder
    store.close()
    assert repair(folder, MODEL).sound
    GARBAGE["text"](folder / DATABASE)
    with Store.open(folder) as again:
        assert index(again, [sounds], MODEL).unchanged == 3
        assert picture(again) == before
    peaks.close_all()
    for name in os.listdir(folder):
        if name.startswith("auricle.db"):
            (folder / name).unlink()
    with pytest.raises(LibraryError):
        Store.open(folder)
    Store.create(folder, model=MODEL).close()


def test_a_library_inside_what_is_indexed_is_no_sound(tmp_path, sounds):
    with Store.create(sounds / "library", model=MODEL) as store:
        assert index(store, [sounds], MODEL).added == 3
        summary = index(store, [sounds], MODEL)
        assert (summary.unchanged, summary.skipped) == (3, 0)
