"""The page holds everything, escaped, and asks for nothing from outside."""

import re
from html.parser import HTMLParser

import pytest

from cellclass._report._findings import find
from cellclass._report._genes import LabelGenes, rank_for_labels
from cellclass._report._map import place_cells
from cellclass._report._page import render

EVIL = '<script>alert("x")</script>&"\'>{{ 7 * 7 }}'
VOID = {"meta", "link", "img", "br"}


class Page(HTMLParser):
    """Elements of a page, with a check that they are closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def page_of(facts, **more):
    return render(
        facts, find(facts), place_cells(facts), rank_for_labels(facts), **{"title": None} | more
    )


def checked(text):
    """Check what holds of every page, and return its elements."""
    page = Page(text)
    assert all(image["src"].startswith("data:image/") for image in page.all("img"))
    assert all(image["alt"] for image in page.all("img"))
    assert [link["href"] for link in page.all("link")] == ["data:,"]
    assert [script.get("src") for script in page.all("script")] == [None]
    assert not re.search(r"(?:src|href|action)=.?(?:https?:)?//|url\(|@import", text)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for link in page.all("a"):
        assert link["href"].removeprefix("#") in ids
    assert all(heading["scope"] in ("row", "col") for heading in page.all("th"))
    return page


def test_with_truth(annotated, facts_of):
    page = checked(page_of(facts_of(annotated, labels_key="cell_type"), title="Sample 1"))
    assert len(page.all("img")) == 5
    text = "".join(page.text)
    assert "Sample 1" in text
    for name in ("Scores", "Confusion", "Calibration", "Novelty", "Map", "Genes", "Input", "Model"):
        assert name in text


def test_without_truth(annotated, facts_of):
    page = checked(page_of(facts_of(annotated)))
    text = "".join(page.text)
    assert "No true labels were given" in text
    assert len(page.all("img")) == 3
    assert "Confusion" not in text


def test_names_are_text(by_hand, facts_of):
    adata = by_hand([EVIL, "B"] * 20, ["B", EVIL] * 20, pvalue=0.01)
    adata.obs = adata.obs.rename(columns={"truth": EVIL})
    facts = facts_of(adata, labels_key=EVIL)
    genes = LabelGenes({EVIL: [(EVIL, 1.0)]}, [(EVIL, 1.0)], EVIL)
    page = checked(render(facts, find(facts), place_cells(facts), genes, title=EVIL))
    assert len(page.all("script")) == 1
    assert "".join(page.text).count(EVIL) > 10


@pytest.mark.parametrize("n", [2, 60])
def test_few_and_many_labels(by_hand, facts_of, n):
    names = [f"a rather long name of a cell type of the tissue, number {i}" for i in range(n)]
    adata = by_hand(names * 4, [*names, *names[::-1]] * 2)
    page = checked(page_of(facts_of(adata, labels_key="truth")))
    tables = page.all("table")
    assert tables[1]["class"].split() == (["matrix", "wide"] if n == 60 else ["matrix"])
    assert "".join(page.text).count(names[-1]) >= 4


@pytest.mark.parametrize(
    ("given", "truth"),
    [(["unassigned"] * 3, None), (["unassigned"] * 3, ["A", "B", "A"]), (["A"], ["A"])],
)
def test_next_to_nothing(by_hand, facts_of, given, truth):
    adata = by_hand(given, truth, pvalue=float("nan"), umap=False)
    facts = facts_of(adata, labels_key=truth and "truth")
    assert "There is no map" in "".join(checked(page_of(facts)).text)


def test_lists_of_genes(annotated, facts_of):
    report = annotated.uns["cellclass"]["contract_report"]
    report["genes_missing"] = [f"<i>{i}" for i in range(300)]
    report["genes_renamed"] = report["genes_renamed"].iloc[:0].reindex(["0"]).fillna("<b>")
    text = "".join(checked(page_of(facts_of(annotated))).text)
    assert "300 missing genes" in text
    assert "and 100 more" in text
    assert "1 genes of the model found under another name" in text
