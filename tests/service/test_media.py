"""What a browser plays and draws: ranges to the byte, virtual WAVs to the sample, waveforms and pictures of real sounds."""

from __future__ import annotations

import asyncio
import io
import os
import time
import wave
from dataclasses import replace
from pathlib import Path

import av
import httpx
import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from auricle import audio
from auricle.audio import _headers, spectrogram
from auricle.demo import SOUNDS
from auricle.errors import AudioError, UsageError
from auricle.library import peaks
from auricle.library.rows import Recording
from auricle.library.store import Store
from auricle.service import asked, media, wav
from auricle.service.wav import VirtualWav


def recording_of(path, **changes):
    info = audio.probe(str(path))
    duration = sum(block.duration for block in audio.blocks(str(path)))
    made = Recording(
        id=1, content_id=1, path=str(path), duration=duration, rate=info.rate, channels=info.channels, format=info.format,
        codec=info.codec, bytes=info.bytes, hash=audio.content_hash(str(path)), windows=0, recorded_at=None, latitude=None,
        longitude=None, added_at="", vanished_at=None,
    )  # fmt: skip
    return replace(made, **changes)


def chirp(seconds, rate, channels=1):
    t = np.arange(round(seconds * rate)) / rate
    return np.stack([0.5 * np.sin(2 * np.pi * (200 + 50 * c + 90 * t) * t) for c in range(channels)]).astype(np.float32)


def written(path, samples, rate, **options):
    soundfile.write(str(path), samples.T, rate, **options)
    return path


def encoded(path, samples, rate, format, codec):
    with av.open(str(path), "w", format=format) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.layout = "mono" if samples.shape[0] == 1 else "stereo"
        for at in range(0, samples.shape[1], 1024):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[:, at : at + 1024]), format="fltp", layout=stream.layout.name)
            frame.sample_rate, frame.pts = rate, at
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def client(answer):
    """A browser whose every request is answered by ``answer(request)``."""
    from starlette.requests import Request

    async def app(scope, receive, send):
        await answer(Request(scope))(scope, receive, send)

    return TestClient(app)


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch):
    monkeypatch.setattr(wav, "_cache", wav.Lru(wav._CACHED_BYTES))
    monkeypatch.setattr(media, "_pictures", wav.Lru(media._PICTURE_BYTES))


# -- ranges ----------------------------------------------------------------------------------------------------------------------

BODY = bytes(range(256)) * 1200


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(BODY)
    return path


@pytest.fixture
def browser(file):
    return client(lambda r: media.file_response(str(file), r.headers, method=r.method, format="wav", filename='Küche "1".wav'))


def test_the_whole_file(browser, file):
    answer = browser.get("/")
    assert (answer.status_code, answer.content) == (200, BODY)
    assert answer.headers["content-length"] == str(len(BODY))
    assert answer.headers["content-type"] == "audio/wav"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-disposition"] == "inline; filename=\"K_che _1_.wav\"; filename*=UTF-8''K%C3%BCche%20%221%22.wav"
    head = browser.head("/")
    assert (head.status_code, head.content) == (200, b"")
    assert {k: head.headers[k] for k in head.headers} == {k: answer.headers[k] for k in answer.headers}


@pytest.mark.parametrize(
    ("asked", "first", "end"),
    [
        ("bytes=0-", 0, len(BODY)),
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        ("bytes=300000-999999999", 300_000, len(BODY)),
        ("bytes=-5", len(BODY) - 5, len(BODY)),
        ("bytes=-999999999", 0, len(BODY)),
    ],
)
def test_one_range(browser, asked, first, end):
    answer = browser.get("/", headers={"range": asked})
    assert (answer.status_code, answer.content) == (206, BODY[first:end])
    assert answer.headers["content-range"] == f"bytes {first}-{end - 1}/{len(BODY)}"
    assert answer.headers["content-length"] == str(end - first)


@pytest.mark.parametrize("asked", [f"bytes={len(BODY)}-", "bytes=999999999-", "bytes=-0"])
def test_nothing_of_a_range_exists(browser, asked):
    answer = browser.get("/", headers={"range": asked})
    assert (answer.status_code, answer.content) == (416, b"")
    assert answer.headers["content-range"] == f"bytes */{len(BODY)}"


@pytest.mark.parametrize(
    "asked", ["bytes=-", "bytes=5-2", "bytes=0-1,5-9", "lines=0-1", "bytes", "bytes=a-b", "bytes=٣-", "bytes=+1-2", "", "x" * 9999]
)
def test_what_is_no_range_is_ignored(browser, asked):
    answer = browser.get("/", headers={"range": asked.encode()})
    assert (answer.status_code, len(answer.content)) == (200, len(BODY))


