"""Make a laboratory: a folder of takes, the actions in them, and the truth of their faults."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import av
import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curate.demo.encode import X264, write_video
from curate.lab.doses import Doses, TakePlan, plan_takes
from curate.lab.edit import edit_take
from curate.lab.world import Picture, World
from manifests.errors import ConfigError

VERSION: Final = 1
"""Raised by hand whenever the same request gives other files."""

MANIFEST: Final = "lab.json"
"""Written last, so that a folder without it is unfinished."""

UNFINISHED: Final = ".unfinished"
"""Folder of what an interrupted lab goes on from: the request, and a table of each take filmed."""

ACTIONS: Final = pa.schema(
    [
        pa.field("file", pa.string(), nullable=False),
        pa.field("t_s", pa.float64(), nullable=False),
        pa.field("action", pa.list_(pa.float32()), nullable=False),
        pa.field("camera", pa.list_(pa.float32(), 2), nullable=False),
    ]
)
"""One row per frame: the action from it to the next frame, (K,), nulls where the next one does not
follow from it; and the added camera motion, (x, y) in sides of the picture."""

TRUTH: Final = pa.schema(
    [
        pa.field("file", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("start_s", pa.float64(), nullable=False),
        pa.field("end_s", pa.float64(), nullable=False),
        pa.field("copy_of", pa.string()),
    ]
)
"""One row per fault. A cut begins with the last frame before it and ends with the first after."""

_COPY_PX: Final = 192
_COPY_OPTIONS: Final = {**X264, "crf": "30"}


@dataclass(frozen=True)
class LabRequest:
    """What is to be made; the same request gives the same files.

    Attributes:
        world: Where takes are filmed.
        takes: Takes, copies not counted. One per source as long as there are sources.
        seconds: Length of each.
        doses: What is wrong with them.
        seed: Of what is filmed and of the faults' places.
        fps: Frames per second.
        step_s: Step that the dose of cuts refers to, s.
    """

    world: World
    takes: int
    seconds: float
    doses: Doses = field(default_factory=Doses)
    seed: int = 0
    fps: int = 12
    step_s: float = 0.25

    def __post_init__(self) -> None:
        if self.takes < 1 or self.seconds * self.fps < 4:
            raise ConfigError("a lab has at least 1 take of at least 4 frames")

    @property
    def frames(self) -> int:
        """Length of each take, frames."""
        return round(self.seconds * self.fps)

    def file(self, take: int) -> str:
        """Name of a take's file."""
        sources = self.world.sources or self.takes
        again = take // sources
        name = self.world.source(take % sources)
        return f"{name}-{again}.mp4" if again else f"{name}.mp4"

    def copies(self) -> list[tuple[int, str]]:
        """Which takes are copied, and the copies' file names."""
        share = self.doses.copies
        count = round(self.takes * share / (1 - share))
        order = np.random.default_rng([self.seed, 200]).permutation(self.takes)
        chosen = [int(order[i % self.takes]) for i in range(count)]
        return [
            (take, self.file(take).replace(".mp4", f"-copy{i // self.takes + 1}.mp4"))
            for i, take in enumerate(chosen)
        ]


def make_lab(
    folder: Path,
    request: LabRequest,
    *,
    workers: int = 2,
    done: Callable[[int, int], None] = lambda made, wanted: None,
) -> dict[str, Any]:
    """Film and edit all takes; nothing is done where the folder holds what is asked for.

    What was filmed before an interruption is kept.

    Args:
        folder: Gets `videos/`, `actions.parquet`, `truth.parquet` and, last, `lab.json`.
        request: What is to be made.
        workers: Processes that film; they change no file.
        done: Called with the number of files made and of all, after each.

    Returns:
        What is written to `lab.json`.

    Raises:
        ConfigError: The folder holds another lab.
    """
    wanted = describe(request)
    if (folder / MANIFEST).is_file():
        held: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        if {key: held.get(key) for key in wanted} == wanted:
            return held
        raise ConfigError(f"{folder} holds another lab; remove it or take another folder")
    (folder / "videos").mkdir(parents=True, exist_ok=True)
    _begin(folder / UNFINISHED, wanted)
    started = time.monotonic()
    doses = request.doses
    plans = plan_takes(
        doses, request.takes, request.frames, request.fps, request.step_s, request.seed
    )
    copies = request.copies()
    tables: list[pa.Table] = []
    for table in _film_all(folder, request, plans, min(workers, request.takes)):
        tables.append(table)
        done(len(tables), request.takes + len(copies))
    truth = [row for take, plan in enumerate(plans) for row in _faults(request, take, plan)]
    for take, name in copies:
        original = request.file(take)
        _copy(folder / "videos" / original, folder / "videos" / name, request.fps)
        tables.append(_renamed(tables[take], name))
        truth += [{**row, "file": name} for row in _faults(request, take, plans[take])]
        end_s = request.frames / request.fps
        truth.append(
            {"file": name, "kind": "copies", "start_s": 0.0, "end_s": end_s, "copy_of": original}
        )
        done(len(tables), request.takes + len(copies))
    _write_table(folder / "actions.parquet", pa.concat_tables(tables))
    _write_table(folder / "truth.parquet", pa.Table.from_pylist(truth, TRUTH))
    sizes = [file.stat().st_size for file in (folder / "videos").glob("*.mp4")]
    found = {
        **wanted,
        "files": request.takes + len(copies),
        "frames": sum(table.num_rows for table in tables),
        "bytes": sum(sizes),
        "seconds_taken": round(time.monotonic() - started, 1),
    }
    _write_text(folder / MANIFEST, json.dumps(found, indent=2) + "\n")
    shutil.rmtree(folder / UNFINISHED)
    return found


