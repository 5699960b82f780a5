"""Footage is drawn so that the map between two clips is known."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from curate.dedup.align import Alignment, Footage, align
from curate.dedup.verdict import GATE, Stills, is_copy
from curate.dedup.views import COARSE, View, averaging, bank, mirrored, normalised, views
from curate.filmstrip import RATE, filmstrip

FPS = 24.0
Frames = npt.NDArray[np.uint8]


def footage(seconds: float, seed: int, start_s: float = 0.0) -> Frames:
    """(T, 144, 256): discs on paths of their own over a texture at rest, from `start_s` on."""
    rng = np.random.default_rng(seed)
    ground = cv2.resize(
        rng.uniform(60, 190, (9, 16)).astype(np.float32), (256, 144), interpolation=cv2.INTER_CUBIC
    )
    paths = rng.uniform(0.3, 1.0, (5, 4)) * rng.choice([-1, 1], (5, 4))
    phases = rng.uniform(0, 6.28, (5, 4))
    frames = []
    for t in start_s + np.arange(round(seconds * FPS)) / FPS:
        frame = ground.copy()
        for disc, (speed, phase) in enumerate(zip(paths, phases, strict=True)):
            # Two tones per axis never come back to the same place in so short a time.
            x = 0.5 + 0.25 * np.sin(2 * speed[0] * t + phase[0]) + 0.2 * np.sin(3.1 * speed[1] * t)
            y = 0.5 + 0.25 * np.sin(2 * speed[2] * t + phase[2]) + 0.2 * np.sin(2.7 * speed[3] * t)
            at = int(x * 256), int(y * 144)
            cv2.circle(frame, at, 16, (30.0 + 45 * disc,), -1, cv2.LINE_AA)
        frames.append(np.clip(frame, 0, 255).astype(np.uint8))
    return np.stack(frames)


def seen(frames: Frames, fps: float = FPS) -> Footage:
    tiny = np.stack([cv2.resize(f, (64, 36), interpolation=cv2.INTER_AREA) for f in frames])
    return Footage.of(*filmstrip(tiny, np.arange(len(tiny)) / fps))


def found(a: Footage, b: Footage) -> Alignment:
    alignment = align(a, b, 0.5, GATE)
    assert alignment is not None
    return alignment


ORIGINAL = footage(6, 1)


def logo(frames: Frames) -> Frames:
    marked = frames.copy()
    marked[:, 8:36, 190:246] = 250
    return marked


CHANGES: dict[str, Callable[[Frames], Frames]] = {
    "nothing": lambda f: f,
    "mirror": lambda f: f[:, :, ::-1],
    "crop": lambda f: f[:, 7:122, 38:243],
    "brightness": lambda f: np.clip(f * 1.2 + 25, 0, 255).astype(np.uint8),
    "logo": logo,
    "bars": lambda f: np.pad(f, ((0, 0), (24, 24), (0, 0))),
    "noise": lambda f: np.clip(f + np.random.default_rng(0).normal(0, 12, f.shape), 0, 255).astype(
        np.uint8
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changed_pictures_are_copies_at_offset_zero(change: str) -> None:
    result = found(seen(ORIGINAL), seen(CHANGES[change](ORIGINAL)))
    assert is_copy(result, 0.0)
    assert result.offset_s == pytest.approx(0, abs=0.1)
    assert result.speed == pytest.approx(1, abs=0.03)
    assert result.share == pytest.approx(1, abs=0.05)
    assert result.mirrored is (change == "mirror")


def test_crop_says_which_part_is_shown() -> None:
    result = found(seen(ORIGINAL), seen(CHANGES["crop"](ORIGINAL)))
    assert result.inside
    view = result.view
    assert (view.x, view.width) == pytest.approx((38 / 256, 205 / 256), abs=0.03)
    assert (view.y, view.height) == pytest.approx((7 / 144, 115 / 144), abs=0.03)
    turned = found(seen(CHANGES["crop"](ORIGINAL)), seen(ORIGINAL))
    assert not turned.inside
    assert turned.view.width == pytest.approx(205 / 256, abs=0.03)


def test_trimmed_copy_has_its_offset() -> None:
    result = found(seen(ORIGINAL), seen(ORIGINAL[29:]))
    assert is_copy(result, 0.0)
    assert result.offset_s == pytest.approx(29 / FPS, abs=0.06)
    assert result.overlap_s == pytest.approx(6 - 29 / FPS, abs=0.2)
    assert result.share == pytest.approx(1, abs=0.05)


def test_partial_overlap_has_its_share() -> None:
    a, b = seen(footage(6, 1)), seen(footage(6, 1, start_s=2.0))
    result = found(a, b)
    assert is_copy(result, 0.0)
    assert result.offset_s == pytest.approx(2, abs=0.06)
    assert result.share == pytest.approx(4 / 6, abs=0.05)


@pytest.mark.parametrize("speed", [0.8, 1.1, 1.25, 1.5])
def test_retimed_copy_has_its_speed(speed: float) -> None:
    result = found(seen(ORIGINAL), seen(ORIGINAL, fps=FPS * speed))
    assert is_copy(result, 0.0)
    assert result.speed == pytest.approx(speed, rel=0.03)
    back = found(seen(ORIGINAL, fps=FPS * speed), seen(ORIGINAL))
    assert back.speed == pytest.approx(1 / speed, rel=0.03)


@pytest.mark.parametrize("start_s", [6.0, 12.0, 30.0])
def test_another_moment_of_the_same_scene_is_no_copy(start_s: float) -> None:
    a, b = seen(ORIGINAL), seen(footage(6, 1, start_s=start_s))
    result = align(a, b, 0.5, GATE)
    assert result is None or not is_copy(result, 1.0)


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_other_footage_is_no_copy(seed: int) -> None:
    result = align(seen(ORIGINAL), seen(footage(6, seed)), 0.5, GATE)
    assert result is None or not is_copy(result, 0.0)


def test_motionless_copies_are_told_by_their_stills_alone() -> None:
    still = np.repeat(ORIGINAL[:1], 96, axis=0)
    result = found(seen(still), seen(still))
    assert is_copy(result, 1.0)
    assert not is_copy(result, 0.0)


def test_black_clips_align_with_nothing() -> None:
    black = seen(np.zeros((96, 144, 256), np.uint8))
    for other in (black, seen(ORIGINAL)):
        result = align(black, other, 0.5, GATE)
        assert result is None or not is_copy(result, 1.0)


@pytest.mark.parametrize("count", [1, 2])
def test_clips_of_hardly_any_pictures_do_not_fail(count: int) -> None:
    few = seen(ORIGINAL[:: len(ORIGINAL) // 2][:count])
    result = align(few, seen(ORIGINAL), 0.5, GATE)
    assert result is None or 0 <= result.share <= 1
    assert align(seen(ORIGINAL), few, 0.5, GATE) is None or count == 2


def test_verdict_wants_motion_that_agrees_where_there_is_motion() -> None:
    base = found(seen(ORIGINAL), seen(ORIGINAL))
    assert is_copy(base, 0.0)
    assert not is_copy(replace(base, motion=0.7), 1.0)
    assert not is_copy(replace(base, likeness=0.5, motion=0.85), 1.0)
    assert is_copy(replace(base, speed=1.25, motion=0.85), 0.0)
    assert not is_copy(replace(base, share=0.6, motion=0.85), 0.0)
    assert is_copy(replace(base, share=0.6, motion=0.92), 0.0)


def test_verdict_wants_more_where_few_pictures_are_compared() -> None:
    base = replace(found(seen(ORIGINAL), seen(ORIGINAL)), motion=0.85)
    assert is_copy(base, 0.0)
    assert not is_copy(replace(base, pictures=10), 0.0)
    assert is_copy(replace(base, pictures=10, motion=0.92), 0.0)
    assert not is_copy(replace(base, pictures=10, motion=0.92, speed=1.25), 0.0)
    assert is_copy(replace(base, pictures=10, motion=0.96, speed=1.25), 0.0)
    assert not is_copy(replace(base, pictures=10, motion=0.92, speed=1.25, likeness=0.5), 0.0)


def test_stills_share_counts_the_clip_with_fewer_partners() -> None:
    bits = np.random.default_rng(0).integers(0, 256, (4, 32), dtype=np.uint8)
    all_four = Stills(bits, np.ones(4, np.bool_))
    two = Stills(bits[:2], np.ones(2, np.bool_))
    none = Stills(bits, np.zeros(4, np.bool_))
    assert all_four.share_as(two, 31) == 1
    assert all_four.share_as(none, 31) == 0


def test_averaging_is_exact_on_a_ramp() -> None:
    ramp = np.arange(32, dtype=np.float32)
    assert averaging((0.0, 1.0), 16) @ ramp == pytest.approx(np.arange(16) * 2 + 0.5)
    assert averaging((0.25, 0.5), 16) @ ramp == pytest.approx(np.arange(8, 24))


def test_bank_holds_every_view_at_unit_length() -> None:
    strip = seen(ORIGINAL).strip[:3]
    every = bank(strip)
    assert every.shape == (len(views()), 3, COARSE * COARSE)
    assert np.linalg.norm(every, axis=2) == pytest.approx(np.ones(every.shape[:2]), abs=1e-5)
    assert views()[0] == View(0.0, 1.0, 0.0, 1.0)
    part = averaging((0.2, 0.8), COARSE)
    at = views().index(View(0.19999999999999996, 0.8, 0.0, 0.8))
    expected = averaging((0.0, 0.8), COARSE) @ strip[0].astype(np.float32) @ part.T
    assert every[at, 0] == pytest.approx(normalised(expected.reshape(1, -1))[0], abs=1e-5)


def test_mirroring_twice_changes_nothing() -> None:
    rows = np.random.default_rng(0).normal(size=(2, 144)).astype(np.float32)
    assert (mirrored(mirrored(rows, 12), 12) == rows).all()


def test_filmstrip_has_its_rate_and_crops_to_the_box() -> None:
    tiny = np.stack([cv2.resize(f, (64, 36), interpolation=cv2.INTER_AREA) for f in ORIGINAL])
    strip, t_s = filmstrip(tiny, np.arange(len(tiny)) / FPS)
    assert len(strip) == pytest.approx(6 * RATE, abs=1)
    assert np.diff(t_s) == pytest.approx(1 / RATE, abs=1 / FPS)
    padded = np.pad(tiny, ((0, 0), (9, 9), (0, 0)))
    boxed, _ = filmstrip(padded, np.arange(len(tiny)) / FPS, (0, 9 / 54, 1, 36 / 54))
    assert np.abs(boxed.astype(int) - strip).mean() < 2


def test_filmstrip_of_a_slow_video_holds_each_frame_once() -> None:
    strip, t_s = filmstrip(np.zeros((5, 36, 64), np.uint8), np.arange(5) / 2)
    assert t_s.tolist() == [0, 0.5, 1, 1.5, 2]
    assert strip.shape == (5, 32, 32)
    assert filmstrip(np.zeros((0, 36, 64), np.uint8), np.zeros(0))[0].shape == (0, 32, 32)