def test_conditions(browser, file):
    first = browser.get("/", headers={"range": "bytes=0-9"})
    etag, modified = first.headers["etag"], first.headers["last-modified"]
    for condition, status in ((etag, 206), (modified, 206), ('"other"', 200), (f"W/{etag}", 200)):
        assert browser.get("/", headers={"range": "bytes=0-9", "if-range": condition}).status_code == status
    assert browser.get("/", headers={"if-none-match": f'"x", {etag}'}).status_code == 304
    assert browser.get("/", headers={"if-none-match": '"x"'}).status_code == 200
    assert browser.get("/", headers={"if-modified-since": modified}).status_code == 304
    assert browser.get("/", headers={"if-modified-since": "nonsense"}).status_code == 200
    os.utime(file, (1, 1))
    assert browser.get("/", headers={"range": "bytes=0-9", "if-range": etag}).status_code == 200


@given(st.text(st.sampled_from("bytes=-,0123456789 "), max_size=24), st.integers(0, 10**12))
def test_any_header_is_a_range_or_none(header, size):
    found = media.byte_range(header, size)
    assert found is None or found == "none" or 0 <= found[0] < found[1] <= size


def test_an_empty_file(browser, file):
    file.write_bytes(b"")
    assert browser.get("/").content == b""
    assert browser.get("/", headers={"range": "bytes=0-"}).status_code == 416


def test_what_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "nothing", tmp_path, tmp_path / "pipe"):
        with pytest.raises(AudioError):
            media.LocalFile(str(path))


def test_it_stays_the_same_file_whatever_happens_to_its_name(file):
    response = media.file_response(str(file), {}, format="wav")
    file.rename(file.with_name("other"))
    file.write_bytes(b"something else")
    assert client(lambda _: response).get("/").content == BODY


async def _served(response, take):
    """Send a response to a client that leaves after ``take`` bytes; gives how many it was sent."""
    gone, got = asyncio.Event(), 0

    async def receive():
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        nonlocal got
        got += len(message.get("body", b""))
        if got >= take:
            gone.set()
            await asyncio.sleep(0.01)

    await response({"type": "http", "method": "GET", "asgi": {"spec_version": "2.3"}}, receive, send)
    return got


def test_a_client_that_leaves(file, tmp_path, monkeypatch):
    resource = media.LocalFile(str(file))
    asyncio.run(_served(media.ranged(resource, {}), 1))
    assert resource._file.closed
    decoded, real = [], VirtualWav._decoded
    monkeypatch.setattr(VirtualWav, "_decoded", lambda self, index: decoded.append(index) or real(self, index))
    long = written(tmp_path / "long.flac", chirp(120, 8000), 8000)
    got = asyncio.run(_served(media.wav_response(recording_of(long), {}), 50_000))
    assert got < 200_000
    assert len(decoded) <= 3


# -- virtual WAVs ----------------------------------------------------------------------------------------------------------------


def body_of(recording, first=0, end=None):
    virtual = VirtualWav.of(recording)

    async def read():
        return b"".join([part async for part in virtual.chunks(first, virtual.size if end is None else end)])

    return asyncio.run(read())


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (44100, 2), (48000, 1)])
def test_a_sixteen_bit_file_comes_back_to_the_bit(tmp_path, rate, channels):
    path = written(tmp_path / "a.flac", chirp(11.3, rate, channels), rate)
    body = body_of(recording_of(path))
    with wave.open(io.BytesIO(body)) as made:
        assert (made.getframerate(), made.getnchannels(), made.getsampwidth()) == (rate, channels, 2)
        assert made.getnframes() == round(11.3 * rate)
        samples = np.frombuffer(made.readframes(1 << 30), "<i2").reshape(-1, channels)
    np.testing.assert_array_equal(samples, soundfile.read(str(path), dtype="int16", always_2d=True)[0])


@pytest.mark.parametrize(
    ("rate", "channels", "to_rate", "to_channels"), [(96000, 2, 48000, 2), (192000, 1, 48000, 1), (4000, 1, 8000, 1), (44100, 4, 44100, 1)]
)
def test_what_browsers_do_not_like_is_made_fit(tmp_path, rate, channels, to_rate, to_channels):
    path = written(tmp_path / "a.wav", chirp(6, rate, channels), rate, subtype="FLOAT")
    body = body_of(recording_of(path))
    heard = audio.open(body)
    assert (heard.rate, heard.channels, heard.duration) == (to_rate, to_channels, 6.0)
    meant = audio.open(str(path), rate=to_rate, mono=to_channels == 1)
    np.testing.assert_allclose(heard.samples, meant.samples, atol=2e-4)


