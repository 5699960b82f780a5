import math

import polars as pl
import pytest

from curate.config import Config
from curate.report import examples, formats, funnel, scores
from curate.report.copies import choose_groups, count_relations
from curate.report.data import Tables, load_tables
from curate.report.examples import PER_SIDE, STILLS, load_stills
from curate.report.figures import domain_of, ticks
from curate.report.study import Estimate
from manifests.corpus import Corpus, rows_of
from tests.curate.report.conftest import KEYS, Facts


@pytest.fixture
def tables(corpus: Corpus, config: Config) -> Tables:
    return load_tables(corpus, config, KEYS)


def test_every_file_and_second_is_accounted_for(tables: Tables, config: Config) -> None:
    facts = Facts()
    steps = {step.label: step for step in funnel.file_steps(tables, config)}
    assert steps["files given"].count == facts.files
    assert steps["failed"].count == facts.failed
    assert steps["not measured yet"].count == facts.pending
    assert steps["same content"].count == facts.repeated
    assert steps["distinct videos"].seconds == facts.video_s
    assert steps["between shots"].seconds == facts.between_s
    assert steps["shots too short"].seconds == facts.short_s
    assert steps["edges of shots"].seconds == facts.edges_s
    assert steps["clips"].seconds == facts.clips * facts.clip_s
    assert _left(funnel.file_steps(tables, config)) == steps["clips"].seconds


def test_every_clip_is_in_exactly_one_bar(tables: Tables) -> None:
    facts = Facts()
    steps = funnel.clip_steps(tables, funnel.count_reasons(tables))
    lost = {step.label: step.count for step in steps if step.kind == "loss"}
    assert lost == {
        "calm": 1,
        "shake": 1,
        "copies": 1,
        "several reasons": 1,
        "no verdict yet": facts.undecided,
        "too_short": 1,
        "not encoded yet": 1,
    }
    totals = {step.label: step.count for step in steps if step.kind != "loss"}
    assert totals == {"clips": facts.clips, "kept": facts.kept, "encoded": facts.encoded}
    assert _left(steps) == facts.encoded * facts.clip_s


def _left(steps: list[funnel.Step]) -> float:
    """First total less all losses."""
    return (steps[0].seconds or 0) - sum(s.seconds or 0 for s in steps if s.kind == "loss")


def test_bars_hang_from_what_was_left(tables: Tables) -> None:
    steps = funnel.clip_steps(tables, funnel.count_reasons(tables))
    assert (steps[0].left, steps[0].width) == (0, 100)
    assert steps[1].left + steps[1].width == pytest.approx(100)
    assert all(step.left >= 0 and step.left + step.width <= 100.001 for step in steps)


def test_reason_counts_alone_and_with_others(tables: Tables) -> None:
    found = {r.name: r for r in funnel.count_reasons(tables)}
    assert (found["calm"].clips, found["calm"].only_clips, found["calm"].shared_clips) == (2, 1, 1)
    assert (found["shake"].clips, found["shake"].unmeasured) == (2, 1)
    assert list(found)[-1] == "duplicate"


def test_score_counts_and_missing_words(tables: Tables, config: Config) -> None:
    found = {score.name: score for score in scores.count_scores(tables, config)}
    assert list(found) == ["calm", "shake"]
    shake = found["shake"]
    assert (shake.values, shake.within, shake.beyond) == (7, 6, 1)
    assert [(word, clips) for word, _, clips in shake.missing] == [("textureless", 1)]
    assert sum(shake.inside) == 6
    assert sum(shake.outside) == 1
    assert shake.edges[0] <= 0.3 <= shake.edges[-1]


@pytest.mark.parametrize(
    ("values", "low"),
    [
        pytest.param([], 0.5, id="none"),
        pytest.param([0.0, 0.0], 0.5, id="one-value"),
        pytest.param([1e-9, 2e-9], 1e6, id="bound-far-away"),
    ],
)
def test_odd_distributions_are_counted(
    tables: Tables, config: Config, values: list[float], low: float
) -> None:
    column = {"clip_id": [str(i) for i in range(len(values))], "calm": values}
    rows = pl.DataFrame(column, schema={"clip_id": pl.String, "calm": pl.Float32})
    changed = config.policy.model_validate({"filters": {"calm": {"low": low}}})
    bounds = pl.DataFrame({"filter": ["calm"], "low": [low], "high": [None], "null": ["drop"]})
    odd = Tables(**{n: getattr(tables, n) for n in Tables.__slots__} | _new(rows, bounds))
    (score,) = scores.count_scores(odd, config.model_copy(update={"policy": changed}))
    assert score.values == len(values)
    assert sum(score.inside) + sum(score.outside) == len(values)


