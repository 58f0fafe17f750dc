"""Cases for what reads what the tools have written: `cc.tl`, `cc.get`, `cc.pl`, `cc.report`."""

import warnings
from functools import cache

import anndata as ad
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from hypothesis import strategies as st

import cellclass as cc
from fuzz.arguments import number, one_of
from fuzz.bench import fuzzes
from fuzz.cells import N_GENES, Recipe, make, new_path
from fuzz.model import CLASSES, trained

KEY = "cellclass"


@cache
def _finished() -> ad.AnnData:
    adata, model = make(Recipe(shape=(80, N_GENES), seed=1)), trained(CLASSES[0])
    adata.obs["group"] = np.arange(adata.n_obs) % 5
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few cells are what is wanted here
        cc.tl.annotate(adata, model)
        cc.tl.evaluate(adata, "label")
        cc.tl.attribute_genes(adata, model, n_cells_per_label=3, n_steps=3)
        cc.tl.compare_composition(adata, "sample", "condition", n_resamples=200, correct=False)
        cc.tl.majority_vote(adata, "group")
        cc.tl.roll_up_labels(adata, {"B cell": "lymphoid", "NK/T": "lymphoid", "mono": None})
        cc.pp.rank_genes_js(adata, "label")
    return adata


def finished() -> ad.AnnData:
    """Return cells with all that the tools write."""
    return _finished().copy()


def through_a_file(adata, *, backed=None):
    path = new_path(".h5ad")
    adata.write_h5ad(path)
    return ad.read_h5ad(path, backed=backed)


def renamed(adata):
    adata.obs[KEY] = adata.obs[KEY].cat.rename_categories({"B cell": "β & <b>"})
    return adata


def some_missing(adata):
    adata.obs.loc[adata.obs_names[::3], KEY] = np.nan
    return adata


def unscored(adata):
    bare = make(Recipe(shape=(7, N_GENES), seed=2))
    return ad.concat([adata, bare], join="outer", index_unique="-")


def probability_as_array(adata):
    adata.obsm[f"{KEY}_probability"] = adata.obsm[f"{KEY}_probability"].to_numpy()
    return adata


def fewer_probabilities(adata):
    adata.obsm[f"{KEY}_probability"] = adata.obsm[f"{KEY}_probability"].iloc[:, :1]
    return adata


def column(name, values):
    """Replace a column of `obs`."""

    def spoil(adata):
        adata.obs[name] = values(adata.obs[name])
        return adata

    return spoil


def without(part, name):
    """Take away an entry."""

    def spoil(adata):
        del getattr(adata, part)[name]
        return adata

    return spoil


def entry(name, value):
    """Replace an entry of `uns`."""

    def spoil(adata):
        adata.uns[name] = value
        return adata

    return spoil


SURE = f"{KEY}_confidence"
SPOILT = {
    "as written": lambda adata: adata,
    "view": lambda adata: adata[::2],
    "some": lambda adata: adata[3:20].copy(),
    "backwards": lambda adata: adata[::-1].copy(),
    "one cell": lambda adata: adata[:1].copy(),
    "no cells": lambda adata: adata[:0].copy(),
    "fewer genes": lambda adata: adata[:, ::2].copy(),
    "no genes": lambda adata: adata[:, :0].copy(),
    "from a file": through_a_file,
    "in a file": lambda adata: through_a_file(adata, backed="r"),
    "twice": lambda adata: ad.concat([adata, adata], index_unique="-"),
    "twice, first uns": lambda a: ad.concat([a, a], index_unique="-", uns_merge="first"),
    "beside unlabelled cells": unscored,
    "renamed": renamed,
    "some missing": some_missing,
    "all missing": column(KEY, lambda s: pd.Categorical([None] * len(s), s.cat.categories)),
    "as text": column(KEY, lambda s: s.astype(str)),
    "as numbers": column(KEY, lambda s: s.cat.codes),
    "unused categories": column(KEY, lambda s: s.cat.add_categories(["never", "nor this"])),
    "in another order": column(KEY, lambda s: s.cat.reorder_categories(s.cat.categories[::-1])),
    "one label": column(KEY, lambda s: pd.Categorical(["mono"] * len(s))),
    "truth gone": without("obs", "label"),
    "truth missing": column("label", lambda s: s.where(np.arange(len(s)) % 2 == 0)),
    "truth as numbers": column("label", lambda s: s.cat.codes),
    "truth of others": column("label", lambda s: pd.Categorical(["new"] * len(s))),
    "no confidence": without("obs", SURE),
    "confidence as text": column(SURE, lambda s: s.astype(str)),
    "confidence NaN": column(SURE, lambda s: s.where(np.arange(len(s)) % 2 == 0)),
    "confidence of 7": column(SURE, lambda s: s * 0 + 7),
    "big-endian": column(SURE, lambda s: s.to_numpy().astype(">f8")),
    "no novelty": without("obs", f"{KEY}_novelty_pvalue"),
    "novelty NaN": column(f"{KEY}_novelty_pvalue", lambda s: s * np.nan),
    "no probabilities": without("obsm", f"{KEY}_probability"),
    "probabilities as array": probability_as_array,
    "fewer probabilities": fewer_probabilities,
    "no uns": lambda adata: ad.AnnData(adata.X, obs=adata.obs, var=adata.var, obsm=adata.obsm),
    "no annotation in uns": without("uns", KEY),
    "uns of another": entry(KEY, {"params": {}}),
    "uns of text": entry(KEY, "something"),
    "no evaluation": without("uns", f"{KEY}_evaluation"),
    "evaluation of another": entry(f"{KEY}_evaluation", {"x": 1}),
    "no composition": without("uns", f"{KEY}_composition"),
    "composition of another": entry(f"{KEY}_composition", {"x": 1}),
    "no ranking": without("uns", "rank_genes_js"),
    "ranking of another": entry("rank_genes_js", {"x": 1}),
    "no attributions": without("varm", "attributions"),
    "attributions of another": entry("attributions", {"x": 1}),
    "nothing written": lambda adata: make(Recipe()),
}