def _begin(folder: Path, wanted: dict[str, Any]) -> None:
    """Keep takes of the same request that were filmed before, and no others."""
    request = folder / MANIFEST
    if request.is_file() and json.loads(request.read_text()) != wanted:
        shutil.rmtree(folder)
    folder.mkdir(exist_ok=True)
    _write_text(request, json.dumps(wanted))


def describe(request: LabRequest) -> dict[str, Any]:
    """A request in plain words, as `lab.json` holds it."""
    world = asdict(request.world)  # type: ignore[call-overload]
    return {
        "version": VERSION,
        "world": json.loads(json.dumps(world)),
        "takes": request.takes,
        "seconds": request.seconds,
        "doses": asdict(request.doses),
        "seed": request.seed,
        "fps": request.fps,
        "step_s": request.step_s,
    }


def _film_all(
    folder: Path, request: LabRequest, plans: list[TakePlan], workers: int
) -> Iterator[pa.Table]:
    """Film every take, in order, by so many processes."""
    jobs = [(folder, request, take, plan) for take, plan in enumerate(plans)]
    if workers == 1:
        yield from (_film(*job) for job in jobs)
        return
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        yield from pool.map(_film, *zip(*jobs, strict=True))


def _film(folder: Path, request: LabRequest, take: int, plan: TakePlan) -> pa.Table:
    """Write a take's video and give its rows of actions, unless both are there already."""
    table = folder / UNFINISHED / f"{take}.parquet"
    if table.is_file():
        return pq.read_table(table, schema=ACTIONS)
    sources = request.world.sources or request.takes
    seed = request.seed * 1000 + take // sources
    name = request.file(take)
    rows: list[dict[str, Any]] = []
    nothing = [None] * len(request.world.actions)

    def pictures() -> Iterator[Picture]:
        edited = edit_take(request.world, take % sources, plan, request.fps, seed)
        for number, frame in enumerate(edited):
            action = nothing if frame.action is None else frame.action.tolist()
            rows.append(
                {
                    "file": name,
                    "t_s": number / request.fps,
                    "action": action,
                    "camera": list(frame.camera),
                }
            )
            yield frame.picture

    write_video(folder / "videos" / name, pictures(), Fraction(request.fps))
    _write_table(table, pa.Table.from_pylist(rows, ACTIONS))
    return pq.read_table(table, schema=ACTIONS)


def _faults(request: LabRequest, take: int, plan: TakePlan) -> list[dict[str, Any]]:
    """Rows of truth of a take."""
    name, fps = request.file(take), request.fps
    spans = [("cuts", at - 1, at) for at in plan.cuts]
    spans += [(span.kind, span.start, span.end) for span in plan.spans]
    return [
        {"file": name, "kind": kind, "start_s": a / fps, "end_s": b / fps, "copy_of": None}
        for kind, a, b in sorted(spans, key=lambda span: (span[1], span[0]))
    ]


def _copy(original: Path, copy: Path, fps: int) -> None:
    """Encode a take again, smaller and at a lower bit rate."""

    def pictures() -> Iterator[Picture]:
        with av.open(original) as container:
            for frame in container.decode(video=0):
                picture = frame.to_ndarray(format="rgb24")
                small = cv2.resize(picture, (_COPY_PX, _COPY_PX), interpolation=cv2.INTER_AREA)
                yield np.asarray(small, np.uint8)

    write_video(copy, pictures(), Fraction(fps), options=_COPY_OPTIONS)


def _renamed(table: pa.Table, name: str) -> pa.Table:
    return table.set_column(0, ACTIONS.field(0), pa.array([name] * table.num_rows))


def _write_text(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_text(text)
    temporary.replace(path)


def _write_table(path: Path, table: pa.Table) -> None:
    temporary = path.with_name(f".{path.name}.part")
    pq.write_table(table, temporary)
    temporary.replace(path)
