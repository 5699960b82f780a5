from pathlib import Path

import numpy as np
import pytest
import torch
from efficientnet_lite_pytorch import EfficientNet

from curate import bundled
from curate.bundled import Image, load_bundled, preprocess, weights_path
from manifests.errors import ModelUnavailableError


def picture(height: int, width: int) -> Image:
    """Gradients, a disc and some grain: natural enough to excite the network."""
    y, x = np.mgrid[:height, :width]
    disc = np.hypot(y - height * 0.4, x - width * 0.6) < height * 0.25
    grain = np.random.default_rng(1).normal(0, 12, (height, width))
    planes = [255 * x / width, 255 * y / height, np.where(disc, 220, 40)]
    return np.stack([(p + grain).clip(0, 255) for p in planes], axis=-1).astype(np.uint8)


def test_features_equal_those_of_the_implementation_the_weights_come_from() -> None:
    reference = EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=str(weights_path())
    ).eval()
    pixels = preprocess([picture(300, 420), picture(256, 256)])
    with torch.inference_mode():
        ours = load_bundled().forward_features(pixels)  # type: ignore[operator]
        theirs = reference.extract_features(pixels)
    assert ours.shape == (2, 1280, 7, 7)
    assert float(theirs.abs().max()) > 1  # a network of zeros would agree as well
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_preprocessing_crops_the_centre_and_scales_by_127_and_128() -> None:
    image = np.full((256, 400, 3), 255, np.uint8)
    image[:, :80] = 0  # left of the central 224 of 400 px
    pixels = preprocess([image])
    assert pixels.shape == (1, 3, 224, 224)
    assert pixels.dtype == torch.float32
    assert torch.all(pixels == 1.0)


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param((1, 1), id="one-pixel"),
        pytest.param((40, 999), id="flat"),
        pytest.param((999, 40), id="tall"),
        pytest.param((257, 255), id="odd"),
    ],
)
def test_every_size_becomes_the_model_input(shape: tuple[int, int]) -> None:
    image = np.full((*shape, 3), 127, np.uint8)
    pixels = preprocess([image])
    assert pixels.shape == (1, 3, 224, 224)
    assert torch.all(pixels == 0)


def test_a_file_of_another_network_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.pth"
    torch.save({"weight": torch.zeros(3)}, other)
    monkeypatch.setattr(bundled, "weights_path", lambda: other)
    with pytest.raises(ModelUnavailableError, match=r"does not fit EfficientNet-Lite0"):
        load_bundled()
