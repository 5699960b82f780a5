"""A small corpus with known faults, made from real clips that installed packages ship."""

from curate.demo.clips import MissingClipsError
from curate.demo.make import make_demo_videos
from curate.demo.recipes import DAMAGED, DemoVideo

__all__ = ["DAMAGED", "DemoVideo", "MissingClipsError", "make_demo_videos"]
