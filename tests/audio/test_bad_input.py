"""Input that cannot be heard: the kind, one line, the way out. What could be decoded of a truncated file comes first."""

from __future__ import annotations

import os
import struct
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from audio_files import by_ffmpeg, by_soundfile, tone, wav_with

from auricle import audio
from auricle.errors import AudioError


def refused(source, kind, **options):
    with pytest.raises(AudioError) as caught:
        audio.open(source, **options)
    error = caught.value
    assert error.kind == kind, str(error)
    assert "\n" not in error.message
    assert error.hint
    if isinstance(source, (str, os.PathLike)):
        assert error.path == str(source)
        assert error.message.count(os.path.basename(source)) == 1
    return error


def heard_until_error(blocks, heard):
    for block in blocks:
        heard.append(block)


def patched(path, at, data):
    content = bytearray(path.read_bytes())
    content[at : at + len(data)] = data
    path.write_bytes(content)
    return path


def test_missing_folder_loop_empty_device(tmp_path):
    refused(tmp_path / "gone.wav", "Missing")
    refused(tmp_path / "gone" / "a.wav", "Missing")
    refused(str(tmp_path / ("x" * 300)), "Missing")
    refused(tmp_path, "IsFolder")
    (tmp_path / "loop.wav").symlink_to(tmp_path / "loop.wav")
    assert "circle" in refused(tmp_path / "loop.wav", "Missing").message
    (tmp_path / "empty.wav").touch()
    refused(tmp_path / "empty.wav", "Empty")
    refused(b"", "Empty")
    refused((np.zeros(0), 8000), "Empty")
    os.mkfifo(tmp_path / "pipe.wav")
    refused(tmp_path / "pipe.wav", "Unreadable")
    refused("/dev/zero", "Unreadable")
    refused(tmp_path / "a.wav" / "b", "Missing")


def test_a_file_under_a_file_is_missing(tmp_path):
    path = wav_with(tmp_path / "a.wav")
    refused(path / "b.wav", "Missing")


def test_permission_denied(tmp_path):
    path = wav_with(tmp_path / "a.wav")
    path.chmod(0)
    if os.geteuid() != 0:
        refused(path, "Denied")
        with pytest.raises(AudioError) as caught:
            audio.content_hash(path)
        assert caught.value.kind == "Denied"
        return
    # root reads everything: import as root, then be somebody else
    code = """
import os, sys
from auricle.audio import _worker, content_hash
from auricle.audio._problems import os_problem
from auricle.errors import AudioError
os.setuid(65534)
for call in (lambda: _worker._open({"path": sys.argv[1], "source": "a"}, bytearray()), lambda: content_hash(sys.argv[1])):
    try: call()
    except AudioError as error: print(error.kind)
    except OSError as error: print(os_problem("a", error).kind)
"""
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["Denied", "Denied"], done.stderr


@pytest.mark.parametrize(
    "content",
    [
        b"Dear diary, today it rained.\n" * 200,
        b"#EXTM3U\n#EXTINF:10,\n/etc/passwd\n",
        b"ffconcat version 1.0\nfile '/etc/passwd'\n",
        b"\0" * 50_000,
        np.random.default_rng(1).bytes(50_000),
        b"\x89PNG\r\n\x1a\n" + b"\0" * 500,
        b"%PDF-1.7\n" * 100,
        b"x",
    ],
)
@pytest.mark.parametrize("suffix", ["wav", "mp3"])
def test_not_audio(tmp_path, content, suffix):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(content)
    refused(path, "NotAudio")


def test_a_playlist_opens_no_other_file(tmp_path):
    by_soundfile(tmp_path / "real.wav", tone(0.2, 8000, 1), 8000)
    for name, text in {
        "a.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nreal.wav\n#EXT-X-ENDLIST\n",
        "b.ffconcat": "ffconcat version 1.0\nfile 'real.wav'\n",
        "c.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
        "d.mpd": '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><BaseURL>real.wav</BaseURL></Period></MPD>',
    }.items():
        (tmp_path / name).write_text(text)
        refused(tmp_path / name, "NotAudio")


def test_video_without_sound(tmp_path):
    import av

    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=5)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode(None))
    assert "no sound" in refused(tmp_path / "a.mp4", "NotAudio").message


CUTS = ["wav", "rf64", "w64", "aiff", "caf", "flac", "ogg", "opus", "mp3", "m4a", "fast.m4a", "frag.mp4", "mka"]


