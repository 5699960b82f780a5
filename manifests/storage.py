"""Files of a corpus and sources, on a local disk or an object store, through pyarrow.fs."""

import contextlib
import os
import posixpath
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow.fs as pafs

from manifests.errors import StorageError


def is_remote(uri: str) -> bool:
    """Whether `uri` names an object store rather than a path of this machine."""
    return "://" in uri and not uri.startswith("file://")


def absolute(uri: str) -> str:
    """The URI unchanged, or the absolute path of a local one."""
    if is_remote(uri):
        return uri.rstrip("/")
    local = Path(uri.removeprefix("file://")).expanduser()
    return os.path.abspath(local)  # removes "..", keeps symbolic links


class Folder:
    """A folder that holds small files, addressed by relative path.

    Args:
        uri: Local path or URI that pyarrow.fs understands (s3://, gs://, ...).
    """

    def __init__(self, uri: str) -> None:
        self.uri = absolute(uri)
        if is_remote(self.uri):
            self.fs, self.root = pafs.FileSystem.from_uri(self.uri)
        else:
            self.fs, self.root = pafs.LocalFileSystem(), self.uri

    def path(self, *parts: str) -> str:
        """Path of a file on `self.fs`."""
        return posixpath.join(self.root, *parts)

    def url(self, *parts: str) -> str:
        """URI of a file, for libraries that open it themselves."""
        return posixpath.join(self.uri, *parts)

    def exists(self, *parts: str) -> bool:
        """Whether a file or folder is there."""
        info = self.fs.get_file_info(self.path(*parts))
        return bool(info.type != pafs.FileType.NotFound)

    def read(self, *parts: str) -> bytes:
        """Content of a file.

        Raises:
            StorageError: The file is missing or unreadable.
        """
        try:
            with self.fs.open_input_stream(self.path(*parts)) as stream:
                return bytes(stream.read())
        except OSError as error:
            raise StorageError(f"cannot read {self.url(*parts)}: {error}") from error

    def write(self, content: bytes, *parts: str) -> None:
        """Write a file so that readers see the old or the new content, never a part.

        Local files go through a temporary name, fsync and rename; object stores publish an
        object when its upload completes.

        Raises:
            StorageError: The file cannot be written.
        """
        try:
            if is_remote(self.uri):
                with self.fs.open_output_stream(self.path(*parts)) as stream:
                    stream.write(content)
            else:
                _write_local(Path(self.path(*parts)), content)
        except OSError as error:
            raise StorageError(f"cannot write {self.url(*parts)}: {error}") from error

    def delete(self, *parts: str) -> None:
        """Remove a file; a missing one is no error."""
        with contextlib.suppress(FileNotFoundError):
            self.fs.delete_file(self.path(*parts))

    def files(self, *parts: str) -> list[str]:
        """Paths of all files below a folder, relative to this one, sorted; empty if none."""
        selector = pafs.FileSelector(self.path(*parts), recursive=True, allow_not_found=True)
        prefix = self.root.rstrip("/") + "/"
        return sorted(
            info.path.removeprefix(prefix)
            for info in self.fs.get_file_info(selector)
            if info.type == pafs.FileType.File
        )


def _write_local(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{uuid4().hex}.tmp")
    try:
        with temporary.open("wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def open_random_access(uri: str) -> Any:
    """Open a remote file for reading at any position (a seekable, file-like object).

    Raises:
        FileNotFoundError: No such object.
        OSError: It cannot be read.
    """
    fs, path = pafs.FileSystem.from_uri(uri)
    return fs.open_input_file(path)
