import pytest

from manifests.ids import SAMPLE_BYTES, clip_id, video_id
from manifests.keys import stage_key


def _id(content: bytes) -> str:
    return video_id(len(content), lambda offset, length: content[offset : offset + length])


def test_equal_content_has_equal_id_and_a_changed_byte_another() -> None:
    content = bytes(range(256)) * 40
    assert _id(content) == _id(bytes(content))
    assert _id(content) != _id(content[:-1] + b"\x00")
    assert len(_id(b"")) == 32


def test_a_large_file_is_read_at_three_places_only() -> None:
    size, read = 50 << 20, []

    def reader(offset: int, length: int) -> bytes:
        read.append((offset, length))
        return bytes(length)

    video_id(size, reader)
    assert sum(length for _, length in read) == 3 * SAMPLE_BYTES
    assert read[0][0] == 0
    assert read[-1][0] + read[-1][1] == size


def test_clip_id_depends_on_video_and_span_alone() -> None:
    assert clip_id("v", 0, 10) == clip_id("v", 0, 10)
    assert len({clip_id("v", 0, 10), clip_id("w", 0, 10), clip_id("v", 1, 10)}) == 3


def test_an_empty_span_is_refused() -> None:
    with pytest.raises(ValueError, match="start_pts 5, end_pts 5"):
        clip_id("v", 5, 5)


def test_stage_key_changes_with_each_of_its_parts_and_not_with_order_of_settings() -> None:
    base = stage_key("measure", 1, {"a": 1, "b": 2}, "up")
    assert base == stage_key("measure", 1, {"b": 2, "a": 1}, "up")
    others = {
        stage_key("embed", 1, {"a": 1, "b": 2}, "up"),
        stage_key("measure", 2, {"a": 1, "b": 2}, "up"),
        stage_key("measure", 1, {"a": 1, "b": 3}, "up"),
        stage_key("measure", 1, {"a": 1, "b": 2}, "down"),
    }
    assert base not in others
    assert len(others) == 4
