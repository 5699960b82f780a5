import cv2
import numpy as np
import numpy.typing as npt

from filters.blurred_copy import is_copied
from filters.seams import Rectangle
from tests.filters.scenes import HEIGHT, WIDTH, view

PICTURE = Rectangle(109, 0, 211, HEIGHT, 1.0, 2)


def _beside(sigma: float) -> npt.NDArray[np.uint8]:
    """(T, H, W): a picture before itself, enlarged and blurred."""
    gray = np.empty((12, HEIGHT, WIDTH), np.uint8)
    for i in range(12):
        picture = view(dx=-3 * i, size=(102, HEIGHT))
        large = cv2.resize(picture, (WIDTH, round(HEIGHT * WIDTH / 102)))
        start = (large.shape[0] - HEIGHT) // 2
        back = large[start : start + HEIGHT]
        gray[i] = cv2.GaussianBlur(back, (0, 0), sigma) if sigma else back
        gray[i, :, 109:211] = picture
    return gray


def test_copy_out_of_focus_is_one() -> None:
    assert is_copied(_beside(6.0), PICTURE)


def test_copy_above_and_below_is_one() -> None:
    turned = np.ascontiguousarray(_beside(6.0).swapaxes(1, 2))
    assert is_copied(turned, Rectangle(0, 109, HEIGHT, 211, 1.0, 2))


def test_bands_as_sharp_as_the_picture_are_a_scene() -> None:
    # As alike in brightness as a copy is, but in focus: the table of a simulator.
    rng = np.random.default_rng(0)
    gray = _beside(6.0).astype(np.int16)
    grain = rng.integers(-30, 31, gray.shape[1:])
    gray[:, :, :109] += grain[:, :109]
    gray[:, :, 211:] += grain[:, 211:]
    assert not is_copied(gray.clip(0, 255).astype(np.uint8), PICTURE)


def test_other_picture_out_of_focus_is_no_copy() -> None:
    gray = _beside(6.0)
    gray[:, :, :109] = cv2.GaussianBlur(view(dx=150)[:, :109], (0, 0), 6)
    assert not is_copied(gray, PICTURE)
