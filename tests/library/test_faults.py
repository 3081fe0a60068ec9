"""Nothing lost, nothing twice: a run fails at every point at which the world may fail, and the next one finishes it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from library_sounds import SpectrumModel, check, picture, write_tone

from auricle import _faults
from auricle.errors import LibraryError
from auricle.library import ann
from auricle.library.ingest import index
from auricle.library.store import Store

MODEL = SpectrumModel()
EVERYWHERE = [
    "scan.folder", "hash.before", "hash.after", "hear.before", "hear.block", "hear.after", "texts.read",
    "segments.append.before", "segments.append.after", "segments.sync.before", "segments.sync.after",
    "store.content.after", "store.recording.after", "store.texts.after", "store.fts.before", "store.failure.after",
    "store.remove.before", "store.remove.after", "store.commit.before", "store.commit.after", "prune.before",
    "ann.write.before", "ann.rename.before", "ann.rename.after",
]  # fmt: skip
CASES = [
    *((name, "crash", 1) for name in EVERYWHERE),
    *((name, "crash", 3) for name in ("segments.append.after", "segments.sync.after", "store.commit.before", "store.commit.after")),
    *((name, "crash", 3) for name in ("hear.block", "store.recording.after", "store.fts.before")),
    *((name, "enospc", 2) for name in ("segments.append.before", "segments.sync.before", "store.commit.before")),
    *((name, "enospc", 1) for name in ("ann.write.before", "ann.rename.before", "store.fts.before")),
    *((name, "eio", 2) for name in ("scan.folder", "hash.before", "hear.block", "segments.append.after")),
    *((name, "eio", 1) for name in ("texts.read", "store.remove.before", "segments.sync.after", "ann.write.before")),
    *((name, "interrupt", 2) for name in ("hash.after", "hear.block", "segments.append.after", "store.content.after")),
    *((name, "interrupt", 1) for name in ("segments.sync.before", "store.commit.before", "store.commit.after", "store.remove.after")),
]  # fmt: skip


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Many commits and an index of few windows, so that every point is passed often."""
    monkeypatch.setattr("auricle.library.writer.COMMIT_FILES", 2)
    monkeypatch.setattr(ann, "THRESHOLD", 16)
    yield
    _faults.disarm()


def before(folder):
    """What the first run finds."""
    for i in range(5):
        write_tone(folder / f"sound {i}.wav", seconds=1.0 + i / 2, pitch=200 * (i + 1), seed=i)
    (folder / "sound 4.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nspoken words\n")


def after(folder):
    """What the second finds: new, changed, moved, copied, gone, spoilt, and new words."""
    write_tone(folder / "new" / "sound 5.wav", seconds=2.5, pitch=1500, seed=5)
    write_tone(folder / "new" / "sound 6.wav", seconds=1.5, pitch=1700, seed=6)
    write_tone(folder / "sound 0.wav", seconds=2.0, pitch=2500, seed=7)
    os.rename(folder / "sound 1.wav", folder / "new" / "moved sound.wav")
    (folder / "copied sound.wav").write_bytes((folder / "sound 2.wav").read_bytes())
    os.unlink(folder / "sound 3.wav")
    (folder / "broken sound.wav").write_text("this is no sound")
    (folder / "new" / "sound 6.txt").write_text("speech about a tone")


def run(store, folder):
    return index(store, [folder], MODEL, workers=2, prune=True)


def relative(shown, folder):
    return repr(shown).replace(repr(str(folder))[1:-1], "")


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """The pictures of a library before and after, never disturbed."""
    place = tmp_path_factory.mktemp("expected") / "the" / "same"  # the words of two folders belong to the picture
    before(place / "sounds")
    with Store.create(place / "library", model=MODEL) as store:
        run(store, place / "sounds")
        first = picture(store)
        after(place / "sounds")
        run(store, place / "sounds")
        return relative(first, place), relative(picture(store), place)


@pytest.mark.parametrize(("point", "action", "nth"), CASES, ids=[f"{p}-{a}-{n}" for p, a, n in CASES])
def test_a_fault_costs_nothing(tmp_path, expected, point, action, nth):
    tmp_path = tmp_path / "the" / "same"
    sounds, folder = tmp_path / "sounds", tmp_path / "library"
    before(sounds)
    with Store.create(folder, model=MODEL) as store:
        run(store, sounds)
        assert relative(picture(store), tmp_path) == expected[0]
    after(sounds)
    with Store.open(folder) as store:
        _faults.arm(point, action, nth)
        summary, met = None, None
        try:
            summary = run(store, sounds)
        except (_faults.SimulatedCrash, KeyboardInterrupt, LibraryError) as error:
            met = error
        assert isinstance(met, _faults.SimulatedCrash) == (action == "crash")
        if isinstance(met, LibraryError):
            assert met.kind == {"enospc": "DiskFull", "eio": "Corrupt"}[action]
        if met is None:
            # One file or folder could not be read, or what is derived not written: said, and the rest done.
            assert action == "eio" or (action == "enospc" and point.startswith("ann."))
            assert summary.failed > 1 or summary.warnings
        assert _faults.disarm() == [], "the point was never reached"
    with Store.open(folder, readonly=True) as store:
        kept = {os.path.basename(r.path) for r in store.recordings()}
        assert {"sound 2.wav", "sound 4.wav"} <= kept
        scores, _ = store.nearest(store.vectors(store.window_ids()[:3]), 1)
        assert (scores > 0.99).all()
    with Store.open(folder) as store:
        check(store)
        run(store, sounds)
        assert relative(picture(store), tmp_path) == expected[1]
        again = run(store, sounds)
        assert (again.added, again.updated, again.moved, again.pruned) == (0, 0, 0, 0)
        assert relative(picture(store), tmp_path) == expected[1]


