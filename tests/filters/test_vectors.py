import numpy as np
import pytest

from filters.motion import estimate
from filters.vectors import CELL, Vectors, field, follow
from tests.filters.scenes import HEIGHT, WIDTH, view


def test_blocks_cover_their_cells_and_only_those() -> None:
    centre = np.array([[8, 8], [20, 4]], np.float32)
    size = np.array([[16, 16], [8, 8]], np.float32)
    moved = np.array([[1, 2], [3, 4]], np.float32)
    cells = field(centre, size, moved, 32, 16)
    assert cells.shape == (2, 4, 2)
    assert (cells[:, :2] == (1, 2)).all()
    assert (cells[0, 2] == (3, 4)).all()
    assert np.isnan(cells[1, 2:]).all()
    assert np.isnan(cells[0, 3]).all()


def test_a_point_is_carried_back_frame_by_frame_and_lost_without_a_vector() -> None:
    first = np.full((4, 4, 2), 2, np.float32)
    second = np.full((4, 4, 2), np.nan, np.float32)
    second[0, 3] = (CELL, 0)
    points = np.array([[27, 3], [3, 3]], np.float32)
    vectors = Vectors((first, second), 32, 32)
    start, end = follow(vectors, (first, second), points, (32, 32))
    np.testing.assert_allclose(end, [[27, 3]])
    np.testing.assert_allclose(start, [[27 - CELL - 2, 1]])


def test_vectors_are_px_of_the_video_and_points_px_of_the_picture() -> None:
    cells = np.full((40, 40, 2), 4, np.float32)
    points = np.array([[40, 40]], np.float32)
    start, _ = follow(Vectors((cells,), 320, 320), (cells,), points, (80, 80))
    np.testing.assert_allclose(start, [[39, 39]])


def test_estimate_takes_the_motion_from_the_vectors() -> None:
    blocks = np.full((-(-HEIGHT // CELL), WIDTH // CELL, 2), (-6, 3), np.float32)
    codec = Vectors((blocks,), WIDTH, HEIGHT)
    motion = estimate(view(), view(-6, 3), codec)
    assert motion.tx * WIDTH == pytest.approx(-6, abs=1e-3)
    assert motion.ty * HEIGHT == pytest.approx(3, abs=1e-3)
    assert motion.moving == 0.0


def test_a_frame_without_vectors_has_no_motion() -> None:
    assert estimate(view(), view(), Vectors(None, WIDTH, HEIGHT)).missing == "no_vectors"
