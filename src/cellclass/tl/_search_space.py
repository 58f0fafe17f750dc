"""Which settings of a model there are to choose from, and drawing some of them."""

from __future__ import annotations

import inspect
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import loguniform
from sklearn.model_selection import ParameterGrid, ParameterSampler

from cellclass._checks import near
from cellclass.train import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

# The published grid search was over widths, activations, dropout and L2; learning rate and number
# of genes matter as much.
_DEFAULT: dict[str, Any] = {
    "n_top_genes": [300, 1000, 3000, None],
    "n_hidden": [(64,), (128, 128), (128, 128, 128), (256, 256), (512, 128), (2048, 512)],
    "activation": ["gelu", "relu"],
    "dropout": [0.0, 0.1, 0.3, 0.5, 0.8],
    "lr": loguniform(3e-4, 1e-2),
    "weight_decay": loguniform(1e-3, 0.3),
}
_PUBLISHED = {"weight_decay": None, "l2": loguniform(1e-4, 1e-1)}


def search_space(
    given: Mapping[str, Any] | None,
    model_cls: Any,  # noqa: ANN401
    model_kwargs: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the space to search, checked: the one given, or the default for this class."""
    of_model, of_training = _names(model_cls)
    if given is None:
        space = dict(_DEFAULT)
        if model_kwargs.get("preset") == "published":  # its optimiser is Adam without weight decay
            space |= _PUBLISHED
        known = of_model | of_training
        return {k: v for k, v in space.items() if v is not None and k in known - set(model_kwargs)}
    for name, choices in given.items():
        if name not in of_model | of_training:
            raise ValueError(
                f"search_space names {name!r}, which is neither an argument of "
                f"{model_cls.__name__} nor a setting of its training. There are: "
                f"{near(name, sorted(of_model | of_training))}."
            )
        listed = isinstance(choices, (list, tuple, np.ndarray)) and len(choices) > 0
        if not (listed or hasattr(choices, "rvs")):
            raise ValueError(
                f"search_space[{name!r}] is {choices!r}; a list of values is needed, or a "
                "distribution such as scipy.stats.loguniform(1e-4, 1e-2)."
            )
    if not given:
        raise ValueError("search_space is empty: leave it out for the default one.")
    return {name: v if hasattr(v, "rvs") else list(v) for name, v in given.items()}


def draw_settings(space: Mapping[str, Any], n: int, *, seed: int) -> list[dict[str, Any]]:
    """Draw settings at random, none twice; fewer than `n` where the space has no more."""
    if not any(hasattr(choices, "rvs") for choices in space.values()):
        n = min(n, len(ParameterGrid(dict(space))))
    drawn = ParameterSampler(dict(space), n_iter=n, random_state=seed)
    return [{name: _plain(value) for name, value in one.items()} for one in drawn]


def as_arguments(
    settings: Mapping[str, Any],
    model_cls: Any,  # noqa: ANN401
    model_kwargs: Mapping[str, Any],
    train_kwargs: Mapping[str, Any],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the arguments of the model and of its `train` with these settings."""
    of_model, _ = _names(model_cls)
    plan = dict(train_kwargs.get("plan_kwargs") or {})
    plan |= {name: value for name, value in settings.items() if name not in of_model}
    model = dict(model_kwargs) | {k: v for k, v in settings.items() if k in of_model}
    train = dict(train_kwargs) | ({"plan_kwargs": plan} if plan else {})
    return model, train


def _names(model_cls: Any) -> tuple[set[str], set[str]]:  # noqa: ANN401
    """Arguments of the model that can be chosen, and settings of its training."""
    arguments = set(inspect.signature(model_cls.__init__).parameters)
    # The number of epochs is what successive halving gives out.
    training = {field.name for field in fields(Recipe)} - {"max_epochs", "n_steps"}
    return arguments - {"self", "adata", "registry", "kwargs"}, training - arguments


def _plain(value: Any) -> Any:  # noqa: ANN401
    """Return a number of Python's own in place of numpy's."""
    return value.item() if isinstance(value, np.generic) else value
