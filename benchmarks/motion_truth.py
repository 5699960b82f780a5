"""Benchmark section on outside truth: camera poses, gyroscope, a game's yaw."""

import argparse
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import motion_cases as cases
from benchmarks.motion_sources import files
from filters.clip import clip_from_gray


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
