"""What an arm answered in one fold, and the file that keeps it.

Layout: `<folder of the arm>/<dataset>__<kind>__<fold>.npz`, the kind with `_` for the space; the
dataset of an "across" task is `<from>--<to>`. Each file holds

`labels`          str `(n_labels,)`: order of the columns of `matrix`
`matrix`          float32 `(n_test, n_labels)`: probabilities, or decision values
`is_probability`  bool: which of the two
`predicted`       str `(n_test,)`
`truth`           str `(n_test,)`
`test`            int64 `(n_test,)`: positions in the dataset as `_data.read` returns it
`accuracy`, `balanced_accuracy`, `macro_f1`   float64: `cc.metrics.classification_scores`
`seconds`         float64: of fitting, tuning included
`chosen`          str: what tuning chose
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import cellclass as cc

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Answer:
    """Answers for the test cells of one fold."""

    labels: np.ndarray
    matrix: np.ndarray
    predicted: np.ndarray
    seconds: float
    is_probability: bool = True
    chosen: str = ""


def save_answer(path: Path, answer: Answer, *, truth: np.ndarray, test: np.ndarray) -> None:
    """Write an answer with its scores; a reader never sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    with unfinished.open("wb") as file:
        np.savez_compressed(
            file,
            labels=np.asarray(answer.labels, dtype=str),
            matrix=np.asarray(answer.matrix, dtype=np.float32),
            is_probability=answer.is_probability,
            predicted=np.asarray(answer.predicted, dtype=str),
            truth=np.asarray(truth, dtype=str),
            test=np.asarray(test, dtype=np.int64),
            seconds=float(answer.seconds),
            chosen=answer.chosen,
            **cc.metrics.classification_scores(truth, answer.predicted),
        )
    unfinished.rename(path)


def load_answer(path: Path, *, truth: np.ndarray, test: np.ndarray) -> Answer:
    """Read an answer; one that was given for other cells is refused."""
    with np.load(path) as found:
        if not (np.array_equal(found["test"], test) and np.array_equal(found["truth"], truth)):
            raise ValueError(f"{path} was made for other test cells or labels: delete it.")
        return Answer(
            labels=found["labels"],
            matrix=found["matrix"],
            predicted=found["predicted"],
            seconds=float(found["seconds"]),
            is_probability=bool(found["is_probability"]),
            chosen=str(found["chosen"]),
        )
