"""Tags, markers, time and place that a file holds besides its sound. Runs in the worker: the bytes are hostile.

Sources: ID3, Vorbis comments, MP4 atoms by mutagen; bext (EBU Tech 3285), iXML, cue and LIST by wavinfo; GUANO 1.0 (guano-md.org).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, BinaryIO

from auricle.audio import _headers
from auricle.audio.types import Marker, Metadata

MAX_TEXT = 4000  # characters of one value
MAX_TAGS = 400
MAX_MARKERS = 10_000
_MAX_READ = 16 << 20
_RIFF = ("wav", "rf64")
# The frames of ID3 and the atoms of MP4, by the names that Vorbis comments give the same things.
_COMMON = {
    "TIT2": "title", "TPE1": "artist", "TPE2": "albumartist", "TALB": "album", "TCON": "genre", "TRCK": "tracknumber", "TDRC": "date",
    "TYER": "date", "TDRL": "date", "TCOM": "composer", "TPUB": "publisher", "TCOP": "copyright", "TKEY": "key", "TBPM": "bpm",
    "TLAN": "language", "TENC": "encodedby", "TSSE": "encoder", "TIT1": "grouping", "TIT3": "subtitle", "COMM": "comment",
    "USLT": "lyrics", "\xa9nam": "title", "\xa9ART": "artist", "aART": "albumartist", "\xa9alb": "album", "\xa9gen": "genre",
    "\xa9day": "date", "\xa9cmt": "comment", "\xa9wrt": "composer", "\xa9too": "encoder", "\xa9grp": "grouping", "\xa9lyr": "lyrics",
    "desc": "description", "ldes": "description", "cprt": "copyright", "trkn": "tracknumber", "tmpo": "bpm",
}  # fmt: skip
_INFO = {
    "title": "title", "artist": "artist", "product": "album", "comment": "comment", "created_date": "date", "genre": "genre",
    "keywords": "keywords", "copyright": "copyright", "engineer": "engineer", "software": "encoder", "subject": "subject",
}  # fmt: skip
_AUDIOMOTH = re.compile(r"Recorded at (\d\d):(\d\d):(\d\d)(?:\.\d+)? (\d\d)/(\d\d)/(\d{4}) \(UTC([+-]\d{1,2})?(?::(\d\d))?\)")


class _Capped:
    """A file whose single reads are bounded, for parsers that believe the length in a chunk's header."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        return self._file.read(_MAX_READ if size < 0 else min(size, _MAX_READ))


def read_metadata(file: BinaryIO, size: int) -> Metadata:
    """What the open file holds. A part that is damaged is left out; this raises nothing but OSError and MemoryError."""
    tags: dict[str, str] = {}
    markers: list[Marker] = []
    container, _ = _headers.sniff_file(file)
    if container in _RIFF:
        chunks = riff_chunks(file, size)
        reader = _wav_reader(file, chunks)
        _try(lambda: tags.update(_wav_tags(reader)))
        _try(lambda: markers.extend(_wav_markers(reader)))
        _try(lambda: tags.update(_guano(file, chunks)))
    _try(lambda: _add(tags, _mutagen_tags(file)))
    kept = {k: v for k, v in list(tags.items())[:MAX_TAGS] if v}
    latitude, longitude = _place(kept)
    return Metadata(kept, tuple(markers[:MAX_MARKERS]), _recorded_at(kept), latitude, longitude)


def riff_chunks(file: BinaryIO, size: int) -> dict[bytes, tuple[int, int]]:
    """Name → (offset, length) of the top-level chunks of a RIFF or RF64 file; a length beyond the file is cut."""
    found: dict[bytes, tuple[int, int]] = {}
    at, long_data = 12, 0
    while at + 8 <= size and len(found) < 256:
        file.seek(at)
        name, length = struct.unpack("<4sI", file.read(8))
        if name == b"ds64":
            long_data = struct.unpack("<QQ", file.read(16))[1]
        if name == b"data" and length == 0xFFFFFFFF:
            length = long_data or size
        found.setdefault(name, (at + 8, min(length, size - at - 8)))
        at += 8 + length + (length & 1)
    return found


