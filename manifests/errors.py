"""Exceptions named by how the caller reacts, and the stable words that tables store.

    CurateError
    |-- ConfigError          the caller must correct the settings; nothing was done       (exit 2)
    |-- CorpusLockedError    another run writes this corpus                               (exit 4)
    |-- ModelUnavailableError  the weights named by a spec cannot be had here             (exit 2)
    |-- StorageError         the corpus itself is damaged or cannot be read               (exit 1)
    |-- RetryError           a machine or process was lost: run the same command again    (exit 1)
    +-- BadVideoError        one video cannot be read: record `word`, go on

filters.base.Unmeasurable says that one score cannot be computed: store null with its word, go on.
Everything else that is raised is a bug and stops the job with its traceback.
"""

from typing import Final


class CurateError(Exception):
    """Base of every error that this project raises on purpose."""


class ConfigError(CurateError):
    """The settings are wrong; raised before any work."""


class CorpusLockedError(CurateError):
    """Another run holds the corpus."""


class ModelUnavailableError(CurateError):
    """The weights that a spec names can be had neither from a file nor from the hub."""


class StorageError(CurateError):
    """A table or file of the corpus cannot be read or written."""


class RetryError(CurateError):
    """A machine or process was lost; what is committed stays, and running again goes on."""


class BadVideoError(CurateError):
    """A video cannot be read.

    Attributes:
        word: A key of `VIDEO_ERRORS`.
        detail: What the library said, for a person.
    """

    def __init__(self, word: str, detail: str = "") -> None:
        if word not in VIDEO_ERRORS:
            raise ValueError(f"unknown error word {word!r}; add it to VIDEO_ERRORS")
        super().__init__(word, detail)
        self.word = word
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.word}: {self.detail}" if self.detail else self.word


VIDEO_ERRORS: Final[dict[str, str]] = {
    "missing_file": "the path or object does not exist",
    "unreadable": "the file exists and could not be opened or read (rights, network)",
    "empty_file": "zero bytes",
    "not_a_video": "no allowed container format recognises the content",
    "truncated": "a known container whose index or end is missing",
    "no_video_stream": "a container with no video stream (audio only, subtitles, data)",
    "unsupported_codec": "this build of libav has no decoder for the stream",
    "no_frames": "the stream opened and no frame could be decoded",
    "damaged": "some frames decoded and others failed; what decoded is used (status partial)",
    "too_long": "longer than the configured limit",
    "too_small": "frames of fewer pixels than any score is defined on",
    "too_large": "more pixels per frame than the configured limit",
    "decoder_timeout": "the wall-clock limit for one video passed",
    "decoder_crashed": "the decoding process died (a fault in native code)",
    "out_of_memory": "the decoding process passed its memory limit",
    "internal_error": "a fault of this program on this video; the detail has it, please report it",
    "changed": "the file changed since it was scanned; scan it again",
}
"""Error word -> what happened. Stored in `videos.error`; never renamed once released."""

FEATURE_ERRORS: Final[dict[str, str]] = {
    "too_short": "the span holds fewer steps than asked for",
    "no_frames": "no frame could be decoded inside the span",
    "not_finite": "the encoder returned an infinite or undefined number",
    "unreadable": "the video could not be decoded again",
}
"""Error word -> why a span has no tokens. Stored in `features.error`."""
