"""What a source is, before any frame is decoded: its content id and what its header says."""

import os
from typing import Any

from curate.config import Limits
from curate.decode import Video
from curate.sources import Source
from manifests.errors import BadVideoError
from manifests.ids import video_id
from manifests.storage import is_remote, open_random_access


def scan_source(source: Source, scan_key: str, limits: Limits) -> dict[str, Any]:
    """Describe one source as a row of `videos`.

    Args:
        source: As listed.
        scan_key: Key of the scan stage.
        limits: Bounds on input.

    Returns:
        A row with status `pending`, or `failed` with an error word.
    """
    row: dict[str, Any] = {
        "uri": source.uri,
        "scan_key": scan_key,
        "bytes": source.size_bytes,
        "mtime_ns": source.mtime_ns,
        "status": "pending",
    }
    try:
        if source.size_bytes is None:
            raise BadVideoError("missing_file")
        row["video_id"] = identify(source.uri)
        with Video(source.uri, limits) as video:
            row |= _header_columns(video)
    except BadVideoError as error:
        row |= {"status": "failed", "error": error.word, "error_detail": error.detail or None}
    return row


def _header_columns(video: Video) -> dict[str, Any]:
    header = video.header()
    return {
        "container": header.container,
        "codec": header.codec,
        "pixel_format": header.pixel_format,
        "bit_depth": header.bit_depth,
        "width": header.width,
        "height": header.height,
        "fps_num": None if header.fps is None else header.fps.numerator,
        "fps_den": None if header.fps is None else header.fps.denominator,
        "duration_s": header.duration_s,
        "audio": header.audio,
    }


def identify(uri: str) -> str:
    """Content id of a source as it is now: its size and three reads.

    Raises:
        BadVideoError: missing_file or unreadable.
    """

    def read(offset: int, length: int) -> bytes:
        handle.seek(offset)
        return bytes(handle.read(length))

    try:
        with open_random_access(uri) if is_remote(uri) else open(uri, "rb") as handle:
            return video_id(handle.seek(0, os.SEEK_END), read)
    except FileNotFoundError as error:
        raise BadVideoError("missing_file", str(error)) from error
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise BadVideoError("unreadable", str(error)) from error


def require_content(uri: str, expected: str) -> None:
    """Check that a source still is what was scanned.

    Raises:
        BadVideoError: changed, missing_file or unreadable.
    """
    if identify(uri) != expected:
        raise BadVideoError("changed")