def _new(rows: pl.DataFrame, bounds: pl.DataFrame) -> dict[str, pl.DataFrame]:
    return {"scores": rows, "bounds": bounds}


def test_missing_words_of_a_list_of_pairs_are_read() -> None:
    pairs = pl.Series([[{"key": "shake", "value": "black"}], [], None])
    assert scores._words(pairs) == [{"shake": "black"}, {}, {}]


def test_examples_show_extremes_and_borderline_of_different_videos(
    corpus: Corpus, config: Config
) -> None:
    rows = [
        {
            "clip_id": f"n{i}", "video_id": f"w{i % 5}", "measure_key": "measure",
            "shot_index": 0, "start_s": float(i), "end_s": float(i + 1),
        }
        for i in range(20)
    ]  # fmt: skip
    videos = [
        {"uri": f"/w{i}", "video_id": f"w{i}", "status": "ok", "measured_key": "measure"}
        for i in range(5)
    ]
    verdicts = [
        {
            "clip_id": f"n{i}", "policy_key": "policy", "keep": False,
            "reasons": [{"filter": "shake", "value": 1.0 + i, "high": 0.3}],
        }
        for i in range(20)
    ]  # fmt: skip
    corpus.upsert("videos", rows_of("videos", videos))
    corpus.append("clips", rows_of("clips", rows))
    corpus.append("decisions", rows_of("decisions", verdicts))
    found = examples.dropped_examples(load_tables(corpus, config, KEYS), "shake")
    far, near, unmeasured = found
    assert [e.value for e in far.examples] == [20.0, 19.0, 18.0]
    assert near.examples[0].value == 0.9
    assert [e.value for e in near.examples[1:]] == [1.0, 2.0]
    assert len(near.examples) == PER_SIDE
    assert [e.word for e in unmeasured.examples] == ["textureless"]


def test_kept_examples_name_the_closest_bound(tables: Tables) -> None:
    (row,) = examples.kept_examples(tables)
    by_clip = {e.clip.clip_id: e for e in row.examples}
    assert set(by_clip) == {"c0", "c1", "c2"}
    assert (by_clip["c1"].score, by_clip["c2"].score) == ("calm", "shake")
    assert by_clip["c1"].value == pytest.approx(0.6)
    assert by_clip["c2"].value == pytest.approx(0.3)


def test_stills_are_few_and_small(corpus: Corpus) -> None:
    found = load_stills(corpus, KEYS, ["c0", "c1", "absent"])
    assert set(found) == {"c0", "c1"}
    assert all(len(stills) == STILLS for stills in found.values())


def test_copies_stand_beside_the_best_of_their_group(tables: Tables) -> None:
    (group,) = choose_groups(tables)
    assert group.best.clip_id == "c0"
    assert [(c.clip.clip_id, c.relation, c.offset_s) for c in group.copies] == [("c6", "copy", 1.5)]
    (relation,) = count_relations(tables)
    assert (relation.name, relation.clips, relation.seconds) == ("copy", 1, 8.0)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        pytest.param(0, "0 s", id="zero"),
        pytest.param(3.21, "3.2 s", id="seconds"),
        pytest.param(90, "1.5 min", id="minutes"),
        pytest.param(7200, "2.0 h", id="hours"),
        pytest.param(3600 * 12345, "12 345 h", id="many-hours"),
        pytest.param(None, "\N{EN DASH}", id="unknown"),
    ],
)
def test_duration_takes_the_largest_unit(seconds: float | None, expected: str) -> None:
    plain = formats.duration(seconds).replace("\N{NO-BREAK SPACE}", " ")
    assert plain.replace("\N{NARROW NO-BREAK SPACE}", " ") == expected


def test_numbers_of_every_size_are_readable() -> None:
    assert formats.number(0.30000001) == "0.3"
    assert formats.number(1234.5) == "1234"
    assert formats.number(-0.05) == "\N{MINUS SIGN}0.05"
    assert formats.number(1e-7) == "1.00e\N{MINUS SIGN}07"
    assert formats.number(math.nan) == "\N{EN DASH}"
    assert formats.apart(6.0004, 6.0) == "6.0004"
    assert formats.clock(3723.44) == "1:02:03.4"
    assert formats.clock(59.98) == "1:00.0"
    assert formats.share(1, 100_000).startswith("<")


def test_ticks_are_round_and_inside() -> None:
    assert ticks(0.0, 1.0) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert ticks(-0.013, 0.027, 3) == [0.0, 0.02]


def test_axis_of_undefined_figures_does_not_exist() -> None:
    nothing = Estimate(None, None, None, ())
    assert domain_of([nothing]) is None
    assert domain_of([nothing], zero=True) is None
    assert domain_of([Estimate(1.0, 1.0, 1.0, (1.0,))]) == (0.5, 1.5)
