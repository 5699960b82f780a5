"""The filters in use: the one list of scores that `scores`, policies and the report are made from."""

from typing import Final

from filters.base import Filter

FILTERS: Final[dict[str, Filter]] = {}
"""Score name (column, setting and command-line name) -> filter."""
