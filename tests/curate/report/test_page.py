import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from curate.config import Config
from curate.report import build_report, write_report
from manifests.corpus import Corpus, rows_of
from tests.curate.report.conftest import HOSTILE, KEYS, run_record, still, write_study

VOID = {"meta", "img", "br", "link", "input", "hr"}
MAX_BYTES = 10_000_000


class Page(HTMLParser):
    """Collects what a page refers to, and checks that its tags are closed in order."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.titles: list[str] = []
        self._open: list[str] = []
        self.feed(content)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        given = dict(attrs)
        self.links += [given[name] or "" for name in ("src", "href") if name in given]
        self.ids += [given["id"] or ""] if "id" in given else []
        self.titles += [given["title"] or ""] if "title" in given else []
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag


def text_of(page: str) -> str:
    """What a reader sees, with any white space as one plain space."""
    body = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    return re.sub(r"[\s\u00a0\u202f]+", " ", re.sub(r"<[^>]*>", " ", body))


def test_page_is_well_formed_and_refers_to_nothing_outside(corpus: Corpus, config: Config) -> None:
    write_study(corpus)
    page = build_report(corpus, config, KEYS)
    parsed = Page(page)
    outside = [x for x in parsed.links if not x.startswith(("data:image/jpeg;base64,", "#"))]
    assert outside == []
    assert {x[1:] for x in parsed.links if x.startswith("#")} <= set(parsed.ids)
    assert len(parsed.ids) == len(set(parsed.ids))
    assert not {"script", "link", "iframe", "object"} & set(parsed.tags)
    assert "@import" not in page
    assert "url(" not in page


def test_hostile_file_name_is_escaped_everywhere(corpus: Corpus, config: Config) -> None:
    page = build_report(corpus, config, KEYS)
    assert "<script" not in page
    assert "<b>bad" not in page
    assert f"/v/{HOSTILE}" in Page(page).titles


@pytest.mark.parametrize(
    "stage",
    [
        pytest.param("scan SOURCE... --corpus CORPUS", id="scan"),
        pytest.param("measure CORPUS", id="measure"),
        pytest.param("dedup CORPUS", id="dedup"),
        pytest.param("study pair CORPUS", id="study"),
    ],
)
def test_empty_corpus_names_the_command_that_is_missing(
    empty: Corpus, config: Config, stage: str
) -> None:
    page = build_report(empty, config, KEYS)
    Page(page)
    assert f"rushes {stage}" in page


def test_only_failures(empty: Corpus, config: Config) -> None:
    rows = [{"uri": "/v/x.mp4", "status": "failed", "error": "empty_file"}]
    empty.upsert("videos", rows_of("videos", rows))
    text = text_of(build_report(empty, config, KEYS))
    assert "No clip has been cut from 1 file yet." in text
    assert "empty_file 1 file zero bytes x.mp4" in text
    assert "No clip was cut." in text


def test_measured_but_not_judged(corpus: Corpus, config: Config) -> None:
    keys = type(KEYS)(
        "scan", "signals", "measure", "embed", "other", "other", "other", "other", "other"
    )
    page = build_report(corpus, config, keys)
    assert "none has been judged yet" in page
    assert "rushes decide CORPUS" in page
    assert "rushes dedup CORPUS" in page


def test_videos_measured_under_other_settings_are_pending(corpus: Corpus, config: Config) -> None:
    keys = type(KEYS)(
        "scan", "signals", "other", "other", "other", "other", "other", "other", "other"
    )
    text = text_of(build_report(corpus, config, keys))
    assert "4 files not measured under these settings." in text
    assert "There are no clips to show." in text


def test_nothing_kept(corpus: Corpus, config: Config) -> None:
    reason = {"filter": "calm", "value": 0.1, "low": 0.5, "high": None, "word": None}
    rows = [
        {"clip_id": f"c{i}", "policy_key": "policy", "keep": False, "reasons": [reason]}
        for i in range(8)
    ]
    corpus.replace("decisions", rows_of("decisions", rows), "policy_key", "policy")
    text = text_of(build_report(corpus, config, KEYS))
    assert "0 s ( 0 % ) is kept" in text or "0 s (0 %) is kept" in text
    assert "The policy keeps no clip." in text


def test_kept_clips_without_any_bound(corpus: Corpus, config: Config) -> None:
    off = config.policy.model_validate({"filters": {"calm": {"off": True}, "shake": {"off": True}}})
    page = build_report(corpus, config.model_copy(update={"policy": off}), KEYS)
    assert "some of them" in page
    assert "off in this policy" in page


def test_headline_and_examples_state_the_facts(corpus: Corpus, config: Config) -> None:
    text = text_of(build_report(corpus, config, KEYS))
    assert "Of 1.3 min of readable video, 24 s (30 %) is kept, in 3 clips." in text
    assert "shake 0.9 &gt; 0.3 (high)" in text
    assert "calm 0.4 &lt; 0.5 (low)" in text
    assert "shake: textureless too few trackable points in the picture" in text
    assert "kept instead: a-walk.mp4 0:00.0&ndash;0:08.0; similarity 0.97" in text
    assert "similarity 0.97 &middot; starts at 0:01.5 of the best" in text
    assert "a-walk.mp4 = z-again.mp4" in text
    assert "policy.filters.shake.high = 0.3" in text


def test_study_is_drawn_with_every_seed(corpus: Corpus, config: Config) -> None:
    write_study(corpus)
    page = build_report(corpus, config, KEYS)
    text = text_of(page)
    assert "Curated won. Study" in text
    assert "Curated won. Truly." in text
    assert "0.350 [0.330, 0.370]" in text
    assert "not defined" in text
    # bits: 2 arms; skill: 2 horizons of 2 arms and a difference; 2 seeds each
    assert page.count("<circle") == 2 * (2 + 2 * 3)


def test_study_of_other_settings_is_only_named(corpus: Corpus, config: Config) -> None:
    corpus.folder.write(b"{}", "study", "1234", "summary.json")
    text = text_of(build_report(corpus, config, KEYS))
    assert "Studies under other settings exist: 1234" in text


def test_study_without_anything_is_rendered(corpus: Corpus, config: Config) -> None:
    corpus.folder.write(b"{}", "study", KEYS.study, "summary.json")
    Page(build_report(corpus, config, KEYS))


def test_run_record_is_shown(corpus: Corpus, config: Config) -> None:
    record = run_record(scan={"seconds": 1.25, "videos": 6}, study={"impossible": "too few <b>"})
    page = build_report(corpus, config, KEYS, run=record)
    text = text_of(page)
    assert "Command: run &#39;in dir&#39;" in text
    assert "scan 1.25" in text
    assert "The study could not be made: too few &lt;b&gt;" in text


def test_latest_run_is_taken_from_the_corpus(corpus: Corpus, config: Config) -> None:
    corpus.write_run("20260101T000000-abc", run_record(scan={"seconds": 7.5}))
    assert "scan 7.5" in text_of(build_report(corpus, config, KEYS))


def test_page_stays_small_with_large_stills(corpus: Corpus, config: Config) -> None:
    jpeg = still(1820, 1024)
    rows = [
        {"clip_id": f"c{i}", "measure_key": "measure", "sample": s, "jpeg": jpeg}
        for i in range(8)
        for s in range(6, 10)
    ]
    corpus.append("samples", rows_of("samples", rows))
    page = build_report(corpus, config, KEYS)
    pictures = page.count("data:image/jpeg")
    assert pictures > 0
    assert len(page) / pictures < MAX_BYTES / (150 * 4)


def test_broken_still_is_left_out(corpus: Corpus, config: Config) -> None:
    rows = [{"clip_id": "c0", "measure_key": "measure", "sample": 9, "jpeg": b"no picture"}]
    corpus.append("samples", rows_of("samples", rows))
    Page(build_report(corpus, config, KEYS))


def test_page_is_written_into_the_corpus(corpus: Corpus, config: Config) -> None:
    uri = write_report(corpus, config, KEYS)
    assert uri == f"{corpus.uri}/report/index.html"
    assert Path(uri).read_text(encoding="utf-8").startswith("<!doctype html>")
