"""One writer per corpus: a lock file with a heartbeat."""

import json
import logging
import os
import socket
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Final
from uuid import uuid4

from manifests.errors import CorpusLockedError, StorageError
from manifests.storage import Folder, is_remote

logger = logging.getLogger(__name__)

HEARTBEAT_S: Final = 10.0
"""Seconds between two heartbeats."""
STALE_S: Final = 60.0
"""A lock without a heartbeat for this long belongs to a dead writer."""
_NAME: Final = "lock.json"
_TYPES: Final[dict[str, Any]] = {
    "owner": str,
    "token": str,
    "host": str,
    "pid": int,
    "started": str | None,
    "heartbeat": int | float,
}
"""Key of a lock file -> type of its value."""


class CorpusLock:
    """Hold the corpus while writing; use as a context manager.

    A lock left by a process of this machine that no longer runs is taken over at once, one left
    on another machine after `STALE_S` without a heartbeat. A file that is no lock counts as none.
    The writer calls `check` before each commit, as it may lose the lock if it could not renew it.

    Args:
        folder: The corpus.
        owner: What the refused writer reads, e.g. the run's id.
    """

    def __init__(self, folder: Folder, owner: str) -> None:
        self._folder = folder
        self._mine = {
            "owner": owner,
            "token": uuid4().hex,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "started": _process_start(os.getpid()),
        }
        self._renewed_s = time.time()
        self._lost = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="corpus-lock", daemon=True)

    def __enter__(self) -> "CorpusLock":
        """Take the lock.

        Raises:
            CorpusLockedError: A live writer holds it.
            StorageError: The lock cannot be read or written.
        """
        self._renewed_s = time.time()
        if not self._create():
            holder = self._holder()
            if holder is not None and _alive(holder):
                raise CorpusLockedError(
                    f"{self._folder.uri} is being written by {holder['owner']} (process "
                    f"{holder['pid']} on {holder['host']}); wait for it, or stop it"
                )
            self._write()
        if self._token() != self._mine["token"]:
            raise CorpusLockedError(f"{self._folder.uri} was locked by another run just now")
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give the lock back."""
        self._stop.set()
        self._thread.join()
        try:
            if self._token() == self._mine["token"]:
                self._folder.delete(_NAME)
        except (OSError, StorageError) as failure:  # must not hide what ended the block
            logger.warning("could not give back the lock of %s: %s", self._folder.uri, failure)

    def check(self) -> None:
        """Make sure, as of the last heartbeat, that this run still holds the corpus.

        Raises:
            CorpusLockedError: Another run has taken it over.
        """
        if self._lost.is_set():
            raise CorpusLockedError(f"{self._folder.uri} was taken over by another run")

    def _content(self) -> bytes:
        return json.dumps({**self._mine, "heartbeat": time.time()}).encode()

    def _write(self) -> None:
        now = time.time()
        self._folder.write(self._content(), _NAME)
        self._renewed_s = now

    def _create(self) -> bool:
        """Create the file if there is none; atomic on a local disk."""
        if is_remote(self._folder.uri):
            if self._folder.exists(_NAME):
                return False
            self._write()
            return True
        path = Path(self._folder.path(_NAME))
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("xb") as handle:
                handle.write(self._content())
        except FileExistsError:
            return False
        return True

    def _holder(self) -> dict[str, Any] | None:
        for _ in range(3):  # the creator may still be writing its first content
            try:
                holder = json.loads(self._folder.read(_NAME))
            except StorageError:
                if self._folder.exists(_NAME):
                    raise
                return None
            except ValueError:
                holder = None
            if _is_lock(holder):
                return dict(holder)
            time.sleep(0.1)
        return None

    def _token(self) -> str | None:
        holder = self._holder()
        return None if holder is None else str(holder["token"])

    def _beat(self) -> None:
        while not self._stop.wait(HEARTBEAT_S):
            try:
                held = self._renew()
            except (OSError, StorageError) as error:
                logger.warning("could not renew the lock of %s: %s", self._folder.uri, error)
                continue
            if not held:
                logger.warning("%s was taken over by another run", self._folder.uri)
                self._lost.set()
                return

    def _renew(self) -> bool:
        """Write a heartbeat, unless another run has the lock, or may have had it in between."""
        token = self._token()
        if token is None:
            if time.time() - self._renewed_s >= STALE_S:
                return False
            logger.warning("the lock of %s was removed; it is written again", self._folder.uri)
        elif token != self._mine["token"]:
            return False
        self._write()
        return True


def _is_lock(content: object) -> bool:
    return isinstance(content, dict) and all(
        key in content and isinstance(content[key], kind) for key, kind in _TYPES.items()
    )


def _alive(holder: dict[str, Any]) -> bool:
    if holder["host"] == socket.gethostname() and holder["started"] is not None:
        return _process_start(int(holder["pid"])) == str(holder["started"])
    return time.time() - float(holder["heartbeat"]) < STALE_S


def _process_start(pid: int) -> str | None:
    """Boot id and start tick of a running process, which tell it from a later namesake.

    None where no such process runs, or where the system has no /proc.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else f"{boot}:{fields[19]}"
