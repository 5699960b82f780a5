"""Benchmark sections on outside truth: camera poses, gyroscope, a game's yaw; the peers' table."""

import argparse
import json
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import av
import cv2
import numpy as np
import polars as pl

from benchmarks import motion_cases as cases
from benchmarks.motion_cases import Float, Gray
from benchmarks.motion_sources import files
from curate.config import Config, Policy
from curate.decide import decide
from curate.measure import measure_video
from filters.clip import clip_from_gray

FPS: Final = 30.0


def truth(options: argparse.Namespace) -> dict[str, Any]:
    """Rotation from poses, gyroscope and game against the image motion we measure."""
    found: dict[str, Any] = {}
    poses = [p for _, p in files(options.clips) if p.with_suffix(".txt").exists()]
    rows = [row for path in poses for row in _pose_rows(path)]
    if rows:
        table = np.array(rows)
        for axis, name in enumerate(("pan", "tilt")):
            r = float(np.corrcoef(table[:, axis], table[:, axis + 3])[0, 1])
            signs = table[:, axis] * table[:, axis + 3] > 0
            strong = np.abs(table[:, axis]) > 0.05
            found[f"poses {name}"] = {"r": r, "sign": float(signs[strong].mean()), "n": len(rows)}
        strong = np.abs(table[:, 2]) > 0.2
        signs = table[strong, 2] * table[strong, 5] > 0
        found["poses forward, sign of zoom"] = {"sign": float(signs.mean()), "n": int(strong.sum())}
    for _, path in files(options.clips):
        telemetry = path.with_name(path.name + ".telemetry.npz")
        if telemetry.exists():
            found[f"gyroscope {path.name} (stabilised: must not match)"] = _gyro(path, telemetry)
    game = _game()
    if game is not None:
        found["vizdoom yaw"] = game
    for name, facts in found.items():
        print(name, facts)
    return found


def _pose_rows(path: Path) -> list[tuple[float, ...]]:
    """Per pair, a second: pan, tilt and forward speed by the poses; pan, tilt, zoom by us."""
    lines = path.with_suffix(".txt").read_text().splitlines()[1:]
    table = np.array([[float(v) for v in line.split()] for line in lines])
    frames, fps = cases.read(path, 0, 1e9, 320)
    clip = clip_from_gray(frames, fps)
    index = np.round(clip.gray_t_s * fps).astype(int)
    rows = []
    for pair, (a, b) in zip(clip.motion, pairwise(index), strict=True):
        if pair.missing is not None or b >= len(table):
            continue
        first, second = (
            np.vstack([t[7:].reshape(3, 4), [0, 0, 0, 1]]) for t in (table[a], table[b])
        )
        # World to camera, x right, y down, z forward: what the first camera's axes become.
        move = second @ np.linalg.inv(first)
        dt_s = (b - a) / fps
        fx, fy = table[a][1:3]
        # The content's centre moves by f R[0:2, 2]; the camera turns against it.
        predicted = (-fx * move[0, 2], -fy * move[1, 2], -move[2, 3])
        rows.append(
            tuple(float(v) / dt_s for v in (*predicted, -pair.tx, -pair.ty, pair.log_scale))
        )
    return rows


def _gyro(path: Path, telemetry: Path) -> dict[str, float]:
    """Largest correlation of an axis of the gyroscope with the measured pan."""
    data = np.load(telemetry)
    rates = np.asarray(data[next(k for k in data.files if "gyro" in k.lower())], np.float64)
    frames, fps = cases.read(path, 0, 1e9, 320)
    clip = clip_from_gray(frames, fps)
    middle = (clip.gray_t_s[:-1] + clip.gray_t_s[1:]) / 2
    t_s = np.linspace(0, len(frames) / fps, len(rates))
    pan = np.array([-m.tx for m in clip.motion])
    ok = np.isfinite(pan)
    axes = [np.interp(middle, t_s, rates[:, axis]) for axis in range(min(3, rates.shape[1]))]
    return {"largest |r|": max(abs(float(np.corrcoef(axis[ok], pan[ok])[0, 1])) for axis in axes)}


