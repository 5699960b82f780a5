import json
from pathlib import Path

import numpy as np
import open_clip
import pytest
import timm
import torch
from PIL import Image as PilImage

from curate.bundled import Image
from curate.embedders import Embedder, candidate_similarity, load_embedder
from manifests.errors import ConfigError, ModelUnavailableError

TINY_OPEN_CLIP = {
    "embed_dim": 48,
    "vision_cfg": {"image_size": 64, "layers": 2, "width": 64, "head_width": 32, "patch_size": 16},
    "text_cfg": {"context_length": 8, "vocab_size": 64, "width": 32, "heads": 2, "layers": 1},
}


@pytest.fixture(scope="module")
def open_clip_spec(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("open_clip")
    config = folder / "rushes-tiny.json"
    config.write_text(json.dumps(TINY_OPEN_CLIP))
    open_clip.add_model_config(config)
    torch.manual_seed(0)
    torch.save(open_clip.create_model("rushes-tiny").state_dict(), folder / "tiny.pt")
    return f"open_clip:rushes-tiny@{folder / 'tiny.pt'}"


@pytest.fixture(scope="module")
def timm_spec(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("timm") / "resnet.pth"
    torch.manual_seed(0)
    torch.save(timm.create_model("test_resnet").state_dict(), file)
    return f"timm:test_resnet@{file}"


@pytest.fixture(scope="module", params=["bundled", "open_clip", "timm"])
def embedder(request: pytest.FixtureRequest) -> Embedder:
    name = request.param
    spec = name if name == "bundled" else request.getfixturevalue(f"{name}_spec")
    return load_embedder(spec, device="cpu", batch_size=3)


def pictures() -> list[Image]:
    rng = np.random.default_rng(0)
    sizes = [(40, 60), (300, 200), (64, 64), (17, 90), (256, 455)]
    return [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]


def test_pictures_of_any_size_become_unit_rows(embedder: Embedder) -> None:
    vectors = embedder.embed(pictures())
    assert vectors.shape == (5, embedder.dim)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_same_pictures_give_the_same_vectors(embedder: Embedder) -> None:
    np.testing.assert_array_equal(embedder.embed(pictures()), embedder.embed(pictures()))


def test_vector_does_not_depend_on_the_rest_of_the_batch(embedder: Embedder) -> None:
    together = embedder.embed(pictures())
    alone = np.concatenate([embedder.embed([picture]) for picture in pictures()])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_different_pictures_give_different_vectors(embedder: Embedder) -> None:
    dark, bright = np.zeros((64, 64, 3), np.uint8), np.full((64, 64, 3), 255, np.uint8)
    first, second = embedder.embed([dark, bright])
    assert float(first @ second) < 0.9999


def test_no_pictures_give_no_rows(embedder: Embedder) -> None:
    assert embedder.embed([]).shape == (0, embedder.dim)


def test_pictures_are_not_changed(embedder: Embedder) -> None:
    given = pictures()
    embedder.embed(given)
    for before, after in zip(pictures(), given, strict=True):
        np.testing.assert_array_equal(before, after)


def test_open_clip_vectors_are_those_of_its_own_image_tower(open_clip_spec: str) -> None:
    file = open_clip_spec.partition("@")[2]
    model, _, transform = open_clip.create_model_and_transforms("rushes-tiny", file)
    model.eval()
    with torch.inference_mode():
        pixels = torch.stack([transform(PilImage.fromarray(p)) for p in pictures()])
        expected = model.encode_image(pixels, normalize=True).numpy()
    ours = load_embedder(open_clip_spec, device="cpu").embed(pictures())
    np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_candidate_similarity_is_known_without_loading() -> None:
    for spec in ("bundled", "open_clip:ViT-B-32/openai", "timm:resnet18"):
        assert 0 < candidate_similarity(spec) < 1


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        pytest.param("vjepa2:vit_large", "no image embedder", id="video-encoder"),
        pytest.param("bundled:stride8", "inner map", id="inner-map"),
        pytest.param("clip:ViT-B-32", "did you mean open_clip?", id="family"),
        pytest.param("open_clip:ViT-B32/openai", "did you mean ViT-B-32?", id="open_clip-model"),
        pytest.param("open_clip:ViT-B-32/opena", "openai, laion400m_e31", id="open_clip-tag"),
        pytest.param("timm:resnet17", "did you mean resnet1", id="timm-model"),
        pytest.param("timm:resnet18.nope", "resnet18 has the tags", id="timm-tag"),
    ],
)
def test_wrong_spec_is_refused(spec: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_embedder(spec)
    assert said in str(refused.value)


@pytest.mark.parametrize("model", ["open_clip:ViT-B-32", "timm:resnet18"])
def test_missing_file_is_named(model: str) -> None:
    with pytest.raises(ModelUnavailableError, match=r"there is no file /nowhere/w\.pt"):
        load_embedder(f"{model}@/nowhere/w.pt")


@pytest.mark.parametrize("model", ["open_clip:ViT-S-32-alt", "timm:test_resnet"])
@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04"])
def test_file_that_is_no_checkpoint_is_refused(tmp_path: Path, model: str, content: bytes) -> None:
    file = tmp_path / "w.pt"
    file.write_bytes(content)
    with pytest.raises(ModelUnavailableError, match="does not hold weights of"):
        load_embedder(f"{model}@{file}")


def test_weights_of_another_model_are_refused(timm_spec: str) -> None:
    file = timm_spec.partition("@")[2]
    with pytest.raises(ModelUnavailableError, match="tensors are missing"):
        load_embedder(f"timm:test_vit@{file}")


@pytest.mark.parametrize(
    "spec", ["open_clip:ViT-B-32/laion2b_s34b_b79k", "timm:vit_small_patch14_dinov2.lvd142m"]
)
def test_unreachable_hub_gives_one_message_with_the_alternatives(
    spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelUnavailableError) as refused:
        load_embedder(spec)
    message = str(refused.value)
    assert message.startswith(spec)
    assert "@FILE" in message
    assert "`bundled`" in message
    assert "\n" not in message
    assert refused.value.__suppress_context__


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_cuda_is_refused_where_it_does_not_exist() -> None:
    with pytest.raises(ConfigError, match="no CUDA device"):
        load_embedder("bundled", device="cuda")


@pytest.mark.gpu
def test_half_precision_on_cuda_agrees_with_the_cpu() -> None:
    on_gpu = load_embedder("bundled", device="cuda").embed(pictures())
    on_cpu = load_embedder("bundled", device="cpu").embed(pictures())
    assert float((on_gpu * on_cpu).sum(axis=1).min()) > 0.99