def spoilt(draw):
    """Draw cells that the tools wrote to and that somebody worked on since."""
    steps = draw(st.lists(st.sampled_from(list(SPOILT)), min_size=1, max_size=2))
    adata = finished()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for step in steps:
            try:
                adata = SPOILT[step](adata)
            except (KeyError, ValueError, AttributeError, TypeError):
                continue  # what the other step has left cannot be spoilt in this way
    return adata


def _key(draw, usual=KEY):
    return draw(st.sampled_from([usual] * 8 + ["nowhere", "", "label", "depth"]))


def _tool(function, writes, *columns, **choices):
    """Return a case of a function that writes."""

    def case(bench):
        adata = spoilt(bench.draw)
        kwargs = {name: choice(bench.draw) for name, choice in choices.items()}
        kwargs["copy"] = bench.draw(st.booleans())
        names = [one_of(bench.draw, [column], "nowhere", "depth", KEY) for column in columns]
        bench.call(
            lambda: function(adata, *names, **kwargs),
            adata,
            writes=(*writes, "adata.obs", "adata.is_view"),
            copies=kwargs["copy"],
        )

    return case


fuzzes("tl.evaluate", 28)(_tool(cc.tl.evaluate, ("adata.uns.*_evaluation*",), "label", key=_key))
fuzzes("tl.majority_vote", 28)(
    _tool(
        cc.tl.majority_vote,
        ("adata.obs.*_voted*", "adata.uns.*_voted*", "adata.obs.mine*", "adata.uns.mine*"),
        "group",
        key=_key,
        weight=lambda draw: number(draw, 0.75, 0.5),
        key_added=lambda draw: one_of(draw, [None, "mine"], "", "a/b", "label"),
    )
)
HIERARCHIES = [
    {"B cell": "lymphoid", "NK/T": "lymphoid", "mono": None},
    {"B cell": "mono", "mono": "B cell"},
    {"B cell": "B cell"},
    {},
    ["label", "sample"],
    ["condition", KEY],
    pd.DataFrame({"child": ["B cell", "NK/T"], "parent": ["x", "x"]}),
    pd.DataFrame({"a": [1]}),
    3,
    None,
    "nowhere",
]
fuzzes("tl.roll_up_labels", 28)(
    lambda bench: _tool(
        cc.tl.roll_up_labels,
        ("adata.obs.*_rolled_up*", "adata.uns.*_rolled_up*", "adata.obsm.*_rolled_up*"),
        hierarchy=lambda draw: HIERARCHIES[
            draw(st.sampled_from([*[0] * 10, *range(len(HIERARCHIES))]))
        ],
        key=_key,
        coverage=lambda draw: one_of(draw, [None, 0.9], 0, 1, -1, float("nan")),
    )(bench)
)
fuzzes("tl.compare_composition", 28)(
    _tool(
        cc.tl.compare_composition,
        ("adata.uns.*_composition*",),
        "sample",
        "condition",
        reference=lambda draw: one_of(
            draw, [None, "c0"], "nowhere", {"B cell": 0.5, "mono": 0.5}, {"x": 1}, {}
        ),
        key=_key,
        correct=lambda draw: draw(st.booleans()),
        merge=lambda draw: one_of(draw, [None, {"NK/T": "mono"}], {"x": "y"}, {}),
        unassigned=lambda draw: one_of(draw, ["exclude", "keep"], "none"),
        n_resamples=lambda draw: one_of(draw, [200], 0, -1, 20, 300.5, "many"),
        confidence_level=lambda draw: one_of(draw, [0.95], 0, 1, 7, float("nan")),
    )
)


