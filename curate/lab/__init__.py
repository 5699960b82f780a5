"""Videos whose actions and whose faults are known: worlds to film, and edits of known dose."""

from curate.lab.doses import Doses
from curate.lab.ego import EgoWorld, ViZDoomMissingError
from curate.lab.fixed import FixedWorld
from curate.lab.labels import read_actions
from curate.lab.make import LabRequest, make_lab
from curate.lab.world import World

__all__ = [
    "Doses",
    "EgoWorld",
    "FixedWorld",
    "LabRequest",
    "ViZDoomMissingError",
    "World",
    "make_lab",
    "read_actions",
]