def formats(tmp_path):
    sound = chirp(16, 44100, 2)
    yield written(tmp_path / "a.ogg", sound[:, : 9 * 44100], 44100, format="OGG", subtype="VORBIS")
    yield written(tmp_path / "a96.flac", chirp(12, 96000, 1), 96000, subtype="PCM_24")
    yield encoded(tmp_path / "a.m4a", sound, 44100, "mp4", "aac")
    yield encoded(tmp_path / "a.mp3", sound, 44100, "mp3", "libmp3lame")
    yield SOUNDS / "field" / "ZOOM0002.opus"


def test_ranges_agree_however_they_are_cut(tmp_path):
    for path in formats(tmp_path):
        recording = recording_of(path)
        whole = body_of(recording)
        assert len(whole) == VirtualWav.of(recording).size
        rng = np.random.default_rng(0)
        for _ in range(6):
            wav._cache = wav.Lru(wav._CACHED_BYTES)
            first, end = sorted(rng.integers(0, len(whole) + 1, 2))
            assert body_of(recording, int(first), int(end)) == whole[first:end], path
        assert _headers.sniff(whole[:64]) == "wav"


@pytest.fixture(scope="module")
def vorbis(tmp_path_factory):
    path = written(tmp_path_factory.mktemp("vorbis") / "a.ogg", chirp(13, 16000, 2), 16000, format="OGG", subtype="VORBIS")
    recording = recording_of(path)
    return recording, body_of(recording)


@given(st.integers(0, 900_000), st.integers(1, 200_000))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_range_is_a_piece_of_the_whole(vorbis, first, length):
    recording, whole = vorbis
    asked = {"range": f"bytes={first}-{first + length - 1}"}
    answer = client(lambda r: media.wav_response(recording, r.headers, method=r.method)).get("/", headers=asked)
    if first >= len(whole):
        assert answer.status_code == 416
    else:
        assert answer.status_code == 206
        assert answer.content == whole[first : first + length]


def test_a_library_that_errs_about_the_length(tmp_path):
    path = written(tmp_path / "a.flac", chirp(7, 8000), 8000)
    whole = body_of(recording_of(path))
    longer = body_of(recording_of(path, duration=23.0))
    assert len(longer) == 44 + 23 * 16000
    assert longer[44 : len(whole)] == whole[44:]
    assert not any(longer[len(whole) :])
    shorter = body_of(recording_of(path, duration=2.0))
    assert shorter[44:] == whole[44 : 44 + 2 * 16000]


def test_a_truncated_file_ends_in_silence(tmp_path):
    path = written(tmp_path / "a.wav", chirp(20, 8000), 8000)
    whole = body_of(recording_of(path))
    recording = recording_of(path)
    os.truncate(path, 44 + 8 * 16000)
    body = body_of(recording)
    assert len(body) == len(whole)
    assert body[44 : 44 + 8 * 16000] == whole[44 : 44 + 8 * 16000]
    assert not any(body[44 + 8 * 16000 :])


@pytest.mark.parametrize(
    ("hours", "rate", "channels", "made"),
    [
        (1, 48000, 2, (48000, 2)),
        (6, 48000, 2, (48000, 2)),
        (10, 48000, 2, (24000, 1)),
        (10, 384000, 8, (48000, 1)),
        (24, 48000, 1, (24000, 1)),
        (30, 44100, 2, (16000, 1)),
        (500, 48000, 2, (8000, 1)),
    ],
)
def test_four_gigabytes_is_the_most(file, hours, rate, channels, made):
    recording = Recording(
        1, 1, str(file), hours * 3600.0, rate, channels, "wav", "pcm_s16le", 1, "h", 0, None, None, None, "", None
    )  # fmt: skip
    virtual = VirtualWav.of(recording)
    assert (virtual.rate, virtual.channels) == made
    assert virtual.size < 1 << 32
    assert hours == 500 or virtual.frames == hours * 3600 * made[0]


def test_errors_come_before_the_first_byte(tmp_path):
    path = written(tmp_path / "a.flac", chirp(3, 8000), 8000)
    recording = recording_of(path)
    path.write_bytes(b"no sound any more" * 100)
    with pytest.raises(AudioError):
        media.wav_response(recording, {})
    path.unlink()
    with pytest.raises(AudioError) as missing:
        media.wav_response(recording, {})
    assert missing.value.kind == "Missing"


