"""Answers of Dask, and of workers that did not live to give one."""

from __future__ import annotations

from typing import Any


def compute(*lazy: Any) -> tuple[Any, ...]:  # noqa: ANN401 - arrays and tasks of Dask
    """Compute lazy values together.

    Raises
    ------
    MemoryError
        Worker after worker was killed at the same piece of work.
    """
    import dask

    try:
        return dask.compute(*lazy)
    except Exception as error:
        if type(error).__name__ != "KilledWorker":  # of dask.distributed, if that is in use
            raise
        raise MemoryError(
            "Workers of Dask were killed at the same chunk again and again, most likely because "
            "their memory ran out. Make chunks of fewer cells, adata.X = adata.X.rechunk((1000, "
            "-1)), or give each worker more memory, LocalCluster(memory_limit=...)."
        ) from error
