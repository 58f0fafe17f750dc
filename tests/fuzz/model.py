"""Cases for `cc.model`: any of the three classes."""

from functools import cache

import numpy as np
from hypothesis import strategies as st

import cellclass as cc
from fuzz.arguments import column, layer_of, number, one_of
from fuzz.bench import fuzzes
from fuzz.cells import N_GENES, SHAPES, Recipe, make, new_path, recipes

SMALL = {
    cc.model.CellClassifierMLP: {"n_top_genes": 40, "n_hidden": (16,)},
    cc.model.CellClassifierCNN: {"n_top_genes": 40},
    cc.model.CellPerformer: {"size": "small", "n_tokens": 20, "n_top_genes": 40},
}
CLASSES = list(SMALL)
REFERENCE = Recipe(shape=(120, N_GENES), seed=11)


def fitted(model_class, adata, *, setup=None, epochs=1, **kwargs):
    """Set up, make and train a small model."""
    model_class.setup_anndata(adata, **{"labels_key": "label"} | (setup or {}))
    model = model_class(adata, **{"validation_size": 0.25} | SMALL[model_class] | kwargs)
    model.train(max_epochs=epochs, enable_progress_bar=False)
    return model


@cache
def trained(model_class):
    """Return a model that no case changes."""
    return fitted(model_class, make(REFERENCE), epochs=8)


def any_model(bench):
    """Draw one of the three."""
    return trained(bench.draw(st.sampled_from(CLASSES)))


def _case(bench, method, read, **kwargs):
    recipe = bench.draw(recipes())
    model, layer = any_model(bench), layer_of(bench.draw, recipe)
    return bench.run(
        lambda adata: getattr(model, method)(adata, layer=layer, **kwargs), recipe, read=read
    )


@fuzzes("model.predict", 28)
def predict(bench):
    soft = bench.draw(st.booleans())
    rate = None if soft else one_of(bench.draw, [None, 0.2], 0, 1, -1, 0.001, float("nan"))
    adata, found, refusal = _case(
        bench, "predict", lambda found, _: found, soft=soft, reject_rate=rate
    )
    if refusal is None and soft:
        assert np.isfinite(found.to_numpy()).all()
        np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
        assert found.index.equals(adata.obs_names)
    elif refusal is None:
        assert set(found) <= {"B cell", "NK/T", "mono", "unassigned"}


@fuzzes("model.predict_sets", 18)
def predict_sets(bench):
    coverage = one_of(bench.draw, [0.9, 0.5], 0, 1, -1, 0.9999, float("nan"))
    allow = bench.draw(st.booleans())
    adata, found, refusal = _case(
        bench, "predict_sets", lambda found, _: found, coverage=coverage, allow_empty=allow
    )
    if refusal is None:
        assert len(found) == adata.n_obs


@fuzzes("model.get_latent_representation", 15)
def get_latent_representation(bench):
    adata, found, refusal = _case(bench, "get_latent_representation", lambda found, _: found)
    if refusal is None:
        assert len(found) == adata.n_obs
        assert np.isfinite(found).all()


@fuzzes("model.score_cells", 15)
def score_cells(bench):
    def read(scores, _):
        return {"p": scores.probability, "novelty": scores.novelty_pvalue, "empty": scores.empty}

    _case(bench, "score_cells", read)


@fuzzes("model.judged", 10)
def judged(bench):
    scores, rate = any_model(bench).score_cells(make(REFERENCE)), number(bench.draw, 0.1)
    bench.call(lambda: scores.judged())
    bench.call(lambda: scores.unassigned(rate))


@fuzzes("model.score_parts", 10)
def score_parts(bench):
    recipe, model = bench.draw(recipes()), any_model(bench)

    def parts(adata):
        return list(model.score_parts(model.contract.bind(adata)))

    def read(found, adata):  # the parts of a Dask array are its chunks
        rows = [np.arange(adata.n_obs)[part.rows] for part in found]
        assert np.concatenate([[], *rows]).tolist() == list(range(adata.n_obs))
        return np.concatenate([np.zeros((0, 3)), *(part.probability for part in found)])

    bench.run(parts, recipe, read=read)


@fuzzes("model.get_gene_attributions", 12)
def get_gene_attributions(bench):
    draw = bench.draw
    model, recipe = any_model(bench), draw(recipes(shape=(7, 20)))
    kwargs = {
        "labels_key": one_of(draw, [None, "label"], "nowhere", "depth"),
        "layer": layer_of(draw, recipe),
        "n_cells_per_label": one_of(draw, [2], 0, -1, None, 1.5),
        "n_steps": one_of(draw, [2], 0, -1, 1.5),
    }
    bench.run(lambda adata: model.get_gene_attributions(adata, **kwargs), recipe)


@fuzzes("model.setup_anndata", 28)
def setup_anndata(bench):
    draw = bench.draw
    recipe, model_class = draw(recipes()), draw(st.sampled_from(CLASSES))
    kwargs = {
        "labels_key": column(draw, "label"),
        "layer": layer_of(draw, recipe),
        "batch_key": one_of(draw, [None, "sample"], "nowhere", "depth", "label"),
        "unlabeled_category": one_of(draw, [None], "mono", "nobody", ""),
    }
    writes = ("adata.uns.*scvi*", "adata.obs._scvi*", "adata.obs")
    adata, _, refusal = bench.run(
        lambda adata: model_class.setup_anndata(adata, **kwargs), recipe, writes=writes
    )
    if adata.is_view:  # of some types of numbers there is none
        assert refusal is not None


