"""How curation is done to one video, one batch, one corpus.

`curate.Corpus("path")` reads a corpus: every table as a Polars frame.
`curate.TokenDataset("path")` feeds its tokens to a PyTorch DataLoader.
"""

from typing import TYPE_CHECKING, Any

from manifests.corpus import Corpus

if TYPE_CHECKING:
    from curate.loader import TokenDataset

__all__ = ["Corpus", "TokenDataset"]


def __getattr__(name: str) -> Any:
    """Import the loader when it is asked for: torch takes seconds."""
    if name == "TokenDataset":
        from curate.loader import TokenDataset

        return TokenDataset
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
