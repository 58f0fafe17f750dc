"""What the input contract repaired, filled in or could not settle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellclass._checks import listed
from cellclass._report._words import count, percent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

    from cellclass._report._facts import Facts

    Level = Literal["problem", "caution", "repaired", "unknown"]

# Of what tells the labels apart: from the larger on, the contract warns, too.
_SOME_MISSING, _MUCH_MISSING = 0.05, 0.2
_RULES = {
    "spaces": "without blanks around them",
    "version": "without the version of the Ensembl identifier",
    "case": "in other upper and lower case",
    "column": "by a column of var",
    "alias": "by an older or newer symbol",
}


def of_input(facts: Facts) -> Iterator[tuple[Level, str, str, str]]:
    """Yield level, title, text and section of each finding."""
    for doubt in facts.doubts:
        yield ("problem", "Genes were matched that may not be the same", doubt, "input")
    report = facts.contract
    if not report:
        yield (
            "unknown",
            "What was done to the expression is not known",
            f"uns[{facts.key!r}] holds no report of the input contract; concatenation drops it. "
            "Annotate the cells again to have it.",
            "input",
        )
        return
    organisms = [str(report.get(f"organism_{of}", "")) for of in ("query", "reference")]
    if not facts.doubts and all(organisms) and organisms[0] != organisms[1]:
        yield (
            "problem",
            f"The query is of {organisms[0]}, the reference of {organisms[1]}",
            "The labels are worth as much as the table by which the genes were matched.",
            "input",
        )
    if str(report["scale"]) != "counts":
        yield (
            "repaired",
            "The expression was not counts, and was converted",
            f"{report['conversion']}. Nothing is lost by that.",
            "input",
        )
    yield from _missing_genes(facts)
    by_rule = {rule: int(report["n_genes_by_rule"].get(rule, 0)) for rule in _RULES}
    if renamed := sum(by_rule.values()):
        ways = [f"{n:,} {_RULES[rule]}" for rule, n in by_rule.items() if n]
        yield (
            "repaired",
            f"{count(renamed, 'gene')} found under another name",
            f"{listed(ways)}.",
            "input",
        )
    if ambiguous := int(report["n_genes_ambiguous"]):
        yield (
            "caution",
            f"{count(ambiguous, 'gene name')} left out, as they could be several genes",
            f"{listed(list(report['genes_ambiguous']), 8)}. Give each gene one name, in var_names.",
            "input",
        )


def _missing_genes(facts: Facts) -> Iterator[tuple[Level, str, str, str]]:
    report = facts.contract
    missing, expected = int(report["n_genes_missing"]), int(report["n_genes_expected"])
    if not missing:
        return
    share = float(report["missing_importance"])
    level: Level = "repaired"
    if share > _SOME_MISSING:
        level = "problem" if share > _MUCH_MISSING else "caution"
    yield (
        level,
        f"{missing:,} of the {expected:,} genes that the model reads are missing",
        f"They carry {percent(share)} of what tells the labels apart, and were given their mean in "
        f"the training cells: {listed(list(report['genes_missing']), 8)}.",
        "input",
    )