@fuzzes("model.setup_mudata", 12)
def setup_mudata(bench):
    draw = bench.draw
    rna, proteins = make(draw(recipes())), make(draw(recipes(shape=(30, 20))))
    from mudata import MuData

    from cellclass.io._mudata_file import without_remarks

    try:
        with without_remarks():
            mdata = MuData({"rna": rna.copy(), "prot": proteins.copy()})
    except Exception:  # noqa: BLE001 - what MuData itself does not take
        return
    modalities = one_of(draw, [{"rna_layer": "rna", "protein_layer": "prot"}], {}, None, {"x": "y"})
    by = one_of(draw, ["rna:label"], "label", "nowhere", "")
    model_class = draw(st.sampled_from(CLASSES))
    bench.call(lambda: model_class.setup_mudata(mdata, by, modalities=modalities))


@fuzzes("model.train", 16)
def train(bench):
    draw = bench.draw
    recipe = draw(recipes(shape=draw(st.sampled_from([(30, N_GENES), (80, N_GENES), *SHAPES]))))
    model_class = draw(st.sampled_from(CLASSES))
    setup = {"layer": layer_of(draw, recipe), "batch_key": one_of(draw, [None], "sample")}
    kwargs = {"n_top_genes": one_of(draw, [20], 1, 0, -1, 1.5, None, 10**6)}
    kwargs["validation_size"] = one_of(draw, [0.25], 0, 1, 0.999, -1, float("nan"))
    epochs = one_of(draw, [1], 0, -1, 1.5, 2)
    answers = []

    def call(adata):
        model = fitted(model_class, adata, setup=setup, epochs=epochs, **kwargs)
        answers.append(model.predict(adata, soft=True))
        return model

    writes = ("adata.uns.*scvi*", "adata.obs._scvi*", "adata.obs")
    adata = make(recipe)
    bench.call(lambda: call(adata), adata, writes=writes)
    for found in answers:
        assert np.isfinite(found.to_numpy()).all()


@fuzzes("model.pretrain", 6)
def pretrain(bench):
    draw = bench.draw
    recipe = draw(recipes())
    model = cc.model.CellPerformer
    reference = make(REFERENCE)
    model.setup_anndata(reference, labels_key="label")
    made = model(reference, **SMALL[model], validation_size=0.25)
    kwargs = {
        "layer": layer_of(draw, recipe),
        "mask_prob": one_of(draw, [0.15], 0, 1, -1, float("nan")),
        "max_epochs": one_of(draw, [1], 0, -1, 1.5),
        "batch_size": one_of(draw, [16], 0, -1, 1.5),
    }
    adata = make(recipe)
    bench.call(lambda: made.pretrain(adata, enable_progress_bar=False, **kwargs), adata)


@fuzzes("model.from_pretrained", 6)
def from_pretrained(bench):
    draw = bench.draw
    recipe = draw(recipes())
    source = one_of(draw, [pretrained()], "nowhere", trained(CLASSES[0]), 3)
    freeze = one_of(draw, ["none", "encoder"], "all", "everything")
    adata = make(recipe)

    def call():
        cc.model.CellPerformer.setup_anndata(adata, labels_key="label", layer=recipe.layer)
        cc.model.CellPerformer.from_pretrained(source, adata, freeze=freeze)

    bench.call(call, adata, writes=("adata.uns.*scvi*", "adata.obs._scvi*", "adata.obs"))


@cache
def pretrained():
    """Return a Performer that has seen unlabelled cells."""
    reference = make(REFERENCE)
    cc.model.CellPerformer.setup_anndata(reference, labels_key="label")
    model = cc.model.CellPerformer(reference, **SMALL[cc.model.CellPerformer], validation_size=0.25)
    model.pretrain(max_epochs=1, enable_progress_bar=False)
    return model


@fuzzes("model.save", 8)
def save(bench):
    draw = bench.draw
    model = any_model(bench)
    folder = new_path(draw(st.sampled_from(["", " ß 🧬", ".h5ad"])))
    kind = one_of(draw, ["cellclass", "scvi"], "pickle", "")
    _, refusal = bench.call(lambda: model.save(folder, format=kind))
    if refusal is None:
        _, refusal = bench.call(lambda: model.save(folder, format=kind))
        assert isinstance(refusal, FileExistsError)
        found = type(model).load(folder, format=kind, device="cpu")
        adata = make(Recipe())
        np.testing.assert_array_equal(
            found.predict(adata, soft=True), model.predict(adata, soft=True)
        )


@cache
def saved(model_class):
    """Return the folder of a saved model."""
    folder = new_path("")
    trained(model_class).save(folder)
    return folder


@fuzzes("model.load", 22)
def load(bench):
    draw = bench.draw
    kind, other = (draw(st.sampled_from(CLASSES)) for _ in range(2))
    folder = new_path("")
    folder.mkdir()
    for path in saved(kind).iterdir():
        content = bytearray(path.read_bytes())
        what = one_of(draw, ["whole"], "whole", "cut", "flipped", "empty", "gone")
        if what == "cut":
            content = content[: draw(st.integers(0, len(content) - 1))]
        if what == "flipped":
            content[draw(st.integers(0, len(content) - 1))] ^= 1 << draw(st.integers(0, 7))
        if what == "empty":
            content = b""
        if what != "gone":
            (folder / path.name).write_bytes(bytes(content))
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    whole = files == {path.name: path.read_bytes() for path in saved(kind).iterdir()}
    _, refusal = bench.call(lambda: other.load(folder, device="cpu"))
    assert (refusal is None) == (whole and kind is other)
    assert files == {path.name: path.read_bytes() for path in folder.iterdir()}


@fuzzes("model.export_onnx", 3)
def export_onnx(bench):
    model = any_model(bench)
    path = new_path(bench.draw(st.sampled_from([".onnx", ".txt", ""])))
    overwrite = bench.draw(st.booleans())
    bench.call(lambda: model.export_onnx(path, overwrite=overwrite))
