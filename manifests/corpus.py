"""The corpus: Delta tables that are read as Polars frames and committed by one writer."""

import json
from collections.abc import Iterable
from typing import Any, Final

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable, Schema, write_deltalake
from deltalake.exceptions import DeltaError, TableNotFoundError

from manifests.errors import StorageError
from manifests.lock import CorpusLock
from manifests.schemas import TABLES
from manifests.storage import Folder

OF_VIDEO: Final = ("shots", "clips", "frames")
"""Tables whose rows hold while `videos.measured_key` names their measure_key."""
OF_CLIP: Final = ("scores", "evidence", "samples", "filmstrips")
"""Tables whose rows hold while their clip does."""


class Corpus:
    """A corpus on a local path or an object store.

    Reading needs no lock. Rows that no committed video vouches for (a run was killed between two
    commits) are not visible, and `purge_orphans` removes them.

    Args:
        uri: Folder of the corpus; it need not exist yet.
    """

    def __init__(self, uri: str) -> None:
        self.folder = Folder(uri)

    @property
    def uri(self) -> str:
        """Absolute path or URI."""
        return self.folder.uri

    def lock(self, owner: str) -> CorpusLock:
        """Context manager that makes this process the only writer."""
        return CorpusLock(self.folder, owner)

    # Reading

    def version(self, name: str) -> int | None:
        """Version of a table, counted from 0; None while it does not exist."""
        table = self._delta(name)
        return None if table is None else int(table.version())

    def versions(self) -> dict[str, int]:
        """Version of every table that exists."""
        found = {name: self.version(name) for name in (*TABLES, "scores")}
        return {name: version for name, version in found.items() if version is not None}

    def committed(self, name: str) -> pl.LazyFrame:
        """All committed rows of a table, visible or not; an empty frame while it does not exist.

        Args:
            name: A table of manifests.schemas, or "scores".
        """
        table = self._delta(name)
        if table is None:
            return _empty(name).lazy()
        rows = pl.scan_delta(self._uri(name))
        # A corpus of an earlier release lacks the columns that came later.
        types = _empty(name).schema
        late = [column.name for column in _late(name, table)]
        return rows.with_columns(pl.lit(None, types[column]).alias(column) for column in late)

    def scan(self, name: str) -> pl.LazyFrame:
        """The rows of a table that hold now, lazily.

        Rows of `shots`, `clips`, `frames`, `scores` and `samples` hold when a video vouches for
        them; other tables are returned whole (choose a stage key to read one stage's rows).
        """
        rows = self.committed(name)
        if name in OF_VIDEO:
            return rows.join(self._measured(), on=["video_id", "measure_key"], how="semi")
        if name in OF_CLIP:
            clips = self.scan("clips").select("clip_id", "measure_key")
            return rows.join(clips, on=["clip_id", "measure_key"], how="semi")
        return rows

    def read(self, name: str) -> pl.DataFrame:
        """The rows of a table that hold now (see `scan`)."""
        return self.scan(name).collect()

    def _measured(self) -> pl.LazyFrame:
        return (
            self.committed("videos")
            .filter(pl.col("measured_key").is_not_null() & (pl.col("status") != "failed"))
            .select("video_id", measure_key="measured_key")
            .unique()
        )

    # Writing (under the lock)

    def append(self, name: str, rows: pa.Table) -> None:
        """Add rows in one transaction; none when there are no rows."""
        if rows.num_rows:
            self._write(name, rows, mode="append", schema_mode="merge")

    def replace(self, name: str, rows: pa.Table, column: str, value: str) -> None:
        """Put `rows` in place of those where `column` equals `value`, in one transaction.

        Raises:
            ValueError: A row has another value in `column`.
        """
        if any(v != value for v in rows.column(column).unique().to_pylist()):
            raise ValueError(f"every row must have {column} = {value!r}")
        if self._delta(name) is None:
            self.append(name, rows)
        else:
            self._write(name, rows, mode="overwrite", predicate=f"{column} = {_quoted(value)}")

    def upsert(self, name: str, rows: pa.Table) -> None:
        """Insert rows, or update those with the same key columns, in one transaction."""
        table = self._delta(name)
        if table is None:
            self.append(name, rows)
        elif rows.num_rows:
            if late := _late(name, table):
                table.alter.add_columns(Schema.from_arrow(pa.schema(late)).fields)
            (
                table.merge(rows, _equal(TABLES[name].key), source_alias="new", target_alias="old")
                .when_matched_update_all()
                .when_not_matched_insert_all()
                .execute()
            )

    def purge_orphans(self) -> int:
        """Remove rows that no video vouches for: of killed runs, and of settings left behind.

        Returns:
            The number of rows removed.
        """
        removed = 0
        for name in (*OF_CLIP, *OF_VIDEO):  # clips last: they vouch for the tables of clips
            table = self._delta(name)
            if table is None:
                continue
            columns = ["clip_id" if name in OF_CLIP else "video_id", "measure_key"]
            keys = self.committed(name).select(columns).unique()
            held = self.scan("clips").select(columns) if name in OF_CLIP else self._measured()
            orphans = keys.join(held, on=columns, how="anti").collect()
            if orphans.is_empty():
                continue
            source = orphans.to_arrow().cast(pa.schema([(c, pa.string()) for c in columns]))
            merge = table.merge(source, _equal(columns), source_alias="new", target_alias="old")
            removed += int(merge.when_matched_delete().execute()["num_target_rows_deleted"])
        return removed

    # Run records and configuration

    def write_run(self, run_id: str, record: dict[str, Any]) -> None:
        """Store what a run did as runs/<run_id>.json."""
        content = json.dumps(record, indent=2, sort_keys=True, allow_nan=False) + "\n"
        self.folder.write(content.encode(), "runs", f"{run_id}.json")

    def runs(self) -> list[dict[str, Any]]:
        """Run records, oldest first."""
        names = [name for name in self.folder.files("runs") if name.endswith(".json")]
        return [json.loads(self.folder.read(name)) for name in names]

    # Delta

    def _uri(self, name: str) -> str:
        return self.folder.url("tables", name)

    def _delta(self, name: str) -> DeltaTable | None:
        try:
            return DeltaTable(self._uri(name))
        except TableNotFoundError:
            return None
        except DeltaError as error:
            raise StorageError(f"cannot read table {name} of {self.uri}: {error}") from error

    def _write(self, name: str, rows: pa.Table, **options: Any) -> None:
        try:
            write_deltalake(self._uri(name), rows, **options)
        except DeltaError as error:
            raise StorageError(f"cannot write table {name} of {self.uri}: {error}") from error


