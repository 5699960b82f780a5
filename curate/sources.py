"""From what a user names (files, folders, globs, lists, object stores) to single sources."""

import csv
import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import quote

import pyarrow.fs as pafs
import pyarrow.parquet as pq

from manifests.errors import ConfigError
from manifests.storage import absolute, is_remote

VIDEO_SUFFIXES: Final = frozenset(
    {
        *(".264", ".265", ".h264", ".h265", ".hevc", ".ivf", ".m2v", ".mjpeg", ".obu", ".y4m"),
        *(".3g2", ".3gp", ".m4v", ".mov", ".mp4", ".avi", ".asf", ".wmv", ".flv", ".gif"),
        *(".mkv", ".webm", ".ogv", ".m2ts", ".mts", ".ts", ".mpeg", ".mpg", ".ps", ".vob", ".mxf"),
    }
)
"""Files taken from folders, by name; a file named by itself or in a list is always taken."""

_LIST_SUFFIXES: Final = frozenset({".txt", ".csv", ".parquet"})
_LIST_COLUMNS: Final = ("uri", "url", "path", "file")
_PLAIN: Final = "/!$&'()*+,;=:@"  # may stand unquoted in the path of a URI (RFC 3986, 3.3)


@dataclass(frozen=True, slots=True)
class Source:
    """One video to be read, with what a listing tells about it.

    Attributes:
        uri: Absolute path or URI. Bytes of a file's name that are not UTF-8, and NUL, stand as
            backslash escapes, since tables hold text; such a URI opens nothing.
        size_bytes: Size; None where there is no such file, or none that `uri` opens. It becomes a
            row `missing_file`.
        mtime_ns: Modification time, ns since 1970; None where unknown.
    """

    uri: str
    size_bytes: int | None
    mtime_ns: int | None


def list_sources(names: Iterable[str]) -> list[Source]:
    """List every source once, sorted by URI.

    Args:
        names: Files, folders (searched for `VIDEO_SUFFIXES`), globs, lists (.txt with one URI a
            line, .csv or .parquet with a column uri, url, path or file), or object store URIs of
            an object or a prefix. Entries of a list are relative to its folder and taken
            literally. A name that does not exist, a glob without a match and a file whose name is
            not UTF-8 are listed with size None.

    Raises:
        ConfigError: A list cannot be read or names a list, a URI's scheme is not supported, or
            its object store does not answer.
    """
    found: dict[str, Source] = {}
    for name in names:
        for source in _expand(name):
            found[source.uri] = source
    return [found[uri] for uri in sorted(found)]


def _expand(name: str) -> Iterator[Source]:
    """What one name of the user stands for."""
    if is_remote(name):
        yield from _remote(name)
        return
    path = _path(name)
    if os.path.exists(path) or not glob.has_magic(name):
        yield from _named(path)
        return
    pattern = os.path.expanduser(name.removeprefix("file://"))
    matches = [os.path.abspath(match) for match in glob.glob(pattern, recursive=True)]
    for match in sorted(matches) or [path]:
        yield from _named(match)


def _path(name: str) -> str:
    try:
        return absolute(name)
    except RuntimeError:  # "~" and what follows names no user, so it is a file's name
        return os.path.abspath(name)


def _named(path: str) -> Iterator[Source]:
    if not _is_list(path):
        yield from _found(path)
        return
    for entry in _entries(Path(path)):
        yield from _entry(entry, path)


def _is_list(path: str) -> bool:
    return Path(path).suffix.lower() in _LIST_SUFFIXES and os.path.isfile(path)


def _entry(entry: str, path: str) -> Iterator[Source]:
    """One line of the list at `path`: no glob, no list."""
    if is_remote(entry):
        yield from _remote(entry)
        return
    outright = entry.startswith(("file://", "~/"))
    target = _path(entry if outright else os.path.join(os.path.dirname(path), entry))
    if _is_list(target):
        raise ConfigError(f"the list {path} names the list {target}; lists do not nest")
    yield from _found(target)


def _found(path: str) -> Iterator[Source]:
    """A file, or the videos below a folder."""
    # os.path's tests, not pathlib's: those raise for names that are too long for the system
    if not os.path.isdir(path):
        yield _local(path)
        return
    for inner in sorted(Path(path).rglob("*")):
        there = os.path.isfile(inner) or not os.path.exists(inner)  # a dead link is a row, too
        if there and inner.suffix.lower() in VIDEO_SUFFIXES:
            yield _local(str(inner))


def _local(path: str) -> Source:
    uri = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    uri = uri.replace("\0", "\\x00")
    if uri != path:  # the name is not text, so that no table can hold what would open it
        return Source(uri, None, None)
    try:
        stat = os.stat(path)
    except OSError:
        return Source(uri, None, None)
    return Source(uri, stat.st_size, stat.st_mtime_ns)


def _remote(uri: str) -> Iterator[Source]:
    try:
        fs, path = pafs.FileSystem.from_uri(uri)
        info = fs.get_file_info(path)
        folder = info.type == pafs.FileType.Directory
        inner = fs.get_file_info(pafs.FileSelector(path, recursive=True)) if folder else []
    except (ValueError, OSError) as error:  # pyarrow's ArrowInvalid is a ValueError
        raise ConfigError(f"cannot open {uri}: {error}") from error
    if info.type == pafs.FileType.NotFound:
        yield Source(uri, None, None)
    elif info.type == pafs.FileType.File:
        yield Source(uri, info.size, info.mtime_ns)
    start, mark, query = uri.partition("?")
    prefix = path.rstrip("/") + "/"
    for item in sorted(inner, key=lambda i: str(i.path)):
        suffix = PurePosixPath(item.path).suffix.lower()
        if item.type == pafs.FileType.File and suffix in VIDEO_SUFFIXES:
            key = quote(item.path.removeprefix(prefix), safe=_PLAIN)
            yield Source(f"{start.rstrip('/')}/{key}{mark}{query}", item.size, item.mtime_ns)


def _entries(path: Path) -> list[str]:
    """The URIs of a list file."""
    try:
        if path.suffix.lower() == ".txt":
            lines = path.read_text("utf-8-sig").split("\n")
            return [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        if path.suffix.lower() == ".csv":
            with path.open(encoding="utf-8-sig", newline="") as handle:
                reader = csv.DictReader(handle)
                column = _column(path, reader.fieldnames or ())
                return [row[column] for row in reader if row[column]]
        names = pq.read_schema(path).names
        column = _column(path, names)
        return [str(v) for v in pq.read_table(path, columns=[column])[column].to_pylist() if v]
    except (OSError, ValueError, csv.Error) as error:
        raise ConfigError(f"cannot read the list {path}: {error}") from error


def _column(path: Path, names: Iterable[str]) -> str:
    listed = list(names)
    for column in _LIST_COLUMNS:
        if column in listed:
            return column
    raise ConfigError(f"the list {path} has none of the columns {', '.join(_LIST_COLUMNS)}")
