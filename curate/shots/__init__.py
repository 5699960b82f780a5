"""Shot transitions: where one continuous take ends and another begins."""

from curate.shots.backend import ShotBackend
from curate.shots.factory import make_backend, require_backend
from curate.shots.transition import KINDS, Kind, Transition

__all__ = ["KINDS", "Kind", "ShotBackend", "Transition", "make_backend", "require_backend"]
