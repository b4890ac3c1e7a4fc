"""A disk cache of machine code: what was compiled once on this machine need not be compiled again.

In: a key made of everything the code depends on. Out: the object's bytes, or None. Entries live in a folder of the
user's own (mode 0700), are written under a temporary name and renamed, and are believed only where their digest fits;
anything doubtful is dropped and compiled again. The oldest entries go when the cache outgrows its limit.

    data = cache.get(key) or cache.put(key, compile_object(text, machine))
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

LIMIT = 512 << 20  # bytes of all entries
TRIM_EVERY = 64  # one entry written in so many looks at the size of all
DIGEST = hashlib.sha256().digest_size


def key_of(*parts: str) -> str:
    """Return the key of an entry that depends on these texts and on nothing else."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()


def default_folder() -> Path:
    """Return the folder of this user's cache: `$AICOMP_CACHE_DIR`, or `aicomp` in the user's cache folder."""
    chosen = os.environ.get("AICOMP_CACHE_DIR")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(chosen) if chosen else Path(base) / "aicomp"


@dataclass(frozen=True)
class Cache:
    """The cache in a folder. A folder that cannot be used makes every look-up miss and every write a no-op."""

    folder: Path

    def get(self, key: str) -> bytes | None:
        """Return an entry, None where there is none that is whole."""
        path = self.folder / key
        try:
            data = path.read_bytes() if self._is_private() else b""
        except OSError:
            return None
        digest, body = data[:DIGEST], data[DIGEST:]
        if hashlib.sha256(body).digest() != digest:
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # the least recently used go first
        return body

    def put(self, key: str, body: bytes) -> bytes:
        """Write an entry, if that is possible, and return it."""
        with contextlib.suppress(OSError):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._is_private():
                return body
            descriptor, name = tempfile.mkstemp(dir=self.folder, prefix=".new-")
            with os.fdopen(descriptor, "wb") as file:
                file.write(hashlib.sha256(body).digest() + body)
            os.replace(name, self.folder / key)
            if int(key[:2], 16) % TRIM_EVERY == 0:
                self.trim()
        return body

    def _is_private(self) -> bool:
        """Return whether only this user can write to the folder: what lies in it is run."""
        state = self.folder.stat()
        return not hasattr(os, "getuid") or (state.st_uid == os.getuid() and not state.st_mode & 0o022)

    def trim(self, limit: int = LIMIT) -> None:
        """Delete the least recently used entries until the rest fits the limit."""
        entries = []
        for path in self.folder.iterdir():
            with contextlib.suppress(OSError):
                state = path.stat()
                entries.append((state.st_mtime, state.st_size, path))
        total = sum(size for _, size, _ in entries)
        for _, size, path in sorted(entries):
            if total <= limit:
                return
            with contextlib.suppress(OSError):
                path.unlink()
                total -= size
