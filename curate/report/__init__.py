"""One HTML page about a corpus: what came in, what was dropped and why, what it did."""

from curate.report.page import build_report, write_report

__all__ = ["build_report", "write_report"]
