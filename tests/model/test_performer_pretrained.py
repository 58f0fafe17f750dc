"""Weights are carried to another reference by the names of genes, and frozen where asked."""

import numpy as np
import pandas as pd
import pytest
import torch

import cellclass as cc

Performer = cc.model.CellPerformer
QUIET = {"enable_progress_bar": False}


@pytest.fixture
def source(tiny):
    """A pre-trained model of the first 40 genes, two blocks deep."""
    model = made(tiny[:, :40].copy(), depth=2, attention="favor")
    model.pretrain(max_epochs=1, batch_size=32, **QUIET)
    return model


def made(adata, **kwargs):
    Performer.setup_anndata(adata, labels_key="label")
    return Performer(adata, **kwargs)


@pytest.fixture
def other(tiny):
    """The last 50 genes, the other way round, and two labels."""
    few = tiny[tiny.obs["label"] != "mono", 10:].copy()[:, ::-1].copy()
    few.obs["label"] = few.obs["label"].cat.remove_unused_categories()
    Performer.setup_anndata(few, labels_key="label")
    return few


def weights(model):
    return {name: tensor.clone() for name, tensor in model.module.state_dict().items()}


def changed(before, model):
    after = weights(model)
    return {name for name in before if not torch.equal(before[name], after[name])}


def test_shared_genes_carry_their_embeddings(source, other):
    model = Performer.from_pretrained(source, other)
    ours, theirs = (
        pd.DataFrame(one.module.tokens.genes.weight.detach().numpy(), one.contract.model_genes)
        for one in (model, source)
    )
    shared = ours.index.intersection(theirs.index)
    assert len(shared) == 30
    pd.testing.assert_frame_equal(ours.loc[shared], theirs.loc[shared])
    fresh = Performer(other, depth=2, attention="favor").module.tokens.genes.weight.detach().numpy()
    new = ~ours.index.isin(theirs.index)
    np.testing.assert_array_equal(ours[new], fresh[new])
    assert model.card["pretrained_genes"] == {"n_known": 30, "share": 0.6}
    assert model.card["pretraining"] == source.card["pretraining"]


def test_the_encoder_is_carried_and_the_head_is_new(source, other):
    ours, theirs = weights(Performer.from_pretrained(source, other)), weights(source)
    for name, tensor in theirs.items():
        if name.startswith("encoder."):
            assert torch.equal(ours[name], tensor), name
    assert ours["head.1.weight"].shape == (2, 64)


def test_from_a_folder(source, other, tmp_path):
    source.save(tmp_path / "m")
    one, two = (Performer.from_pretrained(it, other) for it in (source, tmp_path / "m"))
    for name, tensor in weights(one).items():
        assert torch.equal(tensor, weights(two)[name]), name


def test_from_a_trained_model(source, other):
    source.train(max_epochs=1, **QUIET)
    model = Performer.from_pretrained(source, other)
    assert not model.is_trained
    state = weights(source).items()
    encoder = {name: tensor for name, tensor in state if name.startswith("encoder.")}
    assert encoder
    assert not changed(encoder, model)


def test_the_same_genes_by_other_names(source, tiny):
    aliases = {f"Old{j}": f"Gene{j}" for j in range(60)}
    tiny.var_names = list(aliases)
    Performer.setup_anndata(tiny, labels_key="label")
    with pytest.warns(UserWarning, match="Only 0% of the 60 genes.*gene_aliases"):
        Performer.from_pretrained(source, tiny)
    model = Performer.from_pretrained(source, tiny, gene_aliases=aliases)
    assert model.card["pretrained_genes"]["n_known"] == 40


@pytest.mark.parametrize(
    ("freeze", "still"),
    [
        ("none", ()),
        ("partial", ("tokens.", "encoder.blocks.0.")),
        ("encoder", ("tokens.", "encoder.blocks.0.", "encoder.blocks.1.")),
    ],
)
def test_what_is_frozen_stays(source, other, freeze, still):
    model = Performer.from_pretrained(source, other, freeze=freeze, shallow_paths=False)
    before = weights(model)
    model.train(max_epochs=2, **QUIET)
    names = changed(before, model)
    trained = {name for name, p in model.module.named_parameters() if p.requires_grad}
    assert not {name for name in trained if still and name.startswith(still)}
    parameters = {name for name, _ in model.module.named_parameters()}
    # <MASK> is for pre-training alone, and a sum of tokens for what comes before the last norm
    unused = {"tokens.hidden", "encoder.last.weight", "encoder.last.bias"}
    assert names & parameters == trained - unused
    assert {"head.1.weight"} <= names


@pytest.mark.parametrize("freeze", ["partial", "encoder"])
def test_frozen_genes_that_are_new_get_the_mean(source, other, freeze):
    model = Performer.from_pretrained(source, other, freeze=freeze)
    embedding = model.module.tokens.genes.weight.detach()
    known = torch.from_numpy(np.isin(model.contract.model_genes, source.contract.model_genes))
    assert (known.sum(), (~known).sum()) == (30, 20)
    mean = embedding[known].mean(dim=0).expand(20, -1)
    torch.testing.assert_close(embedding[~known], mean)


def test_layers_learn_slower_towards_the_input(source, other):
    moved = []
    for decay in (1.0, 0.01):
        model = Performer.from_pretrained(source, other, shallow_paths=False, dropout=0.0)
        before = weights(model)
        plan = {"layer_decay": decay, "weight_decay": 0.0}
        model.train(max_epochs=1, batch_size=90, plan_kwargs=plan, **QUIET)
        after = weights(model)
        names = ("tokens.genes.weight", "encoder.blocks.1.attention.to_out.weight", "head.1.weight")
        moved.append([(after[name] - before[name]).abs().max().item() for name in names])
    ratio = np.array(moved[1]) / np.array(moved[0])
    np.testing.assert_allclose(ratio, [1e-6, 1e-2, 1], rtol=0.5)


