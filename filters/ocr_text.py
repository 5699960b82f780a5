"""Text of any kind in one frame, as an optional text detector sees it."""

from filters.base import Clip, Unmeasurable


def share(clip: Clip) -> float:
    """Share of the content of the middle still within boxes of text, 0 to 1.

    Signs and clothes count as well as captions: a second opinion on `text_overlay`, no verdict.

    Raises:
        Unmeasurable: The detector was not asked: `measure.ocr` is off ("not_asked").
    """
    if clip.text_share is None:
        raise Unmeasurable("not_asked")
    return clip.text_share
