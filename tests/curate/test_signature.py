import cv2
import numpy as np
import pytest

from curate.bundled import Image
from curate.signature import hamming, pdq


def scene(seed: int) -> Image:
    """Blurred noise: structure at all scales, as in a photograph."""
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(noise, (512, 384), interpolation=cv2.INTER_CUBIC), np.uint8)


def test_signature_is_32_bytes_of_good_quality_for_a_structured_picture() -> None:
    bits, quality = pdq(scene(0))
    assert bits.shape == (32,)
    assert bits.dtype == np.uint8
    assert quality >= 50


def test_flat_picture_has_quality_zero() -> None:
    assert pdq(np.full((64, 64, 3), 128, np.uint8))[1] == 0


def test_scaled_and_recompressed_picture_stays_within_31_bits() -> None:
    image = scene(1)
    small = cv2.resize(image, (256, 192), interpolation=cv2.INTER_AREA)
    coded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 50])[1]
    copy = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    assert hamming(pdq(image)[0][None], pdq(copy)[0][None])[0, 0] <= 31


def test_other_picture_is_far() -> None:
    assert hamming(pdq(scene(2))[0][None], pdq(scene(3))[0][None])[0, 0] > 80


def test_view_of_a_larger_array_is_hashed_like_its_copy() -> None:
    image = scene(4)
    view = image[::2, ::2]
    assert pdq(view)[0].tolist() == pdq(view.copy())[0].tolist()


@pytest.mark.parametrize(
    "shape", [pytest.param((5, 7), id="many"), pytest.param((0, 3), id="none")]
)
def test_hamming_counts_differing_bits(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(5)
    a = rng.integers(0, 256, (shape[0], 32), dtype=np.uint8)
    b = rng.integers(0, 256, (shape[1], 32), dtype=np.uint8)
    slow = [
        [sum((int(x) ^ int(y)).bit_count() for x, y in zip(p, q, strict=True)) for q in b]
        for p in a
    ]
    assert hamming(a, b).tolist() == slow


def test_hamming_of_complements_is_all_bits() -> None:
    a = np.arange(32, dtype=np.uint8)[None]
    assert hamming(a, ~a)[0, 0] == 256
