"""Damaged files: every one ends as ok, partial or failed with a word, in bounded time."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from curate.config import Config, Limits, load_config
from curate.isolate import Isolated
from curate.measure import measure_video
from manifests.errors import VIDEO_ERRORS, BadVideoError
from tests.videos import Videos

BASES = ("plain", "webm", "mpeg_ts", "odd_size", "with_sound")


def _damage(content: bytes, rng: np.random.Generator) -> bytes:
    """Cut off, overwrite, zero, repeat or remove a part."""
    data = bytearray(content)
    start = int(rng.integers(0, len(data)))
    length = int(rng.integers(1, max(2, len(data) // 8)))
    kind = rng.integers(0, 5)
    if kind == 0:
        return bytes(data[:start])
    if kind == 1:
        for place in rng.integers(0, len(data), 20):
            data[place] = int(rng.integers(0, 256))
    elif kind == 2:
        data[start : start + length] = bytes(len(data[start : start + length]))
    elif kind == 3:
        data[start:start] = data[start : start + length]
    else:
        del data[start : start + length]
    return bytes(data)


@pytest.mark.parametrize("base", BASES)
def test_damage_of_any_kind_is_a_row_and_never_a_crash(
    base: str, videos: Videos, tmp_path: Path
) -> None:
    rng = np.random.default_rng(len(base))
    content = videos[base].path.read_bytes()
    config = load_config(None, ["clips.min_s=0.5"])
    found: Counter[str] = Counter()
    with Isolated(Limits(timeout_s=20)) as isolated:
        for number in range(25):
            path = tmp_path / f"{number}{videos[base].path.suffix}"
            path.write_bytes(_damage(content, rng))
            found[_outcome(isolated, path, config)] += 1
    assert set(found) <= {"ok", "partial", *VIDEO_ERRORS}
    assert not any(word.startswith("decoder_") for word in found), found
    assert sum(found.values()) == 25
    assert len(found) > 1, "the damage was too mild to test anything"


def _outcome(isolated: Isolated, path: Path, config: Config) -> str:
    """Status of a file that was measured, error word of one that was not."""
    try:
        facts = isolated.call(measure_video, str(path), "v", "k", config).facts
    except BadVideoError as error:
        return error.word
    assert (facts["error"] is None) == (facts["status"] == "ok")
    assert facts["frames"] >= 1
    return str(facts["status"])
