"""Every public function returns what is right, or refuses with an error of ours.

In CI about a thousand cases, the same ones each time. With `CELLCLASS_FUZZ=20`, which `make fuzz`
sets, twenty times as many, and others each time.
"""

import inspect
import os
import sys
from importlib import import_module

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz import io, metrics, model, pp, tl, written  # noqa: F401 - they register what they try
from fuzz.bench import FUZZERS, Bench
from fuzz.judge import table

pytestmark = pytest.mark.oldest

TIMES = int(os.environ.get("CELLCLASS_FUZZ", "0"))
NAMES = [(name, n) for name, (n, _) in sorted(FUZZERS.items())]
NAMESPACES = ("datasets", "get", "io", "metrics", "model", "pl", "pp", "tl")
NETWORK = "reads nothing from the caller, and needs the network"
EXEMPT = {
    "datasets.celllines3_2tech": NETWORK,
    "datasets.mouse_bladder": NETWORK,
    "datasets.mouse_cortex_osmfish": NETWORK,
    "datasets.mouse_cortex_starmap": NETWORK,
    "datasets.pbmc10k_citeseq": NETWORK,
    "datasets.pbmc5k": NETWORK,
    "datasets.pbmc68k_reduced": "takes no argument",
    "io.read_ucsc_cell_browser": "its files are drawn at random in tests/io",
    "metrics.contains": "tried with metrics.thresholds",
    "metrics.from_arrays": "takes what to_arrays of the same class gave",
    "metrics.of": "puts scorers together that the package has fitted",
    "metrics.parts": "takes what a network of the package has made of cells",
    "metrics.pvalue": "takes what a network of the package has made of cells",
    "metrics.score": "takes what a network of the package has made of cells",
    "metrics.scores": "takes what a network of the package has made of cells",
    "metrics.shrunken": "takes what a network of the package has made of cells",
    "metrics.to_arrays": "takes no argument",
    "model.make_module": "called by the package, with numbers of its own",
    "model.unassigned": "tried with model.judged",
}


def public_names() -> set[str]:
    """Functions as `space.name`, methods of public classes as `space.method`."""
    names = {"report"}
    for space in NAMESPACES:
        module = import_module(f"cellclass.{space}")
        for name in module.__all__:
            member = getattr(module, name)
            if not inspect.isclass(member):
                names.add(f"{space}.{name}")
                continue
            for method, value in inspect.getmembers(member, callable):
                ours = str(getattr(value, "__module__", "")).startswith("cellclass")
                if ours and not method.startswith("_") and not inspect.isclass(value):
                    names.add(f"{space}.{method}")
    return names


def test_every_public_name_is_tried_or_exempt():
    tried = {name.split(" ")[0] for name in FUZZERS}
    public = public_names()
    assert tried | set(EXEMPT) == public
    assert not tried & set(EXEMPT)


def test_about_a_thousand_cases():
    assert 1000 <= sum(n for _, n in NAMES) <= 1800


@pytest.mark.parametrize(("name", "n"), NAMES, ids=[name for name, _ in NAMES])
def test_answers_or_refuses(name, n, unchanged):
    @settings(
        max_examples=n * max(TIMES, 1),
        derandomize=not TIMES,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def cases(data):
        FUZZERS[name][1](Bench(name, data.draw, unchanged))

    cases()


@pytest.fixture(scope="module", autouse=True)
def _counts():
    yield
    sys.stdout.write("\n".join(["", *table(), ""]))
