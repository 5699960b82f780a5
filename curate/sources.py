"""From what a user names (files, folders, globs, lists, object stores) to single sources."""

import csv
import glob
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

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


@dataclass(frozen=True, slots=True)
class Source:
    """One video to be read, with what a listing tells about it.

    Attributes:
        uri: Absolute path or URI.
        size_bytes: Size; None where there is no such file.
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
            an object or a prefix. A name that does not exist is listed with size None.

    Raises:
        ConfigError: A list cannot be read, or a URI's scheme is not supported.
    """
    found: dict[str, Source] = {}
    for name in names:
        for source in _expand(name):
            found[source.uri] = source
    return [found[uri] for uri in sorted(found)]


def _expand(name: str) -> Iterator[Source]:
    if is_remote(name):
        yield from _remote(name)
        return
    path = Path(absolute(name))
    if path.suffix.lower() in _LIST_SUFFIXES and path.is_file():
        for entry in _entries(path):
            yield from _expand(entry if is_remote(entry) else str(path.parent / entry))
    elif path.is_dir():
        for inner in sorted(path.rglob("*")):
            if inner.suffix.lower() in VIDEO_SUFFIXES and inner.is_file():
                yield _local(inner)
    elif not path.exists() and glob.has_magic(name):
        for match in sorted(glob.glob(str(path), recursive=True)):
            yield from _expand(match)
    else:
        yield _local(path)


def _local(path: Path) -> Source:
    try:
        stat = path.stat()
    except OSError:
        return Source(str(path), None, None)
    return Source(str(path), stat.st_size, stat.st_mtime_ns)


def _remote(uri: str) -> Iterator[Source]:
    try:
        fs, path = pafs.FileSystem.from_uri(uri)
    except (ValueError, OSError) as error:  # pyarrow's ArrowInvalid is a ValueError
        raise ConfigError(f"cannot open {uri}: {error}") from error
    info = fs.get_file_info(path)
    if info.type == pafs.FileType.Directory:
        listed = fs.get_file_info(pafs.FileSelector(path, recursive=True))
        infos = [i for i in listed if PurePosixPath(i.path).suffix.lower() in VIDEO_SUFFIXES]
    else:
        infos = [info]
    base = uri.rstrip("/").removesuffix(path.rstrip("/"))
    for item in sorted(infos, key=lambda i: str(i.path)):
        if item.type == pafs.FileType.File:
            yield Source(base + item.path, item.size, item.mtime_ns)
        elif item is info:
            yield Source(uri, None, None)


def _entries(path: Path) -> list[str]:
    """The URIs of a list file."""
    try:
        if path.suffix.lower() == ".txt":
            lines = path.read_text().splitlines()
            return [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        if path.suffix.lower() == ".csv":
            with path.open(newline="") as handle:
                reader = csv.DictReader(handle)
                column = _column(path, reader.fieldnames or ())
                return [row[column] for row in reader if row[column]]
        names = pq.read_schema(path).names
        column = _column(path, names)
        return [str(v) for v in pq.read_table(path, columns=[column])[column].to_pylist() if v]
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read the list {path}: {error}") from error


def _column(path: Path, names: Iterable[str]) -> str:
    listed = list(names)
    for column in _LIST_COLUMNS:
        if column in listed:
            return column
    raise ConfigError(f"the list {path} has none of the columns {', '.join(_LIST_COLUMNS)}")
