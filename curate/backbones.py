"""Image models of all families behind one face: pixels in, a vector or a map of patches out."""

import logging
import pickle
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Literal, cast

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image as PilImage
from torch import nn

from curate import bundled
from curate.bundled import Image
from curate.specs import BUNDLED_LAYERS, Spec, nearest, weights_file
from manifests.errors import ConfigError, CurateError, ModelUnavailableError

logger = logging.getLogger(__name__)

Device = Literal["auto", "cpu", "cuda"]

_HUB_TIMEOUT_S: Final = 10.0
"""Time to answer one small request; the hub does so in well under a second."""


_WORTHWHILE: Final = 0.9
"""Share of float32's time: for less than a tenth, tokens are not rounded to 8 bits."""


class NotFiniteError(CurateError, ValueError):
    """A model returned an infinite or undefined number, or one that float16 cannot hold."""


@dataclass(frozen=True, slots=True)
class Backbone:
    """A loaded image model.

    Attributes:
        spec: What was loaded.
        device: Where it runs.
        preprocess: RGB images of any sizes -> (n, 3, h, w) float32, as the weights expect.
        vectors: (n, 3, h, w) -> (n, D), one vector per image, not normalised.
        patches: (n, 3, h, w) -> (n, D, h', w'), one vector per patch of the last layer.
        bfloat16: Whether a CPU computes in it; see `faster_precision`.
    """

    spec: Spec
    device: torch.device
    preprocess: Callable[[Sequence[Image]], torch.Tensor]
    vectors: Callable[[torch.Tensor], torch.Tensor]
    patches: Callable[[torch.Tensor], torch.Tensor]
    bfloat16: bool = False

    def run(
        self,
        forward: Callable[[torch.Tensor], torch.Tensor],
        images: Sequence[Image],
        batch_size: int,
    ) -> npt.NDArray[np.float32]:
        """Apply `forward` to images in batches, without gradients.

        CUDA works in half precision. A CPU does only where `bfloat16` says so: without native
        instructions it is many times slower than float32.

        Raises:
            NotFiniteError: A result is infinite or undefined.
        """
        parts = []
        batches = [images[i : i + batch_size] for i in range(0, len(images), batch_size)]
        with ThreadPoolExecutor(1) as ahead, torch.inference_mode(), self._autocast():
            # The next batch is resized while the model works on this one: two batches at most.
            coming = ahead.submit(self.preprocess, batches[0])
            for following in [*batches[1:], None]:
                pixels = coming.result().to(self.device)
                if following is not None:
                    coming = ahead.submit(self.preprocess, following)
                result = forward(pixels.contiguous(memory_format=torch.channels_last))
                parts.append(result.float().cpu().numpy())
        output = np.concatenate(parts)
        if not np.isfinite(output).all():
            raise NotFiniteError(f"{self.spec} returned an infinite or undefined number")
        return output

    def _autocast(self) -> AbstractContextManager[Any]:
        if self.device.type == "cuda":
            half = torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
            return torch.autocast("cuda", dtype=half)
        return torch.autocast("cpu", dtype=torch.bfloat16) if self.bfloat16 else nullcontext()


def faster_precision(
    backbone: Backbone, *, seconds: float = 5.0, clock: Callable[[], float] = time.perf_counter
) -> Literal["float32", "bfloat16"]:
    """Which precision a CPU is to work in, by trying both in turn on four pictures.

    Args:
        backbone: A model on a CPU.
        seconds: No further turn is begun after this time.
        clock: Seconds.

    Returns:
        bfloat16 where the median of its turns is at most nine tenths of float32's.
    """
    rng = np.random.default_rng(0)
    pictures = list(rng.integers(0, 256, (4, 256, 256, 3), dtype=np.uint8))
    took: dict[bool, list[float]] = {False: [], True: []}
    begin = clock()
    for turn in range(6):  # the first of each warms up
        if turn > 1 and clock() - begin > seconds:
            break
        for half in (False, True):
            chosen, start = replace(backbone, bfloat16=half), clock()
            chosen.run(chosen.patches, pictures, len(pictures))
            took[half].append(clock() - start)
    full, half_s = (float(np.median(took[half][1:] or took[half])) for half in (False, True))
    return "bfloat16" if half_s <= _WORTHWHILE * full else "float32"