def test_a_file_that_changes_while_it_is_played(tmp_path):
    path = written(tmp_path / "a.flac", chirp(12, 8000), 8000)
    virtual = VirtualWav.of(recording_of(path))
    virtual.samples(0)
    written(path, chirp(12, 8000) * 0.5, 8000)
    with pytest.raises(AudioError):
        virtual.samples(1)


def test_headers_of_a_virtual_wav(tmp_path):
    recording = recording_of(written(tmp_path / "a.flac", chirp(3, 8000), 8000))
    browser = client(lambda r: media.wav_response(recording, r.headers, method=r.method))
    whole, head = browser.get("/"), browser.head("/")
    assert head.headers["content-length"] == whole.headers["content-length"] == str(len(whole.content)) == str(44 + 48000)
    assert whole.headers["content-type"] == "audio/wav"
    assert browser.get("/", headers={"if-none-match": whole.headers["etag"]}).status_code == 304
    assert browser.get("/", headers={"range": "bytes=44-45", "if-range": whole.headers["etag"]}).content == whole.content[44:46]


def test_playable():
    for path in sorted(SOUNDS.rglob("*")):
        if path.suffix in (".ogg", ".flac", ".wav", ".mp3", ".opus"):
            info = audio.probe(str(path))
            assert media.playable(info.format, info.codec, info.rate, info.channels, info.bytes) == "native", path
            assert media.media_type(info.format).startswith("audio/")
    assert media.playable("wav", "pcm_s16le", 48000, 2, 1 << 20) == "native"
    for case in (
        ("wav", "pcm_s16le", 384_000, 1, 1), ("wav", "pcm_s16le", 48_000, 4, 1), ("wav", "adpcm_ms", 44100, 1, 1),
        ("rf64", "pcm_s16le", 48000, 2, 1), ("wav", "pcm_s16le", 48000, 2, 3 << 30), ("mp3", "mp3", 44100, 2, 300 << 20),
        ("wavpack", "wavpack", 44100, 2, 1), ("mp4", "alac", 44100, 2, 1), ("aiff", "pcm_s16be", 44100, 2, 1), ("", "", 0, 0, 0),
    ):  # fmt: skip
        assert media.playable(*case) == "wav", case


# -- pictures --------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def store(demo_folder):
    with Store.open(demo_folder) as opened:
        yield opened
    peaks.close_all()


def by_name(store, name):
    (found,) = [r for r in store.recordings() if Path(r.path).name == name]
    return found


def test_a_whole_waveform_comes_from_the_cache(store, monkeypatch):
    recording = by_name(store, "ZOOM0001.opus")
    monkeypatch.setattr(audio, "blocks", lambda *a, **k: pytest.fail("decoded"))
    shape = media.waveform_of(store, recording, n=500)
    assert (shape.start, shape.end) == (0.0, recording.duration)
    assert len(shape.min) == len(shape.max) == len(shape.rms) == 500
    assert max(shape.max) > 60
    assert -40 < shape.loudness_db < shape.peak_db <= 0


def test_a_close_view_comes_from_the_file(store):
    recording = by_name(store, "ZOOM0001.opus")
    shape = media.waveform_of(store, recording, 10.0, 10.5, 400)
    heard = audio.open(recording.path, mono=True, start=10.0, end=10.5).samples[0]
    parts = np.array_split(heard, 400)
    np.testing.assert_allclose(np.array(shape.max) / 127, [p.max() for p in parts], atol=0.08)
    assert shape.peak_db == pytest.approx(20 * np.log10(np.abs(heard).max()), abs=0.2)
    coarse = media.waveform_of(store, recording, 10.0, 20.0, 100)
    fine = media.waveform_of(store, recording, 10.0, 20.0, 2000)
    assert coarse.loudness_db == pytest.approx(fine.loudness_db, abs=1.0)


def test_a_close_view_of_a_file_that_is_gone_is_coarse(store):
    recording = by_name(store, "ZOOM0001.opus")
    gone = replace(recording, path="/nowhere/at all.opus")
    assert len(media.waveform_of(store, gone, 10.0, 10.5, 400).max) == 400
    with pytest.raises(AudioError):
        media.waveform_of(store, replace(gone, hash="unknown"), 10.0, 10.5, 400)


def test_times_beyond_the_end(store):
    recording = by_name(store, "ZOOM0001.opus")
    assert media.waveform_of(store, recording, 1.0, 1e9, 10).end == recording.duration
    for start, end in ((recording.duration, None), (5.0, 5.0), (7.0, 3.0)):
        with pytest.raises(UsageError):
            media.waveform_of(store, recording, start, end, 10)
        with pytest.raises(UsageError):
            media.spectrogram_png(recording, start, end, 100, 50)


