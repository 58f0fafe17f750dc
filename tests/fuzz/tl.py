"""Cases for `cc.tl` that begin with cells and a model."""

import warnings

import anndata as ad
from hypothesis import strategies as st

import cellclass as cc
from fuzz.arguments import column, key, layer_of, number, one_of
from fuzz.bench import fuzzes, same
from fuzz.cells import N_GENES, make, new_path, recipes
from fuzz.model import CLASSES, SMALL, any_model


@fuzzes("tl.annotate", 28)
def annotate(bench):
    draw = bench.draw
    recipe, model, name = draw(recipes()), any_model(bench), key(draw, "cellclass")
    kwargs = {
        "layer": layer_of(draw, recipe),
        "reject_rate": one_of(draw, [None, 0.2], 0, 1, -1, 0.001, float("nan")),
        "prior_correction": draw(st.booleans()),
        "key_added": name,
        "copy": draw(st.booleans()),
    }
    columns = [name, f"{name}_confidence", f"{name}_novelty_pvalue"]

    def read(result, adata):
        adata = adata if result is None else result
        return {column: adata.obs[column].to_numpy() for column in columns}

    writes = (
        "adata.obs", *(f"adata.obs.{column}" for column in columns),
        f"adata.obsm.{name}_probability", f"adata.uns.{name}*",
    )  # fmt: skip
    adata, result, refusal = bench.run(
        lambda adata: cc.tl.annotate(adata, model, **kwargs),
        recipe,
        writes=writes,
        copies=kwargs["copy"],
        read=read,
    )
    if refusal is None:
        obs = (adata if result is None else result).obs
        assert obs[f"{name}_confidence"].between(0, 1).all()
        assert set(obs[name]) <= {*model.labels, "unassigned"}


@fuzzes("tl.annotate to a file", 12)
def annotate_to_a_file(bench):
    draw = bench.draw
    recipe = draw(recipes(kind=draw(st.sampled_from(["C", "csr_matrix", "csc_matrix"]))))
    model, adata = any_model(bench), make(recipe)
    path, out = new_path(".h5ad"), new_path(one_of(draw, [".h5ad"], ".csv", ".txt", ".zarr"))
    try:
        adata.write_h5ad(path)
    except Exception:  # noqa: BLE001 - what no file can hold
        return
    before, layer = path.read_bytes(), layer_of(draw, recipe)
    _, refusal = bench.call(
        lambda: cc.tl.annotate(path, model, out=out, layer=layer, progress=False), copies=True
    )
    assert path.read_bytes() == before
    assert out.exists() == (refusal is None)
    if refusal is None and out.suffix == ".h5ad":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = ad.read_h5ad(path)
            cc.tl.annotate(expected, model, layer=layer)
            found = ad.read_h5ad(out).obs
        for name in ("cellclass", "cellclass_confidence", "cellclass_novelty_pvalue"):
            same(found[name].to_numpy(), expected.obs[name].to_numpy())


@fuzzes("tl.attribute_genes", 12)
def attribute_genes(bench):
    draw = bench.draw
    recipe, model = draw(recipes()), any_model(bench)
    name = key(draw, "attributions")
    kwargs = {
        "groupby": column(draw, "label"),
        "layer": layer_of(draw, recipe),
        "n_cells_per_label": one_of(draw, [2], 0, -1, 1.5),
        "n_steps": one_of(draw, [2], 0, -1, 1.5),
        "key_added": name,
        "copy": draw(st.booleans()),
    }
    bench.run(
        lambda adata: cc.tl.attribute_genes(adata, model, **kwargs),
        recipe,
        writes=(f"adata.varm.{name}", f"adata.uns.{name}*"),
        copies=kwargs["copy"],
    )


@fuzzes("tl.cross_validate", 5)
def cross_validate(bench):
    draw = bench.draw
    recipe = draw(recipes(shape=(30, N_GENES)))
    model_class = draw(st.sampled_from(CLASSES[:2]))
    kwargs = {
        "layer": layer_of(draw, recipe),
        "n_folds": one_of(draw, [2], 0, 1, -1, 31, 1.5),
        "groups_key": one_of(draw, [None, "sample"], "nowhere", "condition"),
        "baseline": one_of(draw, [None, "model_genes"], "none"),
        "model_kwargs": SMALL[model_class],
        "train_kwargs": {"max_epochs": 1},
    }
    adata, by = make(recipe), column(draw, "label")
    bench.call(lambda: cc.tl.cross_validate(adata, model_class, by, **kwargs), adata)


@fuzzes("tl.tune", 4)
def tune(bench):
    draw = bench.draw
    recipe = draw(recipes(shape=(30, N_GENES)))
    kwargs = {
        "layer": layer_of(draw, recipe),
        "n_trials": one_of(draw, [1], 0, -1, 1.5),
        "backend": one_of(draw, ["local"], "none"),
        "metric": one_of(draw, ["log_loss", "accuracy"], "none"),
        "validation_size": number(draw, 0.3),
        "model_kwargs": SMALL[CLASSES[0]],
        "train_kwargs": {"max_epochs": 1},
    }
    adata, by = make(recipe), column(draw, "label")
    bench.call(lambda: cc.tl.tune(adata, CLASSES[0], by, **kwargs), adata)
