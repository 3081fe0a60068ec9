"""The worker process: it may crash, hang, be abandoned or outlive its parent's patience, and the next request is served."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import psutil
import pytest
from audio_files import by_ffmpeg, by_soundfile, tone

from auricle import audio
from auricle.audio import workers
from auricle.errors import AudioError, UsageError


@pytest.fixture
def clip(tmp_path):
    return by_soundfile(tmp_path / "clip.wav", tone(20.0, 44100, 2), 44100, subtype="PCM_16")


@pytest.fixture
def worker(monkeypatch):
    def made(fault=""):
        monkeypatch.setenv("AURICLE_FAULT", fault)
        opened.append(audio.Worker())
        return opened[-1]

    opened = []
    yield made
    for one in opened:
        one.close()


def hear(path, worker, **limits):
    return sum(b.duration for b in audio.blocks(path, worker=worker, limits=audio.Limits(**limits)))


@pytest.mark.parametrize(("how", "name"), [("abort", "SIGABRT"), ("kill", "SIGKILL")])
@pytest.mark.parametrize("operation", ["decode", "probe", "metadata"])
def test_a_crash_is_an_error_and_the_next_file_is_heard(clip, worker, tmp_path, how, name, operation):
    poison = by_soundfile(tmp_path / "poison.wav", tone(0.1, 8000, 1), 8000)
    one = worker(f"{operation}:{how}@poison")
    one.start()
    first = one.pid
    with pytest.raises(AudioError) as caught:
        list(one.request(operation, str(poison), audio.Limits(), path=str(poison), rate=None, mono=False, start=0.0, end=None))
    assert caught.value.kind == "Crashed"
    assert name in caught.value.message
    assert one.pid is None
    assert hear(clip, one) == 20.0
    assert one.pid != first


def test_a_hang_is_a_timeout(clip, worker, tmp_path):
    poison = by_soundfile(tmp_path / "poison.wav", tone(0.1, 8000, 1), 8000)
    one = worker("decode:hang@poison")
    assert hear(clip, one) == 20.0
    start = time.monotonic()
    with pytest.raises(AudioError) as caught:
        hear(poison, one, stall_seconds=0.4)
    assert caught.value.kind == "Timeout"
    assert 0.3 < time.monotonic() - start < 5
    assert hear(clip, one) == 20.0


def test_killed_from_outside_in_the_middle(clip, worker):
    one = worker()
    stream = audio.blocks(clip, seconds=0.5, worker=one)
    next(stream)
    os.kill(one.pid, signal.SIGKILL)
    with pytest.raises(AudioError) as caught:
        list(stream)
    assert caught.value.kind == "Crashed"
    assert hear(clip, one) == 20.0


def test_an_abandoned_iteration_leaves_the_worker_in_step(clip, worker, tmp_path):
    long = by_ffmpeg(tmp_path / "long.mp3", tone(100.0, 22050, 1), 22050, format="mp3", codec="libmp3lame", layout="mono")
    one = worker()
    hear(clip, one)
    first = one.pid
    for taken in (0, 1, 3, 1, 20, 2):
        stream = audio.blocks(long, seconds=1.0, worker=one)
        for _ in range(taken):
            next(stream)
        stream.close()
        whole = np.concatenate([b.samples for b in audio.blocks(clip, worker=one)], axis=1)
        assert np.array_equal(whole, audio.open(clip).samples)
    assert one.pid == first  # cancelled, not killed


def test_abandoning_a_worker_that_hangs_ends_it(worker, tmp_path, clip):
    poison = by_soundfile(tmp_path / "poison.wav", tone(0.1, 8000, 1), 8000)
    one = worker("decode:hang@poison")
    request = one.request("decode", str(poison), audio.Limits(), path=str(poison), rate=None, mono=False, start=0.0, end=None)
    done = threading.Event()

    def wait():
        with pytest.raises(AudioError):
            next(request)
        done.set()

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.5)
    os.kill(one.pid, signal.SIGKILL)
    thread.join(5)
    assert done.is_set()
    assert hear(clip, one) == 20.0


def test_a_busy_worker_says_so(clip, worker):
    one = worker()
    stream = audio.blocks(clip, seconds=1.0, worker=one)
    next(stream)
    with pytest.raises(UsageError):
        next(audio.blocks(clip, worker=one))
    assert sum(b.duration for b in stream) == 19.0


def test_the_pool_reuses_keeps_few_and_closes(clip, monkeypatch):
    monkeypatch.setattr(workers, "threads", lambda: 2)
    workers.close_idle()
    audio.open(clip)
    pids = {w.pid for w in workers._idle}
    assert len(pids) == 1
    streams = [audio.blocks(clip, seconds=1.0) for _ in range(4)]
    for stream in streams:
        next(stream)
    running = [p.pid for p in psutil.Process().children() if "auricle.audio._worker" in p.cmdline()]
    assert len(running) >= 4
    del streams, stream
    gc.collect()
    assert len(workers._idle) == 2
    kept = [w.pid for w in workers._idle]
    workers.close_idle()
    assert not any(psutil.pid_exists(p) for p in kept)
    assert audio.open(clip).duration == 20.0


def test_prestart_returns_at_once(clip):
    workers.close_idle()
    start = time.perf_counter()
    audio.prestart()
    assert time.perf_counter() - start < 0.1
    (waiting,) = [w.pid for w in workers._idle]
    audio.open(clip)
    assert [w.pid for w in workers._idle] == [waiting]


def test_threads_that_end_do_not_take_their_worker_with_them(clip):
    workers.close_idle()
    thread = threading.Thread(target=audio.open, args=(clip,))
    thread.start()
    thread.join()
    (made,) = [w.pid for w in workers._idle]
    time.sleep(0.3)
    assert audio.open(clip).duration == 20.0
    assert [w.pid for w in workers._idle] == [made]


def run(code, *args, **env):
    code = textwrap.dedent(code)
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *map(str, args)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **env},
        check=False,
    )


def test_a_plain_script_needs_no_main_guard_and_leaves_nothing(clip):
    done = run(
        """
        import sys
        from auricle import audio
        from auricle.audio import workers
        print(audio.open(sys.argv[1]).duration)
        stream = audio.blocks(sys.argv[1], seconds=1)
        next(stream)
        print(workers._idle[0].pid if workers._idle else 0)
        """,
        clip,
    )
    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout.startswith("20.0\n")


@pytest.mark.kill
def test_the_worker_leaves_with_its_parent_even_when_it_hangs(clip):
    code = """
