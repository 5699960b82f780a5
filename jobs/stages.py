"""The names of the stages, apart from their code, so that asking for help imports no Ray."""

from typing import Final

STAGES: Final = ("scan", "measure", "embed", "dedup", "decide", "encode", "study", "report")
"""In order; `rushes run --until STAGE` stops after one of them."""
