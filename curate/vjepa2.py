"""V-JEPA 2 as a per-frame encoder: each frame is doubled to one tubelet, as V-JEPA 2-AC does.

A whole-clip encoding attends to later frames, which would hand the latent action its answer.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import torch

from curate.backbones import Backbone, explained, on_device, with_transform
from curate.bundled import Image
from curate.specs import Spec, nearest, weights_file
from manifests.errors import ConfigError

_REPOSITORY: Final = "facebookresearch/vjepa2:16de6c80c258eab97f0517f69399576f06568cb9"
"""Pinned, since torch.hub runs what it fetches."""

_WEIGHTS_URL: Final = "https://dl.fbaipublicfiles.com/vjepa2"
"""The weights' home; at the pinned commit hubconf's own address points to localhost."""

_FILES: Final = {
    "vit_large": ("vitl.pt", 256),
    "vit_huge": ("vith.pt", 256),
    "vit_giant": ("vitg.pt", 256),
    "vit_giant_384": ("vitg-384.pt", 384),
}
"""Model -> file at `_WEIGHTS_URL`, side of its input in px (src/hub/backbones.py)."""

_PATCH_PX: Final = 16
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def load_vjepa2(spec: Spec, device: torch.device) -> Backbone:
    """Load V-JEPA 2's encoder; its code comes from torch.hub, its weights from the web or a file.

    Raises:
        ConfigError: There is no such model.
        ModelUnavailableError: Code or weights can be had neither from a file nor from the web.
    """
    if spec.name not in _FILES:
        close = nearest(spec.name, list(_FILES))
        raise ConfigError(f"{spec}: vjepa2 has the models {', '.join(_FILES)}{close}")
    file, side = _FILES[spec.name]
    with explained(spec):
        local = weights_file(spec) if spec.weights else None
        # A pinned commit is no branch's head, which is what torch.hub's validation looks for.
        encoder, _ = torch.hub.load(  # type: ignore[no-untyped-call]
            _REPOSITORY,
            f"vjepa2_{spec.name}",
            pretrained=False,
            trust_repo=True,
            skip_validation=True,
            verbose=False,
        )
        if local:
            stored = torch.load(local, map_location="cpu", weights_only=True)
        else:
            stored = torch.hub.load_state_dict_from_url(
                f"{_WEIGHTS_URL}/{file}", map_location="cpu", weights_only=True
            )
        _fill(encoder, stored)
    model: Any = on_device(encoder, device)
    cells = side // _PATCH_PX

    def patches(pixels: torch.Tensor) -> torch.Tensor:
        tubelets = pixels.unsqueeze(2).repeat(1, 1, 2, 1, 1)  # (n, 3, 2, h, w)
        tokens = model(tubelets)  # (n, h' * w', D)
        return tokens.transpose(1, 2).unflatten(2, (cells, cells))  # type: ignore[no-any-return]

    def vectors(pixels: torch.Tensor) -> torch.Tensor:
        return patches(pixels).mean((2, 3))

    return Backbone(spec, device, _preprocessing(side), vectors, patches)


def _fill(encoder: torch.nn.Module, stored: dict[str, Any]) -> None:
    """Copy the target encoder's tensors; its position table is unused (the model has RoPE)."""
    weights = {
        name.replace("module.", "").replace("backbone.", ""): tensor
        for name, tensor in stored["target_encoder"].items()
    }
    absent = encoder.load_state_dict(weights, strict=False).missing_keys
    if absent:
        raise RuntimeError(f"{len(absent)} tensors are missing, e.g. {absent[0]}")


def _preprocessing(side: int) -> Callable[[Sequence[Image]], torch.Tensor]:
    """The evaluation crop of V-JEPA 2: `side` out of a short side of 256 / 224 as much."""
    from torchvision import transforms

    steps = [
        transforms.Resize(int(side * 256 / 224)),
        transforms.CenterCrop(side),
        transforms.ToTensor(),
        transforms.Normalize(_MEAN, _STD),
    ]
    return with_transform(transforms.Compose(steps))
