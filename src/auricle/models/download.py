"""Files over HTTP, each checked and each resumable: what is broken off goes on where it stopped, also in the next process.

Own code because ``huggingface_hub`` downloads to a file named anew in every process (nothing is resumed after a kill) and does not
compare sha256. Only the standard library: proxies and certificates are those of ``urllib``.
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import json
import os
import re
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from auricle.errors import ModelError

CHUNK = 1 << 18
ATTEMPTS = 5
TIMEOUT = 30.0
MAX_DOCUMENT = 32 << 20  # bytes of an API answer

_AGAIN = "Check the connection, then run the same command again: it goes on where it stopped."
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SHA1 = re.compile(r"[0-9a-f]{40}")

Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True, slots=True)
class Digest:
    """What a file must hash to: sha256 of large files, the git blob's sha1 of small ones; as the server lists them."""

    sha256: str = ""
    git_sha1: str = ""

    @property
    def known(self) -> bool:
        return bool(self.sha256 or self.git_sha1)

    def fits(self, path: Path) -> bool:
        if self.sha256:
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256
        digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
        with path.open("rb") as file:
            for part in iter(lambda: file.read(CHUNK), b""):
                digest.update(part)
        return digest.hexdigest() == self.git_sha1

    @classmethod
    def from_etag(cls, etag: str | None) -> Digest:
        text = (etag or "").removeprefix("W/").strip('"').lower()
        return cls(sha256=text) if _SHA256.fullmatch(text) else cls(git_sha1=text) if _SHA1.fullmatch(text) else cls()


class Server:
    """One hub: asks with the user's token, and tells errors in words. Raises ModelError ``Network``, ``Missing``, ``DiskFull``."""

    def __init__(self, endpoint: str, token: str | None = None) -> None:
        if urlsplit(endpoint).scheme not in ("http", "https"):
            raise ModelError("Network", f"{endpoint!r} is not the address of a server.", hint="Give one that begins with https://")
        if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
            raise ModelError("Network", "HF_HUB_OFFLINE forbids the network.", hint="Unset it to pull models.")
        self.endpoint = endpoint.rstrip("/")
        self._token = token
        self._open = urllib.request.build_opener(_Redirect).open
        self._stay = urllib.request.build_opener(_NoRedirect).open

    def document(self, path: str) -> Any:
        """A JSON answer."""
        with self._asked("GET", self.endpoint + path, {}) as answer:
            data = answer.read(MAX_DOCUMENT + 1)
        try:
            if len(data) > MAX_DOCUMENT:
                raise ValueError("too long")
            return json.loads(data)
        except ValueError as error:
            message = f"{self.endpoint} does not answer like a model hub ({error})."
            raise ModelError("Network", message, hint="Check the endpoint.") from None

    def head(self, path: str) -> tuple[Digest, int | None]:
        """Digest and size of a file, as its headers claim them, before any redirect to a store."""
        with self._asked("HEAD", self.endpoint + path, {}) as answer:
            headers = answer.headers
            size = headers.get("X-Linked-Size") or headers.get("Content-Length") or ""
            return Digest.from_etag(headers.get("X-Linked-Etag") or headers.get("ETag")), int(size) if size.isdigit() else None

    def fetch(self, path: str, target: Path, digest: Digest, size: int | None, name: str, progress: Progress | None) -> None:
        """``path`` of the server as ``target``, verified; through ``target.part``, which a broken attempt leaves behind."""
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_file() and digest.known and digest.fits(target):
            return
        part = target.with_name(target.name + ".part")
        try:
            self._attempts(path, part, size, name, progress)
            with part.open("rb+") as file:
                os.fsync(file.fileno())
            if digest.known and not digest.fits(part):
                part.unlink()
                message = f"{name} arrived damaged: its checksum differs from what {self.endpoint} lists. The file was removed."
                raise ModelError("Damaged", message, hint="Run the same command again.")
            os.replace(part, target)
        except OSError as error:
            raise disk_error(error, target) from error

    def _attempts(self, path: str, part: Path, size: int | None, name: str, progress: Progress | None) -> None:
        failed = 0
        while True:
            have = part.stat().st_size if part.exists() else 0
            if size is not None and have > size:
                part.unlink()
                have = 0
            if size is not None and have == size and part.exists():
                return
            try:
                if self._continue(path, part, have, size, name, progress):
                    return
                reason: object = "the connection closed early"
            except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
                reason = getattr(error, "reason", error)
            failed = failed + 1 if part.exists() and part.stat().st_size <= have else 1
            if failed >= ATTEMPTS:
                raise ModelError("Network", f"{name} broke off: {reason}.", hint=_AGAIN)
            time.sleep(min(0.2 * 2**failed, 5.0))

    def _continue(self, path: str, part: Path, have: int, size: int | None, name: str, progress: Progress | None) -> bool:
        """Ask for what is missing and append it; whether all is there now."""
        headers = {"Range": f"bytes={have}-"} if have else {}
        try:
            answer = self._asked("GET", self.endpoint + path, headers)
        except _RangeRefused:
            part.unlink()
            return False
        with answer:
            if have and not (answer.headers.get("Content-Range") or "").startswith(f"bytes {have}-"):
                have = 0  # the server sends it from the start
            length = answer.headers.get("Content-Length") or ""
            total = size if size is not None else have + int(length) if length.isdigit() else None
            with part.open("r+b" if have else "wb") as file:
                file.seek(have)
                for chunk in iter(lambda: _read(answer), b""):
                    file.write(chunk)
                    have += len(chunk)
                    if progress is not None:
                        progress(name, have, total)
                    if total is not None and have > total:
                        raise ModelError("Damaged", f"{name}: {self.endpoint} sends more than it lists.", hint="Do not use this model.")
        return total is None or have == total

    def _asked(self, method: str, url: str, headers: dict[str, str]) -> Any:
        headers = {"User-Agent": "auricle", "Accept-Encoding": "identity", **headers}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        again = method == "GET" and "/resolve/" in url  # a download is tried again, see _attempts
        request = urllib.request.Request(url, headers=headers, method=method)
        try:
            return (self._stay if method == "HEAD" else self._open)(request, timeout=TIMEOUT)
        except urllib.error.HTTPError as error:
            with error:
                raise self._refusal(error.code, url, again) from None
        except (urllib.error.URLError, TimeoutError, ConnectionError, http.client.HTTPException) as error:
            if again:
                raise
            reason = getattr(error, "reason", error)
            raise ModelError("Network", f"{self.endpoint} cannot be reached: {reason}.", hint=_AGAIN) from None

    def _refusal(self, code: int, url: str, again: bool) -> Exception:
        if code == 416 and again:
            return _RangeRefused()
        if code in (401, 403):
            hint = "Accept its terms on the hub's page, then set HF_TOKEN to a token that may read it (a wrong name looks the same)."
            return ModelError("Network", f"{self.endpoint} refuses access to this model ({code}).", hint=hint)
        if code == 404:
            return ModelError("Missing", f"{url} is not there.", hint="Check the name and the revision.")
        if code == 429 or code >= 500:
            reason = f"{self.endpoint} answers {code}"
            return ConnectionError(reason) if again else ModelError("Network", f"{reason}.", hint="Try again later.")
        return ModelError("Network", f"{self.endpoint} answers {code} for {url}.", hint="Check the endpoint.")


