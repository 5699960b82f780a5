"""`rushes export`: kept clips as WebDataset shards or as a LeRobot data set."""

import json
import re
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, TypeAlias, cast, get_args

import numpy as np
import pyarrow as pa
import ray

from curate.actions import Actions
from curate.config import Config, Limits, load_config
from curate.encode import FRAME_PX
from curate.export.lerobot import Episode, video_file, write_lerobot
from curate.export.lerobot_stats import colour_stats
from curate.export.plan import ExportClip, export_clips
from curate.export.shards import Sample, as_json, npy, shard_name, tar_shard
from curate.export.video import clip_mp4, episodes_mp4
from curate.isolate import Isolated
from curate.tokens import read_tokens
from jobs.cluster import connect, data_context, map_on_actors, rows_of_batches
from manifests.corpus import Corpus
from manifests.errors import BadVideoError, ConfigError
from manifests.storage import Folder

Content: TypeAlias = Literal["video", "tokens", "both"]

CLIPS_PER_FILE: Final = 64
"""8 s each at 360p are about 50 MB of a shard; of a LeRobot video less."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How clips are written.

    Attributes:
        format: webdataset or lerobot.
        content: Of a WebDataset sample.
        fps: Of a LeRobot data set.
        size: Of its pictures, width and height, px.
    """

    format: str
    content: Content = "both"
    fps: int = 0
    size: tuple[int, int] = (0, 0)