def _reader(function, **choices):
    """Return a case of a function that returns a data frame or draws."""

    def case(bench):
        adata = spoilt(bench.draw)
        kwargs = {name: choice(bench.draw) for name, choice in choices.items()}
        bench.call(lambda: function(adata, **kwargs), adata)
        plt.close("all")

    return case


def _label(draw):
    return one_of(draw, [None, "mono"], "nobody", "", "NK/T")


def _tables(*names):
    return lambda draw: one_of(draw, names, "nothing", None)


def _some(draw):
    return one_of(draw, [None, 5], 0, -1, 1.5, 10**6)


def _drawn(draw):
    return one_of(draw, [5, 20], 0, -1, 1.5, 10**6)


RANKING = {"label": _label, "key": lambda draw: _key(draw, "rank_genes_js")}
ATTRIBUTIONS = {"label": _label, "n_genes": _some, "key": lambda draw: _key(draw, "attributions")}
TABLES = {
    "evaluation_df": _tables("labels", "confusion", "scores", "reliability"),
    "composition_df": _tables(
        "conditions", "samples", "differences", "distances", "cells", "tissue"
    ),
    "rank_genes_js_df": _tables("ranking", "distributions"),
}
READERS = {
    "get.baseline_df": (cc.get.baseline_df, {"key": _key}),
    "get.predictions_df": (
        cc.get.predictions_df, {"key": _key, "probability": lambda draw: draw(st.booleans())}
    ),
    "get.evaluation_df": (
        cc.get.evaluation_df, {"key": _key, "table": TABLES["evaluation_df"]}
    ),
    "get.composition_df": (
        cc.get.composition_df,
        {"key": lambda draw: _key(draw, f"{KEY}_composition"), "table": TABLES["composition_df"]},
    ),
    "get.rank_genes_js_df": (
        cc.get.rank_genes_js_df,
        RANKING | {"table": TABLES["rank_genes_js_df"], "n_genes": _some},
    ),
    "get.gene_attributions_df": (cc.get.gene_attributions_df, ATTRIBUTIONS),
    "pl.calibration": (cc.pl.calibration, {"key": _key}),
    "pl.confusion_matrix": (
        cc.pl.confusion_matrix, {"key": _key, "normalize": lambda draw: draw(st.booleans())}
    ),
    "pl.novelty": (
        cc.pl.novelty,
        {"key": _key, "groupby": lambda draw: one_of(draw, [None, "label"], "nowhere", "depth")},
    ),
    "pl.composition": (
        cc.pl.composition,
        {
            "kind": _tables("bars", "forest", "differences", "distances"),
            "baseline": lambda draw: one_of(draw, [None, "c0"], "nowhere"),
            "key": lambda draw: _key(draw, f"{KEY}_composition"),
        },
    ),
    "pl.rank_genes_js": (
        cc.pl.rank_genes_js,
        RANKING | {"n_genes": _drawn, "kind": _tables("ranking", "distributions")},
    ),
    "pl.gene_attributions": (cc.pl.gene_attributions, ATTRIBUTIONS),
}  # fmt: skip
for name, (function, choices) in READERS.items():
    fuzzes(name, 10 if name.startswith("pl") else 18)(
        _reader(lambda adata, function=function, **kwargs: function(adata, **kwargs), **choices)
    )


@fuzzes("pl.training_history", 3)
def training_history(bench):
    model = one_of(bench.draw, [trained(CLASSES[0])], None, finished())
    bench.call(lambda: cc.pl.training_history(model))
    plt.close("all")


@fuzzes("report", 12)
def report(bench):
    draw = bench.draw
    adata, path = spoilt(draw), new_path(one_of(draw, [".html"], ".txt"))
    model = one_of(draw, [trained(CLASSES[0]), None], trained(CLASSES[1]))
    kwargs = {
        "labels_key": one_of(draw, [None, "label"], "nowhere", "depth"),
        "key": _key(draw),
        "title": one_of(draw, [None], "<script>alert(1)</script>", ""),
    }
    _, refusal = bench.call(lambda: cc.report(adata, model, path, **kwargs), adata)
    assert path.exists() == (refusal is None)
    if refusal is None:
        page = path.read_text(encoding="utf-8")
        assert "<script>alert" not in page
        assert "β & <b>" not in page
