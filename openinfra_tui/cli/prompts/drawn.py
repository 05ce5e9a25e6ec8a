"""Prompts that prompt_toolkit draws, by questionary: arrow keys, Esc goes back."""

from __future__ import annotations

from shutil import get_terminal_size
from textwrap import fill
from typing import TYPE_CHECKING, Any

import click
import questionary
from prompt_toolkit.key_binding import KeyBindings, merge_key_bindings

from openinfra_tui.cli.prompts.face import Move, Option

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from prompt_toolkit.key_binding import KeyPressEvent

KEYS = "Enter keeps what is shown, Esc goes back, Ctrl-C leaves and keeps the answers."


class DrawnFace:
    """Arrow keys, and the reason beside what cannot be chosen."""

    def say(self, text: str) -> None:
        """Show some lines."""
        click.echo(text)

    def choose(self, title: str, options: Sequence[Option], default: Any) -> Any:
        """One of the options."""
        lines = [_choice(one) for one in _said_in_full(options)]
        lines.append(questionary.Choice("< back", value=Move.BACK))
        first = next((line for line in lines if line.value == default and not line.disabled), None)
        return _ask(questionary.select(title, choices=lines, default=first, instruction=" "))

    def several(self, title: str, options: Sequence[Option], chosen: Sequence[Any]) -> Any:
        """Some of the options."""
        lines = [_choice(one, checked=one.value in chosen) for one in _said_in_full(options)]
        hint = "(space marks, Enter goes on, Esc goes back)"
        return _ask(questionary.checkbox(title, choices=lines, instruction=hint))

    def text(self, title: str, default: str, check: Callable[[str], str]) -> Any:
        """A line of text."""

        def judge(line: str) -> bool | str:
            return line.strip() in ("", "<", "-") or check(line.strip()) or True

        line = _ask(questionary.text(title, default=default, validate=judge))
        if isinstance(line, Move):
            return line
        moves = {"<": Move.BACK, "-": Move.SKIP, "": Move.SKIP}
        return moves.get(line.strip(), line.strip())


def _said_in_full(options: Sequence[Option]) -> list[Option]:
    """Print the reasons that do not fit on the line of their option, where they would be cut off."""
    width = get_terminal_size().columns
    out = []
    for one in options:
        if one.refused and len(f"   - {one.text} ({one.refused})") > width:
            click.echo(
                fill(f"x {one.text}: {one.refused}", width, subsequent_indent="    ", break_on_hyphens=False)
            )
            out.append(Option(one.value, one.text, "see above"))
        else:
            out.append(one)
    return out


def _choice(option: Option, *, checked: bool = False) -> questionary.Choice:
    # What is chosen already can be taken away, whatever stands against it.
    refused = option.refused if not checked else None
    return questionary.Choice(option.text, value=option.value, disabled=refused or None, checked=checked)


def _ask(question: questionary.Question) -> Any:
    """The answer, with Esc bound to the way back."""
    bindings = KeyBindings()

    @bindings.add("escape", eager=True)
    def _(event: KeyPressEvent) -> None:
        event.app.exit(result=Move.BACK)

    application = question.application
    # How long an Esc may still become an arrow key; the half second of the library feels stuck.
    application.ttimeoutlen = 0.1
    application.key_bindings = merge_key_bindings(
        [application.key_bindings, bindings] if application.key_bindings else [bindings]
    )
    return question.unsafe_ask()
