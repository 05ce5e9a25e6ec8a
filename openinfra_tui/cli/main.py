"""The command line: finds the command, runs it, prints errors without a traceback.

Each command is a module that is imported only when it is asked for, so `--help` loads none of the heavy
libraries.
"""

from __future__ import annotations

import gc
import sys
from importlib import import_module

import click

from openinfra_tui import __version__
from openinfra_tui.cli.exits import AtOnce, leave
from openinfra_tui.errors import UserError, printable

COMMANDS = {
    "catalog": "What exists: distributions, series, deployers, placements, engines.",
    "check": "Check a generated repository, offline.",
    "diff": "Show where a cluster has left its repository, without writing.",
    "doctor": "Show which programs are present, and their versions.",
    "drift": "Watch, live, where a cluster leaves its repository, and put the two together.",
    "dump": "Write a cluster to a file, for `diff --from-dump`.",
    "generate": "Write the repository of a site, as one commit.",
    "migrate": "Bring a site file of an older format to the current one.",
    "mirror": "What a site needs from the internet, and a script that copies it.",
    "new": "Ask for a site, and write its site file.",
    "plan": "Show what a site will carry, and in what order.",
    "preset": "List presets, or show one as a site file.",
    "schema": "Print the JSON Schema of a site.",
    "site": "The sites of one repository: add, remove, list.",
    "wizard": "From the first question to a committed repository, on one screen.",
}


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports them late."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the signature is click's
        """The names, sorted."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        # What a module makes stays: to search it for garbage is a twentieth of an import.
        gc.disable()
        try:
            command: click.Command = import_module(f"openinfra_tui.cli.{cmd_name}").command
        finally:
            gc.enable()
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]}, invoke_without_command=True
)
@click.version_option(__version__)
@click.pass_context
def group(ctx: click.Context) -> None:
    """From an operator's answers to a Git repository that Flux reconciles into an OpenStack site.

    Exit codes: 0 done; 2 input to mend; 3 faults found; 4 refused; 5 not built yet; 6 a program is missing;
    7 no fault, and something could not be validated; 8 an edit and a new render changed the same.

    Without a command, on a terminal: the wizard.
    """
    if ctx.invoked_subcommand is None:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            click.echo(ctx.get_help())
            ctx.exit(2)
        import_module("openinfra_tui.cli.wizard").run()


def script() -> None:
    """The console script."""
    try:
        main()
    except AtOnce as end:
        leave(end)
        raise


def main() -> None:
    """Run a command, and end with its exit code."""
    try:
        group.main(standalone_mode=False)
    except UserError as error:
        click.echo(f"error: {printable(error.message)}", err=True)
        if error.hint:
            click.echo(f"hint: {printable(error.hint)}", err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
