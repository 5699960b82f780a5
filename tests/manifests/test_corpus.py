from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from manifests.corpus import Corpus, rows_of
from manifests.errors import StorageError
from manifests.schemas import TABLES, scores_table


def _video(uri: str, video: str, **more: Any) -> dict[str, Any]:
    return {"uri": uri, "video_id": video, "status": "ok", **more}


def _clip(clip: str, video: str, key: str = "k1") -> dict[str, Any]:
    return {"clip_id": clip, "video_id": video, "measure_key": key}


def _scores(clip: str, key: str = "k1", **values: float) -> pa.Table:
    schema = scores_table(list(values)).schema
    row = {"clip_id": clip, "measure_key": key, "missing": [("x", "black")], **values}
    return pa.Table.from_pylist([row], schema=schema)


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return Corpus(str(tmp_path / "corpus"))


@pytest.mark.parametrize("name", [*TABLES, "scores"])
def test_a_table_that_was_never_written_reads_as_empty(corpus: Corpus, name: str) -> None:
    assert corpus.read(name).is_empty()
    assert corpus.version(name) is None


def test_upsert_replaces_the_row_of_a_uri_and_keeps_others(corpus: Corpus) -> None:
    corpus.upsert("videos", rows_of("videos", [_video("a", "1"), _video("b", "2")]))
    corpus.upsert("videos", rows_of("videos", [_video("b", "3"), _video("c", "4")]))
    found = dict(corpus.read("videos").select("uri", "video_id").iter_rows())
    assert found == {"a": "1", "b": "3", "c": "4"}


def test_rows_are_visible_only_when_a_video_vouches_for_them(corpus: Corpus) -> None:
    corpus.append("clips", rows_of("clips", [_clip("c1", "v1"), _clip("c2", "v2")]))
    corpus.append("scores", _scores("c1", good=1.0))
    corpus.append("scores", _scores("c2", good=2.0))
    assert corpus.read("clips").is_empty()
    corpus.upsert("videos", rows_of("videos", [_video("a", "v1", measured_key="k1")]))
    assert corpus.read("clips")["clip_id"].to_list() == ["c1"]
    assert corpus.read("scores")["clip_id"].to_list() == ["c1"]


def test_orphans_are_purged_and_visible_rows_stay(corpus: Corpus) -> None:
    corpus.append("clips", rows_of("clips", [_clip("c1", "v1"), _clip("c2", "v'2")]))
    corpus.append("scores", _scores("c2", good=2.0))
    corpus.upsert("videos", rows_of("videos", [_video("a", "v1", measured_key="k1")]))
    assert corpus.purge_orphans() == 2
    assert corpus.committed("clips").collect()["clip_id"].to_list() == ["c1"]
    versions = corpus.versions()
    assert corpus.purge_orphans() == 0
    assert corpus.versions() == versions


def test_a_new_score_is_a_new_column_with_null_for_old_rows(corpus: Corpus) -> None:
    corpus.upsert("videos", rows_of("videos", [_video("a", "v1", measured_key="k1")]))
    corpus.append("clips", rows_of("clips", [_clip("c1", "v1"), _clip("c2", "v1")]))
    corpus.append("scores", _scores("c1", old=1.0))
    corpus.append("scores", _scores("c2", old=1.0, new=3.0))
    assert dict(corpus.read("scores").select("clip_id", "new").iter_rows()) == {"c1": None, "c2": 3}


def test_replace_touches_only_rows_of_the_value(corpus: Corpus) -> None:
    def row(clip: str, key: str, keep: bool) -> dict[str, Any]:
        return {"clip_id": clip, "policy_key": key, "keep": keep, "reasons": []}

    corpus.replace("decisions", rows_of("decisions", [row("c", "p", True)]), "policy_key", "p")
    corpus.replace("decisions", rows_of("decisions", [row("c", "q", True)]), "policy_key", "q")
    corpus.replace("decisions", rows_of("decisions", [row("c", "p", False)]), "policy_key", "p")
    found = dict(corpus.read("decisions").select("policy_key", "keep").iter_rows())
    assert found == {"p": False, "q": True}
    with pytest.raises(ValueError, match="policy_key = 'p'"):
        corpus.replace("decisions", rows_of("decisions", [row("c", "q", True)]), "policy_key", "p")


def test_an_unknown_column_is_refused() -> None:
    with pytest.raises(ValueError, match="no column \\['colour'\\]"):
        rows_of("videos", [{"uri": "a", "colour": "red"}])


def test_a_damaged_table_is_a_storage_error_that_names_it(corpus: Corpus, tmp_path: Path) -> None:
    corpus.upsert("videos", rows_of("videos", [_video("a", "v1")]))
    log = next((tmp_path / "corpus/tables/videos/_delta_log").glob("*.json"))
    log.write_text("not json")
    with pytest.raises(StorageError, match="videos"):
        corpus.read("videos")


def test_run_records_come_back_in_order(corpus: Corpus) -> None:
    corpus.write_run("20260101T000000-a", {"n": 1})
    corpus.write_run("20260102T000000-a", {"n": 2})
    assert [run["n"] for run in corpus.runs()] == [1, 2]


def test_tens_of_thousands_of_orphans_are_purged(corpus: Corpus) -> None:
    corpus.append("clips", rows_of("clips", [_clip(f"{i}", f"v{i}") for i in range(40_000)]))
    corpus.upsert("videos", rows_of("videos", [_video("a", "v7", measured_key="k1")]))
    assert corpus.purge_orphans() == 39_999
    assert corpus.read("clips")["clip_id"].to_list() == ["7"]


def test_rows_of_a_failed_video_are_not_visible(corpus: Corpus) -> None:
    corpus.append("clips", rows_of("clips", [_clip("c1", "v1")]))
    failed = {"uri": "a", "video_id": "v1", "status": "failed", "measured_key": "k1"}
    corpus.upsert("videos", rows_of("videos", [failed]))
    assert corpus.read("clips").is_empty()
    assert corpus.purge_orphans() == 1
