"""Starting or joining Ray, and the check that a plan fits before it is started."""

import logging
import os
import re
import socket
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import ray
import ray.data
import ray.exceptions
import ray.util.annotations

from manifests.errors import ConfigError, ModelUnavailableError, RetryError

_OBJECT_STORE_BYTES: Final = 512 << 20
"""Only tables and a few stills per clip pass between workers."""
_SPARE_CPUS: Final = 2
"""Logical CPUs beside the measuring workers of a local Ray: one for tasks, one for the embedder."""
_ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True)
class Cluster:
    """The Ray in use.

    Attributes:
        workers: Measuring (or encoding) actors to start, one CPU each.
        gpus: GPUs that Ray knows of.
        restarts: How often a dead actor is replaced. Ray Data's own number is without end, and
            then a run whose actor always dies never ends; with any finite number it stops with an
            error. On one machine a dead actor means that the machine is short of memory.
    """

    workers: int
    gpus: int
    restarts: int

    def gpu_share(self, device: str) -> int:
        """GPUs that a model actor asks for."""
        return 1 if self.gpus and device != "cpu" else 0


@contextmanager
def connect(address: str | None, workers: int | None) -> Iterator[Cluster]:
    """Join the Ray at `address`, or use the one already started here, or start a local one.

    Args:
        address: As `ray.init` takes it; None for this machine alone.
        workers: Measuring processes; None for one per CPU (of a joined cluster, all but two).

    Raises:
        ConfigError: The cluster cannot be reached, or has too few CPUs for the plan.
    """
    started = not ray.is_initialized()
    if started:
        _start(address, workers)
    try:
        resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        cpus = int(resources.get("CPU", 0))
        chosen = workers or max(1, cpus - _SPARE_CPUS)
        if chosen + _SPARE_CPUS > cpus:
            raise ConfigError(
                f"{chosen} workers need {chosen + _SPARE_CPUS} CPUs and Ray has {cpus}; "
                "lower run.workers"
            )
        yield Cluster(chosen, int(resources.get("GPU", 0)), 0 if address is None else 3)
    except ray.exceptions.RayActorError as error:
        refused = re.search(r"errors\.(ConfigError|ModelUnavailableError): (.+)", str(error))
        if refused is not None:  # an actor could not be built from the settings
            kind = ConfigError if refused[1] == "ConfigError" else ModelUnavailableError
            raise kind(refused[2]) from error
        raise RetryError(
            "a worker died, most often for want of memory; run the same command to go on, with a "
            f"smaller run.workers if it happens again ({_first_line(error)})"
        ) from error
    finally:
        if started:
            ray.shutdown()


def _start(address: str | None, workers: int | None) -> None:
    # Ray would otherwise run workers through `uv run` when the driver was started so.
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    # Today's default would hide GPUs from actors that ask for none; Ray warns unless it is chosen.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    logging.getLogger("ray").setLevel(logging.ERROR)
    options: dict[str, Any] = {
        "log_to_driver": False,
        "logging_level": logging.ERROR,
        "configure_logging": False,
        "runtime_env": {"env_vars": _ONE_THREAD},
    }
    if address is None:
        options |= {
            "num_cpus": (workers or os.cpu_count() or 1) + _SPARE_CPUS,
            "include_dashboard": False,
            "object_store_memory": _OBJECT_STORE_BYTES,
            "_temp_dir": _short_temporary_folder(),
        }
    else:
        _probe(address)
        options["address"] = address
        checkout = Path(__file__).resolve().parent.parent
        if (checkout / "pyproject.toml").is_file():  # not an installed wheel: send the code
            excludes = [".git", ".venv", "demo", "**/__pycache__", "**/.mypy_cache"]
            options["runtime_env"] |= {"working_dir": str(checkout), "excludes": excludes}
    try:
        ray.init(**options)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise ConfigError(
            f"cannot start or join Ray at {address or 'this machine'}: {error}"
        ) from error


def _probe(address: str) -> None:
    """Refuse an address where nobody listens; Ray itself would go on trying for long."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        return  # "auto", "local" and what else Ray may know
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except OSError as error:
        raise ConfigError(f"cannot join Ray at {address}: {error}") from error


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _short_temporary_folder() -> str | None:
    """None for Ray's default; its sockets need a path of less than 107 bytes."""
    chosen = os.environ.get("RAY_TMPDIR")
    if chosen is None and len(tempfile.gettempdir()) > 40:
        return "/tmp/ray"
    return chosen


def map_on_actors(
    dataset: ray.data.Dataset,
    actor: type,
    arguments: tuple[Any, ...],
    cluster: Cluster,
    *,
    size: int,
    gpus: int = 0,
) -> ray.data.Dataset:
    """Send every row through a pool of actors, one at a time, as Arrow tables.

    Args:
        dataset: What to map; one row is one unit of work.
        actor: Class that is built with `arguments` and called with a table of one row.
        arguments: For its constructor.
        cluster: The Ray in use.
        size: Actors, one CPU each.
        gpus: GPUs per actor.
    """
    with warnings.catch_warnings():
        # Ray 2.60 has no named parameter for restarts yet; the pin in pyproject.toml guards this.
        warnings.simplefilter("ignore", ray.util.annotations.RayDeprecationWarning)
        return dataset.map_batches(
            actor,
            fn_constructor_args=arguments,
            compute=ray.data.ActorPoolStrategy(size=size),
            batch_size=1,
            batch_format="pyarrow",
            num_cpus=1,
            num_gpus=gpus,
            max_restarts=cluster.restarts,
        )


def rows_of_batches(dataset: ray.data.Dataset) -> Iterator[dict[str, Any]]:
    """Run the plan and give its rows as they are ready, in any order."""
    for batch in dataset.iter_batches(batch_size=1, batch_format="pyarrow", prefetch_batches=0):
        if not isinstance(batch, pa.Table):
            raise TypeError(f"expected an Arrow table, got {type(batch)}")
        yield from batch.to_pylist()


def data_context(no_progress_s: float) -> None:
    """Settings of Ray Data that every stage needs.

    Args:
        no_progress_s: Longest time without any block finished before the run is given up, s.
    """
    for handler in logging.getLogger("ray.data").handlers:
        if not hasattr(handler, "baseFilename"):  # the console; its log file stays whole
            handler.setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.enable_operator_progress_bars = False
    context.print_on_execution_start = False
    context.execution_no_progress_timeout_s = no_progress_s  # default: 30 min
    context.execution_options.preserve_order = False
