"""Cases for `cc.pp`."""

import numpy as np
import pandas as pd
from hypothesis import strategies as st

import cellclass as cc
from fuzz.arguments import column, key, layer_of, number
from fuzz.bench import dense, fuzzes, same
from fuzz.cells import make, recipes
from fuzz.judge import judged


def written(obs=(), var=(), uns=(), layers=(), obsm=()):
    """Return a reader of what a function wrote into the AnnData, or into its copy."""

    def read(result, adata):
        adata = adata if result is None else result
        return {
            "obs": {name: adata.obs[name].to_numpy() for name in obs},
            "var": {name: adata.var[name].to_numpy() for name in var},
            "uns": {name: adata.uns[name] for name in uns},
            "layers": {name: adata.layers[name] for name in layers},
            "obsm": {name: adata.obsm[name] for name in obsm},
        }

    return read


@fuzzes("pp.identify_scale", 28)
def identify_scale(bench):
    recipe = bench.draw(recipes())
    layer = layer_of(bench.draw, recipe)

    def read(scale, _):
        return {"name": scale.name, "base": str(scale.base), "n_empty": scale.n_empty}

    _, scale, refusal = bench.run(
        lambda adata: cc.pp.identify_scale(adata, layer=layer), recipe, read=read
    )
    known = {"counts": "counts", "CP10k": "normalized", "log1p": "log1p", "z-scored": "scaled"}
    floats = recipe.dtype in ("float32", "float64", ">f4", ">f8", "longdouble")
    large = recipe.shape == (80, 60) and floats and layer == recipe.layer
    if large and recipe.holds in known and recipe.kind != "masked":
        assert refusal is None
        assert scale.name == known[recipe.holds]


@fuzzes("pp.normalize_scale", 28)
def normalize_scale(bench):
    draw = bench.draw
    recipe = draw(recipes())
    layer, copy = layer_of(draw, recipe), draw(st.booleans())
    target = draw(st.sampled_from(["log1p", "normalized", "counts"] * 3 + ["nothing", None, 1]))
    total = number(draw, 1e4, 1e6)
    added = key(draw, "mine")
    _, _, refusal = bench.run(
        lambda adata: cc.pp.normalize_scale(
            adata, layer=layer, target=target, target_sum=total, key_added=added, copy=copy
        ),
        recipe,
        writes=(f"adata.layers.{added}",),
        copies=copy,
        read=written(layers=[added]),
    )
    if refusal is None and recipe.holds == "counts" and recipe.shape[0] and recipe.kind != "masked":
        adata, plain = make(recipe), make(recipe.plain())
        kwargs = {"layer": layer, "target": target, "target_sum": total, "key_added": added}
        found, _ = judged(
            "pp.normalize_scale",
            lambda: cc.pp.normalize_scale(adata, **kwargs, copy=True),
            copies=True,
        )
        if target == "normalized" and total is not None:
            X = cc.pp._normalize_scale.locate(plain, layer).matrix.astype(np.float64)
            sums = X.sum(axis=1, keepdims=True)
            same(found.layers[added], X / np.where(sums > 0, sums, 1) * float(total))


