import json
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image as PilImage

from curate.embedders import load_embedder
from curate.search import search, text_vectors
from manifests.corpus import Corpus, rows_of
from manifests.errors import ConfigError

NAME = "rushes-tiny-search"
MODEL = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 64, "layers": 2, "width": 64, "head_width": 32, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A small open_clip model with random weights in a local file."""
    folder = tmp_path_factory.mktemp("weights")
    (folder / f"{NAME}.json").write_text(json.dumps(MODEL))
    open_clip.add_model_config(folder / f"{NAME}.json")
    torch.manual_seed(0)
    torch.save(open_clip.create_model(NAME).state_dict(), folder / "model.pt")
    return f"open_clip:{NAME}@{folder / 'model.pt'}"


def test_our_picture_vectors_are_those_of_open_clip(spec: str) -> None:
    rng = np.random.default_rng(0)
    sizes = [(90, 120), (120, 90), (64, 64), (200, 300)]
    pictures = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]
    file = spec.partition("@")[2]
    model, _, transform = open_clip.create_model_and_transforms(NAME, file)
    with torch.inference_mode():
        pixels = torch.stack([transform(PilImage.fromarray(picture)) for picture in pictures])
        theirs = model.eval().encode_image(pixels, normalize=True).numpy()
    ours = load_embedder(spec, device="cpu", batch_size=3).embed(pictures)
    assert (1 - (ours * theirs).sum(axis=1) < 1e-3).all()


def test_text_vectors_are_those_of_open_clip(spec: str) -> None:
    texts = ["a hand opens a drawer", "a red ball"]
    model = open_clip.create_model(NAME, spec.partition("@")[2]).eval()
    with torch.inference_mode():
        theirs = model.encode_text(open_clip.get_tokenizer(NAME)(texts)).numpy()
    theirs /= np.linalg.norm(theirs, axis=1, keepdims=True)
    np.testing.assert_allclose(text_vectors(spec, texts), theirs, atol=1e-5)


def test_the_clip_along_the_query_comes_first(tmp_path: Path) -> None:
    corpus = Corpus(str(tmp_path))
    vectors = {"a": [1.0, 0.0], "b": [0.6, 0.8], "c": [0.0, 1.0]}
    rows = [{"clip_id": c, "embed_key": "k", "vector": v} for c, v in vectors.items()]
    corpus.append("embeddings", rows_of("embeddings", rows))
    clips = [
        {"clip_id": c, "video_id": "v", "measure_key": "m", "start_s": 0.0, "end_s": 2.0}
        for c in vectors
    ]
    corpus.append("clips", rows_of("clips", clips))
    video = {"uri": "x.mp4", "video_id": "v", "status": "ok", "measured_key": "m"}
    corpus.append("videos", rows_of("videos", [video]))
    found = search(corpus, "k", np.array([0.0, 1.0], np.float32), 2)
    assert found["clip_id"].to_list() == ["c", "b"]
    assert found["similarity"].to_list() == pytest.approx([1.0, 0.8])
    assert found["uri"].to_list() == ["x.mp4", "x.mp4"]


def test_an_embedder_without_words_is_refused() -> None:
    with pytest.raises(ConfigError, match="knows pictures and no words"):
        text_vectors("bundled", ["a hand"])