def test_waveforms_of_a_list(store):
    recordings = list(store.recordings())
    items = [asked.Span(recording_id=r.id, start=r.duration / 2) for r in recordings]
    began = time.perf_counter()
    found = media.waveforms_of(store, [*items, asked.Span(recording_id=10**9)], 160)
    assert time.perf_counter() - began < 1.0
    assert found.missing == [10**9]
    assert [w.recording_id for w in found.data] == [r.id for r in recordings]
    assert all(w.start == 0 and w.end == pytest.approx(r.duration) for w, r in zip(found.data, recordings, strict=True))
    one = found.data[0]
    late = media.waveform_of(store, recordings[0], recordings[0].duration / 2, None, 20)
    assert one.loudness_db == pytest.approx(late.loudness_db, abs=1.5)


def test_missing_waveforms_are_drawn_when_short(store, tmp_path, monkeypatch):
    monkeypatch.setattr(peaks, "_caches", {str(store.folder): peaks.PeakCache(tmp_path)})
    first = by_name(store, "ZOOM0001.opus")
    assert media.waveforms_of(store, [asked.Span(recording_id=first.id)], 16).missing == []
    monkeypatch.setattr(peaks, "_caches", {str(store.folder): peaks.PeakCache(tmp_path / "nowhere")})
    monkeypatch.setattr(media, "_AT_ONCE_SECONDS", 1.0)
    assert media.waveforms_of(store, [asked.Span(recording_id=first.id)], 16).missing == [first.id]


def pixels(picture):
    with av.open(io.BytesIO(picture.png), format="png_pipe") as container:
        shown = next(container.decode(video=0)).to_ndarray(format="rgb24").astype(int)
    return np.abs(shown[:, :, None] - spectrogram.colours().astype(int)).sum(axis=3).argmin(axis=2)


def test_a_spectrogram_of_a_tone(tmp_path):
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(4 * 48000) / 48000)
    recording = recording_of(written(tmp_path / "a.flac", tone[None].astype(np.float32), 48000))
    picture = media.spectrogram_png(recording, 1.0, 3.0, 300, 200)
    assert (picture.start, picture.end, picture.max_hz) == (1.0, 3.0, 24_000)
    image = pixels(picture)
    assert image.shape == (200, 300)
    row = 200 - 201 * np.log10(1 + 1000 / 700) / np.log10(1 + 24_000 / 700)
    assert np.abs(image.argmax(axis=0) - row).max() <= 1.5, "also at both ends: the sound around the stretch is heard, too"
    assert (image.max(axis=0) > 245).all()


def test_a_spectrogram_is_made_once(tmp_path, monkeypatch):
    recording = recording_of(SOUNDS / "nature" / "brook.opus")
    first = media.spectrogram_png(recording, 0.0, None, 200, 100)
    monkeypatch.setattr(audio, "blocks", lambda *a, **k: pytest.fail("decoded"))
    assert media.spectrogram_png(recording, 0.0, None, 200, 100) == first


def test_a_spectrogram_of_a_file_that_breaks_off(tmp_path):
    path = written(tmp_path / "a.wav", chirp(20, 8000), 8000)
    recording = recording_of(path)
    os.truncate(path, 44 + 8 * 16000)
    image = pixels(media.spectrogram_png(recording, 0.0, None, 200, 64))
    assert image[:, :78].max(axis=0).min() > 200
    assert not image[:, 84:].any()
    path.unlink()
    with pytest.raises(AudioError):
        media.spectrogram_png(recording, 0.0, None, 201, 64)


def test_least_recently_used_goes_first():
    cache = wav.Lru(100)
    for i in range(5):
        cache.put(i, bytes(20))
    cache.get(0)
    cache.put(5, bytes(20))
    assert [i for i in range(6) if cache.get(i) is not None] == [0, 2, 3, 4, 5]
    cache.put(6, bytes(200))
    assert cache.get(6) is None


def test_over_a_real_connection(server):
    ids = server.ids()
    name, identity = next((n, i) for n, i in ids.items() if n == "brook.opus")
    own = server.client.get(f"/api/v1/recordings/{identity}/audio", headers={"range": "bytes=10-19"})
    assert (own.status_code, own.content) == (206, (SOUNDS / "nature" / name).read_bytes()[10:20])
    whole = server.client.get(f"/api/v1/recordings/{identity}/audio", params={"as": "wav"})
    assert isinstance(whole, httpx.Response)
    part = server.client.get(f"/api/v1/recordings/{identity}/audio", params={"as": "wav"}, headers={"range": "bytes=700000-"})
    assert part.content == whole.content[700_000:]
    assert audio.open(whole.content).duration == pytest.approx(10.0, abs=0.01)
