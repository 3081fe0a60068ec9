"""Keys of programs: ``keys.json`` in the user's folder holds names, scopes and hashes; a secret is shown once and never stored.

A secret is 32 random bytes, so there is nothing to guess and a plain SHA-256 is the right hash: slow, salted ones are for
passwords that people think up, and would let anyone load the server by sending wrong keys.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from auricle import settings
from auricle.errors import AuricleError, UsageError

PREFIX = "aur_"
SCOPES = ("read", "write", "admin")  # each holds those before it
LONGEST_SECRET = 200
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a key. ``scopes`` are those it was made with; :func:`granted` says what they hold."""

    name: str
    scopes: tuple[str, ...]
    created_at: str
    digest: str


class Keys:
    """The key store. A running server sees at once what `auricle keys` changes: the file is read again when it is another."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or settings.home() / "keys.json"
        self._lock = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._keys: tuple[Key, ...] = ()

    def list(self) -> tuple[Key, ...]:
        """All keys, oldest first. Raises AuricleError where the file cannot be trusted or read."""
        with self._lock:
            try:
                found = self.path.stat()
            except FileNotFoundError:
                self._seen, self._keys = None, ()
                return ()
            except OSError as error:
                raise _unusable(self.path, error.strerror or "it cannot be read") from None
            seen = (found.st_mtime_ns, found.st_ino, found.st_size)
            if seen != self._seen:
                if os.name == "posix" and found.st_mode & 0o022:
                    raise _unusable(self.path, "others may write to it", f"Look at what it holds, then: chmod 600 {self.path}")
                self._keys, self._seen = _read(self.path), seen
            return self._keys

    def create(self, name: str, scopes: Iterable[str] = ("read",)) -> str:
        """Make a key and give its secret, which cannot be had again. Raises UsageError on a name in use or an unknown scope."""
        if not _NAME.fullmatch(name):
            hint = "Use up to 64 letters, digits, dots, dashes and underscores."
            raise UsageError(f"{name[:80]!r} cannot name a key.", hint=hint)
        asked = set(scopes)
        wrong = sorted(asked - set(SCOPES))
        if wrong or not asked:
            raise UsageError(f"there is no scope {wrong[0]!r}." if wrong else "a key needs a scope.", hint="Choose read, write or admin.")
        secret = PREFIX + secrets.token_urlsafe(32)
        with self._writing():
            keys = self.list()
            if any(key.name == name for key in keys):
                raise UsageError(f"there is a key named {name} already.", hint=f"Choose another name, or: auricle keys revoke {name}")
            now = datetime.now(UTC).isoformat(timespec="seconds")
            self._write((*keys, Key(name, tuple(s for s in SCOPES if s in asked), now, _digest(secret))))
        return secret

    def revoke(self, name: str) -> None:
        """Make a key worthless, also for servers that run. Raises UsageError where none has that name."""
        with self._writing():
            keys = self.list()
            left = tuple(key for key in keys if key.name != name)
            if len(left) == len(keys):
                raise UsageError(f"there is no key named {name[:80]!r}.", hint="See: auricle keys list")
            self._write(left)

    def verify(self, secret: str) -> Key | None:
        """The key of a secret. Takes as long whichever key fits, if any."""
        digest = _digest(secret[:LONGEST_SECRET])
        found = None
        for key in self.list():
            if hmac.compare_digest(key.digest, digest):
                found = key
        return found if len(secret) <= LONGEST_SECRET else None

    def _writing(self) -> Any:
        """Held while the file is changed, so that two commands at once lose no key."""
        from filelock import FileLock

        self.path.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(f"{self.path}.lock", timeout=10)

    def _write(self, keys: tuple[Key, ...]) -> None:
        rows = [{"name": k.name, "scopes": list(k.scopes), "created_at": k.created_at, "sha256": k.digest} for k in keys]
        temporary = self.path.with_name(f"{self.path.name}.{os.getpid()}.new")
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump({"format": _FORMAT, "keys": rows}, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.path)
        finally:
            temporary.unlink(missing_ok=True)
        with self._lock:
            self._seen = None


def granted(scopes: Iterable[str]) -> frozenset[str]:
    """What scopes allow: admin holds write, write holds read."""
    highest = max((SCOPES.index(scope) for scope in scopes if scope in SCOPES), default=-1)
    return frozenset(SCOPES[: highest + 1])


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _read(path: Path) -> tuple[Key, ...]:
    try:
        document = json.loads(path.read_text("utf-8"))
        if document["format"] != _FORMAT:
            raise _unusable(path, "a newer auricle wrote it", "Update auricle.")
        keys = tuple(Key(row["name"], tuple(row["scopes"]), row["created_at"], row["sha256"]) for row in document["keys"])
        if not all(isinstance(text, str) for key in keys for text in (key.name, key.created_at, key.digest, *key.scopes)):
            raise TypeError
        if not all(re.fullmatch("[0-9a-f]{64}", key.digest) for key in keys):
            raise ValueError
    except OSError as error:
        raise _unusable(path, error.strerror or "it cannot be read") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _unusable(path, "it is damaged") from None
    return keys


def _unusable(path: Path, why: str, hint: str = "") -> AuricleError:
    return AuricleError(f"the keys in {path} cannot be used: {why}.", hint=hint or "Move the file away and make the keys anew.")