def _try(read: Callable[[], None]) -> None:
    """Parsers throw anything at damaged bytes; one part that cannot be read must not cost the others."""
    try:
        read()
    except (OSError, MemoryError):
        raise
    except Exception:
        return


def _add(tags: dict[str, str], more: dict[str, str]) -> None:
    for key, value in more.items():
        tags.setdefault(key, value)


def _wav_reader(file: BinaryIO, chunks: dict[bytes, tuple[int, int]]) -> Any:
    """wavinfo's reader, or None where the chunks are damaged or their XML declares entities (which could name other files)."""
    from wavinfo import WavInfoReader

    for name in (b"iXML", b"axml"):
        at, length = chunks.get(name, (0, 0))
        file.seek(at)
        if b"<!" in file.read(min(length, _MAX_READ)).replace(b"\0", b""):
            return None
    for encoding in ("utf-8", "latin-1"):  # EBU 3285 says ASCII; recorders write either
        try:
            file.seek(0)
            return WavInfoReader(_Capped(file), info_encoding=encoding, bext_encoding=encoding)
        except UnicodeDecodeError:
            continue
        except (OSError, MemoryError):
            raise
        except Exception:
            return None
    return None


def _wav_tags(reader: Any) -> dict[str, str]:
    tags: dict[str, str] = {}
    if reader.info is not None:
        for key, value in reader.info.to_dict().items():
            if isinstance(value, str):
                tags[_INFO.get(key, f"info.{key}")] = _clean(value)
    if reader.bext is not None:
        for key in ("description", "originator", "originator_ref", "originator_date", "originator_time", "coding_history"):
            tags[f"bext.{key}"] = _clean(getattr(reader.bext, key, "") or "")
        if reader.bext.time_reference:
            tags["bext.time_reference"] = str(reader.bext.time_reference)
    if reader.ixml is not None:
        for element in ("PROJECT", "SCENE", "TAKE", "TAPE", "NOTE", "CIRCLED", "FILE_UID"):
            found = reader.ixml.parsed.find(element)
            if found is not None and found.text:
                tags[f"ixml.{element.lower()}"] = _clean(found.text)
    return {k: v for k, v in tags.items() if v}


def _wav_markers(reader: Any) -> list[Marker]:
    rate = reader.fmt.sample_rate
    if reader.cues is None or not rate:
        return []
    labels = {label.name: label.text for label in reader.cues.labels}
    lengths = {part.name: part.length for part in reader.cues.ranges}
    found = []
    for cue in reader.cues.cues[:MAX_MARKERS]:
        start, length = cue.sample_offset / rate, lengths.get(cue.name)
        found.append(Marker(start, start + length / rate if length else None, _clean(labels.get(cue.name, ""))))
    return sorted(found, key=lambda m: m.start)


def _guano(file: BinaryIO, chunks: dict[bytes, tuple[int, int]]) -> dict[str, str]:
    """``Key: value`` lines in UTF-8; a newline inside a value is written as backslash n."""
    if b"guan" not in chunks:
        return {}
    at, length = chunks[b"guan"]
    file.seek(at)
    text = file.read(min(length, _MAX_READ)).rstrip(b"\0 ").decode("utf-8", "replace")
    tags = {}
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if colon and key.strip():
            tags["guano." + _key(key).removeprefix("guano|").replace("|", ".")] = _clean(value.replace("\\n", "\n"))
    return tags


def _mutagen_tags(file: BinaryIO) -> dict[str, str]:
    import mutagen

    file.seek(0)
    found = mutagen.File(file)
    tags: dict[str, str] = {}
    for key, value in found.tags.items() if found is not None and found.tags else ():
        name, text = _mutagen_pair(str(key), value)
        if name and text:
            tags.setdefault(name, text)
    return tags


