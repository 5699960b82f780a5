"""The filters in use: the one list of scores that `scores`, policies and the report are made from.

Bounds were set on 190 real clips of 55 sources (robots, sports, hand-held, talking heads, vehicles,
animation, screen captures) and on drawn edit cases; each comment says where the bound lies among
them. They are starting points: thresholds apply to stored scores, so moving one decodes nothing.
"""

from typing import Final

from filters import (
    blank,
    boomerang,
    camera,
    flicker,
    freeze,
    ken_burns,
    letterbox,
    loop,
    objects,
    ocr_text,
    over_shots,
    panes,
    parallax,
    repeated,
    shake,
    slideshow,
    speed_change,
    static,
    text_overlay,
    transition,
)
from filters.base import Filter

FILTERS: Final[dict[str, Filter]] = {
    "blank_share": Filter(
        blank.share,
        doc="share of frames that are black, white or of one colour, 0 to 1",
        evidence=blank.spans,
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
    # False motion. Null keeps the clip: it means that nothing moves (static_change and freeze_share
    # judge that) or that no camera motion was found.
    "repeated_frames": Filter(
        repeated.share,
        doc="share of frames that repeat the frame before, where something moves, 0 to 1",
        # 24 in 30 a second gives 0.2, doubled frames 0.5, which real phones, films and games have;
        # tripled ones 0.67. Above lie 10 pictures a second or fewer in a stream of 30.
        high=0.55,
        null="keep",
        version=2,
        evidence=repeated.runs,
    ),
    # No bound: it misses too many changes of speed (docs/motion.md).
    "speed_change": Filter(
        speed_change.strength,
        doc="greatest change within 0.8 s of the share of repeated frames, 0 to 1",
        null="keep",
        evidence=speed_change.moments,
    ),
    "slideshow": Filter(
        slideshow.share,
        doc="share of the time in stills that follow one another by cuts or blends, 0 to 1",
        # Made of stills 1.0, blends included; real takes 0.
        high=0.5,
        null="keep",
        evidence=slideshow.stills,
    ),
    "ken_burns": Filter(
        ken_burns.likeness,
        doc="how completely one moved photograph explains the clip, 0 to 1",
        # Photographs moved along known paths, through x264 at crf 18 to 33: 97 % above 0.5, the
        # others above 0.29. Real takes up to 0.25, but for a photograph that is one.
        high=0.45,
        null="keep",
        version=3,
        evidence=ken_burns.spans,
    ),
    "boomerang": Filter(
        boomerang.mirror,
        doc="how well a part of a second or more is its own mirror in time, 0 to 1",
        # Played back: 0.8 to 1.0. Real takes up to 0.5 (things that swing), resting ones 0.7.
        high=0.75,
        null="keep",
        evidence=boomerang.turns,
    ),
    "loop": Filter(
        loop.repetition,
        doc="how well a part of half a second or more is played again, 0 to 1",
        # Played again: 0.88 to 1.0 but for one faint case of 0.63. Real takes up to 0.82, a cartoon
        # 0.87.
        high=0.88,
        null="keep",
        evidence=loop.again,
    ),
    "flicker": Filter(
        flicker.strength,
        doc="RMS of the picture's brightness off its 0.5 s trend, in %, 0 up",
        # A sine of 5 % in brightness scores 2.5 to 4; real takes up to 1.9, sequences of effects 7.
        high=2.4,
        null="keep",
        evidence=flicker.spans,
    ),
    "border_share": Filter(
        letterbox.border_share,
        doc="share of the frame outside the content box, 0 to 1",
        # Borders are cropped, not a fault; what is left must be worth it. 2.39:1 film in a 4:3
        # frame scores 0.44 and a simulator's plain background 0.42; 9:16 in 16:9 scores 0.68.
        high=0.5,
        version=4,
        evidence=letterbox.border_bands,
    ),
    # Bounds of the three below: docs/edits.md. A `split_screen` of 1 is a seam all along and
    # straight to a seventh of a pixel; window frames and doors seen by a resting camera reach 0.7.
    # The other two are odds of the tuning half, whose clean clips reach 0.3, and 0.1 with a second
    # picture.
    "split_screen": Filter(
        panes.split_share,
        doc="how surely a seam between two pictures crosses the frame, 0 to 1",
        high=0.75,
        null="keep",
        version=4,
        evidence=panes.split_panes,
    ),
    "picture_in_picture": Filter(
        panes.inset_share,
        doc="how surely a picture lies in a rectangle within the picture, 0 to 1",
        high=0.4,
        null="keep",
        version=3,
        evidence=panes.insets,
    ),
    "collage": Filter(
        panes.collage_share,
        doc="how surely two or more pictures are laid out in the frame, 0 to 1",
        high=0.2,
        null="keep",
        version=4,
        evidence=panes.collage_pictures,
    ),
    "text_overlay": Filter(
        text_overlay.text_sureness,
        doc="how surely captions or other text are drawn over the picture, 0 to 1",
        # docs/edits.md: of 33 clean clips of the tuning half one scores 0.76 (a picture frame that
        # the camera passes), the next 0.37; a square in a disc before a drawn ground scores 0.89.
        high=0.78,
        null="keep",
        version=9,
        evidence=text_overlay.text_boxes,
        over_shots=over_shots.text_sureness,
    ),
    "ocr_text": Filter(
        ocr_text.share,
        doc="share of the middle still within text of any kind, of an optional detector, 0 to 1",
        null="keep",
    ),
    # Of the two below, one clip alone tells too little: they compare the shots of its source, and
    # are null, which keeps the clip, where there is one view only. Figures in docs/edits.md.
    "logo_overlay": Filter(
        over_shots.alone,
        doc="how surely a small mark stays in one place over the shots of the source, 0 to 1",
        # Of the tuning half clean shots score up to 0.23, pairs of shots up to 0.33.
        high=0.34,
        null="keep",
        version=8,
        over_shots=over_shots.mark_sureness,
        over_shots_evidence=over_shots.mark_boxes,
    ),
    "static_overlay": Filter(
        over_shots.alone,
        doc="share of the frame under what stays drawn over the shots of the source, 0 to 1",
        # Of the tuning half clean shots score 0, pairs of shots up to 0.0008; of the other half one
        # pair of 355 is above the bound (0.0056).
        high=0.002,
        null="keep",
        version=8,
        over_shots=over_shots.static_area,
        over_shots_evidence=over_shots.static_boxes,
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
        version=4,
    ),
    "camera_shake": Filter(
        shake.strength,
        doc="RMS of the camera path above 2 Hz, in % of the frame width, 0 up",
        # Hand-held clips score 0.1 to 0.65, drones and car rides up to 1.3: all usable ego motion.
        # Above lies a camera that is thrown about.
        high=2.5,
        null="keep",
        version=4,
    ),
    "camera_steadiness": Filter(
        camera.steadiness,
        doc="how steadily the camera moves one way, 0 (to and fro) to 1",
        null="keep",
        version=3,
    ),
    "camera_parallax": Filter(
        parallax.speed,
        doc="motion that depth adds to a turn or zoom, in frame widths a second, 0 up",
        null="keep",
        version=3,
        evidence=parallax.spans,
    ),
    "camera_confidence": Filter(
        camera.confidence,
        doc="how far the camera scores can be trusted, 0 to 1",
        null="keep",
        version=3,
    ),
    "camera_pan": Filter(
        camera.pan,
        doc="mean pan in frame widths a second, + when the camera turns right",
        null="keep",
        version=4,
    ),
    "camera_tilt": Filter(
        camera.tilt,
        doc="mean tilt in frame heights a second, + when the camera turns down",
        null="keep",
        version=4,
    ),
    "camera_zoom": Filter(
        camera.zoom,
        doc="mean natural log of the scale a second, + when the picture expands",
        null="keep",
        version=4,
    ),
    "camera_roll": Filter(
        camera.roll,
        doc="mean roll in degrees a second, + when the content turns counter-clockwise",
        null="keep",
        version=4,
    ),
    "object_motion": Filter(
        objects.speed,
        doc="RMS motion over the picture against the camera's, in frame widths a second, 0 up",
        null="keep",
        version=4,
        evidence=objects.spans,
    ),
    "moving_area": Filter(
        objects.area,
        doc="share of the picture that changes against the camera's motion, 0 to 1",
        null="keep",
        version=4,
    ),
}
"""Score name (column, setting and command-line name) -> filter."""
