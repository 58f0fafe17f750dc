"""Names, exact synonyms and parents are read from OBO files; the rest is not."""

import pytest

from cellclass.pp._ontology import read_obo_parents, read_obo_synonyms

OBO = r"""format-version: 1.2
ontology: cl

[Term]
id: CL:0000084
name: T cell
def: "A lymphocyte: of the thymus." [PMID:1]
synonym: "T-lymphocyte" EXACT [PMID:1, http://x.org/a]
synonym: "T \"helper\" cell" EXACT HUMAN_PREFERRED []
synonym: "thymocyte" RELATED []
is_a: CL:0000542 ! lymphocyte

[Term]
id: CL:0000002
name: obsolete cell
synonym: "old cell" EXACT []
is_obsolete: true

[Typedef]
id: part_of
name: part of

[Term]
id: CL:0000236
name: B cell ! a comment
"""


def test_terms_that_are_in_use(tmp_path):
    path = tmp_path / "small.obo"
    path.write_text(OBO, encoding="utf-8")
    found = [(entry.text, entry.name, entry.source) for entry in read_obo_synonyms(path)]
    assert found == [
        ("T cell", "T cell", "name of CL:0000084"),
        ("T-lymphocyte", "T cell", "exact synonym of CL:0000084"),
        ('T "helper" cell', "T cell", "exact synonym of CL:0000084"),
        ("B cell", "B cell", "name of CL:0000236"),
    ]


@pytest.mark.parametrize("text", ["", "<rdf:RDF>\n", "[Typedef]\nid: x\nname: y\n"])
def test_another_format_is_refused(tmp_path, text):
    path = tmp_path / "small.owl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"holds no terms.*OBO"):
        read_obo_synonyms(path)
    with pytest.raises(ValueError, match=r"holds no terms.*OBO"):
        read_obo_parents(path)


def test_parents_that_the_file_defines(tmp_path):
    path = tmp_path / "small.obo"
    more = 'is_a: CL:0000084 {is_inferred="true"} ! T cell\nis_a: CL:0000002 ! obsolete cell\n'
    path.write_text(f"{OBO}{more}", encoding="utf-8")
    # lymphocyte is not in the file, and the obsolete cell is no longer a kind of anything
    assert read_obo_parents(path) == [("B cell", "T cell")]
