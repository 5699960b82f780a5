"""How curation is done to one video, one batch, one corpus.

`curate.Corpus("path")` reads a corpus: every table as a Polars frame.
"""

from manifests.corpus import Corpus

__all__ = ["Corpus"]
