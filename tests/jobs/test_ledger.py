"""The ledger on Ray, over a laboratory whose actions and faults are known."""

import json
from pathlib import Path
from typing import Any

import pytest

from curate.config import load_config
from curate.lab import Doses, FixedWorld, LabRequest, make_lab
from jobs.lab import import_lab
from jobs.pipeline import OK, Request, execute
from jobs.show_ledger import read_ledger
from jobs.stages import STAGES
from manifests.corpus import Corpus
from manifests.errors import ConfigError
from tests.jobs.test_pipeline import Quiet

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_cluster")]

SETTINGS = (
    "embed.spec=bundled",
    "encode.spec=bundled",
    "encode.grid=4",
    "encode.min_steps=4",
    "clips.min_s=1.0",
    "ledger.seeds=2",
    "ledger.train_windows=16",
    "ledger.steps=4",
    "ledger.width=16",
    "ledger.pca=4",
    "ledger.latent=3",
    "ledger.search_rows=1",
    "ledger.search_columns=1",
    "ledger.bootstrap=100",
    "run.workers=2",
)


def _run(corpus: Corpus, *more: str, stages: tuple[str, ...], sources: tuple[str, ...] = ()) -> Any:
    request = Request(corpus, load_config(None, [*SETTINGS, *more]), stages, sources)
    progress = Quiet()
    record, code = execute(request, progress)
    assert code == OK
    return {**record, "started": progress.totals}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lab")
    world = FixedWorld(speed=0.3, size=0.3, distractor=False, seed=0)
    make_lab(folder, LabRequest(world, 5, 8.0, Doses(captions=0.3), 0, 8, 0.25), workers=1)
    return folder


@pytest.fixture(scope="module")
def asked(lab: Path, place: Path) -> tuple[str, ...]:
    """Everything that a ledger may be told: names, camera motion, and a corpus beside (itself)."""
    return (
        'ledger.action_names=["x", "y"]',
        f"ledger.camera={lab / 'actions.parquet'}",
        f"ledger.beside={place}",
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ledger") / "corpus"


@pytest.fixture(scope="module")
def corpus(lab: Path, place: Path, asked: tuple[str, ...], ray_cluster: object) -> Corpus:
    corpus = Corpus(str(place))
    until = STAGES[: STAGES.index("decide") + 1]
    _run(corpus, stages=until, sources=(str(lab / "videos"),))
    assert import_lab(str(lab), corpus)["videos"] == 5
    _run(corpus, *asked, stages=("encode", "ledger"))
    return corpus


def _files(corpus: Corpus) -> dict[str, bytes]:
    return {name: corpus.folder.read(name) for name in corpus.folder.files("ledger")}


def test_every_arm_has_its_figures_and_the_controls_theirs(corpus: Corpus) -> None:
    summary = read_ledger(corpus)
    assert {"raw", "curated", "random"} <= set(summary["arms"])
    assert summary["controls"] == [
        "control: shuffled",
        "control: supervised",
        "control: untrained",
    ]
    assert summary["primary"][0] == "action_gain"
    gains = [e for e in summary["entries"] if e["figure"] == "action_gain"]
    assert {e["arm"] for e in gains} == {*summary["arms"], *summary["controls"]}
    assert all(e["mean"] is not None for e in gains)
    (curated,) = (e for e in gains if e["arm"] == "curated")
    assert curated["versus"] == "raw"
    assert curated["difference"]["low"] <= curated["difference"]["high"]


def test_what_was_asked_for_beside_is_measured(corpus: Corpus) -> None:
    summary = read_ledger(corpus)
    of_arm = {(e["arm"], e["figure"]): e for e in summary["entries"]}
    assert summary["dimensions"] == ["x", "y"]
    assert summary["sets"]["beside"]["sources"] >= 1
    for figure in ("action_gain x", "camera_gain", "selectivity", "action_gain beside"):
        assert of_arm["curated", figure]["versus"] == "raw", figure
        assert not of_arm["curated", figure]["primary"], figure
    # Captions move no camera: nothing is there to be told.
    assert of_arm["raw", "camera_gain"]["mean"] is None


def test_the_linear_model_is_measured_beside(corpus: Corpus) -> None:
    found = {(e["arm"], e["figure"]): e for e in read_ledger(corpus)["entries"]}
    recovery = found["raw", "linear_cut_recovery"]
    assert 0 < recovery["mean"] <= 1
    assert found["curated", "linear_gain"]["versus"] == "raw"
    assert ("raw", "theory_gain") not in found  # predictions are of known doses


def test_a_corpus_beside_that_cannot_serve_is_named(corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"ledger\.beside: .*nothing is no corpus"):
        _run(corpus, f"ledger.beside={tmp_path / 'nothing'}", stages=("encode", "ledger"))


def test_an_interrupted_ledger_ends_with_the_same_numbers(
    corpus: Corpus, asked: tuple[str, ...]
) -> None:
    before = _files(corpus)
    for name in before:
        if "part-raw-1" in name or "summary" in name or "results" in name:
            corpus.folder.delete(name)
    _run(corpus, *asked, stages=("encode", "ledger"))
    after = _files(corpus)
    assert after.keys() == before.keys()
    summaries = [
        json.loads(next(content for name, content in files.items() if "summary" in name))
        for files in (before, after)
    ]
    assert summaries[0] == summaries[1]


def test_running_again_trains_nothing(corpus: Corpus, asked: tuple[str, ...]) -> None:
    before = _files(corpus)
    record = _run(corpus, *asked, stages=("encode", "ledger"))
    assert record["stages"]["encode"]["spans"] == 0
    assert "ledger" not in record["started"], "the ledger's models were trained again"
    assert _files(corpus) == before


def test_doses_come_from_a_table_of_known_faults(corpus: Corpus, lab: Path) -> None:
    truth = f"ledger.truth={lab / 'truth.parquet'}"
    record = _run(
        corpus, "ledger.design=dose", truth, "ledger.doses=[0.2]", stages=("encode", "ledger_plan")
    )
    key = record["stages"]["ledger"]["key"]
    plan = json.loads(corpus.folder.read("ledger", key, "plan.json"))
    assert plan["reference"] == "clean"
    assert "captions 20 %" in {*plan["train"], *plan["left_out"]}
    assert not corpus.folder.exists("ledger", key, "summary.json")
    with pytest.raises(ConfigError, match=r"needs ledger\.truth"):
        _run(corpus, "ledger.design=dose", stages=("encode", "ledger_plan"))


def test_a_policy_that_has_decided_nothing_stops_the_ledger(corpus: Corpus) -> None:
    """Else every clip would count as kept, and no filter as having dropped any."""
    other = "policy.filters.flicker.high=1.9"
    with pytest.raises(ConfigError, match="no clip has a verdict under these settings"):
        _run(corpus, other, stages=("encode", "ledger_plan"))
    assert "ledger" in _run(corpus, other, stages=("decide", "encode", "ledger_plan"))["stages"]
