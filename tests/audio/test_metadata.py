"""What files say about themselves: written by mutagen or byte by byte to the published layouts, read by the worker."""

from __future__ import annotations

import struct

import mutagen
import mutagen.id3
import mutagen.mp4
import mutagen.oggvorbis
import pytest
from audio_files import by_ffmpeg, by_soundfile, chunk, tone, wav_with

from auricle import audio
from auricle.errors import AudioError


def bext(description="", date="", time="", reference=0):
    fields = (description.encode(), b"Recorder", b"REF1", date.encode(), time.encode(), reference, 1, b"", *[0] * 5, b"")
    return struct.pack("<256s32s32s10s8sQH64s5h180s", *fields) + b"A=PCM,F=8000"


def guano(*lines):
    return "\n".join(["GUANO|Version: 1.0", *lines]).encode()


def info(**fields):
    return b"INFO" + b"".join(chunk(k.encode(), v.encode() + b"\0") for k, v in fields.items())


@pytest.mark.parametrize("before", [True, False])
def test_broadcast_wave(tmp_path, before):
    path = wav_with(tmp_path / "a.wav", (b"bext", bext("Dawn chorus", "2024-05-06", "04:30:15", 8000)), before=before)
    found = audio.metadata(path)
    assert found.tags["bext.description"] == "Dawn chorus"
    assert found.tags["bext.originator"] == "Recorder"
    assert found.tags["bext.time_reference"] == "8000"
    assert found.recorded_at == "2024-05-06T04:30:15"


def test_bext_that_is_not_utf8(tmp_path):
    block = bytearray(bext("cafe", "2024-05-06", "04:30:15"))
    block[:4] = "café".encode("latin-1")
    assert audio.metadata(wav_with(tmp_path / "a.wav", (b"bext", bytes(block)))).tags["bext.description"] == "café"