def rows_of(name: str, rows: Iterable[dict[str, Any]]) -> pa.Table:
    """Build an Arrow table of a fixed schema; absent columns become null.

    Args:
        name: A table of manifests.schemas.TABLES.
        rows: One dict per row.

    Raises:
        ValueError: A row has a column that the table has not.
    """
    schema = TABLES[name].schema
    listed = list(rows)
    unknown = {key for row in listed for key in row} - set(schema.names)
    if unknown:
        raise ValueError(f"table {name} has no column {sorted(unknown)}")
    return pa.Table.from_pylist(listed, schema=schema)


def _late(name: str, table: DeltaTable) -> list[pa.Field]:
    """Columns of a table that were not there when it was made."""
    if name not in TABLES:
        return []
    known = {field.name for field in table.schema().fields}
    return [field for field in TABLES[name].schema if field.name not in known]


def _empty(name: str) -> pl.DataFrame:
    if name == "scores":
        schema = pa.schema([("clip_id", pa.string()), ("measure_key", pa.string())])
    else:
        schema = TABLES[name].schema
    frame = pl.from_arrow(schema.empty_table())
    assert isinstance(frame, pl.DataFrame)
    return frame


def _equal(columns: Iterable[str]) -> str:
    return " AND ".join(f"old.{column} = new.{column}" for column in columns)


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
