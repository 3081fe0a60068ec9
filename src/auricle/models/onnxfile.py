"""Which files beside itself an ONNX graph names, read from its protobuf without the ``onnx`` package.

A graph from elsewhere may name "external data" anywhere on the disk; a bundle must stay inside its folder.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

# Message fields of onnx.proto3 that may lead to a tensor: {message: {field number: message}}
_PATHS: dict[str, dict[int, str]] = {
    "Model": {7: "Graph", 20: "Training", 25: "Function"},
    "Training": {1: "Graph", 2: "Graph"},
    "Function": {7: "Node", 11: "Attribute"},
    "Graph": {1: "Node", 5: "Tensor", 15: "Sparse"},
    "Node": {5: "Attribute"},
    "Attribute": {5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "Sparse", 23: "Sparse"},
    "Sparse": {1: "Tensor", 2: "Tensor"},
    "Tensor": {13: "Entry"},
}
_MAX_DEPTH = 64


def external_files(path: Path) -> set[str]:
    """The ``location`` of every external tensor of the graph; weights are skipped over, so 500 MB cost milliseconds.

    Raises ValueError where the file is no protobuf, OSError where it cannot be read.
    """
    with path.open("rb") as file:
        if path.stat().st_size == 0:
            raise ValueError("empty file")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return set(_locations(data, 0, len(data), "Model", 0))


def _locations(data: mmap.mmap, start: int, end: int, message: str, depth: int) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        raise ValueError("graph nested too deep")
    paths = _PATHS[message]
    for number, first, last in _fields(data, start, end):
        inner = paths.get(number)
        if inner == "Entry":
            key, value = _entry(data, first, last)
            if key == b"location":
                yield value.decode("utf-8", "surrogateescape")
        elif inner:
            yield from _locations(data, first, last, inner, depth + 1)


def _entry(data: mmap.mmap, start: int, end: int) -> tuple[bytes, bytes]:
    parts = {number: data[first:last] for number, first, last in _fields(data, start, end)}
    return parts.get(1, b""), parts.get(2, b"")


def _fields(data: mmap.mmap, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Length-delimited fields of one message: number, first byte, one past the last byte."""
    while at < end:
        tag, at = _varint(data, at, end)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            _, at = _varint(data, at, end)
        elif wire in (1, 5):
            at += 8 if wire == 1 else 4
        elif wire == 2:
            size, at = _varint(data, at, end)
            if at + size > end:
                raise ValueError("a field ends beyond its message")
            yield number, at, at + size
            at += size
        else:
            raise ValueError(f"wire type {wire}")
    if at != end:
        raise ValueError("a message ends within a field")


def _varint(data: mmap.mmap, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise ValueError("broken number")
