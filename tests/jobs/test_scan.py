from pathlib import Path
from typing import Any

import pytest

from curate.config import load_config
from curate.keys import stage_keys
from jobs import scan as scan_module
from jobs.cluster import Cluster
from jobs.run import Run
from manifests.corpus import Corpus, rows_of


class _Silent:
    def start(self, stage: str, total: int, unit: str) -> None:
        pass

    def advance(self, count: int, detail: str = "") -> None:
        pass

    def end(self) -> None:
        pass


def _run(tmp_path: Path) -> Run:
    config = load_config(None, ["embed.spec=bundled", "encode.spec=bundled"])
    corpus = Corpus(str(tmp_path / "corpus"))
    return Run(corpus, config, stage_keys(config), Cluster(0, 0, 0), _Silent(), corpus.lock("test"))


def _row(uri: str, video: str) -> dict[str, Any]:
    return {"uri": uri, "video_id": video, "scan_key": "k", "status": "pending"}


def test_rows_are_committed_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan_module, "COMMIT_ROWS", 2)
    run = _run(tmp_path)
    committer = scan_module._Committer(run)
    committer.add([_row("a", "1")])
    assert run.corpus.read("videos").height == 0
    committer.add([_row("b", "2")])
    assert run.corpus.read("videos").height == 2
    committer.add([_row("c", "3")])
    committer.commit()
    committer.commit()
    assert sorted(run.corpus.read("videos")["uri"]) == ["a", "b", "c"]


def test_rows_that_waited_long_are_committed_while_nothing_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = _run(tmp_path)
    committer = scan_module._Committer(run)
    committer.add([_row("a", "1")])
    monkeypatch.setattr(scan_module, "COMMIT_S", 0.0)
    committer.add([])
    assert run.corpus.read("videos")["uri"].to_list() == ["a"]


def test_a_measured_video_keeps_its_facts_when_its_names_change_in_two_batches(
    tmp_path: Path,
) -> None:
    run = _run(tmp_path)
    measured = {**_row("a", "1"), "status": "ok", "measured_key": "m"}
    run.corpus.upsert("videos", rows_of("videos", [measured]))
    committer = scan_module._Committer(run)
    for row in (_row("a", "2"), _row("b", "1")):  # "a" has new content, "b" has the old
        committer.add([row])
        committer.commit()
    found = run.corpus.read("videos").sort("uri").select("uri", "status", "measured_key")
    assert found.rows() == [("a", "pending", None), ("b", "ok", "m")]
