from importlib.util import find_spec

import cv2
import numpy as np
import pytest

from curate.ocr import require_ocr, text_share
from filters.base import Unmeasurable
from filters.ocr_text import share
from manifests.errors import ModelUnavailableError
from tests.filters.scenes import panning

INSTALLED = find_spec("rapidocr_onnxruntime") is not None


@pytest.mark.skipif(INSTALLED, reason="the extra ocr is installed")
def test_missing_extra_is_named_with_the_way_to_get_it() -> None:
    with pytest.raises(ModelUnavailableError, match=r"pip install 'rushes\[ocr\]'"):
        require_ocr()


@pytest.mark.skipif(not INSTALLED, reason="needs the extra ocr")
def test_area_of_drawn_text_is_found() -> None:
    picture = np.full((256, 454, 3), 90, np.uint8)
    assert text_share(picture) == 0
    cv2.putText(picture, "hello world", (60, 200), 0, 1, (255, 255, 255), 2)
    # The letters' box is 182 x 30 px.
    assert text_share(picture) == pytest.approx(182 * 30 / picture[..., 0].size, rel=0.4)


def test_clip_that_no_detector_saw_has_no_score() -> None:
    with pytest.raises(Unmeasurable, match="not_asked"):
        share(panning(3.0))