class ExportActor:
    """Writes a shard, or a video of several episodes, decoding in a child process."""

    def __init__(self, limits: Limits, layout: Layout, corpus_uri: str, out: str) -> None:
        self._limits, self._layout = limits, layout
        self._corpus, self._out = Corpus(corpus_uri), Folder(out)
        self._isolated = Isolated(limits)

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Numbered lists of clips as JSON in, what was written of each clip as JSON out."""
        results = []
        for unit in batch.to_pylist():
            clips = [_clip_of(fields) for fields in json.loads(unit["clips"])]
            write = self._shard if self._layout.format == "webdataset" else self._episodes
            results.append({"number": unit["number"], "clips": write(unit["number"], clips)})
        return pa.table({"result": [json.dumps(result) for result in results]})

    def _shard(self, number: int, clips: list[ExportClip]) -> list[dict[str, Any]]:
        actions = Actions(self._corpus, np.array([clip.video_id for clip in clips]))
        samples, told = [], []
        for clip in clips:
            try:
                samples.append((clip.clip_id, self._sample(clip, actions)))
                told.append({"clip_id": clip.clip_id, "error": None})
            except BadVideoError as error:
                told.append({"clip_id": clip.clip_id, "error": error.word})
        if samples:
            self._out.write(tar_shard(samples), shard_name(number))
        return told

    def _sample(self, clip: ExportClip, actions: Actions) -> Sample:
        facts, members = dict(clip.facts), Sample()
        if self._layout.content != "tokens":
            members["mp4"] = self._isolated.call(clip_mp4, clip, self._limits)
        if self._layout.content != "video" and clip.tokens is not None:
            members["tokens.npy"] = npy(read_tokens(self._corpus.folder, [clip.tokens])[0])
        times, values = actions.within(clip.video_id, clip.start_s, clip.facts["end_s"])
        if len(times):
            facts["action_s"] = [round(float(t - clip.start_s), 6) for t in times]
            members["actions.npy"] = npy(values)
        return {"json": as_json(facts)} | members

    def _episodes(self, number: int, clips: list[ExportClip]) -> list[dict[str, Any]]:
        layout = self._layout
        try:
            content, found = self._isolated.call(
                episodes_mp4, clips, layout.fps, layout.size, self._limits
            )
        except BadVideoError as error:  # the child died: of which clip is not known
            return [{"clip_id": clip.clip_id, "error": error.word} for clip in clips]
        if content:
            self._out.write(content, video_file(number))
        return [
            {
                "clip_id": one.clip_id,
                "error": one.error,
                "first": one.first,
                "frames": one.frames,
                "colours": {k: v.tolist() for k, v in colour_stats(one.pixels).items()},
            }
            for one in found
        ]


def run_export(
    corpus: Corpus,
    out: str,
    layout: Layout,
    *,
    task: str,
    labelled: bool,
    address: str | None,
) -> dict[str, Any]:
    """Write the kept clips to a new folder.

    Args:
        corpus: The corpus.
        out: Folder or URI that is empty or does not exist.
        layout: Its format; fps 0 and size (0, 0) are chosen from the clips.
        task: What LeRobot episodes show, in words.
        labelled: Only clips of videos with actions.
        address: Ray to join; None for this machine.

    Returns:
        Counts: clips, files, failed (error word -> clips), and of LeRobot frames, fps and size.

    Raises:
        ConfigError: There is nothing to export, or the folder is not empty.
    """
    folder = Folder(out)
    if folder.files():
        raise ConfigError(f"{folder.uri} is not empty; name a new folder")
    clips = export_clips(corpus)
    if labelled:
        known = set(corpus.committed("actions").select("video_id").unique().collect()["video_id"])
        clips = [clip for clip in clips if clip.video_id in known]
    if layout.format == "webdataset" and layout.content == "tokens":
        clips = [clip for clip in clips if clip.tokens is not None]
    if not clips:
        wanted = "has actions" if labelled else "has tokens"
        raise ConfigError(f"no kept clip of {corpus.uri} {wanted}; there is nothing to export")
    if layout.format == "lerobot":
        fps, size = layout.fps or common_rate(clips), layout.size
        layout = Layout("lerobot", fps=fps, size=size if any(size) else common_size(clips))
    config = load_config(corpus.folder.read("rushes.toml").decode())
    results = _written(corpus, folder, layout, clips, config, address)
    failed = Counter(one["error"] for clips in results.values() for one in clips if one["error"])
    done = sum(not one["error"] for clips in results.values() for one in clips)
    if not done:
        raise ConfigError(f"no clip could be read again: {dict(failed)}")
    told: dict[str, Any] = {"clips": done, "failed": dict(failed)}
    if layout.format == "lerobot":
        episodes = _numbered(corpus, clips, results, layout.fps)
        info = write_lerobot(folder, episodes, fps=layout.fps, size=layout.size, task=task)
        told |= {"frames": info["total_frames"], "fps": layout.fps, "size": list(layout.size)}
    else:
        shards = {
            shard_name(number): sum(not one["error"] for one in found)
            for number, found in sorted(results.items())
        }
        shards = {name: count for name, count in shards.items() if count}
        folder.write(as_json(told | {"shards": shards}), "index.json")
        told["files"] = len(shards)
    return told


def layout_of(name: str, content: str, fps: int, size: str) -> Layout:
    """The layout that a command line asks for.

    Raises:
        ConfigError: Naming what is wrong with it.
    """
    if name not in ("webdataset", "lerobot"):
        raise ConfigError(f"--format takes webdataset or lerobot, not {name!r}")
    if content not in get_args(Content):
        raise ConfigError(f"--content takes {', '.join(get_args(Content))}, not {content!r}")
    if fps < 0:
        raise ConfigError(f"--fps must be at least 1, not {fps}")
    found = re.fullmatch(r"(\d+)x(\d+)", size) if size else None
    sides = (int(found[1]), int(found[2])) if found else (0, 0)
    if size and (min(sides) < 16 or any(side % 2 for side in sides)):
        raise ConfigError(f"--size takes WIDTHxHEIGHT, even and at least 16 px, not {size!r}")
    return Layout(name, cast(Content, content), fps, sides)


def common_rate(clips: list[ExportClip]) -> int:
    """The frame rate that most clips have, rounded, at least 1."""
    rates = Counter(max(1, round(clip.facts["fps"] or 0)) for clip in clips)
    return max(rates, key=lambda rate: (rates[rate], rate))


def common_size(clips: list[ExportClip]) -> tuple[int, int]:
    """The content size that most clips have, even, its shorter side at most `FRAME_PX`."""
    sizes = Counter(clip.box[2:] for clip in clips)
    width, height = max(sizes, key=lambda size: (sizes[size], size))
    scale = min(1.0, FRAME_PX / min(width, height))
    return max(2, round(width * scale) // 2 * 2), max(2, round(height * scale) // 2 * 2)


def _written(
    corpus: Corpus,
    folder: Folder,
    layout: Layout,
    clips: list[ExportClip],
    config: Config,
    address: str | None,
) -> dict[int, list[dict[str, Any]]]:
    """What became of the clips of each file."""
    parts = [clips[at : at + CLIPS_PER_FILE] for at in range(0, len(clips), CLIPS_PER_FILE)]
    units = [
        {"number": number, "clips": json.dumps([asdict(clip) for clip in part])}
        for number, part in enumerate(parts)
    ]
    with connect(address, config.run.workers) as cluster:
        data_context(config.limits.timeout_s * CLIPS_PER_FILE + 600)
        dataset = map_on_actors(
            ray.data.from_items(units, override_num_blocks=min(len(units), 4096)),
            ExportActor,
            (config.limits, layout, corpus.uri, folder.uri),
            cluster,
            size=min(cluster.workers, len(units)),
        )
        found = (json.loads(row["result"]) for row in rows_of_batches(dataset))
        return {result["number"]: result["clips"] for result in found}


def _numbered(
    corpus: Corpus, clips: list[ExportClip], results: dict[int, list[dict[str, Any]]], fps: int
) -> list[Episode]:
    """The episodes that were written, in the order of their files, with their actions."""
    by_id = {clip.clip_id: clip for clip in clips}
    actions = Actions(corpus, np.array([clip.video_id for clip in clips]))
    episodes = []
    for number, found in sorted(results.items()):
        for one in found:
            if one["error"]:
                continue
            clip = by_id[one["clip_id"]]
            colours = {name: np.array(values) for name, values in one["colours"].items()}
            done = actions.at_steps(clip.video_id, clip.start_s, one["frames"], 1 / fps, "first")
            episodes.append(Episode(clip, number, one["first"], done, colours))
    return episodes


def _clip_of(fields: dict[str, Any]) -> ExportClip:
    pairs = ("uris", "size", "box", "tokens")
    found: dict[str, Any] = {k: tuple(v) if k in pairs and v else v for k, v in fields.items()}
    return ExportClip(**found)
