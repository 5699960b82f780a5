"""The configuration: one frozen model, read from TOML, with units in the names."""

import difflib
import json
import tomllib
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, Self

import polars as pl
from pydantic import Field, ValidationError, field_validator, model_validator

from curate.prompt_settings import Prompt, PromptName
from curate.settings import Settings, at_most
from curate.shot_settings import Shots
from curate.study.ledger.settings import Ledger
from curate.study.settings import Study
from curate.thin_settings import Thin
from filters.camera_kind import Kind
from filters.cells import CELLS, Cell
from filters.registry import FILTERS
from manifests.errors import ConfigError


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


class Clips(Settings):
    """How shots become clips."""

    min_s: float = Field(2.0, gt=0)
    """Shortest clip; what is left of a shot below this is not a clip, s."""
    max_s: float = Field(8.0, gt=0)
    """Longest clip; a longer shot gives several, s."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        at_most(self, "min_s", "max_s")
        return self


class Measure(Settings):
    """The one decode of each video."""

    analysis_fps: float = Field(6.0, gt=0, le=60)
    """Rate at which motion is estimated, frames per second."""
    analysis_px: int = Field(320, ge=64, le=1024)
    """Longer side of the luma that filters see, px."""
    motion_source: Literal["tracks", "codec"] = "tracks"
    """Camera motion from Lucas-Kanade tracks, or from H.264, MPEG or H.263 motion vectors."""
    samples_per_clip: int = Field(4, ge=1, le=64)
    """Stills kept of each clip for embedding and for the report."""
    sample_px: int = Field(256, ge=32, le=1024)
    """Shorter side of a still, px (smaller sources are not enlarged)."""
    ocr: bool = False
    """Whether a text detector looks at one still per clip, for ocr_text (needs the extra `ocr`)."""


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
            at_most(self, "low", "high")
        return self


class Policy(Settings):
    """Which clips are kept, decided on stored scores."""

    filters: dict[str, Bounds] = Field(default_factory=dict)
    """Score name -> bounds that replace the registry's."""
    cell: Cell = "any"
    """Camera and world: any, fixed_still, fixed_moving, moving_still or moving_moving."""
    camera_kinds: tuple[Kind, ...] = ()
    """Kinds of camera motion that are kept (filters/camera_kind.py); empty keeps all."""
    duplicates: Literal["drop", "keep"] = "drop"
    """What happens to a clip that is a copy of a kept one."""
    prompts: dict[PromptName, Prompt] = Field(default_factory=dict)
    """Name -> text and bounds; needs an open_clip embedder."""

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
    dtype: Literal["float16", "int8"] = "float16"
    """How tokens are stored; int8 has one scale per token and takes half the bytes."""
    cpu_precision: Literal["float32", "bfloat16", "auto"] = "float32"
    """What a CPU computes in; auto tries both once on the machine that starts the run."""
    batch_size: int = Field(32, ge=1)
    """Frames per forward pass."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the model runs."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        at_most(self, "min_steps", "max_steps")
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
    thin: Thin = Thin()
    """Near clips."""
    encode: Encode = Encode()
    """Tokens."""
    study: Study = Study()
    """Effect on the latent action."""
    ledger: Ledger = Ledger()
    """Effect of every filter on the latent action."""
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
            meaning = type(section).model_fields[key].description or ""
            lines.append(f"# {' '.join(meaning.split())}")
        lines.append(f"# {key} = (not set)" if value is None else f"{key} = {_literal(value)}")
    return lines + nested


def _literal(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # as in TOML
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
    """The bounds that a policy applies: filter, low, high, null (`keep` or `drop`).

    What the policy says of a filter comes first, then its cell, then the registry.
    """
    rows = []
    cell = CELLS[policy.cell]
    for name, default in FILTERS.items():
        chosen = policy.filters.get(name)
        off = name in cell.off if chosen is None else chosen.off
        chosen = chosen or Bounds()
        least, most = cell.of(name)
        low = _first(chosen.low, least, default.low)
        high = _first(chosen.high, most, default.high)
        if off or (low is None and high is None):
            continue
        # A clip whose cell is not known is in none.
        null = "drop" if least is not None or most is not None else default.null
        rows.append((name, low, high, chosen.null or null))
    schema = {"filter": pl.String, "low": pl.Float64, "high": pl.Float64, "null": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _first(*values: float | None) -> float | None:
    """The first that is given."""
    return next((value for value in values if value is not None), None)
