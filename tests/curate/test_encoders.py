import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import timm
import torch
from PIL import Image as PilImage
from timm.data.config import resolve_data_config
from timm.data.transforms_factory import create_transform
from torch.nn import functional

from curate.backbones import Backbone, faster_precision
from curate.bundled import Image
from curate.encoders import Encoder, NotFiniteError, Tokens, load_encoder, prove_causal
from curate.specs import Spec
from filters.base import Frames
from manifests.errors import ConfigError, ModelUnavailableError

TINY = {
    "embed_dim": 48,
    "vision_cfg": {"image_size": 64, "layers": 2, "width": 64, "head_width": 32, "patch_size": 16},
    "text_cfg": {"context_length": 8, "vocab_size": 64, "width": 32, "heads": 2, "layers": 1},
}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of small models, one file each."""
    folder = tmp_path_factory.mktemp("weights")
    config = folder / "rushes-tiny-tokens.json"
    config.write_text(json.dumps(TINY))
    open_clip.add_model_config(config)
    torch.manual_seed(0)
    clip = open_clip.create_model("rushes-tiny-tokens")
    torch.save(clip.state_dict(), folder / "rushes-tiny-tokens.pt")
    for name in ("test_vit", "test_resnet"):
        torch.save(timm.create_model(name).state_dict(), folder / f"{name}.pt")
    return folder


def clip_frames(steps: int = 6) -> Frames:
    return np.random.default_rng(1).integers(0, 256, (steps, 90, 120, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("model", "grid", "channels"),
    [
        pytest.param("bundled", 4, 1280, id="bundled"),
        pytest.param("bundled:stride8", 28, 40, id="bundled-stride8"),
        pytest.param("bundled:stride16", 14, 112, id="bundled-stride16"),
        pytest.param("open_clip:rushes-tiny-tokens", 2, 64, id="open_clip-vit"),
        pytest.param("timm:test_vit", 4, 64, id="timm-vit"),
        pytest.param("timm:test_resnet", 3, 96, id="timm-conv"),
    ],
)
def test_frames_become_causal_tokens(weights: Path, model: str, grid: int, channels: int) -> None:
    spec = (
        model if model.startswith("bundled") else f"{model}@{weights / model.partition(':')[2]}.pt"
    )
    encoder = load_encoder(spec, grid=grid, device="cpu", batch_size=4)
    tokens = encoder.encode(clip_frames())
    assert tokens.shape == (6, grid * grid, encoder.channels)
    assert (encoder.tokens, encoder.channels) == (grid * grid, channels)
    assert tokens.dtype == np.float16
    assert encoder.causal
    assert encoder.spec == spec
    np.testing.assert_array_equal(tokens, encoder.encode(clip_frames()))


def test_open_clip_tokens_are_its_patch_tokens_before_pooling(weights: Path) -> None:
    file = weights / "rushes-tiny-tokens.pt"
    model, _, transform = open_clip.create_model_and_transforms("rushes-tiny-tokens", str(file))
    model.eval()
    model.visual.output_tokens = True
    with torch.inference_mode():
        pixels = torch.stack([transform(PilImage.fromarray(frame)) for frame in clip_frames()])
        expected = model.visual(pixels)[1].numpy()  # (6, 16, 64), a 4 x 4 map
    ours = load_encoder(f"open_clip:rushes-tiny-tokens@{file}", grid=4, device="cpu")
    np.testing.assert_allclose(ours.encode(clip_frames()), expected, atol=2e-3)


def test_timm_tokens_leave_out_the_class_token_and_keep_the_map_upright(weights: Path) -> None:
    model: Any = timm.create_model("test_vit", num_classes=0)
    stored = torch.load(weights / "test_vit.pt", weights_only=True)
    model.load_state_dict(stored, strict=False)
    transform: Any = create_transform(**resolve_data_config({}, model=model))  # type: ignore[no-untyped-call]
    with torch.inference_mode():
        pixels = torch.stack([transform(PilImage.fromarray(frame)) for frame in clip_frames()])
        patches = model.eval().forward_features(pixels)[:, 1:]
    side = int(patches.shape[1] ** 0.5)
    half = side // 2
    corner = patches.unflatten(1, (side, side))[:, :half, half:].mean((1, 2)).numpy()
    encoder = load_encoder(f"timm:test_vit@{weights / 'test_vit.pt'}", grid=2, device="cpu")
    top_right = encoder.encode(clip_frames())[:, 1]
    np.testing.assert_allclose(top_right, corner, atol=2e-3)


def test_grid_finer_than_the_patches_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"encode\.grid = 8 is finer than the 7 x 7 patches"):
        load_encoder("bundled", grid=8, device="cpu")


def test_no_frames_are_refused(weights: Path) -> None:
    encoder = load_encoder(f"timm:test_resnet@{weights / 'test_resnet.pt'}", grid=1, device="cpu")
    with pytest.raises(ValueError, match="at least one frame"):
        encoder.encode(clip_frames(0))


def per_frame(frames: Frames) -> Tokens:
    return frames[:, :4, :4].reshape(len(frames), 16, 3).astype(np.float16)


def bidirectional(frames: Frames) -> Tokens:
    tokens = per_frame(frames)
    return np.asarray(tokens + 0.05 * tokens.mean(axis=0, keepdims=True), np.float16)


def forward_looking(frames: Frames) -> Tokens:
    tokens = per_frame(frames)
    return np.concatenate([tokens[1:], tokens[-1:]])


def backward_looking(frames: Frames) -> Tokens:
    tokens = per_frame(frames)
    return np.concatenate([tokens[:1], tokens[:-1]])


@pytest.mark.parametrize("encode", [per_frame, backward_looking])
def test_encoder_of_the_present_and_the_past_is_causal(encode: Callable[[Frames], Tokens]) -> None:
    prove_causal(encode, clip_frames())


@pytest.mark.parametrize("encode", [bidirectional, forward_looking])
def test_encoder_that_sees_the_future_is_refused(encode: Callable[[Frames], Tokens]) -> None:
    with pytest.raises(ConfigError, match="not causal"):
        prove_causal(encode, clip_frames())


def test_causality_needs_two_frames() -> None:
    with pytest.raises(ValueError, match="at least 2 frames"):
        prove_causal(per_frame, clip_frames(1))


def constant_backbone(value: float) -> Backbone:
    """A model whose every patch has the same value."""

    def preprocess(images: Sequence[Image]) -> torch.Tensor:
        return torch.zeros(len(images), 3, 8, 8)

    def patches(pixels: torch.Tensor) -> torch.Tensor:
        return functional.avg_pool2d(pixels, 2) + value

    cpu = torch.device("cpu")
    return Backbone(Spec("timm", "constant"), cpu, preprocess, patches, patches)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 65536.0, -1e6])
def test_numbers_that_float16_cannot_hold_are_refused(value: float) -> None:
    with pytest.raises(NotFiniteError):
        Encoder(constant_backbone(value), grid=2, batch_size=4)


def test_largest_float16_is_kept() -> None:
    encoder = Encoder(constant_backbone(65504.0), grid=2, batch_size=4)
    assert float(encoder.encode(clip_frames()).max()) == 65504.0


def test_unknown_vjepa2_model_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="vit_large, vit_huge, vit_giant, vit_giant_384"):
        load_encoder("vjepa2:vit_larg")


def test_missing_vjepa2_weights_are_named() -> None:
    with pytest.raises(ModelUnavailableError, match=r"there is no file /nowhere/vitl\.pt"):
        load_encoder("vjepa2:vit_large@/nowhere/vitl.pt")


def _stand_in(slow: bool, clock: list[float]) -> Backbone:
    """A model whose time in bfloat16 is half or twice that in float32, on a clock of its own."""

    def patches(pixels: torch.Tensor) -> torch.Tensor:
        half = torch.is_autocast_enabled("cpu")
        clock[0] += (2.0 if slow else 0.5) if half else 1.0
        return pixels

    def preprocess(images: Sequence[Image]) -> torch.Tensor:
        return torch.zeros(len(images), 3, 8, 8)

    return Backbone(Spec("bundled"), torch.device("cpu"), preprocess, patches, patches)


@pytest.mark.parametrize(("slow", "chosen"), [(True, "float32"), (False, "bfloat16")])
def test_precision_is_what_a_trial_finds_faster(slow: bool, chosen: str) -> None:
    clock = [0.0]
    found = faster_precision(_stand_in(slow, clock), seconds=60, clock=lambda: clock[0])
    assert found == chosen


def test_bfloat16_tokens_are_those_of_float32_but_for_rounding() -> None:
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)
    full = load_encoder("bundled", grid=2, device="cpu").encode(frames).astype(float)
    half = load_encoder("bundled", grid=2, device="cpu", cpu_precision="bfloat16").encode(frames)
    assert not np.array_equal(half, full)
    norms = np.linalg.norm(half.astype(float), axis=-1) * np.linalg.norm(full, axis=-1)
    assert ((half * full).sum(-1) / norms > 0.99).all()