import sys
from auricle import audio
w = audio.Worker(); w.start()
print(w.pid, flush=True)
list(audio.blocks(sys.argv[1], worker=w))
"""
    env = {**os.environ, "AURICLE_FAULT": "decode:hang@clip"}
    parent = subprocess.Popen([sys.executable, "-c", code, str(clip)], stdout=subprocess.PIPE, env=env, text=True)
    pid = int(parent.stdout.readline())
    time.sleep(0.5)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    for _ in range(50):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    pytest.fail("the worker outlived its parent")


def test_a_forked_child_uses_a_worker_of_its_own(clip):
    done = run(
        """
        import os, sys
        from auricle import audio
        audio.open(sys.argv[1])
        child = os.fork()
        heard = audio.open(sys.argv[1]).duration
        if child == 0:
            print("child", heard, flush=True); sys.exit(0)
        os.waitpid(child, 0)
        print("parent", audio.open(sys.argv[1]).duration, heard)
        """,
        clip,
    )
    assert done.stdout == "child 20.0\nparent 20.0 20.0\n"
    assert done.stderr == ""


def test_the_worker_finds_what_its_parent_imports_from_anywhere(clip, tmp_path):
    (tmp_path / "numpy.py").write_text("raise SystemExit('a file of the working folder was imported')")
    source = os.path.dirname(os.path.dirname(sys.modules["auricle"].__file__))
    code = f"""
    import os, sys
    sys.path.insert(0, {source!r})
    from auricle import audio
    import auricle.audio.reading
    os.chdir({str(tmp_path)!r})
    print(audio.open({str(clip)!r}).duration)
    """
    done = run(code, PYTHONPATH="")
    assert done.stdout == "20.0\n", done.stderr


def test_a_process_that_cannot_start_says_why(clip, monkeypatch, worker):
    monkeypatch.setattr(workers, "_environment", lambda: {"PYTHONHOME": "/nowhere"})  # it finds no standard library
    from auricle.errors import AuricleError

    with pytest.raises(AuricleError, match="could not start") as caught:
        hear(clip, worker())
    assert "\n" not in str(caught.value)


def test_memory_does_not_grow_with_the_duration(tmp_path, worker):
    one = worker()
    peaks, minute = [], tone(60.0, 44100, 2)
    for minutes in (1, 8):
        path = tmp_path / f"{minutes}.flac"
        audio.write(path, (audio.Audio(minute, 44100) for _ in range(minutes)))
        before = psutil.Process().memory_info().rss
        heard, peak = 0.0, 0
        for block in audio.blocks(path, rate=16000, mono=True, worker=one):
            heard += block.duration
            peak = max(peak, psutil.Process().memory_info().rss - before + psutil.Process(one.pid).memory_info().rss)
        assert heard == 60.0 * minutes
        peaks.append(peak)
    assert peaks[1] < peaks[0] + 32e6
    assert peaks[1] < 300e6