def _mutagen_pair(key: str, value: Any) -> tuple[str, str]:
    frame = key.split(":")[0]
    if frame in ("APIC", "covr", "PRIV", "GEOB", "MCDI", "SYLT", "METADATA_BLOCK_PICTURE") or frame.lower() == "metadata_block_picture":
        return "", ""
    name = _COMMON.get(frame)
    if frame == "TXXX":
        name = _key(getattr(value, "desc", "") or key[5:])
    elif frame == "----":
        name = _key(key.rsplit(":", 1)[-1])
    return name or _key(frame), _clean(_as_text(value))


def _as_text(value: Any) -> str:
    text = getattr(value, "text", value)
    if isinstance(text, (list, tuple)):
        return ", ".join(_as_text(v) for v in text)
    if isinstance(text, (bytes, bytearray)):
        return bytes(text).decode("utf-8", "replace")
    return str(text)


def _clean(text: str) -> str:
    """Printable text (newlines stay), without what follows a NUL, of bounded length."""
    kept = "".join(c for c in text.split("\0", 1)[0].strip()[:MAX_TEXT] if c.isprintable() or c == "\n")
    return kept.strip()


def _key(name: str) -> str:
    return re.sub(r"\s+", "_", name.strip().lower())[:100]


def _recorded_at(tags: dict[str, str]) -> str | None:
    """ISO 8601: from GUANO, from the comment of an AudioMoth, from bext, from the date of an ID3 or Vorbis tag; the first that parses."""
    moth = _AUDIOMOTH.search(tags.get("comment", ""))
    for found in (
        _parse(tags.get("guano.timestamp", "")),
        _from_audiomoth(moth) if moth else None,
        _parse(f"{tags.get('bext.originator_date', '')} {tags.get('bext.originator_time', '')}"),
        _parse(tags.get("date", "")),
    ):
        if found is not None:
            return found
    return None


def _parse(text: str) -> str | None:
    """A date of at least a day, in UTC if it names its zone. Years alone say when a song came out, not when it was recorded."""
    match = re.match(r"\s*(\d{4})[-:/_. ](\d\d)[-:/_. ](\d\d)(?:[T ]+(\d\d)[-:/_.](\d\d)(?:[-:/_.](\d\d))?(?:\.\d+)?)?\s*(.*)$", text)
    if match is None:
        return None
    numbers = [int(g) if g else 0 for g in match.groups()[:6]]
    zone = re.fullmatch(r"(Z)|([+-])(\d\d):?(\d\d)", match.group(7))
    try:
        when = datetime(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5])
        if zone is not None:
            ahead = timedelta() if zone.group(1) else timedelta(hours=int(zone.group(3)), minutes=int(zone.group(4)))
            return _in_utc(when, -ahead if zone.group(2) == "-" else ahead)
    except (ValueError, OverflowError):
        return None
    return when.date().isoformat() if match.group(4) is None else when.isoformat()


def _from_audiomoth(match: re.Match[str]) -> str | None:
    hour, minute, second, day, month, year = (int(g) for g in match.groups()[:6])
    hours, minutes = int(match.group(7) or 0), int(match.group(8) or 0)
    try:
        ahead = timedelta(hours=hours, minutes=minutes if hours >= 0 else -minutes)
        return _in_utc(datetime(year, month, day, hour, minute, second), ahead)
    except (ValueError, OverflowError):
        return None


def _in_utc(when: datetime, ahead: timedelta) -> str:
    return when.replace(tzinfo=timezone(ahead)).astimezone(UTC).isoformat().replace("+00:00", "Z")


def _place(tags: dict[str, str]) -> tuple[float | None, float | None]:
    """Degrees, from GUANO's ``Loc Position: latitude longitude``."""
    parts = re.split(r"[\s,]+", tags.get("guano.loc_position", "").strip())
    try:
        latitude, longitude = (float(p) for p in parts)
    except ValueError:
        return None, None
    return (latitude, longitude) if abs(latitude) <= 90 and abs(longitude) <= 180 else (None, None)
