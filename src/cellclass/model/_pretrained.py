"""Carry weights from one transformer to another that reads other genes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from cellclass.contract import look_up_genes

if TYPE_CHECKING:
    from cellclass.contract import GeneAliases, InputContract
    from cellclass.module import Performer

Freeze = Literal["none", "partial", "encoder"]
# What is the model's own and not a matter of training, or has a row for each gene.
_OF_GENES = ("tokens.genes.weight", "tokens.typical", "tokens.fill")
_OF_VECTORS = ("tokens.vectors", "tokens.has_vector")


def copy_pretrained(
    source: tuple[InputContract, Performer],
    target: tuple[InputContract, Performer],
    aliases: GeneAliases | None = None,
) -> tuple[np.ndarray, set[str]]:
    """Copy tokens and encoder from one network to another; genes are matched by name.

    Returns
    -------
    known
        Which of the target's genes the source knows, bool `(n_genes,)`.
    copied
        Names of the target's parameters that have come from the source.
    """
    theirs, old = source
    ours, new = target
    lookup = look_up_genes(ours.gene_names, theirs.gene_names, aliases)
    place = np.full(len(theirs.genes), -1)
    place[theirs.selected] = np.arange(theirs.n_genes)
    found = np.append(place, -1)[lookup.place[ours.selected]]
    known = found >= 0
    weights = old.state_dict()
    state: dict[str, torch.Tensor] = new.state_dict()
    rows, at = torch.from_numpy(np.flatnonzero(known)), torch.from_numpy(found[known])
    copied = set()
    for name, weight in weights.items():
        if name in _OF_GENES[1:] or not name.startswith(("tokens.", "encoder.")):
            continue
        if name == _OF_GENES[0] or name in _OF_VECTORS:
            state[name][rows] = weight.to(state[name].device)[at]
        elif name in state:
            state[name].copy_(weight)
        copied.add(name)
    if new.tokens.encoding == "value":  # the others do not depend on the depth of the input
        new.tokens.set_depth(float(old.tokens.depth))
    return known, copied


def freeze_layers(
    module: Any,  # noqa: ANN401 - a transformer
    freeze: Freeze,
    known: np.ndarray,
    copied: set[str],
) -> None:
    """Leave layers out of the training, from the embedding upwards.

    Parameters
    ----------
    module
        Network that weights were carried to.
    freeze
        How far.
    known
        Which genes brought an embedding, bool `(n_genes,)`. With frozen embeddings the others get
        the mean of these: what they began with would stay noise.
    copied
        Parameters that were carried over; no others are frozen.
    """
    n_frozen = {"none": 0, "partial": module.n_layers - 2, "encoder": module.n_layers - 1}
    if freeze not in n_frozen:
        raise ValueError(f"freeze={freeze!r}; there are {', '.join(map(repr, n_frozen))}.")
    for name, parameter in module.named_parameters():
        if name in copied and module.layer_of(name) < n_frozen[freeze]:
            parameter.requires_grad_(False)  # noqa: FBT003
    if n_frozen[freeze] and known.any():
        tokens, rows = module.tokens, torch.from_numpy(known)
        with torch.no_grad():
            tokens.genes.weight[~rows] = tokens.gene_vectors()[rows].mean(dim=0)
