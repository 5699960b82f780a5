"""The path of a video, stage after stage, under the corpus's lock, with a record."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final

import polars as pl
import ray.exceptions

from curate.config import Config, load_config, to_toml
from curate.embedders import load_embedder
from curate.encoders import load_encoder, probe_precision
from curate.keys import stage_keys
from curate.ocr import require_ocr
from curate.prompts import require_words
from curate.report import write_report
from curate.shots import require_backend
from jobs.cluster import Cluster, connect
from jobs.decide import run_decide
from jobs.dedup import run_dedup
from jobs.embed import run_embed
from jobs.encode import run_encode
from jobs.interrupt import INTERRUPTS
from jobs.ledger import run_ledger, run_ledger_plan
from jobs.measure import run_measure
from jobs.recut import run_recut
from jobs.run import Progress, Run, new_record
from jobs.scan import run_scan
from jobs.study import run_study
from manifests.corpus import Corpus
from manifests.errors import ConfigError, ModelUnavailableError

_WITHOUT_RAY: Final = {"decide", "report"}

OK: Final = 0
FAILED_SHARE: Final = 3
INTERRUPTED: Final = 130

_CONFIG_FILE: Final = "rushes.toml"
_PREFERRED: Final = {
    "embed": "open_clip:ViT-B-32/laion2b_s34b_b79k",
    "encode": "timm:vit_small_patch14_dinov2.lvd142m",
}
"""What the spec `auto` stands for where its weights can be had; `bundled` elsewhere."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a command asks for.

    Attributes:
        corpus: The corpus.
        config: Settings; specs may be `auto`.
        stages: Names of `jobs.stages.STAGES`, in order.
        sources: What to scan; empty when scan is not among the stages.
        address: Ray to join; None for this machine.
        retry_failed: Whether failed videos are tried again.
        command: As typed, for the record.
    """

    corpus: Corpus
    config: Config
    stages: Sequence[str]
    sources: Sequence[str] = ()
    address: str | None = None
    retry_failed: bool = False
    command: tuple[str, ...] = ()


def resolve(
    corpus: Corpus, toml: str | None, overrides: Sequence[str], warn: Callable[[str], None]
) -> Config:
    """The configuration of a command: a given file, else what the corpus remembers, else defaults.

    Args:
        corpus: The corpus.
        toml: Content of a configuration file given by the user.
        overrides: `key=value`, applied last.
        warn: Told when `auto` settles for `bundled`.

    Raises:
        ConfigError: A setting is wrong.
    """
    if toml is None and corpus.folder.exists(_CONFIG_FILE):
        toml = corpus.folder.read(_CONFIG_FILE).decode()
    config = load_config(toml, overrides)
    specs = {"embed": config.embed.spec, "encode": config.encode.spec}
    chosen = [
        f"{part}.spec={_settle(part, warn)}" for part, spec in specs.items() if spec == "auto"
    ]
    if chosen:
        config = load_config(toml, [*overrides, *chosen])
    if config.encode.cpu_precision == "auto":
        chosen.append(f"encode.cpu_precision={_precision(corpus, config)}")
    return load_config(toml, [*overrides, *chosen])


def _precision(corpus: Corpus, config: Config) -> str:
    """What the corpus was last encoded in with this encoder, else what a trial says.

    A trial may come out otherwise the next time, and all tokens would be made again.
    """
    if corpus.folder.exists(_CONFIG_FILE):
        before = load_config(corpus.folder.read(_CONFIG_FILE).decode()).encode
        if before.spec == config.encode.spec and before.cpu_precision != "auto":
            return before.cpu_precision
    return probe_precision(config.encode.spec, config.encode.device)


def _settle(part: str, warn: Callable[[str], None]) -> str:
    """The preferred model if its weights can be had, else the bundled one."""
    spec = _PREFERRED[part]
    try:
        if part == "embed":
            load_embedder(spec, device="cpu")
        else:
            load_encoder(spec, device="cpu")
    except ModelUnavailableError:
        warn(
            f"{part}.spec: the weights of {spec} cannot be had here; using `bundled` "
            "(EfficientNet-Lite0, ImageNet)"
        )
        return "bundled"
    return spec


def execute(request: Request, progress: Progress) -> tuple[dict[str, Any], int]:
    """Run the stages asked for.

    Returns:
        The run's record and its exit code: 0, 3 (too many failures, or nothing kept) or 130.

    Raises:
        CurateError: The run could not start, or the corpus is damaged.
    """
    corpus, config = request.corpus, request.config
    require_backend(config.shots)
    if "decide" in request.stages:
        require_words(config.policy.prompts, config.embed.spec)
    if config.measure.ocr:
        require_ocr()
    keys = stage_keys(config)
    record = new_record(list(request.command), config, keys)
    code = OK
    with INTERRUPTS, corpus.lock(record["run_id"]) as lock:
        begin = time.monotonic()
        try:
            with _cluster(request) as cluster, _remembered(corpus, config):
                INTERRUPTS.take()
                run = Run(
                    corpus, config, keys, cluster, progress, lock, request.retry_failed, record
                )
                for stage in request.stages:
                    lock.check()
                    with run.stage(stage):
                        _run_stage(stage, run, request)
        except KeyboardInterrupt:
            code = INTERRUPTED
        record["seconds"] = round(time.monotonic() - begin, 2)
        record["totals"] = totals(corpus, keys.policy)
        record["tables"] = corpus.versions()
        code = code or _verdict(record, request)
        record["exit_code"] = code
        with contextlib.suppress(KeyboardInterrupt), INTERRUPTS.deferred():
            corpus.write_run(record["run_id"], record)
    return record, code


@contextlib.contextmanager
def _remembered(corpus: Corpus, config: Config) -> Iterator[None]:
    """Store the configuration, unless it turns out that nothing can be run with it."""
    before = corpus.folder.read(_CONFIG_FILE) if corpus.folder.exists(_CONFIG_FILE) else None
    corpus.folder.write(to_toml(config, comments=True).encode(), _CONFIG_FILE)
    try:
        yield
    except (ConfigError, ModelUnavailableError, ray.exceptions.RayActorError):
        if before is None:
            corpus.folder.delete(_CONFIG_FILE)
        else:
            corpus.folder.write(before, _CONFIG_FILE)
        raise


def _cluster(request: Request) -> AbstractContextManager[Cluster]:
    """The Ray to run on; none is started for stages that the driver does by itself."""
    if set(request.stages) <= _WITHOUT_RAY:
        return contextlib.nullcontext(Cluster(workers=0, gpus=0, restarts=0))
    return connect(request.address, request.config.run.workers)


def _run_stage(stage: str, run: Run, request: Request) -> None:
    if stage == "scan":
        run_scan(run, request.sources)
    elif stage == "measure":
        run_recut(run, "measure")
        run_measure(run, embed="embed" in request.stages)
    elif stage == "encode":
        run_encode(run, request.stages)
    elif stage == "report":
        run.progress.start("report", 1, "pages")
        run.note("report", uri=write_report(run.corpus, run.config, run.keys, run=run.record))
    else:
        _PLAIN[stage](run)


def _decide(run: Run) -> None:
    """Cut anew where that needs no pixels, then decide."""
    run_recut(run, "decide")
    run_decide(run)


_PLAIN: Final[dict[str, Callable[[Run], None]]] = {
    "embed": run_embed,
    "dedup": run_dedup,
    "decide": _decide,
    "study": run_study,
    "ledger_plan": run_ledger_plan,
    "ledger": run_ledger,
}


def totals(corpus: Corpus, policy_key: str) -> dict[str, Any]:
    """Counts of the whole corpus: videos by status and error word, clips by verdict and reason."""
    videos = corpus.read("videos")
    decisions = corpus.read("decisions").filter(pl.col("policy_key") == policy_key)
    reasons = decisions.explode("reasons").drop_nulls("reasons").unnest("reasons")
    return {
        "videos": _counts(videos["status"]),
        "errors": _counts(videos["error"].drop_nulls()),
        "clips": corpus.scan("clips").select(pl.len()).collect().item(),
        "kept": int(decisions["keep"].sum()),
        "dropped": int((~decisions["keep"]).sum()),
        "dropped_by": _counts(reasons["filter"]),
    }


def _counts(values: pl.Series) -> dict[str, int]:
    return {
        str(value): count for value, count in values.value_counts().sort(values.name).iter_rows()
    }


def _verdict(record: dict[str, Any], request: Request) -> int:
    """Exit code of a run that finished."""
    counted = record["totals"]
    videos = sum(counted["videos"].values())
    failed = counted["videos"].get("failed", 0)
    if videos and failed / videos > request.config.run.max_failed_share:
        record["why"] = f"{failed} of {videos} videos failed"
        return FAILED_SHARE
    if "decide" in request.stages and not counted["kept"]:
        record["why"] = "no clip was kept"
        return FAILED_SHARE
    return OK