def _game() -> dict[str, float] | None:
    """Correlation and slope of a first-person game's true yaw with the measured pan."""
    try:
        import vizdoom
    except ImportError:
        return None
    game = vizdoom.DoomGame()
    game.load_config(str(Path(vizdoom.scenarios_path) / "my_way_home.cfg"))
    game.set_window_visible(False)
    game.set_screen_format(vizdoom.ScreenFormat.GRAY8)
    game.set_screen_resolution(vizdoom.ScreenResolution.RES_640X480)
    game.set_available_buttons([vizdoom.Button.TURN_LEFT_RIGHT_DELTA])
    game.set_available_game_variables([vizdoom.GameVariable.ANGLE])
    game.set_seed(3)
    game.set_render_hud(False)
    game.set_render_weapon(False)
    game.init()
    game.new_episode()
    frames, angle = [], []
    for tick in range(350):
        state: Any = game.get_state()
        if state is None:
            break
        frames.append(np.asarray(state.screen_buffer, np.uint8).copy())
        angle.append(float(state.game_variables[0]))
        game.make_action([1.5 * np.sin(tick / 40)])
    game.close()
    clip = clip_from_gray(np.stack(frames), 35.0)
    at = np.round(clip.gray_t_s * 35).astype(int)
    # Degrees counter-clockwise from above; the picture is 90 degrees wide, so half of it is 1 / 2.
    turned = -np.diff(np.unwrap(np.radians(np.array(angle)))[at])
    true = np.tan(turned) / 2
    pan = np.array([-m.tx for m in clip.motion])
    ok = np.isfinite(pan) & (np.abs(true) > 1e-3)
    slope = float((true[ok] @ pan[ok]) / (true[ok] @ true[ok]))
    return {"r": float(np.corrcoef(true[ok], pan[ok])[0, 1]), "slope": slope, "n": int(ok.sum())}


def table(options: argparse.Namespace) -> dict[str, Any]:
    """The eleven cases of the peers' table, decided by the default policy through the pipeline."""
    peers = json.loads(options.peers.read_text()) if options.peers else {}
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (frames, wanted) in eleven_cases().items():
            path = Path(folder) / f"{name}.mp4"
            write(frames, path)
            keep, reasons, kind = decided(path)
            data_juicer, nemo = data_juicer_score(frames), nemo_scores(path)
            right = keep == wanted
            found[name] = {
                "keep": keep, "wanted": wanted, "right": right, "reasons": reasons, "camera": kind,
                "data_juicer": data_juicer, "data_juicer_keep": data_juicer >= 0.25,
                "nemo": nemo, "nemo_keep": nemo[0] >= 0.00098 and nemo[1] >= 1e-6,
                "peer": peers.get(name),
            }  # fmt: skip
            print(
                f"{name:20s} ours {'keep' if keep else 'drop'} ({', '.join(reasons) or kind}) "
                f"{'right' if right else 'WRONG'}   Data-Juicer's formula {data_juicer:.2f} "
                f"{'keep' if data_juicer >= 0.25 else 'drop'}   NeMo's formula {nemo[0]:.6f} "
                f"{'keep' if found[name]['nemo_keep'] else 'drop'}"
            )
    print(f"{sum(row['right'] for row in found.values())} of {len(found)} as wanted")
    return found


