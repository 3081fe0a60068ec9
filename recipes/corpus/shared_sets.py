"""The training folders of AURICLE_DATA: by rules, like packages. The takes of the spoken digits that are for testing are never read."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fetch import BuildError
from gather import Benchmark, Source, gather

_DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def shared_sources(
    shared: Mapping[str, Any], data: Path, work: Path, rules: Mapping[str, Any], benchmark_rules: Mapping[str, Any]
) -> list[Source]:
    """Raises BuildError where the folder lacks a set."""
    folders = {name: data / name for name in shared["packages"]}
    missing = [name for name, folder in folders.items() if not folder.is_dir()]
    if missing:
        raise BuildError(f"AURICLE_DATA ({data}) holds no {', '.join(missing)}. Unset it to build without these sets.")
    tables = {name: _table(name, table, benchmark_rules) for name, table in shared["packages"].items()}
    found = gather({"words": [], "packages": tables}, folders, {"packages": {}}, Benchmark(frozenset(), frozenset(), ()))
    licensed = [_licensed(source, shared["packages"][source.package]["licence"]) for source in found]
    return licensed + list(_digits(shared["digits"], data / "fsdd.tar", work / "digits"))


def _table(name: str, table: Mapping[str, Any], benchmark_rules: Mapping[str, Any]) -> dict[str, Any]:
    if "like" not in table:
        return dict(table)
    return {**benchmark_rules["packages"][table["like"]], **table, "root": table["root"]}


def _licensed(source: Source, licence: str) -> Source:
    from dataclasses import replace

    return replace(source, licence=licence)


def _digits(spec: Mapping[str, Any], archive: Path, folder: Path) -> Iterator[Source]:
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as tar:
        for member in sorted(tar.getmembers(), key=lambda m: m.name):
            match = re.fullmatch(r"(?:\./)?(\d)_([a-z]+)_(\d+)\.wav", member.name)
            if match is None or int(match[3]) < spec["from_take"]:
                continue
            digit, speaker, take = int(match[1]), match[2], int(match[3])
            path = folder / f"{digit}_{speaker}_{take}.wav"
            if not path.exists():
                handle = tar.extractfile(member)
                assert handle is not None
                path.write_bytes(handle.read())
            extra = {"speaker": speaker, "language": "English", "held_out": speaker == spec["held_out"]}
            yield Source(
                f"fsdd:{path.stem}", "fsdd", path, ("english", "spoken-number"), (), f"fsdd:{speaker}", "speech", "", _DIGITS[digit], 1,
                extra, spec["licence"],
            )  # fmt: skip
