"""Names that are the same in another spelling share a key; look-alikes do not."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellclass.contract._label_names import (
    RULES,
    is_missing_text,
    looser_keys,
    name_key,
    tidy,
    why_same,
)

SAME = [
    ("T_CD8", "CD8 T"),
    ("γδ T cell", "gamma-delta T cells"),
    ("CD4-positive, alpha-beta T cell", "CD4+ αβ T"),
    ("IFN-γ+ T", "T cells IFN-gamma positive"),
    ("B cell", "B"),
    ("t cells", "T"),
    ("NKcells", "NK"),
    ("RadialGlia", "radial glias"),
    ("DCs", "DC"),
    ("ILC2s", "ILC 2"),
    ("MONOCYTES", "monocyte"),
    ("antibodies", "antibody"),
    ("L2/3 IT", "IT (L2/3)"),
    ("non-classical monocyte", "nonclassical monocytes"),
    ("CD56bright NK", "NK CD56 bright"),
    ("CD4-CD8- T", "T CD8−, CD4−"),
    ("CD4+/CD45RA+ naive T", "Naive T CD45RA+CD4+"),
    ("Haematopoietic stem cell", "hematopoietic stem"),
    ("naïve B", "Naive B"),
    ("Müller glia", "muller glia"),
    ("T & NK", "NK/T"),
    ("early 2-cells", "Early 2-Cell"),
    ("Schwann’s cells", "Schwann cell"),
    ("B\u00a0cell\u200b ", "B cell"),
    ("CD4⁺ T", "CD4+ T"),
]
LOOK_ALIKES = """
CD4 T|CD8 T|Th1|Th17|NK|NKT|CD14 Mono|CD16 Mono|naive B|memory B|L2/3|L23|L5|pDC|DC|CD4+|CD4-
CD34|CD34-|alpha|beta|IFN-γ+|IFN-γ-|IFN-α+|GW21|GW21+3|D1 MSN|D2 MSN|2|2-cell|CD4+ CD8-|CD8+ CD4-
CD4 high CD8 low|CD8 high CD4 low|CD8 pos CD4 neg high|cluster 1 sub 2|cluster 2 sub 1|cluster 11
cluster 1 1|cluster 1.1|T type B|B type T|epithelial to mesenchymal|mesenchymal to epithelial
naive B / memory T|memory B / naive T|T/NK|T not B|B not T|non-T|B?|iPS|iP
monocyte derived macrophage|macrophage derived monocyte|day2_sub1|day1_sub2|CNS|CN|basis|basophil
Ki67+|Ki67-
"""
DIFFERENT = [text for line in LOOK_ALIKES.split("\n") for text in line.split("|") if text]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_spellings_share_a_key(one, other):
    assert name_key(one) == name_key(other)
    reason, score = why_same(one, other)
    assert set(reason.split(", ")) <= {rule.reason for rule in RULES}
    assert score > 0.8


def test_look_alikes_do_not():
    for one, other in combinations(DIFFERENT, 2):
        assert name_key(one) != name_key(other), (one, other)
        assert not set(looser_keys(one)) & set(looser_keys(other))


@pytest.mark.parametrize(
    ("one", "other", "reason", "score"),
    [
        ("T Reg", "Treg", "case, written together", 0.792),
        ("CD14+ Mono", "CD14 Mono", "plus sign", 0.6),
        ("NK", "Nk", "case", 0.98),
        ("B cells", "B cell", "plural", 0.96),
        ("B cells", "B", "the word cell", 0.9),
        ("T CD8", "CD8 T", "word order", 0.85),
        ("α", "alpha", "Greek letters", 0.95),
        (" B ", "B", "white space", 1.0),
    ],
)
def test_the_fewest_rules_are_the_reason(one, other, reason, score):
    assert why_same(one, other) == why_same(other, one) == (reason, score)
    assert name_key(one) == name_key(other) or set(looser_keys(one)) & set(looser_keys(other))


@pytest.mark.parametrize(("one", "other"), [("T", "t"), ("t", "T cells"), ("Tcells", "t")])
def test_a_small_letter_is_doubted(one, other):
    assert why_same(one, other) == ("case of a single letter", 0.3)


@pytest.mark.parametrize("text", ["nan", "NaN", "None", "", "  ", "NA", "n/a", "<NA>", "null"])
def test_text_for_a_missing_value(text):
    assert is_missing_text(text)


@pytest.mark.parametrize("text", ["naive", "unknown", "NAS", "no", "0", "N"])
def test_text_that_is_a_label(text):
    assert not is_missing_text(text)


@given(st.text(alphabet="aBcD1 2+-−_/.,()αγ'sCell&\u00a0", max_size=25))
def test_any_text_has_keys(text):
    for key in (name_key(text), *looser_keys(text)):
        assert isinstance(key, str)
        assert key or not tidy(text)
    assert name_key(f"  {text} ") == name_key(text) or not tidy(text)
    assert why_same(text, text)[1] >= 0.3


@given(st.lists(st.sampled_from(["cd4", "B", "naive", "gut", "α", "7"]), min_size=1, max_size=4))
def test_digits_and_letters_are_kept(words):
    kept = sorted(name_key(" ".join(words)).replace(" ", "").replace("_", ""))
    spelled = "".join(words).casefold().replace("α", "alpha")
    assert kept == sorted(spelled)