def eleven_cases() -> dict[str, tuple[Gray, bool]]:
    """Four seconds at 640 x 360 of each case, and whether an action model should see it."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (1080, 1920), dtype=np.uint8)
    big = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 6), np.empty(0), 0, 255, cv2.NORM_MINMAX)
    big = np.asarray(big, np.uint8)
    for _ in range(60):
        place = int(rng.integers(0, 1920)), int(rng.integers(0, 1080))
        cv2.circle(big, place, int(rng.integers(15, 80)), int(rng.integers(0, 255)), -1)

    def window(x: int, y: int, width: int, height: int) -> Gray:
        part = big[y : y + height, x : x + width]
        return np.asarray(cv2.resize(part, (640, 360), interpolation=cv2.INTER_AREA), np.uint8)

    base = window(0, 0, 1920, 1080)

    def thing(i: int) -> Gray:
        frame = base.copy()
        cv2.rectangle(frame, (40 + 3 * i, 120), (120 + 3 * i, 220), 76, -1)
        cv2.circle(frame, (80 + 3 * i, 170), 25, 179, -1)
        return frame

    def small(i: int) -> Gray:
        frame = base.copy()
        cv2.circle(frame, (300 + int(60 * np.sin(i / 8)), 180), 12, 76, -1)
        return frame

    def boxed(i: int) -> Gray:
        frame = np.zeros_like(base)
        frame[70:290] = cv2.resize(thing(i), (640, 220))
        return frame

    def zoomed(i: int) -> Gray:
        scale = 1 - 0.35 * i / 120
        width, height = int(1920 * scale), int(1080 * scale)
        return window((1920 - width) // 2, (1080 - height) // 2, width, height)

    def made(draw: Any) -> Gray:
        return np.stack([draw(i) for i in range(120)])

    noisy = cases.noisy(made(lambda _: base), 6.0, rng)
    return {
        "moving object": (made(thing), True),
        "small object": (made(small), True),
        "letterboxed object": (made(boxed), True),
        "ken burns pan": (made(lambda i: window(4 * i, 200, 1280, 720)), False),
        "ken burns zoom": (made(zoomed), False),
        "slideshow": (made(lambda i: window(i // 30 * 200, i // 30 * 150, 960, 540)), False),
        "freeze after 40": (made(lambda i: thing(min(i, 40))), False),
        "boomerang": (made(lambda i: thing(i if i < 60 else 119 - i)), False),
        "four times each": (made(lambda i: thing(i // 4)), False),
        "static": (made(lambda _: base), False),
        "static with noise": (noisy, False),
    }


def write(frames: Gray, path: Path) -> None:
    """Encode with x264 as the table's clips were."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264", rate=30, options={"preset": "veryfast", "crf": "23"}
        )
        stream.height, stream.width = frames.shape[1:]
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="gray")))
        container.mux(stream.encode(None))


def decided(path: Path) -> tuple[bool, list[str], str]:
    """Whether any clip of a video is kept by the default policy, the reasons, the camera's kind."""
    measured = measure_video(str(path), "0" * 32, "bench", Config())
    clips = pl.DataFrame(pl.from_arrow(measured.tables["clips"]))
    scores = pl.DataFrame(pl.from_arrow(measured.tables["scores"].drop(["missing"])))
    none = {
        "clip_id": pl.String,
        "group_id": pl.String,
        "nearest": pl.String,
        "similarity": pl.Float32,
    }
    verdicts = decide(clips, scores, {}, pl.DataFrame(schema=none), Policy())
    reasons = sorted({r["filter"] for row in verdicts["reasons"].to_list() for r in row})
    kinds = verdicts["camera_kind"].to_list()
    return bool(verdicts["keep"].any()), reasons, kinds[0] if kinds else "no clip"


def data_juicer_score(frames: Gray) -> float:
    """Data-Juicer's video_motion_score, re-implemented: mean Farneback flow at 2 fps, px."""
    sampled = frames[::15]
    flows = [
        cv2.calcOpticalFlowFarneback(a, b, np.empty(0), 0.5, 3, 15, 3, 5, 1.2, 0)
        for a, b in pairwise(sampled)
    ]
    return float(np.mean([np.linalg.norm(flow, axis=2).mean() for flow in flows]))


def nemo_scores(path: Path) -> tuple[float, float]:
    """NeMo Curator's motion-vector formula, re-implemented: mean |mv| / (w + h), least patch mean.

    Every fifteenth frame of any type, vectors not divided by the distance to their reference.
    """
    fields: list[Float] = []
    with av.open(str(path), "r") as container:
        stream = container.streams.video[0]
        stream.codec_context.options = {"flags2": "+export_mvs"}
        for number, frame in enumerate(container.decode(stream)):
            if number % 15:
                continue
            field = np.zeros((frame.height, frame.width))
            for data in frame.side_data:
                side: Any = data
                if side.type.name != "MOTION_VECTORS":
                    continue
                for v in side.to_ndarray():
                    width, height = int(v["w"]), int(v["h"])
                    moved = [int(v[f"dst_{axis}"]) - int(v[f"src_{axis}"]) for axis in "xy"]
                    x, y = int(v["dst_x"]) - width // 2, int(v["dst_y"]) - height // 2
                    patch = field[max(0, y) : y + height, max(0, x) : x + width]
                    patch[:] = np.hypot(moved[0], moved[1])
            fields.append(field / (frame.width + frame.height))
    mean = np.mean(fields, axis=0)
    patches = cv2.blur(mean, (256, 256))[128:-100:32, 128:-128:32]
    return float(mean.mean()), float(patches.min()) if patches.size else 0.0