def test_ixml(tmp_path):
    xml = b'<?xml version="1.0"?><BWFXML><PROJECT>Harbour</PROJECT><SCENE>12A</SCENE><TAKE>3</TAKE><NOTE>gulls</NOTE></BWFXML>'
    found = audio.metadata(wav_with(tmp_path / "a.wav", (b"iXML", xml)))
    assert found.tags == {"ixml.project": "Harbour", "ixml.scene": "12A", "ixml.take": "3", "ixml.note": "gulls"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_ixml_that_names_another_file_is_not_read(tmp_path, encoding):
    (tmp_path / "secret").write_text("hidden")
    xml = f'<!DOCTYPE a [<!ENTITY x SYSTEM "file://{tmp_path}/secret">]><BWFXML><SCENE>&x;</SCENE></BWFXML>'
    found = audio.metadata(wav_with(tmp_path / "a.wav", (b"iXML", xml.encode(encoding))))
    assert "hidden" not in str(found)


def test_cue_points_and_regions(tmp_path):
    points = [(1, 4000), (2, 800)]
    cues = struct.pack("<I", len(points)) + b"".join(struct.pack("<II4sIII", i, at, b"data", 0, 0, at) for i, at in points)
    labels = b"adtl" + chunk(b"labl", struct.pack("<I", 1) + b"bell\0") + chunk(b"labl", struct.pack("<I", 2) + b"door\0")
    labels += chunk(b"ltxt", struct.pack("<II4sHHHH", 1, 2000, b"rgn ", 0, 0, 0, 0))
    found = audio.metadata(wav_with(tmp_path / "a.wav", (b"cue ", cues), (b"LIST", labels)))
    assert found.markers == (audio.Marker(0.1, None, "door"), audio.Marker(0.5, 0.75, "bell"))


def test_list_info(tmp_path):
    path = wav_with(tmp_path / "a.wav", (b"LIST", info(INAM="Rain", IART="Ana", ICMT="on a tin roof", IKEY="rain; roof")))
    tags = audio.metadata(path).tags
    assert (tags["title"], tags["artist"], tags["comment"], tags["keywords"]) == ("Rain", "Ana", "on a tin roof", "rain; roof")


def test_guano(tmp_path):
    lines = (
        "Timestamp: 2023-07-01T22:15:30+02:00",
        "Loc Position: 47.3769 8.5417",
        "Species Manual ID: Myomyo",
        "Note: two\\nlines",
        "WA|Song Meter|Prefix: S4",
    )
    found = audio.metadata(wav_with(tmp_path / "a.wav", (b"guan", guano(*lines)), (b"bext", bext("x", "2001-01-01", "00:00:00"))))
    assert found.recorded_at == "2023-07-01T20:15:30Z"
    assert (found.latitude, found.longitude) == (47.3769, 8.5417)
    assert found.tags["guano.species_manual_id"] == "Myomyo"
    assert found.tags["guano.version"] == "1.0"
    assert found.tags["guano.note"] == "two\nlines"
    assert found.tags["guano.wa.song_meter.prefix"] == "S4"


@pytest.mark.parametrize("position", ["91 0", "0 181", "here", "1", "", "nan nan"])
def test_places_that_are_none(tmp_path, position):
    found = audio.metadata(wav_with(tmp_path / "a.wav", (b"guan", guano(f"Loc Position: {position}"))))
    assert (found.latitude, found.longitude) == (None, None)


@pytest.mark.parametrize(
    ("zone", "expected"),
    [("UTC", "12T05:00:00Z"), ("UTC+2", "12T03:00:00Z"), ("UTC-3:30", "12T08:30:00Z"), ("UTC+5:30", "11T23:30:00Z")],
)
def test_audiomoth(tmp_path, zone, expected):
    comment = f"Recorded at 05:00:00 12/03/2019 ({zone}) by AudioMoth 24F3190361DA0000 at medium gain while battery was 4.2V."
    path = wav_with(tmp_path / "a.wav", (b"LIST", info(ICMT=comment, IART="AudioMoth 24F3")), before=True)
    assert audio.metadata(path).recorded_at == f"2019-03-{expected}"


def test_id3_vorbis_and_mp4(tmp_path):
    sound = tone(0.5, 44100, 2)
    mp3 = by_ffmpeg(tmp_path / "a.mp3", sound, 44100, format="mp3", codec="libmp3lame")
    tags = mutagen.id3.ID3()
    tags.add(mutagen.id3.TIT2(encoding=3, text="Gewitter"))
    tags.add(mutagen.id3.TDRC(encoding=3, text="2020-08-01T14:00:00"))
    tags.add(mutagen.id3.COMM(encoding=3, lang="eng", desc="", text="far thunder"))
    tags.add(mutagen.id3.TXXX(encoding=3, desc="UCS Cat ID", text="WEATThun"))
    tags.add(mutagen.id3.APIC(encoding=3, mime="image/png", type=3, desc="", data=b"x" * 100_000))
    tags.save(mp3)
    found = audio.metadata(mp3)
    assert found.tags["title"] == "Gewitter"
    assert found.tags["comment"] == "far thunder"
    assert found.tags["ucs_cat_id"] == "WEATThun"
    assert found.recorded_at == "2020-08-01T14:00:00"
    assert max(map(len, found.tags.values())) < 5000
    assert audio.open(mp3).duration == pytest.approx(0.5, abs=0.05)

    for name, subtype in (("a.ogg", "VORBIS"), ("a.flac", "PCM_16")):
        path = by_soundfile(tmp_path / name, sound, 44100, subtype=subtype, format={"a.ogg": "OGG", "a.flac": "FLAC"}[name])
        file = mutagen.File(path)
        if file.tags is None:
            file.add_tags()
        file["ARTIST"], file["DATE"] = ["Ana", "Bo"], "2021-02-03"
        file.save()
        found = audio.metadata(path)
        assert (found.tags["artist"], found.recorded_at) == ("Ana, Bo", "2021-02-03")

    m4a = by_ffmpeg(tmp_path / "a.m4a", sound, 44100, format="mp4", codec="aac")
    file = mutagen.mp4.MP4(m4a)
    file["\xa9nam"], file["\xa9day"], file["----:com.apple.iTunes:MOOD"] = "Sea", "1999", b"calm"
    file.save()
    found = audio.metadata(m4a)
    assert (found.tags["title"], found.tags["date"], found.tags["mood"], found.recorded_at) == ("Sea", "1999", "calm", None)


def test_nothing_to_tell_and_bytes(tmp_path):
    path = wav_with(tmp_path / "a.wav")
    assert audio.metadata(path) == audio.Metadata()
    assert audio.metadata(path.read_bytes()) == audio.Metadata()
    assert audio.metadata(audio.open(path)) == audio.Metadata()
    with pytest.raises(AudioError) as caught:
        audio.metadata(tmp_path / "gone.wav")
    assert caught.value.kind == "Missing"


def test_chunks_whose_length_lies(tmp_path):
    path = wav_with(tmp_path / "a.wav", (b"bext", bext("kept", "2024-05-06", "04:30:15")), (b"guan", guano("Note: kept")))
    data = bytearray(path.read_bytes())
    at = data.index(b"guan")
    data[at + 4 : at + 8] = b"\xff\xff\xff\x7f"
    path.write_bytes(data)
    assert audio.metadata(path).tags["guano.note"] == "kept"


def test_a_thousand_tags_are_bounded(tmp_path):
    lines = [f"K{i}: {'x' * 9000}" for i in range(1000)]
    found = audio.metadata(wav_with(tmp_path / "a.wav", (b"guan", guano(*lines))))
    assert len(found.tags) == 400
    assert max(map(len, found.tags.values())) == 4000
