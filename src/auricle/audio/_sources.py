"""What may be given as a sound, brought into one of two forms: samples in memory, or a file (or bytes) for the worker."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeAlias

import numpy as np
import numpy.typing as npt

from auricle.audio._gate import check_finite
from auricle.audio._problems import audio_error
from auricle.audio.types import Audio, Limits, Samples

Source: TypeAlias = (
    "str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | tuple[npt.ArrayLike, int] | Mapping[str, Any] | Audio"
)
_SPOOL_BYTES = 32 << 20  # larger bytes and streams go to the worker as a temporary file


@dataclass(frozen=True, slots=True)
class Outside:
    """A file on disk, or encoded bytes; ``label`` names it in messages."""

    label: str
    path: str | None = None
    data: bytes = b""


def check(source: Source) -> None:
    """Raise TypeError where ``source`` is of no kind that can be heard, before anything is opened."""
    if isinstance(source, Mapping):
        if not {"array", "sampling_rate"} <= source.keys() and not {"path", "bytes"} & source.keys():
            raise TypeError("a mapping must have 'array' and 'sampling_rate', or 'path' or 'bytes'")
        return
    if isinstance(source, tuple):
        if len(source) != 2 or not _is_integer(source[1]):
            raise TypeError("a tuple must be (samples, rate) with the rate as an integer in Hz")
        return
    if isinstance(source, (str, os.PathLike, bytes, bytearray, memoryview, Audio)) or hasattr(source, "read"):
        return
    if isinstance(source, list) or hasattr(source, "__array__") or hasattr(source, "__array_interface__"):
        raise TypeError("an array has no rate: pass (samples, rate), e.g. auricle.audio.open((samples, 16000))")
    raise TypeError(f"not a sound: {type(source).__name__}; give a path, bytes, a binary file, (samples, rate) or an Audio")


@contextlib.contextmanager
def prepared(source: Source, limits: Limits) -> Iterator[Audio | Outside]:
    """``source`` as an :class:`Audio` (checked: finite, not empty) or an :class:`Outside`, for as long as the context lasts."""
    if isinstance(source, Audio):
        yield _checked(source, limits)
    elif isinstance(source, tuple):
        yield _checked(_from_array(source[0], source[1]), limits)
    elif isinstance(source, Mapping):
        with prepared(_from_mapping(source), limits) as inner:
            yield _named(inner, source.get("path"))
    elif isinstance(source, (str, os.PathLike)):
        path = os.fspath(source)
        if "\0" in path:
            raise audio_error("Missing", path.replace("\0", "\\0"), "is no possible name of a file.", "Check the path.")
        yield Outside(path, path)
    elif isinstance(source, (bytes, bytearray, memoryview)):
        with _spooled(bytes(source)) as outside:
            yield outside
    else:
        with _from_file(source, limits) as outside:
            yield outside


def _from_mapping(source: Mapping[str, Any]) -> Source:
    if "array" in source:
        return (source["array"], int(source["sampling_rate"]))
    data, path = source.get("bytes"), source.get("path")
    if data is None and path is None:
        raise TypeError("a mapping with 'path' and 'bytes' must have one of them")
    return data if data is not None else str(path)


def _named(inner: Audio | Outside, path: object) -> Audio | Outside:
    if not path:
        return inner
    if isinstance(inner, Audio):
        return Audio(inner.samples, inner.rate, str(path), inner.offset)
    return Outside(str(path), inner.path, inner.data)


@contextlib.contextmanager
def _spooled(data: bytes, label: str = "<bytes>") -> Iterator[Outside]:
    if len(data) <= _SPOOL_BYTES:
        yield Outside(label, None, data)
        return
    with tempfile.NamedTemporaryFile(prefix="auricle-") as file:
        file.write(data)
        file.flush()
        yield Outside(label, file.name)


@contextlib.contextmanager
def _from_file(file: BinaryIO, limits: Limits) -> Iterator[Outside]:
    """The rest of a binary file object, in memory if small."""
    name = getattr(file, "name", None)
    label = name if isinstance(name, str) else "<file>"
    head = file.read(_SPOOL_BYTES)
    if not isinstance(head, bytes):
        raise TypeError(f"a file must be opened in binary mode, e.g. open({label!r}, 'rb')")
    if len(head) < _SPOOL_BYTES:
        rest = file.read(_SPOOL_BYTES)
        while rest and len(head) < _SPOOL_BYTES:  # a raw or network stream may give less than was asked for
            head += rest
            rest = file.read(_SPOOL_BYTES)
        if not rest:
            yield Outside(label, None, head)
            return
        head += rest
    with tempfile.NamedTemporaryFile(prefix="auricle-") as spool:
        spool.write(head)
        size = len(head)
        while data := file.read(1 << 20):
            size += len(data)
            if size > limits.bytes:
                raise audio_error("TooLarge", label, f"has more than the {limits.bytes / 1e6:,.0f} MB let in.")
            spool.write(data)
        spool.flush()
        yield Outside(label, spool.name)


def _from_array(array: npt.ArrayLike, rate: int) -> Audio:
    """``[n]`` or ``[channels, n]``; integers are scaled by their range, unsigned bytes are centred at 128."""
    values = np.asarray(array)
    if values.dtype.kind not in "fiu":
        raise TypeError(f"samples must be real numbers, got {values.dtype}")
    if values.ndim not in (1, 2):
        raise TypeError(f"samples must be [n] or [channels, n], got shape {values.shape}")
    if values.dtype == np.uint8:
        samples = (values.astype(np.float32) - np.float32(128)) / np.float32(128)
    elif values.dtype.kind in "iu":
        samples = (values / float(np.iinfo(values.dtype).max + 1)).astype(np.float32)
    else:
        with np.errstate(over="ignore"):
            samples = np.array(values, dtype=np.float32)
    if values.size == 0:
        raise audio_error("Empty", "<array>", "holds no samples.", "Pass at least one sample.")
    if rate <= 0:
        raise audio_error("Unsupported", "<array>", f"claims a rate of {rate} Hz.", "Pass the rate in Hz.")
    return Audio(samples, int(rate))


def _checked(audio: Audio, limits: Limits) -> Audio:
    samples: Samples = audio.samples
    if samples.shape[1] == 0:
        raise audio_error("Empty", audio.source, "holds no samples.", "Pass at least one sample.")
    if audio.channels > limits.channels:
        text = f"has {audio.channels} channels, more than the {limits.channels} let in."
        raise audio_error("Unsupported", audio.source, text, "Samples are [channels, n]: transpose them if they are [n, channels].")
    if not limits.min_rate <= audio.rate <= limits.max_rate:
        raise audio_error("Unsupported", audio.source, f"has a rate of {audio.rate} Hz.", f"Give {limits.min_rate}–{limits.max_rate} Hz.")
    if audio.duration > limits.seconds or samples.nbytes > limits.decoded_bytes:
        raise audio_error("TooLarge", audio.source, "is longer than is let in.", "Raise the limits.")
    check_finite(audio.source, samples.T, 0, audio.rate)
    return audio


def _is_integer(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)