def _read(answer: Any) -> bytes:
    """The next part of an answer; whatever breaks here is the network, not the disk."""
    try:
        part: bytes = answer.read(CHUNK)
        return part
    except OSError as error:
        raise ConnectionError(str(error)) from error


class _RangeRefused(Exception):
    """416: what is on the disk does not fit what the server has."""


class _Redirect(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but takes the token to no other host."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        new = super().redirect_request(req, fp, code, msg, headers, newurl)
        if new is not None and urlsplit(newurl)[:2] != urlsplit(req.full_url)[:2]:
            new.remove_header("Authorization")
        return new


class _NoRedirect(_Redirect):
    """For HEAD: the headers that tell a file's digest stand on the redirect itself; only a moved repository is followed."""

    def http_error_302(self, req: Any, fp: Any, code: int, msg: str, headers: Any) -> Any:
        if headers.get("X-Linked-Etag"):
            return fp
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def disk_error(error: OSError, path: Path) -> ModelError:
    """An operating system's refusal to write, in words."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = "Free some space, then run the same command again: it goes on where it stopped."
        return ModelError("DiskFull", f"the disk is full: {path.name} cannot be written to {path.parent}.", hint=hint)
    return ModelError("DiskFull" if error.errno == errno.EFBIG else "Damaged", f"{path} cannot be written: {error.strerror}.")


def check_space(folder: Path, needed: int) -> None:
    """Raises ModelError ``DiskFull`` where ``needed`` bytes do not fit."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        message = f"the disk is full: {needed / 1e6:.0f} MB are needed in {folder}, {free / 1e6:.0f} MB are free."
        raise ModelError("DiskFull", message, hint="Free some space, or set AURICLE_HOME to another disk.")
