"""What the input contract did is said, and how bad it is."""

import numpy as np
import pytest

import cellclass as cc
from cellclass._report._input_findings import of_input


def found(facts):
    return {title: (level, text) for level, title, text, _ in of_input(facts)}


def test_nothing_is_said_of_clean_counts(annotated, model, facts_of):
    assert found(facts_of(annotated, model)) == {}


def test_another_scale_is_repaired(query, model, facts_of):
    counts = query.layers.pop("counts").toarray()
    query.X = np.log1p(counts / counts.sum(axis=1, keepdims=True) * 1e4)
    level, text = found(facts_of(query, model))["The expression was not counts, and was converted"]
    assert level == "repaired"
    assert "log1p" in text


@pytest.mark.parametrize(("n", "levels"), [(3, {"repaired"}), (40, {"caution", "problem"})])
@pytest.mark.filterwarnings("ignore:The query lacks")
def test_missing_genes(query, model, facts_of, n, levels):
    contract = model.contract
    best = contract.model_genes[np.argsort(contract.importance)]
    gone = best[:n] if n < 10 else best[-n:]
    facts = facts_of(query[:, ~query.var_names.isin(gone)].copy(), model)
    title = f"{n} of the {contract.n_genes} genes that the model reads are missing"
    level, text = found(facts)[title]
    assert level in levels
    assert str(facts.contract["genes_missing"][0]) in text


def test_renamed_and_ambiguous_genes(query, model, facts_of):
    names = query.var_names.to_series()
    a, b = model.contract.model_genes[:2]
    names[a] = f" {a}"
    names[b] = f"{b} "
    query.var_names = names.to_numpy()
    level, text = found(facts_of(query, model))["2 genes found under another name"]
    assert level == "repaired"
    assert "2 without blanks around them" in text


def test_another_organism(annotated, facts_of):
    report = annotated.uns["cellclass"]["contract_report"]
    report["organism_query"], report["organism_reference"] = "mouse", "human"
    assert (
        found(facts_of(annotated))["The query is of mouse, the reference of human"][0] == "problem"
    )


def test_ambiguous_names(annotated, facts_of):
    report = annotated.uns["cellclass"]["contract_report"]
    report["n_genes_ambiguous"], report["genes_ambiguous"] = 1, np.array(["ABC1"], dtype=object)
    level, text = found(facts_of(annotated))["1 gene name left out, as they could be several genes"]
    assert level == "caution"
    assert "ABC1" in text


def test_genes_named_by_numbers_are_doubted(fit, facts_of):
    adata = cc.datasets.simulate_counts(200, 60, n_labels=2, rng=0)
    adata.var_names = [str(i) for i in range(adata.n_vars)]
    model = fit(adata, layer=None, validation_size=0.2)
    with pytest.warns(UserWarning, match="matched by number"):
        adata = cc.tl.annotate(adata, model, copy=True)
    level, text = found(facts_of(adata, model))["Genes were matched that may not be the same"]
    assert level == "problem"
    assert "by number" in text
