"""The command; its verbs stand in `commands`."""

from __future__ import annotations

import click

from cellclass.cli.commands import VERBS


class _InOrder(click.Group):
    """A group that lists its verbs in the order in which they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        return list(self.commands)


@click.group(cls=_InOrder, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cellclass", message="%(package)s %(version)s")
def main() -> None:
    """Label single cells and say how far to trust each label.

    Every verb takes --help. The exit code is 0 when all is done, 1 when the input is refused or
    something else is to be mended, which is said in a line, and 2 for options that do not fit.
    """


for _verb in VERBS:
    main.add_command(_verb)
