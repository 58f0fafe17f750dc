"""Trials side by side through Ray Tune."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from cellclass.tl._trial import Task

    Settings = Sequence[Mapping[str, Any]]


_SCORES = (
    "log_loss",
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "expected_calibration_error",
    "epochs",
    "seconds",
)


@contextmanager
def trials_through_ray(
    task: Task, resources: Mapping[str, float] | None
) -> Iterator[Callable[[Settings, float], list[dict[str, float]]]]:
    """Give a function that runs all of some settings; Ray is started, and ended, where it is not.

    `scvi.autotune` is not used: it judges by what a training logs on the validation cells that also
    stop and calibrate it, and knows no groups.
    """
    try:
        import ray
        from ray import tune
    except ImportError as error:
        error.add_note("pip install 'cellclass[tune]', or tune(…, backend='local')")
        raise
    ours = not ray.is_initialized()
    if ours:
        ray.init(include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        with tempfile.TemporaryDirectory(prefix="cellclass-tune-") as folder:
            shared = ray.put(task)

            def run_all(settings: Settings, share: float) -> list[dict[str, float]]:
                def trial(config: dict[str, Any]) -> dict[str, float]:
                    number = config["number"]
                    return ray.get(shared).run(settings[number], share) | {"number": number}

                grid = tune.Tuner(
                    tune.with_resources(trial, dict(resources or {"cpu": 1})),
                    param_space={"number": tune.grid_search(list(range(len(settings))))},
                    run_config=tune.RunConfig(storage_path=folder, verbose=0),
                ).fit()
                if grid.errors:
                    raise grid.errors[0]
                found = sorted((result.metrics for result in grid), key=lambda m: m["number"])
                return [{k: v for k, v in one.items() if k in _SCORES} for one in found]

            yield run_all
    finally:
        if ours:
            ray.shutdown()
