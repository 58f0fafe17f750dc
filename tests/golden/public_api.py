"""List the public names, their parameters and what is written into an AnnData.

Usage: python tests/golden/public_api.py > tests/golden/public_api.txt

`tests/test_deprecation.py` compares the list with the package: what stands in it may go away only
as docs/deprecation.md says.
"""

import inspect

import cellclass as cc
from cellclass import _keys

MODULES = ("datasets", "errors", "get", "io", "metrics", "model", "pl", "pp", "tl")


def parameters(function: object) -> list[str]:
    """Return the names of the parameters, with a star before those that are taken by name only."""
    try:
        signature = inspect.signature(function)
    except ValueError:  # what is written in C
        return []
    return [
        f"*{name}" if each.kind is each.KEYWORD_ONLY else name
        for name, each in signature.parameters.items()
        if name != "self"
    ]


def lines() -> list[str]:
    """Return one line for each public name: the name, and its parameters."""
    found = {"report": cc.report}
    for module_name in MODULES:
        module = getattr(cc, module_name)
        names = module.__all__ if hasattr(module, "__all__") else []
        for name in names:
            public = getattr(module, name)
            found[f"{module_name}.{name}"] = public
            if inspect.isclass(public) and not issubclass(public, BaseException):
                for method, what in inspect.getmembers(public, inspect.isroutine):
                    ours = (getattr(what, "__module__", "") or "").startswith("cellclass")
                    if ours and not method.startswith("_"):
                        found[f"{module_name}.{name}.{method}"] = what
    written = [
        f"key {name} = {value!r}"
        for name, value in sorted(vars(_keys).items())
        if name.isupper() and not name.startswith("_") and isinstance(value, str)
    ]
    called = [f"{name}({', '.join(parameters(found[name]))})" for name in sorted(found)]
    return called + written


if __name__ == "__main__":
    print("\n".join(lines()))  # noqa: T201