def load_backbone(spec: Spec, device: Device = "auto") -> Backbone:
    """Load an image model in evaluation mode.

    Args:
        spec: Of the family bundled, open_clip or timm.
        device: `auto` takes CUDA where it exists.

    Raises:
        ConfigError: The library knows no such model or tag, or there is no such device.
        ModelUnavailableError: The weights can be had neither from a file nor from the hub.
    """
    loaders = {"bundled": _load_bundled, "open_clip": _load_open_clip, "timm": _load_timm}
    if spec.family not in loaders:
        raise ConfigError(f"{spec} is not an image model; take one of {', '.join(loaders)}")
    return loaders[spec.family](spec, choose_device(device))


def choose_device(device: Device) -> torch.device:
    """Where a model runs.

    Raises:
        ConfigError: CUDA was asked for and does not exist.
    """
    available = torch.cuda.is_available()
    if device == "cuda" and not available:
        raise ConfigError("device = cuda, and this machine has no CUDA device")
    return torch.device("cuda" if available and device != "cpu" else "cpu")


def on_device(model: nn.Module, device: torch.device) -> nn.Module:
    """Ready a model for inference: evaluation mode, no gradients, channels last."""
    return model.eval().requires_grad_(False).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


@contextmanager
def explained(spec: Spec) -> Iterator[None]:
    """Turn whatever loading raises into one message without a chain of network tracebacks."""
    from huggingface_hub.errors import HfHubHTTPError
    from safetensors import SafetensorError

    # The hub's HTTP library differs by version (requests, httpx, httpx2); its base error is a
    # base of the hub's own.
    transport = cast(type[Exception], HfHubHTTPError.__mro__[1])
    network = (OSError, RuntimeError, transport)
    # What torch.load raises on bytes that are no checkpoint depends on the bytes.
    damage = (pickle.UnpicklingError, SafetensorError, EOFError, LookupError, ValueError)
    try:
        yield
    except (*network, *damage) as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ModelUnavailableError(_unavailable(spec, reason)) from None


def _unavailable(spec: Spec, reason: str) -> str:
    if spec.weights is not None:
        return f"{spec}: the file does not hold weights of {spec.name} ({reason})"
    others = f"a local weights file ({spec.family}:{spec.name}@FILE)"
    return f"{spec}: the weights cannot be fetched here ({reason}); name {others} or `bundled`"


def _load_bundled(spec: Spec, device: torch.device) -> Backbone:
    with explained(spec):
        model: Any = on_device(bundled.load_bundled(), device)
    patches = model.forward_features  # (n, 1280, 7, 7)
    if spec.name:
        patches = partial(_inner_map, model, BUNDLED_LAYERS[spec.name])
    return Backbone(spec, device, bundled.preprocess, lambda x: patches(x).mean((2, 3)), patches)


def _inner_map(model: Any, layer: int, pixels: torch.Tensor) -> torch.Tensor:
    """(n, D, h', w') of an inner layer; what lies behind it is not computed."""
    (found,) = model.forward_intermediates(
        pixels, indices=[layer], intermediates_only=True, stop_early=True
    )
    return found  # type: ignore[no-any-return]


def _load_open_clip(spec: Spec, device: torch.device) -> Backbone:
    import open_clip  # takes seconds; only who asks for a model pays

    if spec.name not in open_clip.list_models():
        close = nearest(spec.name, open_clip.list_models())
        raise ConfigError(f"{spec}: open_clip knows no model {spec.name}{close}")
    tags = open_clip.list_pretrained_tags_by_model(spec.name)
    with explained(spec):
        if spec.tag:
            if spec.tag not in tags:
                raise ConfigError(f"{spec}: {spec.name} has the tags {', '.join(tags) or 'none'}")
            source = open_clip.get_pretrained_cfg(spec.name, spec.tag)
            if source.get("hf_hub"):
                require_hub("/".join(source["hf_hub"].split("/")[:2]))
            model, _, transform = open_clip.create_model_and_transforms(spec.name, spec.tag)
        else:
            model, _, transform = open_clip.create_model_and_transforms(
                spec.name, str(weights_file(spec)), **_preprocessing(spec.name, tags)
            )
    tower: Any = on_device(model.visual, device)
    # Towers with an attention pool apply their last norm behind it, in another width.
    normed = getattr(tower, "attn_pool", None) is None

    def patches(pixels: torch.Tensor) -> torch.Tensor:
        layers = tower.forward_intermediates(
            pixels, indices=1, normalize_intermediates=normed, intermediates_only=True
        )
        return layers["image_intermediates"][-1]  # type: ignore[no-any-return]

    return Backbone(spec, device, with_transform(transform), tower, patches)


