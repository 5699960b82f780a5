"""Thinning over stored tables: clusters of vectors are planted among clips that are no copies."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from rich.console import Console

from curate.config import to_toml
from curate.keys import stage_keys
from curate.report import write_report
from filters.registry import FILTERS
from jobs.pipeline import Request, execute
from jobs.show import explain, print_explanation
from manifests.corpus import Corpus, rows_of
from manifests.errors import ConfigError
from manifests.schemas import scores_table
from tests.jobs.test_dedup import CLIPS, DIM, _config, arrive, rows
from tests.jobs.test_pipeline import Quiet

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_cluster")]

OFF = [f"policy.filters.{name}.off=true" for name in FILTERS if name != "static_change"]
POLICY = [*OFF, "policy.filters.static_change.low=1.0", "dedup.candidate_similarity=0.6"]


def cluster(corpus: Corpus, first: int, count: int, spread: float = 0.02) -> list[str]:
    """Clips of different scenes and sources whose vectors lie close together."""
    rng = np.random.default_rng(first)
    centre = rng.normal(size=DIM)
    made = []
    for scene in range(first, first + count):
        tables = rows(scene, 0)
        vector = centre + spread * rng.normal(size=DIM)
        tables["embeddings"]["vector"] = (vector / np.linalg.norm(vector)).tolist()
        made.append(tables)
    for table in ("clips", "filmstrips", "embeddings"):
        corpus.append(table, rows_of(table, [m[table] for m in made]))
    corpus.upsert("videos", rows_of("videos", [m["videos"] for m in made]))
    return [m["clips"]["clip_id"] for m in made]


def judge(corpus: Corpus, *more: str) -> dict[str, Any]:
    """Dedup and decide; every clip has a score that passes unless it is stored already."""
    config = _config(*POLICY, *more)
    known = corpus.read("scores")["clip_id"]
    new = corpus.read("clips").filter(~pl.col("clip_id").is_in(known.implode()))["clip_id"]
    key = stage_keys(config).measure
    scored = [{"clip_id": c, "measure_key": key, "static_change": 9.0} for c in new]
    corpus.append("scores", pa.Table.from_pylist(scored, scores_table(list(FILTERS)).schema))
    record, _ = execute(Request(corpus, config, ("dedup", "decide")), Quiet())
    found = corpus.read("decisions").filter(policy_key=stage_keys(config).policy)
    record["verdicts"] = {row["clip_id"]: row for row in found.iter_rows(named=True)}
    return record


def dropped(record: dict[str, Any]) -> dict[str, list[str]]:
    return {
        name: [reason["filter"] for reason in row["reasons"]]
        for name, row in record["verdicts"].items()
        if not row["keep"]
    }


def test_one_of_each_cluster_stays_and_every_other_says_why(tmp_path: Path) -> None:
    corpus = Corpus(str(tmp_path / "corpus"))
    ones, twos = cluster(corpus, 30, 4), cluster(corpus, 50, 3)
    arrive(corpus, [(1, 0), (2, 0), (2, 1)])  # 021 is a copy of 020
    plain = judge(corpus)
    assert dropped(plain) == {"021": ["duplicate"]}
    assert corpus.read("cells").is_empty()
    before = corpus.read("duplicates")
    thinned = judge(corpus, "thin.by=similarity", "thin.bound=0.95")
    assert dropped(thinned) == {"021": ["duplicate"], **{c: ["near"] for c in ones[1:] + twos[1:]}}
    row = thinned["verdicts"][ones[2]]
    assert row["kept_instead"] == ones[0]
    assert 0.95 <= row["reasons"][0]["value"] <= 1
    assert row["reasons"][0]["high"] == 0.95
    assert thinned["stages"]["decide"]["near"] == 5
    assert thinned["totals"]["dropped_by"] == {"duplicate": 1, "near": 5}
    assert corpus.read("duplicates").equals(before)  # nothing is compared for copies again
    cells = corpus.read("cells")
    assert set(cells["clip_id"]) == set(thinned["verdicts"])
    assert cells["centre"].is_between(-1, 1).all()
    versions = corpus.versions()
    assert dropped(judge(corpus, "thin.by=similarity", "thin.bound=0.95")) == dropped(thinned)
    assert corpus.versions() == versions
    assert dropped(judge(corpus)) == {"021": ["duplicate"]}


def test_clips_that_bounds_drop_make_nothing_go(tmp_path: Path) -> None:
    corpus = Corpus(str(tmp_path / "corpus"))
    names = cluster(corpus, 30, 3)
    key = stage_keys(_config(*POLICY)).measure
    still = [{"clip_id": names[0], "measure_key": key, "static_change": 0.0}]
    corpus.append("scores", pa.Table.from_pylist(still, scores_table(list(FILTERS)).schema))
    record = judge(corpus, "thin.by=similarity", "thin.bound=0.95")
    assert dropped(record) == {names[0]: ["static_change"], names[2]: ["near"]}
    assert record["verdicts"][names[2]]["kept_instead"] == names[1]


def test_clips_that_come_later_join_the_cells(tmp_path: Path) -> None:
    corpus = Corpus(str(tmp_path / "corpus"))
    arrive(corpus, CLIPS)
    first = judge(corpus, "thin.by=similarity", "thin.bound=0.95", "thin.cell_clips=64")
    centres = corpus.read("cells")["centres"].unique()
    names = cluster(corpus, 30, 3)
    later = judge(corpus, "thin.by=similarity", "thin.bound=0.95", "thin.cell_clips=64")
    assert corpus.read("cells")["centres"].unique().equals(centres)
    assert set(dropped(later)) - set(dropped(first)) == set(names[1:])


def test_report_and_explain_tell_what_was_kept_instead(tmp_path: Path) -> None:
    corpus = Corpus(str(tmp_path / "corpus"))
    names = cluster(corpus, 30, 3)
    record = judge(corpus, "thin.by=similarity", "thin.bound=0.95")
    config = _config(*POLICY, "thin.by=similarity", "thin.bound=0.95")
    corpus.folder.write(to_toml(config).encode(), "rushes.toml")
    write_report(corpus, config, stage_keys(config), run=record)
    page = corpus.folder.read("report", "index.html").decode()
    assert "thinned: like a kept clip, no copies of it" in page
    assert page.count("kept instead: ") == 2
    assert explain(corpus, names[1])["cell"]["cell"] == 0
    console = Console(record=True, width=120)
    print_explanation(corpus, names[1], console, as_json=False)
    text = console.export_text()
    assert "like a kept clip: cosine" in text
    assert f"kept instead: {names[0]}" in text


def test_too_few_sources_for_a_null_share_are_an_error(tmp_path: Path) -> None:
    corpus = Corpus(str(tmp_path / "corpus"))
    arrive(corpus, [(1, 0), (2, 0)])
    with pytest.raises(ConfigError, match="needs clips of 201 sources; there are 2"):
        judge(corpus, "thin.by=null_share", "thin.bound=0.001")


def test_a_bound_read_off_the_corpus_is_read_once(tmp_path: Path) -> None:
    corpus = Corpus(str(tmp_path / "corpus"))
    more = ("thin.by=null_share", "thin.bound=0.05", "dedup.candidate_similarity=1.0")
    arrive(corpus, [(scene, 0) for scene in range(40)])
    bound = judge(corpus, *more)["stages"]["decide"]["near_bound"]
    assert 0.2 < bound < 0.8
    cluster(corpus, 50, 20)
    assert judge(corpus, *more)["stages"]["decide"]["near_bound"] == bound


@pytest.mark.parametrize("by", ["similarity", "null_share", "keep_share"])
def test_nothing_to_thin(tmp_path: Path, by: str) -> None:
    corpus = Corpus(str(tmp_path / "corpus"))
    assert judge(corpus, f"thin.by={by}", "thin.bound=0.4")["verdicts"] == {}


@pytest.mark.parametrize("keep", ["far", "near"])
def test_the_clip_at_the_chosen_end_of_its_cell_stays(tmp_path: Path, keep: str) -> None:
    corpus = Corpus(str(tmp_path / "corpus"))
    names = cluster(corpus, 30, 4)
    settings = ("thin.by=similarity", "thin.bound=0.9", f"thin.keep={keep}")
    record = judge(corpus, *settings, "dedup.candidate_similarity=1.0")
    cells = corpus.read("cells").sort("centre", descending=keep == "near")
    assert set(names) - set(dropped(record)) == {cells["clip_id"][0]}
