"""Parquet: tables of problems in.

Parquet stores equal texts once, and runs of equal values as one, so a file of a few kilobytes can
hold gigabytes. What a row group has is known before it is read; texts stay references to the stored
ones until it is known how many bytes a row has.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from prm_core.errors import DataError
from prm_core.formats.problems import Problems
from prm_core.formats.rows import MAX_LINE, FileRow, json_value
from prm_core.formats.tables import (
    check_columns,
    column_name,
    grouped,
    is_read,
    pyarrow_for,
    with_list,
)

MOST_OF_A_GROUP = 2**31
"""Bytes of a row group, unpacked, where a value takes at least `_VALUE_BYTES` in memory."""

_VALUE_BYTES = 8
_BATCH = 64  # rows
_STORED_ONCE = ("UTF8", "NONE", "ENUM")  # columns of texts or bytes, and not of decimals in bytes


def parquet_problems(base: BinaryIO, path: str, most: int = MOST_OF_A_GROUP) -> Problems:
    """The rows of a Parquet file.

    Args:
        base: the file.
        path: named in errors.
        most: bytes of a row group, unpacked.

    Raises:
        DataError: the file is not Parquet, or not a table of problems, or a row group has more.
    """
    pyarrow = pyarrow_for(path)
    try:
        file = pyarrow.parquet.ParquetFile(base)
        _check_groups(file.metadata, path, most)
        names = list(file.schema_arrow.names)
        file = pyarrow.parquet.ParquetFile(
            base, metadata=file.metadata, read_dictionary=_columns_of_texts(file.schema)
        )
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"cannot be read as Parquet: {error}", path=path) from error
    is_ours = check_columns([*map(column_name, names)], path)
    columns = [name for name in names if not is_ours or is_read(column_name(name))]
    n_read = 0

    def rows() -> Iterator[FileRow | DataError]:
        nonlocal n_read
        try:
            for batch in file.iter_batches(_BATCH, columns=columns):
                for found in _rows_of(pyarrow, batch):
                    n_read += 1
                    if found is None:
                        message = f"has more than {MAX_LINE:,} bytes"
                        yield DataError(message, path=path, line=n_read)
                        continue
                    fields = {column_name(name): value for name, value in found.items()}
                    if is_ours:
                        yield with_list(FileRow(path, n_read, _as_in_csv(fields)))
                    else:
                        yield FileRow(path, n_read, fields)
        except (pyarrow.ArrowException, OSError) as error:
            raise DataError(f"cannot be read as Parquet: {error}", path=path) from error

    n_rows = file.metadata.num_rows or 1
    return Problems(grouped(rows()), lambda: n_read / n_rows, path)


def _check_groups(metadata: Any, path: str, most: int) -> None:
    """
    Raises:
        DataError: a row group has too many bytes, or values.
    """
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        n_values = (group.column(i).num_values for i in range(group.num_columns))
        if group.total_byte_size > most or sum(n_values) * _VALUE_BYTES > most:
            message = f"has a row group of more than {most:,} bytes; write smaller ones"
            raise DataError(message, path=path)


def _columns_of_texts(schema: Any) -> list[str]:
    columns = (schema.column(i) for i in range(len(schema)))
    return [
        one.path
        for one in columns
        if one.physical_type == "BYTE_ARRAY" and one.converted_type in _STORED_ONCE
    ]


def _rows_of(pyarrow: Any, batch: Any) -> Iterator[dict[str, Any] | None]:
    """The rows of a batch as JSON has them; None for one that is too large."""
    if len(batch) > 1 and _n_bytes(pyarrow, batch) > MAX_LINE:
        for place in range(len(batch)):
            yield from _rows_of(pyarrow, batch.slice(place, 1))
    elif len(batch) == 1 and _n_bytes(pyarrow, batch) > MAX_LINE:
        yield None
    else:
        yield from map(json_value, batch.to_pylist(maps_as_pydicts="strict"))


def _n_bytes(pyarrow: Any, values: Any) -> int:
    """The bytes of an array, or of a batch, where each text is there as often as it is used."""
    if hasattr(values, "columns"):  # a batch
        return sum(_n_bytes(pyarrow, one) for one in values.columns)
    kind, types, compute = values.type, pyarrow.types, pyarrow.compute
    if types.is_dictionary(kind):
        lengths = compute.binary_length(values.dictionary)
        return int(compute.sum(lengths.take(values.indices)).as_py() or 0)
    if types.is_struct(kind):
        return sum(_n_bytes(pyarrow, one) for one in values.flatten())
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return len(values) * _VALUE_BYTES + _n_bytes(pyarrow, values.flatten())
    return int(values.nbytes)


def _as_in_csv(fields: dict[str, Any]) -> dict[str, Any]:
    """A row of a table of problems, as if it came from a table in which everything is text."""
    found = {}
    for name, value in fields.items():
        if name == "id" and isinstance(value, float) and value.is_integer():
            value = int(value)  # a column in which one is missing has no whole numbers
        elif name != "id" and isinstance(value, int | float):
            value = str(value)
        if value is not None:
            found[name] = value
    if "solution" in fields:
        found.setdefault("solution", "")
    return found
