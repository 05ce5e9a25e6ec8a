"""Prompts line by line, for a dumb terminal and a serial console: numbers, and nothing that moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from openinfra_tui.cli.prompts.face import Move, Option

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

KEYS = (
    "Enter keeps what is shown, < goes back, - leaves it to the default, Ctrl-C leaves and keeps the answers."
)


class PlainFace:
    """Reads whole lines and prints whole lines."""

    def say(self, text: str) -> None:
        """Show some lines."""
        click.echo(text)

    def choose(self, title: str, options: Sequence[Option], default: Any) -> Any:
        """One of the options, by its number or its value."""
        self._list(title, options, [default])
        shown = next((str(n) for n, one in enumerate(options, 1) if one.value == default), "")
        while True:
            line = self._line(shown)
            if isinstance(line, Move):
                return line
            option = _picked(line, options)
            if option is None:
                click.echo(f"  ! a number from 1 to {len(options)}")
            elif option.refused:
                click.echo(f"  ! {option.text}: {option.refused}")
            else:
                return option.value

    def several(self, title: str, options: Sequence[Option], chosen: Sequence[Any]) -> Any:
        """The options with these numbers, parted by spaces or commas; `none` for none of them."""
        self._list(title, options, chosen)
        shown = " ".join(str(n) for n, one in enumerate(options, 1) if one.value in chosen) or "none"
        while True:
            line = self._line(shown)
            if isinstance(line, Move):
                return line
            words = [] if line == "none" else line.replace(",", " ").split()
            picked = [_picked(word, options) for word in words]
            known = [one for one in picked if one is not None]
            bad = next((one for one in known if one.refused and one.value not in chosen), None)
            if len(known) < len(picked):
                click.echo("  ! numbers of the list, or none")
            elif bad is not None:
                click.echo(f"  ! {bad.text}: {bad.refused}")
            else:
                return [one.value for one in options if one in known]

    def text(self, title: str, default: str, check: Callable[[str], str]) -> Any:
        """A line of text."""
        click.echo(f"\n{title}")
        while True:
            line = self._line(default)
            if isinstance(line, Move):
                return line
            if line == "":
                return Move.SKIP
            message = check(line)
            if not message:
                return line
            click.echo(f"  ! {message}")

    def _list(self, title: str, options: Sequence[Option], chosen: Sequence[Any]) -> None:
        click.echo(f"\n{title}")
        for number, one in enumerate(options, 1):
            mark = "x" if one.refused else "*" if one.value in chosen else " "
            reason = f" ({one.refused})" if one.refused else ""
            click.echo(f" {mark}{number:3}  {one.text}{reason}")

    def _line(self, shown: str) -> str | Move:
        try:
            line = input(f"[{shown}] > " if shown else "> ").strip()
        except EOFError as error:
            raise KeyboardInterrupt from error
        moves = {"<": Move.BACK, "-": Move.SKIP}
        return moves.get(line, line or shown)


def _picked(word: str, options: Sequence[Option]) -> Option | None:
    if word.isascii() and word.isdigit() and 1 <= int(word[:6]) <= len(options):
        return options[int(word) - 1]
    return next((one for one in options if one.value == word), None)
