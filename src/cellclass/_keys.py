"""The names that cellclass writes into an AnnData; they stand here and nowhere else."""

from __future__ import annotations

from typing import Final

# `rank_genes_js`: columns of `var` and the default key of `uns`
RANK_GENES_JS: Final = "rank_genes_js"
JS_DIVERGENCE: Final = "js_divergence"
JS_RANK: Final = "js_rank"
JS_SELECTED: Final = "js_selected"
RANKING: Final = "ranking"
LABEL_WEIGHTS: Final = "label_weights"
JS_PVAL: Final = "js_pval"
JS_PVAL_ADJ: Final = "js_pval_adj"
COUNT_DISTRIBUTIONS: Final = "count_distributions"
# ... and the layout of `scanpy.tl.rank_genes_groups`
NAMES: Final = "names"
LOGFOLDCHANGES: Final = "logfoldchanges"
PVALS: Final = "pvals"
PVALS_ADJ: Final = "pvals_adj"
PTS: Final = "pts"
PTS_REST: Final = "pts_rest"
PCT_NZ_GROUP: Final = "pct_nz_group"
PCT_NZ_REFERENCE: Final = "pct_nz_reference"

# `select_genes_mrmr`: the default key of `uns` and columns of `var`
MRMR: Final = "mrmr"
MRMR_RANK: Final = "mrmr_rank"
MRMR_SELECTED: Final = "mrmr_selected"
MRMR_SCORE: Final = "mrmr_score"

# `align_genes`: the default key
ALIGN_GENES: Final = "gene_match"

# `normalize_scale`: the entry of `uns` by which scanpy knows logarithms
LOG1P: Final = "log1p"

# `rank_value_encode`: the default key; `bin_values`: the default layer
RANK_VALUE: Final = "rank_value"
BINNED: Final = "binned"

# `annotate`: the default key, and what stands beside it
ANNOTATE: Final = "cellclass"
UNASSIGNED: Final = "unassigned"
PARAMS: Final = "params"
CONTRACT_REPORT: Final = "contract_report"
MODEL_CARD: Final = "model"
LABELS: Final = "labels"
LABEL_COLORS: Final = "label_colors"
PRIOR_CORRECTION: Final = "prior_correction"

# a model's card: the shares of the labels as the fit saw them, and the comparison with a baseline
TRAINING_PRIOR: Final = "training_prior"
BASELINE: Final = "baseline"
LOGISTIC_REGRESSION: Final = "logistic_regression"
# ... and what it makes of surface proteins
PROTEINS: Final = "proteins"

# `attribute_genes`: the default key
ATTRIBUTIONS: Final = "attributions"

# `evaluate`: entries of its `uns`; a model's card has a confusion matrix, too
SCORES: Final = "scores"
REPORT: Final = "report"
CONFUSION: Final = "confusion"
CONFUSION_TRUTH: Final = "confusion_truth"
CONFUSION_PREDICTED: Final = "confusion_predicted"
RELIABILITY: Final = "reliability"

# `compare_composition`: the default key, and tables in its `uns`
COMPOSITION: Final = f"{ANNOTATE}_composition"
SAMPLES: Final = "samples"
CONDITIONS: Final = "conditions"
DIFFERENCES: Final = "differences"
DISTANCES: Final = "distances"
CELLS: Final = "cells"
TISSUE: Final = "tissue"

# `majority_vote`: the table of groups in its `uns`
GROUPS: Final = "groups"

# `roll_up_labels`: an entry of its `uns`, and columns of a table of edges
LEVELS: Final = "levels"
CHILD: Final = "child"
PARENT: Final = "parent"

# `split_cells`: the default column of `obs`, and its values
SPLIT: Final = "split"
TRAIN: Final = "train"
VALIDATION: Final = "validation"
TEST: Final = "test"

# `read_gene_by_cell`, `convert_gene_by_cell`: an entry of `uns` and a column of `var`
TEXT_MATRIX: Final = "text_matrix"
GENE_IDS: Final = "gene_ids"


def gene_rule_key(key: str) -> str:
    """Column of `var` with the rule by which a gene was matched."""
    return f"{key}_rule"


def gene_original_key(key: str) -> str:
    """Column of `var` with the name that a gene had before it was renamed."""
    return f"{key}_original"


def median_key(key: str) -> str:
    """Column of `var` with the medians that rank-value encoding divides by."""
    return f"{key}_median"


def confidence_key(key: str) -> str:
    """Column of `obs` with the probability of the best label."""
    return f"{key}_confidence"


def novelty_key(key: str) -> str:
    """Column of `obs` with the conformal p-value of being like the training cells."""
    return f"{key}_novelty_pvalue"


def probability_key(key: str) -> str:
    """Entry of `obsm` with the probability of every label."""
    return f"{key}_probability"


def evaluation_key(key: str) -> str:
    """Entry of `uns` with the scores of the annotation `key`."""
    return f"{key}_evaluation"


def composition_key(key: str) -> str:
    """Entry of `uns` with the proportions of the labels of `key`."""
    return f"{key}_composition"


def voted_key(key: str) -> str:
    """Column of `obs` with the labels of `key` after their groups had a say."""
    return f"{key}_voted"


def plain_vote_key(key: str) -> str:
    """Column of `obs` with the most frequent label of a cell's group."""
    return f"{key}_plain"


def clusters_key(key: str) -> str:
    """Column of `obs` with the clusters that were made for a vote."""
    return f"{key}_clusters"


def rolled_up_key(key: str) -> str:
    """Column of `obs` with the labels of `key`, or coarser ones where the fine are in doubt."""
    return f"{key}_rolled_up"


def depth_key(key: str) -> str:
    """Column of `obs` with how far down its hierarchy a label stands."""
    return f"{key}_depth"


def colors_key(key: str) -> str:
    """Entry of `uns` in which scanpy keeps the colours of a column of `obs`."""
    return f"{key}_colors"


def original_key(key: str) -> str:
    """Column of `obs` that keeps the labels of `key` as they were before they were merged."""
    return f"{key}_original"


def probability_columns(labels: tuple[str, ...]) -> list[str]:
    """Columns of the probabilities: the labels, with `|` for `/`, which no file key may hold."""
    columns: list[str] = []
    for label in labels:
        column = label.replace("/", "|")
        while column in columns or (column != label and column in labels):
            column += "|"
        columns.append(column)
    return columns
