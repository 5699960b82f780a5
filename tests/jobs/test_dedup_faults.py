"""Dedup where something is wrong: no clips, odd vectors, a run that dies or is not alone."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from curate.config import Dedup
from curate.dedup import Cells
from curate.keys import stage_keys
from jobs.cli import app
from jobs.dedup import embedded_clips, load_vectors
from manifests.corpus import Corpus, rows_of
from tests.jobs.test_dedup import CLIPS, DIM, _config, answers, arrive, dedup, rows

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_cluster")]

CELLS = "dedup.flat_clips=0"


def with_vectors(corpus: Corpus, vectors: np.ndarray) -> list[str]:
    """Clips of different scenes with these vectors."""
    made = [rows(scene, 0) for scene in range(len(vectors))]
    for tables, vector in zip(made, vectors, strict=True):
        tables["embeddings"]["vector"] = vector.tolist()
    for table in ("clips", "filmstrips", "embeddings"):
        corpus.append(table, rows_of(table, [m[table] for m in made]))
    corpus.upsert("videos", rows_of("videos", [m["videos"] for m in made]))
    return [m["clips"]["clip_id"] for m in made]


def groups(corpus: Corpus) -> dict[str, str]:
    return dict(corpus.read("duplicates").select("clip_id", "group_id").iter_rows())


def test_a_corpus_without_clips_has_no_copies(tmp_path: Path) -> None:
    corpus = Corpus(str(tmp_path / "corpus"))
    assert dedup(corpus)["clips"] == 0
    assert groups(corpus) == {}


@pytest.mark.parametrize("more", [(), (CELLS,)], ids=["flat", "cells"])
def test_one_clip_is_its_own_group(tmp_path: Path, more: tuple[str, ...]) -> None:
    corpus = Corpus(str(tmp_path / "corpus"))
    arrive(corpus, [(1, 0)])
    assert dedup(corpus, *more)["new"] == 1
    assert groups(corpus) == {"010": "010"}


@pytest.mark.parametrize("more", [(), (CELLS,)], ids=["flat", "cells"])
def test_equal_vectors_of_different_pictures_are_no_copies(
    tmp_path: Path, more: tuple[str, ...]
) -> None:
    corpus = Corpus(str(tmp_path / "corpus"))
    names = with_vectors(corpus, np.full((5, DIM), DIM**-0.5))
    assert dedup(corpus, *more)["candidates"] == 5 * 4 / 2
    assert groups(corpus) == {name: name for name in names}


@pytest.mark.parametrize("more", [(), (CELLS,)], ids=["flat", "cells"])
def test_undefined_vectors_are_like_nothing_and_spoil_nothing(
    tmp_path: Path, more: tuple[str, ...]
) -> None:
    corpus = Corpus(str(tmp_path / "corpus"))
    vectors = np.eye(6, DIM)
    vectors[1, 3], vectors[2, 0], vectors[4:] = np.nan, np.inf, DIM**-0.5
    names = with_vectors(corpus, vectors)
    assert dedup(corpus, *more)["candidates"] == 1  # the last two
    nearest = dict(corpus.read("duplicates").select("clip_id", "nearest").iter_rows())
    assert nearest == {**dict.fromkeys(names[:4]), names[4]: names[5], names[5]: names[4]}


def test_a_second_run_is_refused(tmp_path: Path) -> None:
    corpus = Corpus(str(tmp_path / "corpus"))
    arrive(corpus, [(1, 0)])
    with corpus.lock("another"):
        result = CliRunner().invoke(app, ["dedup", corpus.uri, "--set", "embed.spec=bundled"])
    assert result.exit_code == 4
    assert corpus.read("duplicates").is_empty()


def die(monkeypatch: pytest.MonkeyPatch, table: str) -> None:
    """Make the commit of a table fail, as if the process had been killed before it."""
    real = Corpus.replace

    def replace(self: Corpus, name: str, rows: pa.Table, column: str, value: str) -> None:
        if name == table:
            raise RuntimeError("killed")
        real(self, name, rows, column, value)

    monkeypatch.setattr(Corpus, "replace", replace)


@pytest.mark.parametrize("table", ["copies", "duplicates"])
def test_a_run_that_died_before_a_commit_is_made_up_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    whole, broken = Corpus(str(tmp_path / "whole")), Corpus(str(tmp_path / "broken"))
    arrive(whole, CLIPS[:18])
    dedup(whole)
    arrive(broken, CLIPS[:9])
    dedup(broken)
    arrive(broken, CLIPS[9:18])
    with monkeypatch.context() as patch:
        die(patch, table)
        with pytest.raises(RuntimeError, match="killed"):
            dedup(broken)
    assert dedup(broken)["new"] == 9
    for found, expected in zip(answers(broken), answers(whole), strict=True):
        assert found.drop("similarity").equals(expected.drop("similarity"))


def test_cells_learned_by_a_run_that_died_are_not_taken_for_those_of_stored_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old rows name the cells of old centres; read under new ones, they would hide old clips."""
    monkeypatch.setattr("jobs.dedup.CELL_CLIPS", 2)
    corpus = Corpus(str(tmp_path / "corpus"))
    arrive(corpus, CLIPS[:4])
    dedup(corpus, CELLS)
    old = corpus.read("duplicates")
    arrive(corpus, CLIPS[4:])
    with monkeypatch.context() as patch:
        die(patch, "duplicates")
        with pytest.raises(RuntimeError, match="killed"):
            dedup(corpus, CELLS)
    assert len(corpus.folder.files("index")) == 2  # the old centres, and those of the dead run
    assert corpus.read("duplicates").equals(old)
    dedup(corpus, CELLS)
    stored = corpus.read("duplicates").sort("clip_id")
    (centres,) = stored["centres"].unique()
    cells = Cells.load(corpus.folder.read("index", f"{centres}.cells"))
    vectors = {r["clip_id"]: r["vector"] for r in corpus.read("embeddings").iter_rows(named=True)}
    held = np.array([vectors[clip] for clip in stored["clip_id"]], np.float32)
    assert np.array_equal(cells.assign(held), np.array(stored["cells"].to_list()))
    assert groups(corpus) == {f"{s:02}{c}": f"{s:02}0" for s, c in CLIPS}


def test_a_lost_file_of_centres_is_made_anew(tmp_path: Path) -> None:
    corpus = Corpus(str(tmp_path / "corpus"))
    arrive(corpus, CLIPS[:6])
    dedup(corpus, CELLS)
    for name in corpus.folder.files("index"):
        corpus.folder.delete(name)
    arrive(corpus, CLIPS[6:12])
    assert dedup(corpus, CELLS)["new"] == 6
    assert groups(corpus) == {f"{s:02}{c}": f"{s:02}0" for s, c in CLIPS[:12]}
    assert corpus.read("duplicates")["centres"].n_unique() == 1


def test_vectors_beyond_the_memory_lie_in_a_file(tmp_path: Path) -> None:
    corpus = Corpus(str(tmp_path / "corpus"))
    arrive(corpus, CLIPS[:6])
    key = stage_keys(_config()).embed
    clips = embedded_clips(corpus, key)
    held = load_vectors(corpus, key, clips, tmp_path, Dedup())
    tight = Dedup.model_construct(memory_bytes=6 * DIM * 4 - 1)
    mapped = load_vectors(corpus, key, clips, tmp_path, tight)
    assert isinstance(mapped, np.memmap)
    assert not isinstance(held, np.memmap)
    assert np.array_equal(mapped, held)
    assert np.linalg.norm(held, axis=1) == pytest.approx(np.ones(6), abs=1e-6)