@fuzzes("pp.rank_genes_js", 34)
def rank_genes_js(bench):
    draw = bench.draw
    recipe = draw(recipes())
    kwargs = {
        "layer": layer_of(draw, recipe),
        "batch_key": draw(st.sampled_from([None] * 3 + ["sample", "nowhere", "depth"])),
        "n_top_genes": number(draw, 5, None),
        "top_by": draw(st.sampled_from(["per_label", "overall"] * 3 + ["none"])),
        "weights": draw(st.sampled_from(["uniform", "frequency"] * 3 + ["none", {"B cell": 1}])),
        "normalize": draw(st.sampled_from([None, True, False])),
        "n_permutations": draw(st.sampled_from([0] * 6 + [3, -1])),
        "n_genes": number(draw, None, 7),
        "mask_obs": draw(st.sampled_from([None] * 6 + ["nowhere", "label", [True]])),
        "copy": draw(st.booleans()),
    }
    groupby = column(draw, "label")
    writes = ("adata.var.js_*", "adata.var", "adata.uns.rank_genes_js*")
    columns = ["js_divergence", "js_rank", "js_selected", "js_pval", "js_pval_adj"]
    adata, result, refusal = bench.run(
        lambda adata: cc.pp.rank_genes_js(adata, groupby, **kwargs),
        recipe,
        writes=writes,
        copies=kwargs["copy"],
        read=written(var=columns),
    )
    if refusal is None:
        var = (adata if result is None else result).var
        assert sorted(var["js_rank"]) == list(range(adata.n_vars))
        assert var["js_divergence"].between(0, np.log(max(adata.n_obs, 2)) + 1e-9).all()
        assert var["js_pval"].between(0, 1).all()


@fuzzes("pp.select_genes_mrmr", 28)
def select_genes_mrmr(bench):
    draw = bench.draw
    recipe = draw(recipes())
    kwargs = {
        "layer": layer_of(draw, recipe),
        "n_top_genes": number(draw, 5, 10),
        "n_candidates": number(draw, 10, 20),
        "method": draw(st.sampled_from(["cmim", "jmi", "correlation"] * 3 + ["none"])),
        "scheme": draw(st.sampled_from(["difference", "quotient"] * 3 + ["none"])),
        "copy": draw(st.booleans()),
    }
    groupby = column(draw, "label")
    adata, result, refusal = bench.run(
        lambda adata: cc.pp.select_genes_mrmr(adata, groupby, **kwargs),
        recipe,
        writes=("adata.var.mrmr_*", "adata.var", "adata.uns.mrmr*"),
        copies=kwargs["copy"],
        read=written(var=["mrmr_rank", "mrmr_selected"]),
    )
    if refusal is None:
        chosen = (adata if result is None else result).var["mrmr_selected"]
        assert chosen.sum() == kwargs["n_top_genes"]


@fuzzes("pp.rank_value_encode", 28)
def rank_value_encode(bench):
    draw = bench.draw
    recipe = draw(recipes())
    n_vars = recipe.shape[1]
    some = pd.Series(np.arange(1.0, n_vars + 1), index=[f"Gene{i}" for i in range(n_vars)])
    kwargs = {
        "layer": layer_of(draw, recipe),
        "n_tokens": number(draw, 10, 100),
        "medians": draw(st.sampled_from([None] * 4 + [some, some * 0, some - 3, some.iloc[:0], 3])),
        "key_added": key(draw, "rank_value"),
        "copy": draw(st.booleans()),
    }
    if kwargs["n_tokens"] == 10**9:
        kwargs["n_tokens"] = 10**4
    name = kwargs["key_added"]
    writes = (f"adata.obsm.{name}", f"adata.var.{name}_median", "adata.var", f"adata.uns.{name}*")
    adata, result, refusal = bench.run(
        lambda adata: cc.pp.rank_value_encode(adata, **kwargs),
        recipe,
        writes=writes,
        copies=kwargs["copy"],
        read=written(obsm=[name], var=[f"{name}_median"]),
    )
    if refusal is None:
        tokens = (adata if result is None else result).obsm[name]
        for row in tokens:
            used = row[row >= 0]
            assert len(set(used.tolist())) == len(used)
            assert (used < adata.n_vars).all()


@fuzzes("pp.bin_values", 28)
def bin_values(bench):
    draw = bench.draw
    recipe = draw(recipes())
    kwargs = {
        "layer": layer_of(draw, recipe),
        "n_bins": number(draw, None, 5, 7),
        "method": draw(st.sampled_from(["log2", "quantile"] * 3 + ["none"])),
        "layer_added": key(draw, "binned"),
        "copy": draw(st.booleans()),
    }
    name = kwargs["layer_added"]
    adata, result, refusal = bench.run(
        lambda adata: cc.pp.bin_values(adata, **kwargs),
        recipe,
        writes=(f"adata.layers.{name}",),
        copies=kwargs["copy"],
        read=written(layers=[name]),
    )
    if refusal is None and kwargs["n_bins"] is not None:
        X = (adata if result is None else result).layers[name]
        assert dense(X).max() <= kwargs["n_bins"]


