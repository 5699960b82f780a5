"""PDQ: a perceptual hash that survives re-encoding, scaling and small marks, not crops."""

from typing import Final

import numpy as np
import numpy.typing as npt
import pdqhash

Image = npt.NDArray[np.uint8]
"""(H, W, 3) uint8 RGB."""

Signatures = npt.NDArray[np.uint8]
"""(n, 32) uint8: 256 bits per picture."""

BITS: Final = 256


def pdq(image: Image) -> tuple[Signatures, int]:
    """Hash a picture.

    Args:
        image: (H, W, 3) uint8 RGB.

    Returns:
        (32,) uint8 and the quality, 0 (flat, its hash says nothing) to 100.

    Source: Facebook, "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm",
    2019, through the `pdqhash` package; bits are packed in the order it returns them.
    """
    bits, quality = pdqhash.compute(np.ascontiguousarray(image))
    return np.packbits(bits), int(quality)


def hamming(a: Signatures, b: Signatures) -> npt.NDArray[np.int64]:
    """Count differing bits of all pairs.

    Args:
        a: (..., n, 32) uint8.
        b: (..., m, 32) uint8.

    Returns:
        (..., n, m), 0 to 256.
    """
    # With bits as +1 and -1, the product is agreeing minus differing bits: exact in float32.
    signs_a, signs_b = _signs(a), _signs(b)
    agreement = signs_a @ np.swapaxes(signs_b, -1, -2)
    return ((BITS - agreement) // 2).astype(np.int64)


def _signs(signatures: Signatures) -> npt.NDArray[np.float32]:
    return np.unpackbits(signatures, axis=-1).astype(np.float32) * 2 - 1
