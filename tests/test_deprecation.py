"""Public names, parameters and keys go away as docs/deprecation.md says, and not by accident.

After a change: `python tests/golden/public_api.py > tests/golden/public_api.txt`.
"""

import importlib.util
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
LIST = TESTS / "golden" / "public_api.txt"
CHANGELOG = TESTS.parent / "CHANGELOG.md"


@pytest.fixture(scope="module")
def current():
    """The list of this version."""
    spec = importlib.util.spec_from_file_location("public_api", LIST.with_suffix(".py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.lines()


def promises(lines):
    """Return what may not go away: each name, each of its parameters, each key with its text."""
    found = set()
    for line in lines:
        if line.startswith("key "):
            found.add(line)
            continue
        name, inside = re.fullmatch(r"([\w.]+)\((.*)\)", line).groups()
        found.add(name)
        # a parameter that was taken by place or by name may not become one by name alone
        found |= {f"{name}({p})" for p in inside.split(", ") if p}
    return found


def broken(listed, now, changelog):
    """Return the promises of `listed` that `now` breaks and the changelog does not announce."""
    removed = "\n".join(re.findall(r"^### Removed$(.*?)(?=^##|\Z)", changelog, re.M | re.S))
    kept = promises(now)
    # one by name alone that can be given by place as well breaks nobody's call
    kept |= {p.replace("(", "(*") for p in kept if p.endswith(")")}
    return sorted(p for p in promises(listed) - kept if f"`{p.split('(')[0]}" not in removed)


def test_nothing_public_went_away_without_being_announced(current):
    assert not broken(LIST.read_text().splitlines(), current, CHANGELOG.read_text())


def test_the_list_is_that_of_this_version(current):
    assert LIST.read_text().splitlines() == current


@pytest.mark.parametrize(
    ("now", "changelog", "expected"),
    [
        (["pp.f(a, *b)", "key K = 'k'"], "", []),
        (["pp.f(a, b)", "pp.g()", "key K = 'k'"], "", []),
        (["pp.f(a)", "key K = 'k'"], "", ["pp.f(*b)"]),
        (["pp.f(*a, *b)", "key K = 'k'"], "", ["pp.f(a)"]),
        (["pp.f(a, *b)", "key K = 'other'"], "", ["key K = 'k'"]),
        (["key K = 'k'"], "### Removed\n\n- `pp.f`: use `pp.g`.\n", []),
        (["key K = 'k'"], "### Added\n\n- `pp.f`\n", ["pp.f", "pp.f(*b)", "pp.f(a)"]),
    ],
)
def test_what_breaks_a_promise(now, changelog, expected):
    assert broken(["pp.f(a, *b)", "key K = 'k'"], now, changelog) == expected
