"""Encode: clips a second from video to token file, against the bare model on prepared tensors.

    python benchmarks/encode.py [--video FILE] [--spans 16] [--rounds 3]

One process with one torch thread, the decoder in a child as in a run, the same batch size. In turn
the bare model sees prepared batches, and the stage decodes, resizes, encodes and writes the same
frames. Prints medians of wall-clock rates, which need two free cores, and
of CPU rates of the process that runs the model, which do not.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from curate.backbones import load_backbone
from curate.config import Limits
from curate.decode import Video
from curate.encode import (
    Pass,
    SpanFrames,
    StepRule,
    TokenSpan,
    encode_passes,
    passes_of,
    read_spans,
)
from curate.encoders import load_encoder
from curate.isolate import Isolated, keep_freed_memory
from curate.specs import parse_spec
from curate.tokens import write_tokens
from manifests.storage import Folder

BATCH = 32
RULE = StepRule(step_s=0.25, least=8, most=64)


def main() -> None:
    """Measure and print."""
    keep_freed_memory(of_any_size=True)  # as the processes that encode do
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--video", type=Path, help="any video; a synthetic one by default")
    parser.add_argument("--spans", type=int, default=16)
    parser.add_argument("--encoder", default="bundled")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder, Isolated(Limits()) as isolated:
        path = str(options.video or synthetic(Path(folder), options.spans))
        spans = spans_of(path, options.spans)
        encoder = load_encoder(options.encoder, device="cpu", batch_size=BATCH)

        def read(part: Pass) -> list[SpanFrames | None]:
            return isolated.call(
                read_spans, path, part.spans, RULE, Limits(), seekable=part.seekable
            )

        whole = read(Pass((path,), tuple(spans), seekable=False))
        frames = [picture for found in whole if found for picture in found.frames]
        backbone = load_backbone(parse_spec(options.encoder), "cpu")
        batches = [backbone.preprocess(frames[i : i + BATCH]) for i in range(0, len(frames), BATCH)]

        def bare() -> None:
            with torch.inference_mode():
                for batch in batches:
                    backbone.patches(batch.contiguous(memory_format=torch.channels_last))

        def stage() -> None:
            found = encode_passes(passes_of([path], spans, sound=True), read, encoder)
            encoded = [one for part in found for one in part]
            write_tokens(Folder(folder), "k", encoded, "spec", causal=True, step_s=0.25)

        stage()
        rounds = [(seconds(bare), seconds(stage)) for _ in range(options.rounds)]
        print(f"{len(spans)} spans, {len(frames)} frames, {options.encoder}, batch {BATCH}")
        for clock, name in enumerate(("wall clock", "CPU of the model's process")):
            model = statistics.median(len(frames) / bare[clock] for bare, _ in rounds)
            ours = statistics.median(len(frames) / stage[clock] for _, stage in rounds)
            share = statistics.median(bare[clock] / stage[clock] for bare, stage in rounds)
            print(f"{name}: bare {model:.1f}, stage {ours:.1f} frames/s, {share:.2f} of bare")


def synthetic(folder: Path, spans: int) -> Path:
    """640 x 360, 25 frames a second, drifting discs."""
    from tests.videos import scene, write

    path = folder / "video.mp4"
    write(path, scene(200, 640, 360, seed=1).repeat(max(1, spans), axis=0)[: 200 * spans])
    return path


def spans_of(path: str, count: int) -> list[TokenSpan]:
    """Neighbouring spans of 8 s."""
    with Video(path, Limits()) as video:
        base = video.time_base
    each = round(8 / base)
    return [TokenSpan(f"c{k}", "v", k * each, (k + 1) * each) for k in range(count)]


def seconds(run: Callable[[], None]) -> tuple[float, float]:
    """Wall-clock time, and CPU time of this process: the model's, without the decoder's."""
    begin, cpu = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - begin, time.process_time() - cpu


if __name__ == "__main__":
    main()
