"""The keys of a configuration's stages: what of the corpus belongs to it, what is still to do."""

from dataclasses import dataclass
from typing import Final

from curate.config import Config, policy_bounds
from curate.shots.network import digest
from curate.specs import identity
from filters.registry import FILTERS
from manifests.keys import stage_key

VERSIONS: Final = {
    "scan": 1,
    "measure": 4,
    "embed": 1,
    "dedup": 3,
    "cells": 1,
    "policy": 2,
    "encode": 1,
    "study": 1,
    "ledger": 4,
}
"""Raised by hand whenever a stage's code gives other results; filters have their own versions."""


RECUT: Final = {
    "cut_threshold",
    "gradual_threshold",
    "gradual_edge",
    "min_gradual_frames",
    "trim_frames",
}
"""Settings of shots that apply to stored scores: changing one needs no decode to find shots."""


SEARCH: Final = {"flat_clips", "memory_bytes"}
"""Settings of dedup that say how pairs are found, not which ones are wanted."""


@dataclass(frozen=True, slots=True)
class StageKeys:
    """One key per stage, each covering the stages that it reads.

    `signals` covers what measuring reads off the frames; `measure` also how it is cut into clips.
    `cells` covers where thinning finds the vectors, whatever its bound.
    """

    scan: str
    signals: str
    measure: str
    embed: str
    dedup: str
    policy: str
    encode: str
    study: str
    cells: str


def stage_keys(config: Config) -> StageKeys:
    """Compute the keys of a configuration.

    Raises:
        ModelUnavailableError: A spec names a weights file that does not exist.
    """

    def key(stage: str, settings: dict[str, object], *upstream: str) -> str:
        return stage_key(stage, VERSIONS[stage], settings, *upstream)

    versions = {name: chosen.version for name, chosen in FILTERS.items()}
    scan = key("scan", {"max_frame_pixels": config.limits.max_frame_pixels})
    caps = config.limits.model_dump(include={"max_duration_s", "max_frame_pixels"})
    measuring = config.measure.model_dump()
    if config.measure.motion_source == "tracks":  # the key of tracks stays what it was
        del measuring["motion_source"]
    signals = key(
        "measure",
        {
            "shots": config.shots.model_dump(exclude=RECUT),
            "network": digest() if config.shots.backend == "rushes" else None,
            "measure": measuring,
            "min_s": config.clips.min_s,  # decides which stills are held
            "limits": caps,
            "filters": versions,
        },
        scan,
    )
    cutting: dict[str, object] = {
        "shots": config.shots.model_dump(include=RECUT),
        "clips": config.clips.model_dump(),
    }
    measure = key("measure", cutting, signals)
    embed = key("embed", {"model": identity(config.embed.spec)}, measure)
    dedup = key("dedup", config.dedup.model_dump(exclude=SEARCH), embed)
    cells = key("cells", config.thin.model_dump(include={"cell_clips", "seed"}), embed)
    verdicts: dict[str, object] = {
        "bounds": policy_bounds(config.policy).to_dicts(),
        "camera_kinds": config.policy.camera_kinds,
        "duplicates": config.policy.duplicates,
    }
    if config.thin.on:  # the key without thinning stays what it was
        verdicts["thin"] = {**config.thin.model_dump(), "version": VERSIONS["cells"]}
    if config.policy.prompts:  # likewise without any
        verdicts["prompts"] = config.policy.model_dump(include={"prompts"})
    policy = key("policy", verdicts, dedup)
    tokens = config.encode.model_dump(include={"step_s", "min_steps", "max_steps", "grid"})
    if config.encode.dtype != "float16":  # the key of float16 stays what it was
        tokens["dtype"] = config.encode.dtype
    if config.encode.cpu_precision != "float32":
        tokens["cpu_precision"] = config.encode.cpu_precision
    # What decides the content box; the spans are in the ids of the clips.
    box = {"px": config.measure.analysis_px, "borders": FILTERS["border_share"].version}
    encode = key("encode", {**tokens, **box, "model": identity(config.encode.spec)}, scan)
    study = key("study", config.study.model_dump(), encode, policy)
    return StageKeys(scan, signals, measure, embed, dedup, policy, encode, study, cells)


def ledger_key(config: Config, keys: StageKeys) -> str:
    """Key of the ledger: what it was made of and its settings."""
    settings = config.ledger.model_dump()
    return stage_key("ledger", VERSIONS["ledger"], settings, keys.encode, keys.policy)