def test_vanishing_is_marked_once(tmp_path):
    before(tmp_path / "sounds")
    with Store.create(tmp_path / "library", model=MODEL) as store:
        index(store, [tmp_path / "sounds"], MODEL)
        os.unlink(tmp_path / "sounds" / "sound 0.wav")
        _faults.arm("vanish.before", "crash")
        with pytest.raises(_faults.SimulatedCrash):
            index(store, [tmp_path / "sounds"], MODEL)
    with Store.open(tmp_path / "library") as store:
        assert index(store, [tmp_path / "sounds"], MODEL).vanished == 1
        check(store)


def test_points_do_nothing_unless_armed():
    _faults.point("anything")
    _faults.arm("here", "eio", 2)
    _faults.point("here")
    with pytest.raises(OSError):
        _faults.point("here")
    _faults.point("here")
    with pytest.raises(ValueError):
        _faults.arm("here", "sneeze")


SCRIPT = """
import sys, time
sys.path.insert(0, sys.argv[3])
from library_sounds import SpectrumModel
from auricle.library import writer
from auricle.library.ingest import index
from auricle.library.store import Store
writer.COMMIT_FILES = 3
class Slow(SpectrumModel):
    def embed_audio(self, windows):
        time.sleep(0.1)  # so that no run of a fast machine ends before it is killed
        return super().embed_audio(windows)
with Store.open(sys.argv[1]) as store:
    print("ready", flush=True)
    summary = index(store, [sys.argv[2]], Slow(), workers=2)
    print(summary.added, summary.unchanged, flush=True)
"""


def start(library, sounds, **environment):
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(library), str(sounds), str(Path(__file__).parent)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


def committed(library):
    with Store.open(library, readonly=True) as store:
        return {r.path: r.hash for r in store.recordings()}


@pytest.mark.kill
def test_kill_minus_nine_at_any_moment(tmp_path):
    sounds, library = tmp_path / "sounds", tmp_path / "library"
    for i in range(60):
        write_tone(sounds / f"sound {i:02d}.wav", seconds=1.5, pitch=100 + 17 * i, seed=i)
    Store.create(library, model=MODEL).close()
    moments, known, killed = random.Random(20), {}, 0
    for _ in range(5):
        process = start(library, sounds)
        assert process.stdout.readline() == "ready\n"
        time.sleep(moments.uniform(0.15, 0.45))
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
        process.stdout.close()
        now = committed(library)
        assert known.items() <= now.items()
        known = now
    assert killed >= 4
    process = start(library, sounds)
    out = process.communicate(timeout=60)[0].split()
    assert (int(out[1]) + int(out[2]), int(out[2])) == (60, len(known))
    with Store.open(library) as store, Store.create(tmp_path / "fresh", model=MODEL) as fresh:
        index(fresh, [sounds], MODEL)
        assert picture(store) == picture(fresh)


@pytest.mark.kill
@pytest.mark.parametrize("point", ["segments.append.after:kill@7", "segments.sync.after:kill@2", "store.commit.after:kill@3"])
def test_kill_minus_nine_between_two_steps(tmp_path, point):
    sounds, library = tmp_path / "sounds", tmp_path / "library"
    for i in range(12):
        write_tone(sounds / f"sound {i:02d}.wav", seconds=1.0, pitch=100 + 17 * i, seed=i)
    Store.create(library, model=MODEL).close()
    process = start(library, sounds, AURICLE_FAULT_POINTS=point)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    known = committed(library)
    with Store.open(library) as store:
        assert index(store, [sounds], MODEL).unchanged == len(known)
        assert store.stats().recordings == 12
        check(store)


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="mounting a small disk needs the superuser")
def test_a_full_disk(tmp_path):
    """A real file system of 6 MB."""
    disk, sounds = tmp_path / "disk", tmp_path / "sounds"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(disk)], capture_output=True, check=False).returncode:
        pytest.skip("this system lets nobody mount a tmpfs")
    try:
        for i in range(300):
            write_tone(sounds / f"sound {i}.wav", seconds=1.0, pitch=100 + 7 * i, seed=i)
        with Store.create(disk / "library", model=MODEL) as store:
            (disk / "ballast").write_bytes(b"x" * 5_600_000)
            with pytest.raises(LibraryError) as error:
                index(store, [sounds], MODEL)
            assert (error.value.kind, error.value.exit_code) == ("DiskFull", 3)
            assert "Free some space" in error.value.hint
            held = store.stats().recordings
            assert 0 < held < 300
        with Store.open(disk / "library", readonly=True) as store:
            assert store.nearest(store.vectors(store.window_ids()[:1]), 1)[0][0, 0] > 0.99
        os.unlink(disk / "ballast")
        with Store.open(disk / "library") as store:
            check(store)
            assert index(store, [sounds], MODEL).unchanged == held
            assert store.stats().recordings == 300
            check(store)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
