"""Work that several scores of one clip share, done once."""

import weakref
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from filters.base import Clip, Gray

A = TypeVar("A", Gray, Clip)
T = TypeVar("T")


def once_per_clip(function: Callable[[A], T]) -> Callable[[A], T]:
    """Remember the last result of a pure function of a clip or of its frames.

    The scores of a clip are asked for one after the other, so one result is enough. It is tied to
    the array of frames itself, which nobody changes, and does not keep it alive.

    Args:
        function: Of a clip, or of its (T, H, W) uint8; what it raises is not remembered.
    """
    last: dict[str, Any] = {}

    @wraps(function)
    def remembered(clip: A) -> T:
        gray = clip.gray if isinstance(clip, Clip) else clip
        reference = last.get("gray")
        if reference is not None and reference() is gray:
            return last["value"]  # type: ignore[no-any-return]
        value = function(clip)
        last["gray"], last["value"] = weakref.ref(gray), value
        return value

    return remembered
