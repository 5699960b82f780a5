"""Bytes of token files: local ones mapped into memory, others fetched range by range."""

import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from curate.tokens import read_tokens
from manifests.storage import Folder, is_remote

Bytes = npt.NDArray[np.uint8]

_OPEN_FILES: Final = 256
"""Files mapped at once; a mapping costs a file descriptor and address space, no memory."""


_READ: Final = "read"
"""How a local file is open whose bytes are copied out rather than mapped."""


class _Descriptor:
    """An open local file that closes itself when it is given up."""

    def __init__(self, path: str) -> None:
        self.number = os.open(path, os.O_RDONLY)

    def __del__(self) -> None:
        os.close(self.number)


class TokenReader:
    """Reads token files of one corpus; safe to send to another process, which opens its own.

    Args:
        uri: The corpus.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.remote = is_remote(uri)
        self._open: OrderedDict[tuple[str, str], Any] = OrderedDict()
        self._folder: Folder | None = None
        self._process = 0

    def __getstate__(self) -> dict[str, Any]:
        """Only the address: maps and connections belong to a process."""
        return {"uri": self.uri}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Begin anew."""
        self.__init__(state["uri"])  # type: ignore[misc]

    def region(self, file: str, start: int, length: int) -> Bytes:
        """Bytes [start, start + length) of a file.

        Of a local file they are a private, writable map: what is written to it stays in memory.

        Raises:
            OSError: The file is missing or too short.
        """
        source = self._opened(file)
        if not self.remote:
            part: Bytes = source[start : start + length]
        else:
            part = np.empty(length, np.uint8)
            source.seek(start)
            part = part[: source.readinto(part)]
        if len(part) != length:
            raise OSError(f"{self.uri}/{file} ends before byte {start + length}")
        return part

    def read_rows(self, files: Sequence[str], starts: Sequence[int], rows: Bytes) -> None:
        """Fill each row, of a contiguous array, with a file's bytes from a place on, unmapped.

        Raises:
            OSError: A file is missing or too short.
        """
        descriptors = {} if self.remote else {file: self._descriptor(file) for file in set(files)}
        size, flat = rows.shape[1], rows.reshape(-1).data
        for number, (file, start) in enumerate(zip(files, starts, strict=True)):
            if self.remote:
                rows[number] = self.region(file, start, size)
                continue
            row = flat[number * size : (number + 1) * size]
            if os.preadv(descriptors[file].number, [row], start) != size:
                # A read of a local file is short at its end only, or above 2 GB.
                raise OSError(f"{self.uri}/{file} ends before byte {start + size}")

    def announce(self, file: str, start: int, length: int) -> None:
        """Say that these bytes of a local file will be read."""
        if hasattr(os, "posix_fadvise"):
            descriptor = self._descriptor(file)
            os.posix_fadvise(descriptor.number, start, length, os.POSIX_FADV_WILLNEED)

    def row(self, file: str, row: int) -> Bytes:
        """(T, bytes per step) float16 payload of a row whose place in the file is not known."""
        (tokens,) = read_tokens(self._corpus(), [(file, row)])
        return tokens.reshape(len(tokens), -1).view(np.uint8)

    def _opened(self, file: str) -> Any:
        folder = self._corpus()
        if self.remote:
            return self._held(file, lambda: folder.fs.open_input_file(folder.path(file)))
        return self._held(file, lambda: np.asarray(np.memmap(folder.path(file), np.uint8, "c")))

    def _descriptor(self, file: str) -> _Descriptor:
        folder = self._corpus()
        handle: _Descriptor = self._held(file, lambda: _Descriptor(folder.path(file)), _READ)
        return handle

    def _held(self, file: str, opened: Callable[[], Any], how: str = "") -> Any:
        """A file that is open in one way; the one unused for longest gives way."""
        key = (file, how)
        if key not in self._open:
            if len(self._open) >= _OPEN_FILES:
                self._open.popitem(last=False)
            self._open[key] = opened()
        self._open.move_to_end(key)
        return self._open[key]

    def _corpus(self) -> Folder:
        if self._folder is None or self._process != os.getpid():  # connections survive no fork
            self._folder, self._process = Folder(self.uri), os.getpid()
            self._open.clear()
        return self._folder
