"""Content-addressed ids: what a video or a clip is, wherever it lies and whatever it is called."""

from collections.abc import Callable
from hashlib import blake2b
from typing import Final

SAMPLE_BYTES: Final = 1 << 20
"""Bytes read at the head, the middle and the end of a file (constant cost on object stores)."""


def video_id(size_bytes: int, read: Callable[[int, int], bytes]) -> str:
    """Identify a file by its size and three sampled megabytes.

    Args:
        size_bytes: Size of the file, at least 0.
        read: Function of (offset, length) that returns that part of the file.

    Returns:
        32 hexadecimal digits (128 bits). Files of at most 3 MiB are hashed whole.
    """
    digest = blake2b(str(size_bytes).encode(), digest_size=16)
    if size_bytes <= 3 * SAMPLE_BYTES:
        digest.update(read(0, size_bytes))
    else:
        for offset in (0, (size_bytes - SAMPLE_BYTES) // 2, size_bytes - SAMPLE_BYTES):
            digest.update(read(offset, SAMPLE_BYTES))
    return digest.hexdigest()


def clip_id(video: str, start_pts: int, end_pts: int) -> str:
    """Identify the half-open span [start_pts, end_pts) of a video.

    Args:
        video: A `video_id`.
        start_pts: First presentation timestamp, in the stream's time base.
        end_pts: First timestamp after the span.

    Returns:
        32 hexadecimal digits (128 bits).

    Raises:
        ValueError: The span is empty.
    """
    if end_pts <= start_pts:
        raise ValueError(f"empty span: start_pts {start_pts}, end_pts {end_pts}")
    return blake2b(f"{video}:{start_pts}:{end_pts}".encode(), digest_size=16).hexdigest()