def _preprocessing(name: str, tags: list[str]) -> dict[str, Any]:
    """How a model's published weights want their input, as open_clip's overrides.

    open_clip takes CLIP's mean and spread for every local file, wrong for SigLIP and MobileCLIP.
    """
    import open_clip

    keys = ("mean", "std", "interpolation", "resize_mode")
    published = [open_clip.get_pretrained_cfg(name, tag) for tag in tags]
    distinct = {tuple(cfg.get(key) for key in keys) for cfg in published}
    if len(distinct) != 1:
        return {}
    return {f"image_{key}": value for key, value in zip(keys, distinct.pop(), strict=True)}


def _load_timm(spec: Spec, device: torch.device) -> Backbone:
    import timm
    from timm.data.config import resolve_data_config
    from timm.data.transforms_factory import create_transform

    _check_timm_name(spec)
    with explained(spec):
        if spec.weights is None:
            source = timm.models.get_pretrained_cfg(spec.name)
            if source and source.hf_hub_id:
                require_hub(source.hf_hub_id)
            model: Any = timm.create_model(spec.name, pretrained=True, num_classes=0)
        else:
            file = str(weights_file(spec))
            model = timm.create_model(spec.name, pretrained=False, num_classes=0)
            # Not strict, since a published file has a classifier; but what is built must be there.
            absent = timm.models.load_checkpoint(model, file, strict=False).missing_keys
            if absent:
                raise RuntimeError(f"{len(absent)} tensors are missing, e.g. {absent[0]}")
    model = on_device(model, device)
    config = resolve_data_config({}, model=model)  # type: ignore[no-untyped-call]
    transform: Any = create_transform(**config, is_training=False)

    def patches(pixels: torch.Tensor) -> torch.Tensor:
        return _timm_map(model, model.forward_features(pixels))

    return Backbone(spec, device, with_transform(transform), model, patches)


def _check_timm_name(spec: Spec) -> None:
    import timm

    name, _, tag = spec.name.partition(".")
    if not timm.is_model(name):
        close = nearest(name, timm.list_models())
        raise ConfigError(f"{spec}: timm knows no model {name}{close}")
    tags = [full.partition(".")[2] for full in timm.list_pretrained(f"{name}.*")]
    if tag and tag not in tags:
        raise ConfigError(f"{spec}: {name} has the tags {', '.join(tags) or 'none'}")
    if spec.weights is None and not tags:
        # timm would go on with random weights.
        raise ModelUnavailableError(_unavailable(spec, "timm publishes no weights for it"))


def _timm_map(model: Any, features: torch.Tensor) -> torch.Tensor:
    """Bring timm's features, (n, D, h, w), (n, h, w, D) or (n, tokens, D), to (n, D, h, w)."""
    if features.ndim == 4:
        if features.shape[1] == model.num_features:
            return features
        return features.permute(0, 3, 1, 2)
    tokens = features[:, getattr(model, "num_prefix_tokens", 0) :]
    side = round(tokens.shape[1] ** 0.5)
    height, width = getattr(getattr(model, "patch_embed", None), "grid_size", None) or (side, side)
    if height * width != tokens.shape[1]:
        raise ConfigError(f"{tokens.shape[1]} tokens are no {height} x {width} map of patches")
    return tokens.transpose(1, 2).reshape(*tokens.shape[::2], height, width)


def with_transform(
    transform: Callable[[PilImage.Image], torch.Tensor],
) -> Callable[[Sequence[Image]], torch.Tensor]:
    """Apply a torchvision transform of one picture to many."""

    def preprocess(images: Sequence[Image]) -> torch.Tensor:
        return torch.stack([transform(PilImage.fromarray(image)) for image in images])

    return preprocess


def require_hub(repo: str) -> None:
    """Raise at once where a repository is neither cached nor within reach.

    The downloads themselves repeat every request for most of a minute before they give up.
    """
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        snapshot_download(repo, local_files_only=True)
    except LocalEntryNotFoundError:
        logger.info("%s is not in the cache; asking the hub", repo)
        HfApi().model_info(repo, timeout=_HUB_TIMEOUT_S)
