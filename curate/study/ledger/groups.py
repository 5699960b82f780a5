"""Filters by what they are against: the rows of the ledger."""

from typing import Final

from curate.decide import CAMERA_KIND, DUPLICATE

GROUPS: Final = {
    "cuts": ("transition_inside",),
    "camera": (
        CAMERA_KIND, "camera_motion", "camera_shake", "camera_steadiness", "camera_parallax",
        "camera_confidence", "camera_pan", "camera_tilt", "camera_zoom", "camera_roll",
    ),
    "static": ("blank_share", "static_change", "freeze_share", "object_motion", "moving_area"),
    "false_motion": (
        "repeated_frames", "slideshow", "ken_burns", "boomerang", "loop", "flicker", "speed_change",
        "timelapse",
    ),
    "edits": (
        "border_share", "split_screen", "picture_in_picture", "collage", "text_overlay",
        "logo_overlay", "static_overlay", "ocr_text", "colour_jump", "end_card",
        "transition_residue",
    ),
    "copies": (DUPLICATE,),
}  # fmt: skip
"""Group -> names of reasons in `decisions`. A cut is also whatever no clip covers."""

_OF: Final = {name: group for group, names in GROUPS.items() for name in names}


def group_of(reason: str) -> str:
    """The group of a reason; one that is in no group is its own."""
    return _OF.get(reason, reason)
