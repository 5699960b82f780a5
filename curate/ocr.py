"""The optional second opinion on text: the detector of PP-OCR, from rapidocr-onnxruntime.

It finds any text, on things of the scene too. `text_overlay` is what tells drawn text from that.
"""

from functools import lru_cache
from importlib.util import find_spec
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from manifests.errors import ModelUnavailableError

_SIDE_PX: Final = 384
"""Shorter side to which the detector enlarges a still."""


def require_ocr() -> None:
    """Check that the detector can be loaded, without loading it.

    Raises:
        ModelUnavailableError: Its package is not installed.
    """
    if find_spec("rapidocr_onnxruntime") is None:
        raise ModelUnavailableError(
            "measure.ocr needs the package rapidocr-onnxruntime: pip install 'rushes[ocr]'"
        )


def text_share(bgr: npt.NDArray[np.uint8]) -> float:
    """Share of a picture within boxes of text, 0 to 1.

    Args:
        bgr: (H, W, 3) uint8.

    Raises:
        ModelUnavailableError: As `require_ocr`.

    Source: PP-OCRv4 mobile, detection only (Apache-2.0).
    """
    boxes, _ = _detector()(bgr, use_det=True, use_cls=False, use_rec=False)
    covered = np.zeros(bgr.shape[:2], np.uint8)
    for box in boxes or ():
        cv2.fillPoly(covered, [np.rint(box).astype(np.int32)], 1)
    return float(covered.mean())


@lru_cache(1)
def _detector() -> Any:
    require_ocr()
    from rapidocr_onnxruntime import RapidOCR

    return RapidOCR(intra_op_num_threads=1, det_limit_side_len=_SIDE_PX)