@pytest.mark.parametrize("kind", CUTS)
def test_truncated(tmp_path, kind):
    path, sound = tmp_path / f"a.{kind}", tone(12.0, 48000, 2)
    if kind in ("wav", "w64", "aiff", "caf", "flac"):
        by_soundfile(path, sound, 48000, subtype="PCM_16")
    elif kind == "rf64":
        by_soundfile(path, sound, 48000, format="RF64", subtype="PCM_16")
    elif kind in ("ogg", "opus"):
        by_soundfile(path, sound, 48000, format="OGG", subtype={"ogg": "VORBIS", "opus": "OPUS"}[kind])
    else:
        form, codec = {"mp3": ("mp3", "libmp3lame"), "mka": ("matroska", "libopus")}.get(kind, ("mp4", "aac"))
        flags = {"fast.m4a": "faststart", "frag.mp4": "frag_keyframe+empty_moov"}.get(kind)
        by_ffmpeg(path, sound, 48000, format=form, codec=codec, options={"movflags": flags} if flags else None)
    whole = audio.open(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 6 // 10 + 7])
    refused(path, "Truncated")
    heard = []
    with pytest.raises(AudioError) as caught:
        heard_until_error(audio.blocks(path, seconds=1.0), heard)
    assert caught.value.kind == "Truncated"
    if kind == "m4a":  # its index is at its end: nothing can be decoded
        assert heard == []
        return
    joined = np.concatenate([b.samples for b in heard], axis=1)
    assert joined.shape[1] / 48000 > 5.9
    n = joined.shape[1] - 2048
    assert np.abs(joined[:, :n] - whole.samples[:, :n]).max() < 1e-4
    if kind not in ("ogg", "opus"):
        assert "of the 0:12 its header promises" in caught.value.message


@pytest.mark.parametrize("length", [0, 0xFFFFFFFF, 0x7FFFF000, 0x7FFFFFFF, 0x80000000])
def test_a_wav_without_a_length_is_read_to_its_end(tmp_path, length):
    path = patched(by_soundfile(tmp_path / "a.wav", tone(2.0, 8000, 1), 8000), 40, struct.pack("<I", length))
    assert audio.open(path).samples.shape == (1, 16000)
    assert np.array_equal(audio.open(path, start=1.0).samples, audio.open(path).samples[:, 8000:])


def test_flac_without_a_length(tmp_path):
    path = by_soundfile(tmp_path / "a.flac", tone(6.0, 16000, 1), 16000)
    byte = path.read_bytes()[21]
    patched(path, 21, bytes([byte & 0xF0, 0, 0, 0, 0]))
    assert audio.open(path).samples.shape == (1, 96000)
    assert audio.probe(path).duration is None


@pytest.mark.parametrize(
    ("at", "data"), [(22, b"\0\0"), (24, b"\0\0\0\0"), (24, b"\xff\xff\xff\xff"), (22, b"\xff\x7f"), (20, b"\x99\x99")]
)
def test_headers_that_lie_are_refused(tmp_path, at, data):
    refused(patched(by_soundfile(tmp_path / "a.wav", tone(1.0, 8000, 1), 8000), at, data), "Unsupported")


def test_a_huge_claim_allocates_nothing(tmp_path):
    path = by_soundfile(tmp_path / "a.wav", tone(1.0, 8000, 1), 8000)
    patched(path, 22, struct.pack("<H", 60))
    patched(path, 24, struct.pack("<I", 655_350))
    patched(path, 40, struct.pack("<I", 0x7FFE0000))
    with pytest.raises(AudioError):
        audio.open(path)


def test_too_large(tmp_path):
    path = by_soundfile(tmp_path / "a.flac", tone(10.0, 16000, 2), 16000)
    refused(path, "TooLarge", limits=audio.Limits(bytes=1000))
    refused(path, "TooLarge", limits=audio.Limits(seconds=9.0))
    refused(path, "TooLarge", limits=audio.Limits(decoded_bytes=1 << 20))
    refused(path, "Unsupported", limits=audio.Limits(channels=1))
    refused(path, "Unsupported", limits=audio.Limits(min_rate=22050))
    assert audio.open(path, start=1.0, end=9.5, limits=audio.Limits(seconds=9.0)).duration == 8.5
    refused((np.zeros((2, 160000)), 16000), "TooLarge", limits=audio.Limits(seconds=9.0))
    refused((np.zeros((160000, 2)), 16000), "Unsupported")


def test_silence_bomb(tmp_path):
    path = tmp_path / "bomb.flac"
    with soundfile.SoundFile(path, "w", 44100, 2, subtype="PCM_16") as file:
        for _ in range(150):
            file.write(np.zeros((441000, 2), np.int16))
    assert path.stat().st_size < 300_000
    error = refused(path, "TooLarge")
    assert "expands" in error.message
    with pytest.raises(AudioError) as caught:
        list(audio.blocks(path, rate=8000, mono=True))
    assert caught.value.kind == "TooLarge"


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("mono", [False, True])
def test_samples_that_are_not_finite(tmp_path, bad, mono):
    sound = tone(3.0, 8000, 2)
    sound[1, 16000] = bad
    path = by_soundfile(tmp_path / "a.wav", sound, 8000, subtype="FLOAT")
    assert "2.00 s" in refused(path, "NonFinite", mono=mono).message
    refused((sound, 8000), "NonFinite")
    assert audio.open(path, end=1.0).duration == 1.0


def test_doubles_beyond_float32(tmp_path):
    with soundfile.SoundFile(tmp_path / "a.wav", "w", 8000, 1, subtype="DOUBLE") as file:
        file.write(np.full((100, 1), 1e200))
    refused(tmp_path / "a.wav", "NonFinite")
    refused((np.full(10, 1e200), 8000), "NonFinite")


def test_a_file_that_holds_no_samples(tmp_path):
    for name in ("a.wav", "a.flac", "a.aiff"):
        with soundfile.SoundFile(tmp_path / name, "w", 8000, 1):
            pass
        refused(tmp_path / name, "Empty")


def test_the_rest_goes_on(tmp_path):
    with audio.Worker() as worker:
        good = by_soundfile(tmp_path / "good.wav", tone(0.5, 8000, 1), 8000)
        (tmp_path / "bad.wav").write_bytes(b"nothing" * 100)
        for _ in range(3):
            with pytest.raises(AudioError):
                list(audio.blocks(tmp_path / "bad.wav", worker=worker))
            assert sum(b.duration for b in audio.blocks(good, worker=worker)) == 0.5
