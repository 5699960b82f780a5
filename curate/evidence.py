"""Rows of the `evidence` table: where a score comes from."""

from typing import Any

from filters.base import Evidence

_SIDES = ("x", "y", "width", "height")


def evidence_row(name: str, item: int, at: Evidence) -> dict[str, Any]:
    """One row, without the keys of the clip.

    Args:
        name: Filter that gives the score.
        item: Number among the clip's evidence of this filter.
        at: The span and box.
    """
    return {
        "filter": name,
        "item": item,
        "start_s": at.start_s,
        "end_s": at.end_s,
        **dict(zip(_SIDES, (None,) * 4 if at.box is None else at.box, strict=True)),
        "value": at.value,
        "note": at.note,
    }