@fuzzes("pp.align_genes", 18)
def align_genes(bench):
    draw = bench.draw
    recipe = draw(recipes(good=draw(st.booleans())))
    other = draw(recipes())
    to = draw(st.sampled_from(["AnnData"] * 4 + ["names", "numbers", "nothing", "text"]))
    reference = {
        "AnnData": make(other), "names": [f"Gene{i}" for i in range(40)], "numbers": [1, 2],
        "nothing": None, "text": "Gene1",
    }[to]  # fmt: skip
    name = key(draw, "gene_match")
    kwargs = {"subset": draw(st.booleans()), "key_added": name, "copy": draw(st.booleans())}
    writes = ("adata.*",) if kwargs["subset"] else ("adata.var*", f"adata.uns.{name}*")
    adata = make(recipe)
    if adata.is_view:
        writes = (*writes, "adata.is_view")
    inputs = [adata, reference] if to == "AnnData" else [adata]
    with bench.unchanged(*inputs[1:]):
        result, refusal = bench.call(
            lambda: cc.pp.align_genes(adata, reference, **kwargs),
            adata,
            writes=writes,
            copies=kwargs["copy"],
        )
    if refusal is None:
        assert (adata if result is None else result).n_obs == recipe.shape[0]


@fuzzes("pp.harmonize_labels", 22)
def harmonize_labels(bench):
    draw = bench.draw
    many = [make(draw(recipes())) for _ in range(draw(st.integers(0, 3)))]
    references = draw(
        st.sampled_from([many, {f"r{i}": one for i, one in enumerate(many)}, *many[:1]])
    )
    by = draw(st.sampled_from(["label"] * 8 + ["nowhere", ["label"], {"r0": "label"}, 3]))
    merges = draw(st.sampled_from([None] * 3 + [{"B cell": "b"}, {"nobody": "b"}, {}, {1: 2}]))
    kwargs = {
        "merges": merges,
        "hierarchy_keys": draw(st.sampled_from([()] * 5 + ["condition", ["sample"], "nowhere"])),
        "min_score": draw(st.sampled_from([0.5] * 5 + [0, 1, -1, 7, float("nan")])),
        "synonyms": draw(st.sampled_from([None] * 5 + [{"mono": "monocyte"}, {}, {"": ""}])),
    }
    bench.call(
        lambda: cc.pp.harmonize_labels(references, by, **kwargs),
        *many,
        writes=("adata.obs*", "adata.uns*", "adata.is_view"),
    )


@fuzzes("pp.split_cells", 28)
def split_cells(bench):
    draw = bench.draw
    recipe = draw(recipes())
    name = key(draw, "split")
    kwargs = {
        "groups_key": draw(st.sampled_from([None, None, "sample", "condition", "nowhere"])),
        "labels_key": draw(st.sampled_from([None, "label", "label", "depth", "nowhere"])),
        "test_size": number(draw, 0.2, 0.3),
        "validation_size": number(draw, 0.1, 0.2),
        "key_added": name,
        "copy": draw(st.booleans()),
    }
    writes = (f"adata.obs.{name}", "adata.obs", "adata.uns*")
    adata, result, refusal = bench.run(
        lambda adata: cc.pp.split_cells(adata, **kwargs),
        recipe,
        writes=writes,
        copies=kwargs["copy"],
        read=written(obs=[name]),
    )
    if refusal is None:
        parts = (adata if result is None else result).obs[name]
        assert set(parts.astype(str)) <= {"train", "validation", "test"}
        assert (parts == "train").any()
