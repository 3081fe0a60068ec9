"""Packages in: download through the registry's own client, verify the sha256, extract. Resumable: what is there and right is kept."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from containers import unpack

# What each program is for, and the Debian package that has it.
TOOLS = {
    "dpkg-deb": ("opens Debian packages", "dpkg"),
    "espeak-ng": ("renders speech", "espeak-ng"),
    "flite": ("renders speech", "flite"),
    "fluidsynth": ("renders music", "fluidsynth"),
}


class BuildError(Exception):
    """The build cannot go on; the message says why and what to do."""


def check_tools() -> None:
    missing = [name for name in TOOLS if shutil.which(name) is None]
    if missing:
        lines = [f"  {name}: {TOOLS[name][0]} (apt-get install {TOOLS[name][1]})" for name in missing]
        raise BuildError("These programs are missing:\n" + "\n".join(lines))


def fetch(sources: Mapping[str, Any], cache: Path) -> dict[str, Path]:
    """Every package of ``sources``, extracted; name -> folder."""
    folders: dict[str, Path] = {}
    for name, source in sources.items():
        folder = cache / "extracted" / f"{name}-{source['version'].replace(':', '%3a')}"
        done = folder / ".complete"
        if not done.exists() or done.read_text() != source["sha256"]:
            archive = _download(name, source, cache / "downloads")
            print(f"  extracting {name}", file=sys.stderr)
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            _extract(archive, folder, source)
            done.write_text(source["sha256"])
        folders[name] = folder
    return folders


def sha256_of(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _download(name: str, source: Mapping[str, Any], folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for candidate in folder.iterdir():
        if candidate.stat().st_size == source["bytes"] and sha256_of(candidate) == source["sha256"]:
            return candidate
    print(f"  downloading {name} {source['version']} ({source['bytes'] / 1e6:.0f} MB)", file=sys.stderr)
    if source["registry"] == "debian":
        command = ["apt-get", "download", f"{name}={source['version']}"]
    else:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", f"{name}=={source['version']}"]
    before = set(folder.iterdir())
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    fresh = sorted(set(folder.iterdir()) - before)
    if result.returncode != 0 or not fresh:
        raise BuildError(
            f"Could not download {name} {source['version']} with `{' '.join(command)}`:\n{result.stderr.strip()}\n"
            "Debian packages need Debian 12 (bookworm) sources and `apt-get update`; "
            f"or put the file itself into {folder}."
        )
    found = sha256_of(fresh[0])
    if found != source["sha256"]:
        fresh[0].unlink()
        raise BuildError(f"{name} {source['version']}: sha256 is {found}, sources.yaml says {source['sha256']}. It was not used.")
    return fresh[0]


def _extract(archive: Path, folder: Path, source: Mapping[str, Any]) -> None:
    if source["registry"] == "debian":
        subprocess.run(["dpkg-deb", "-x", os.fspath(archive), os.fspath(folder)], check=True)
    else:
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(folder)
    inner = source.get("archive")
    if inner is None:
        return
    for path in sorted(folder.glob(inner["path"])):
        for name, data in unpack(path, inner["kind"]):
            target = folder / "unpacked" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
