import pytest

from filters.base import MISSING_SCORES
from manifests.errors import FEATURE_ERRORS, VIDEO_ERRORS, BadVideoError
from manifests.schemas import TABLES, scores_table
from manifests.table import Table


@pytest.mark.parametrize("table", [*TABLES.values(), scores_table(["a"])], ids=lambda t: t.name)
def test_every_table_says_what_it_holds(table: Table) -> None:
    names = [column.name for column in table.columns]
    assert len(names) == len(set(names))
    assert set(table.key) <= set(names)
    assert table.doc
    assert all(column.doc for column in table.columns)
    assert all(not table.schema.field(name).nullable for name in table.key)


def test_error_words_are_stable_words_with_a_meaning() -> None:
    for words in (VIDEO_ERRORS, FEATURE_ERRORS, MISSING_SCORES):
        assert all(word.replace("_", "").isalpha() and meaning for word, meaning in words.items())


def test_an_unknown_error_word_is_a_bug() -> None:
    with pytest.raises(ValueError, match="bad_luck"):
        BadVideoError("bad_luck")
