"""Things that pass before a still picture: cut from takes, soft or sharp, round or with corners."""

from collections.abc import Sequence

import cv2
import numpy as np

from curate.overlays.training.decoys import sign, texture
from curate.overlays.training.sprites import Picture, Random, Sprite, burn


def thing(takes: Sequence[Picture], rng: Random) -> Picture:
    """(T, h, w, 4) uint8: a part of a take or of a texture, some with print on it.

    Half of them are ellipses, the others boxes, books, cards: with straight sides, at any angle.
    """
    take = takes[int(rng.integers(len(takes)))]
    w, h = int(rng.uniform(60, 300)), int(rng.uniform(60, 260))
    part = take[:, 40 : 40 + h, 40 : 40 + w]
    if rng.random() < 0.3:
        part = np.repeat(texture((w, h), rng)[None], len(take), axis=0)
    if rng.random() < 0.4:
        made = sign(rng, most=w // 2)
        place = Sprite(made, (w - made.shape[1]) // 2, (h - made.shape[0]) // 2, 0, len(part), True)
        part = burn(part, [place])[0]
    alpha = np.repeat(_outline(w, h, rng)[None, ..., None], len(part), axis=0)
    return np.concatenate([part, alpha], axis=3)


def _outline(w: int, h: int, rng: Random) -> Picture:
    """(h, w) opacity, 0 at the border."""
    mask = np.zeros((h, w), np.uint8)
    if rng.random() < 0.5:
        cv2.ellipse(mask, (w // 2, h // 2), (w // 2 - 8, h // 2 - 8), 0, 0, 360, 255.0, -1)
        return np.asarray(cv2.GaussianBlur(mask, (0, 0), 2.6), np.uint8)
    turn = float(rng.choice([0.0, rng.normal(0, 6), rng.uniform(0, 90)]))
    room = min(w, h) - 8
    size = (w - 8, h - 8) if turn == 0 else (0.7 * room, 0.7 * room * rng.uniform(0.4, 1))
    corners = cv2.boxPoints(((w / 2, h / 2), size, turn))
    cv2.fillPoly(mask, [np.rint(corners).astype(np.int32)], 255.0)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.3, 2)), np.uint8)


def passes(frames: list[Picture], shown: Picture, rng: Random) -> None:
    """Lay a thing over frames, (h, w, 3) uint8 each: along a straight way, or to and fro."""
    height, width = frames[0].shape[:2]
    x, y = rng.uniform(-40, width - 40), rng.uniform(-40, height - 40)
    vx, vy = rng.normal(0, 14, 2)
    swings, pace = rng.random() < 0.3, rng.uniform(0.1, 0.6)
    for i in range(len(frames)):
        far = np.sin(pace * i) / pace if swings else float(i)
        sprite = Sprite(
            shown[i % len(shown)], round(x + vx * far), round(y + vy * far), 0, 1, False
        )
        frames[i] = burn(frames[i][None], [sprite])[0][0]
