"""The filters in use: the one list of scores that `scores`, policies and the report are made from.

Bounds were set on 190 real clips of 55 sources (robots, sports, hand-held, talking heads, vehicles,
animation, screen captures) and on drawn edit cases; each comment says where the bound lies among
them. They are starting points: thresholds apply to stored scores, so moving one decodes nothing.
"""

from typing import Final

from filters import (
    blank,
    camera,
    freeze,
    letterbox,
    objects,
    panes,
    static,
    text_overlay,
    transition,
)
from filters.base import Filter

FILTERS: Final[dict[str, Filter]] = {
    "blank_share": Filter(
        blank.share,
        doc="share of frames that are black, white or of one colour, 0 to 1",
        # Ordinary clips score 0; above lie fades from black, which need trimming, and dead video.
        high=0.1,
    ),
    "transition_inside": Filter(
        transition.inside,
        doc="highest score of a shot transition inside the clip, 0 to 1",
        null="keep",
    ),
    "static_change": Filter(
        static.change,
        doc="change of the most changed 1 % of the picture within a second, in grey levels, 0 up",
        # A still with sensor noise (6 grey levels) through x264 scores 0.7, real captures of a
        # resting scene up to 1.9; a ball of 0.2 % of the frame 6.7, robot arms and speakers 20 up.
        low=2.5,
    ),
    "freeze_share": Filter(
        freeze.share,
        doc="share of the time in runs of repeated frames of 0.5 s or more, 0 to 1",
        # algorithms.md section 3. Real takes score 0 to 0.11; text slides, held drawings and
        # stalled captures 0.23 up.
        high=0.2,
        evidence=freeze.runs,
    ),
    "border_share": Filter(
        letterbox.border_share,
        doc="share of the frame outside the content box, 0 to 1",
        # Borders are cropped, not a fault; what is left must be worth it. 2.39:1 film in a 4:3
        # frame scores 0.44 and a simulator's plain background 0.42; 9:16 in 16:9 scores 0.68.
        high=0.5,
        version=2,
        evidence=letterbox.border_bands,
    ),
    # Bounds of the three below: docs/edits.md. A score of 1 is a seam all along and straight to a
    # seventh of a pixel; window frames, doors and posters seen by a resting camera reach 0.7.
    "split_screen": Filter(
        panes.split_share,
        doc="how surely a seam between two pictures crosses the frame, 0 to 1",
        high=0.75,
        null="keep",
        evidence=panes.split_panes,
    ),
    "picture_in_picture": Filter(
        panes.inset_share,
        doc="how surely a picture lies in a rectangle within the picture, 0 to 1",
        high=0.7,
        null="keep",
        evidence=panes.insets,
    ),
    "collage": Filter(
        panes.collage_share,
        doc="how surely three or more pictures are laid out in the frame, 0 to 1",
        high=0.6,
        null="keep",
        evidence=panes.collage_pictures,
    ),
    "text_overlay": Filter(
        text_overlay.text_sureness,
        doc="how surely captions or other text are drawn over the picture, 0 to 1",
        # docs/edits.md: 33 of 34 clean clips of the tuning half score below, three quarters of the
        # edited ones above.
        high=0.92,
        null="keep",
        version=2,
        evidence=text_overlay.text_boxes,
    ),
    # No bounds: the two are not reliable yet (docs/edits.md). They are stored to be looked at.
    "logo_overlay": Filter(
        text_overlay.mark_sureness,
        doc="how surely a small mark stays in one place over the picture, 0 to 1",
        null="keep",
        evidence=text_overlay.mark_boxes,
    ),
    "static_overlay": Filter(
        text_overlay.static_area,
        doc="share of the frame under what stays drawn over the picture, 0 to 1",
        null="keep",
        evidence=text_overlay.static_boxes,
    ),
    # Camera and object scores are null where the picture has no texture to follow (blank_share and
    # static_change drop the empty ones) or no common motion (water, smoke, crowds: real motion), so
    # null keeps the clip.
    "camera_motion": Filter(
        camera.total,
        doc="median speed of the picture due to the camera, in frame widths a second, 0 up",
        # The fastest hand-held orbit scores 0.57, all others, sports pans and drones among them,
        # up to 0.43; a whip pan is one frame width a second or more.
        high=0.8,
        null="keep",
    ),
    "camera_shake": Filter(
        camera.shake,
        doc="RMS of the camera path off its 0.5 s trend, in % of the frame width, 0 up",
        # Hand-held clips score 0.1 to 1.9, the most restless three 2.4 to 2.7, a car ride on an old
        # phone 3.8: all usable ego motion. Above lies a camera that is thrown about.
        high=5.0,
        null="keep",
    ),
    "camera_pan": Filter(
        camera.pan,
        doc="mean pan in frame widths a second, + when the camera turns right",
        null="keep",
    ),
    "camera_tilt": Filter(
        camera.tilt,
        doc="mean tilt in frame heights a second, + when the camera turns down",
        null="keep",
    ),
    "camera_zoom": Filter(
        camera.zoom,
        doc="mean natural log of the scale a second, + when the picture expands",
        null="keep",
    ),
    "camera_roll": Filter(
        camera.roll,
        doc="mean roll in degrees a second, + when the content turns counter-clockwise",
        null="keep",
    ),
    "object_motion": Filter(
        objects.speed,
        doc="median speed of tracks against the camera's motion, in frame widths a second, 0 up",
        null="keep",
    ),
    "moving_area": Filter(
        objects.area,
        doc="share of the picture's cells that leave the camera's motion, 0 to 1",
        null="keep",
    ),
}
"""Score name (column, setting and command-line name) -> filter."""