def test_other_pooling_and_dropout(source, other):
    model = Performer.from_pretrained(source, other, pooling="cls", dropout=0.0, n_tokens=9)
    assert model.module.pooling == "cls"
    assert model.module.tokens.n_tokens == 9


def test_given_vectors_are_carried(tiny, other):
    vectors = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 7)), index=tiny.var_names)
    source = made(tiny, gene_embedding=vectors)
    source.pretrain(max_epochs=1, **QUIET)
    model = Performer.from_pretrained(source, other)
    genes = model.contract.model_genes
    pd.testing.assert_frame_equal(
        model.gene_embedding, source.gene_embedding.loc[genes], check_names=False
    )
    ours = model.module.tokens.gene_vectors().detach().numpy()
    theirs = source.module.tokens.gene_vectors().detach().numpy()
    at = source.contract.model_genes.get_indexer(genes)
    np.testing.assert_allclose(ours, theirs[at], atol=1e-6)


def test_a_second_reference_and_files(source, other, tmp_path):
    model = Performer.from_pretrained(source, other, freeze="encoder")
    model.train(max_epochs=1, **QUIET)
    assert model.card["pretrained_genes"]["n_known"] == 30
    model.save(tmp_path / "m")
    again = Performer.load(tmp_path / "m")
    np.testing.assert_array_equal(again.predict(other, soft=True), model.predict(other, soft=True))


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"freeze": "all"}, "freeze='all'; there are 'none', 'partial', 'encoder'"),
        ({"depth": 3}, "depth is decided by the weights.*what may differ"),
        ({"gene_embedding": None}, "gene_embedding is decided by the weights"),
    ],
)
def test_bad_arguments(source, other, kwargs, words):
    with pytest.raises(ValueError, match=words):
        Performer.from_pretrained(source, other, **kwargs)


def test_a_folder_of_another_model(tiny, fit, other, tmp_path):
    fit(tiny, labels_key="label", layer=None).save(tmp_path / "m")
    with pytest.raises(cc.errors.ModelFileError, match="holds a CellClassifierMLP"):
        Performer.from_pretrained(tmp_path / "m", other)


@pytest.mark.parametrize("freeze", ["none", "encoder"])
def test_values_are_read_at_the_depth_that_was_learned(tiny, freeze):
    deep = tiny.copy()
    deep.X = deep.X * 7
    source = made(deep)
    source.pretrain(max_epochs=1, **QUIET)
    target_of = tiny.copy()
    Performer.setup_anndata(target_of, labels_key="label")
    model = Performer.from_pretrained(source, target_of, freeze=freeze)
    assert model.contract.target_sum != source.contract.target_sum
    values, bins = [], []
    for one in (source, model):
        x = torch.from_numpy(one.contract.bind(tiny).read(slice(0, 5)))
        chosen = one.module.tokens.eval().choose(x)
        values.append(chosen[1].sum(dim=1))
        bins.append(one.module.tokens.bins(chosen))
    torch.testing.assert_close(*values)
    assert torch.equal(*bins)
    state = model.module.state_dict()
    again = made(tiny.copy())
    again.module.load_state_dict(state)
    assert float(again.module.tokens.depth) == source.contract.target_sum


def test_what_was_not_learned_is_not_frozen(source, tiny):
    tiny.layers["before"] = tiny.X.copy()
    Performer.setup_anndata(tiny, labels_key="label", previous_layer="before")
    model = Performer.from_pretrained(source, tiny, freeze="encoder")
    trained = {name for name, p in model.module.named_parameters() if p.requires_grad}
    assert {"tokens.separator", "tokens.earlier"} <= trained
    assert "tokens.genes.weight" not in trained


def test_a_source_without_anything_to_give(tiny, other):
    with pytest.raises(cc.errors.NotTrainedError, match="learned nothing"):
        Performer.from_pretrained(made(tiny.copy()), other)
    with pytest.raises(TypeError, match="a CellPerformer, or the folder"):
        Performer.from_pretrained(3, other)


def test_no_gene_is_known(source, tiny):
    tiny.var_names = [f"Other{j}" for j in range(60)]
    Performer.setup_anndata(tiny, labels_key="label")
    with pytest.raises(cc.errors.GeneError, match="leave freeze out"):
        Performer.from_pretrained(source, tiny, freeze="encoder")


@pytest.mark.parametrize("freeze", ["none", "encoder"])
def test_new_genes_of_given_vectors(tiny, other, freeze):
    vectors = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 5)), index=tiny.var_names)
    source = made(tiny[:, :40].copy(), gene_embedding=vectors)
    source.pretrain(max_epochs=1, **QUIET)
    model = Performer.from_pretrained(source, other, freeze=freeze)
    known = model.module.tokens.has_vector
    found = model.module.tokens.gene_vectors().detach()
    if freeze == "encoder":
        mean = found[known].mean(dim=0)
        assert (~known).any()
        torch.testing.assert_close(found[~known], mean.expand_as(found[~known]))
    foreign = tiny.copy()
    foreign.var_names = [f"Other{j}" for j in range(60)]
    Performer.setup_anndata(foreign, labels_key="label")
    with pytest.raises(cc.errors.GeneError, match="none of the genes that the pre-trained"):
        Performer.from_pretrained(source, foreign)
