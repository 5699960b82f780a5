"""What the demo corpus consists of: one entry per file, made from the clips of clips.py."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np

from curate.demo import edits
from curate.demo.clips import BIKES, BUNNY, CARPHONE, CARPHONE_POOR, MUSIC, ShippedClip, find_clip
from curate.demo.encode import X264, read_frames, write_video
from filters.base import Frames

_FPS = Fraction(25)
_WIDE = (640, 360)


@dataclass(frozen=True, slots=True)
class DemoVideo:
    """One file of the demo corpus.

    Attributes:
        name: File name in the corpus folder.
        edit: One stable word for what was done to the real clip; `source` for a real one.
        made_from: The real clips and frames in it.
        doc: What it is and what Rushes should do with it.
    """

    name: str
    edit: str
    made_from: str
    doc: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """A demo video and the function that writes it.

    Attributes:
        video: What it is.
        write: Writes the file that it is given; may read files of recipes before it.
    """

    video: DemoVideo
    write: Callable[[Path], None]


def _bunny() -> Frames:
    return read_frames(find_clip(BUNNY), max_frames=132, size=_WIDE)[0]


def _bikes(start: int = 0, end: int = 250) -> Frames:
    return read_frames(find_clip(BIKES), start=start, max_frames=end - start)[0]


def _music(start: int, end: int) -> Frames:
    """Frames [start, end) of the music video as 320x240, without its black pillars."""
    # The picture is columns 23 to 136; 112x84 of it is 4:3.
    small, _ = read_frames(find_clip(MUSIC), start=start, max_frames=end - start)
    return np.stack(
        [cv2.resize(f[3:87, 24:136], (320, 240), interpolation=cv2.INTER_CUBIC) for f in small]
    ).astype(np.uint8, copy=False)


def _video(make: Callable[[], Frames]) -> Callable[[Path], None]:
    return lambda path: write_video(path, make(), _FPS)


def _copy(clip: ShippedClip) -> Callable[[Path], None]:
    return lambda path: _write_bytes(path, find_clip(clip).read_bytes())


def _write_bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _write_reencoded(path: Path) -> None:
    frames, fps = read_frames(path.with_name("music_2.mp4"), max_frames=281, size=(240, 180))
    write_video(path, frames, fps, options={**X264, "crf": "34"})


def _write_trimmed(path: Path) -> None:
    frames, fps = read_frames(path.with_name("music_2.mp4"), start=96, max_frames=74)
    write_video(path, frames, fps, options={**X264, "crf": "24"})


def _write_sound(path: Path) -> None:
    """Copy the sound of the animation into a file without pictures."""
    with av.open(find_clip(BUNNY)) as source, av.open(path, "w") as target:
        stream = source.streams.audio[0]
        copy = target.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.dts is not None:
                packet.stream = copy
                target.mux(packet)


def _write_truncated(path: Path) -> None:
    """Break off a download: an MP4 has its index, the moov box, at the end."""
    whole = path.with_name("bunny.mp4").read_bytes()
    _write_bytes(path, whole[: len(whole) * 6 // 10])


def _pan_over_bunny() -> Frames:
    still, _ = read_frames(find_clip(BUNNY), start=120, max_frames=1)
    return edits.pan_still(still, 125, size=_WIDE, start=(0.32, 0.4, 0.62), end=(0.6, 0.58, 0.5))


def _noisy_wall() -> Frames:
    # Frame 241 shows a bicycle at a wall, nobody near it.
    return edits.add_noise(np.repeat(_bikes(241, 242), 125, axis=0), sigma=3)


_SOURCES = (
    Recipe(
        DemoVideo(
            "bunny.mp4", "source", "bigbuckbunny", "animation, one shot, still camera: keep it"
        ),
        _video(_bunny),
    ),
    Recipe(
        DemoVideo(
            "bikes.mp4", "source", "bikes", "street, five real cuts: split it, keep long shots"
        ),
        _copy(BIKES),
    ),
    Recipe(
        DemoVideo("carphone.mp4", "source", "carphone_pristine", "a man in a moving car: keep it"),
        _copy(CARPHONE),
    ),
    *(
        Recipe(
            DemoVideo(
                f"music_{number}.mp4",
                "source",
                f"music video {start}-{end}",
                "part of an edited music video: split it at its real cuts, keep the long shots",
            ),
            _video(partial(_music, start, end)),
        )
        for number, (start, end) in enumerate(
            [(301, 435), (1108, 1389), (3018, 3148), (3678, 3990), (4143, 4292), (5080, 5230)], 1
        )
    ),
)
"""Real material; no part occurs twice, though parts of the music video share places and people."""

_EDITS = (
    Recipe(
        DemoVideo(
            "hard_cut.mp4",
            "hard_cut",
            "music video 4599-4667, 1728-1815",
            "two shots with a cut at frame 68: no clip crosses it",
        ),
        _video(lambda: edits.join_cut(_music(4599, 4667), _music(1728, 1815))),
    ),
    Recipe(
        DemoVideo(
            "dissolve.mp4",
            "dissolve",
            "music video 4034-4143, 3529-3600",
            "two shots that mix in frames 89 to 108: no clip holds a mixed frame",
        ),
        _video(lambda: edits.join_dissolve(_music(4034, 4143), _music(3529, 3600), 20)),
    ),
    Recipe(
        DemoVideo(
            "captions.mp4",
            "captions",
            "music video 4143-4227",
            "music_5 with three burnt-in captions one after the other: drop it",
        ),
        _video(
            lambda: edits.burn_captions(
                _music(4143, 4227),
                ["We have to stop here.", "Did you hear that?", "Nobody comes this way."],
            )
        ),
    ),
    Recipe(
        DemoVideo(
            "freeze.mp4",
            "freeze",
            "music video 3383-3454",
            "the last picture is held for 4 s: drop what is frozen",
        ),
        _video(lambda: edits.hold_frame(_music(3383, 3454), at=70, hold=100)),
    ),
    Recipe(
        DemoVideo(
            "ken_burns.mp4",
            "ken_burns",
            "bigbuckbunny frame 120",
            "a virtual camera moves over a still, nothing in it moves: drop it",
        ),
        _video(_pan_over_bunny),
    ),
    Recipe(
        DemoVideo(
            "static_noise.mp4",
            "static_noise",
            "bikes frame 241",
            "a standing picture with sensor noise: drop it as static",
        ),
        _video(_noisy_wall),
    ),
    Recipe(
        DemoVideo(
            "shaken.mp4",
            "shaken",
            "bigbuckbunny",
            "the camera swings sideways five times a second: drop it",
        ),
        _video(lambda: edits.shake_sideways(_bunny(), 48)),
    ),
)

_COPIES = (
    Recipe(
        DemoVideo(
            "letterbox.mp4",
            "letterbox",
            "bikes",
            "bikes between black bars: find the picture within, drop it as a copy",
        ),
        _video(lambda: edits.add_bars(_bikes(), 360)),
    ),
    Recipe(
        DemoVideo(
            "reencoded.mp4",
            "reencoded",
            "music_2.mp4",
            "smaller and at a low bit rate: drop it as a copy",
        ),
        _write_reencoded,
    ),
    Recipe(
        DemoVideo(
            "cropped.mp4",
            "cropped",
            "bigbuckbunny",
            "a twentieth is cut from the sides: drop it as a copy",
        ),
        _video(lambda: edits.crop_share(_bunny(), 0.02, 0.02, 0.02, 0.02)),
    ),
    Recipe(
        DemoVideo(
            "trimmed.mp4",
            "trimmed",
            "music_2.mp4 96-170",
            "3 s out of a longer video: drop it as a copy that starts at 3.8 s",
        ),
        _write_trimmed,
    ),
    Recipe(
        DemoVideo(
            "carphone_poor.mp4",
            "recompressed",
            "carphone_distorted",
            "carphone at a fortieth of its bit rate: drop it as a copy",
        ),
        _copy(CARPHONE_POOR),
    ),
)

_DAMAGED = (
    Recipe(
        DemoVideo(
            "audio_only.mp4",
            "audio_only",
            "bigbuckbunny's sound",
            "sound without pictures: record no_video_stream",
        ),
        _write_sound,
    ),
    Recipe(
        DemoVideo(
            "truncated.mp4",
            "truncated",
            "bunny.mp4",
            "the last 40 % and with them the index are missing: record truncated",
        ),
        _write_truncated,
    ),
    Recipe(
        DemoVideo("text.mp4", "text", "a sentence", "no video at all: record not_a_video"),
        lambda path: _write_bytes(path, b"This is a text file with the wrong name.\n"),
    ),
    Recipe(
        DemoVideo("empty.mp4", "empty", "nothing", "zero bytes: record empty_file"),
        lambda path: _write_bytes(path, b""),
    ),
)

RECIPES: Final = (*_SOURCES, *_EDITS, *_COPIES, *_DAMAGED)
"""All files of the demo, in the order in which they are made."""

DAMAGED: Final = frozenset(recipe.video.edit for recipe in _DAMAGED)
"""Edit words of the files from which no picture can be had."""
