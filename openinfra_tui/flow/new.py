"""A new site file: what to begin from, what is still open, the file, and the command that repeats it."""

from __future__ import annotations

import json
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openinfra_tui.catalog.presets import preset_text
from openinfra_tui.errors import Refused, UserError
from openinfra_tui.questions.answers import Answers, instances, keys_of, site_of, site_text
from openinfra_tui.questions.model import related
from openinfra_tui.questions.reading import answers_from, override
from openinfra_tui.questions.review import problems
from openinfra_tui.site import read
from openinfra_tui.site.load import read_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from openinfra_tui.questions.model import Question

_BARE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/@:-]*")


@dataclass(frozen=True)
class Beginning:
    """What a new site begins from.

    Attributes:
        preset: the name of a preset, or empty.
        file: a site file, finished or not, or None.
        overrides: `PATH=VALUE`, for the answers of both.
    """

    preset: str = ""
    file: Path | None = None
    overrides: Sequence[str] = ()


def begin(beginning: Beginning) -> Answers:
    """The first answers: those of the preset, of the file, and the overrides, each before the one it follows.

    Raises:
        UserError: the preset is unknown, or a file or an override is not as the schema demands.
    """
    values = dict(_of_preset(beginning.preset).values)
    if beginning.file is not None:
        values |= answers_from(read_text(beginning.file), str(beginning.file)).values
    return override(Answers(values), beginning.overrides)


def still_open(answers: Answers, beginning: Beginning, today: date) -> tuple[str, ...]:
    """Everything that stops a site file from being written without a question, one line each."""
    lines = [
        f"{one.path}: {one.message}{f' ({one.because})' if one.because else ''}"
        for one in problems(answers, today)
        if one.severity == "error"
    ]
    return (
        *lines,
        *(f"{q.path}: {q.title}: the preset only has an example" for q in _examples(answers, beginning)),
    )


def _examples(answers: Answers, beginning: Beginning) -> Iterator[Question]:
    """The operator's own answers that came from nobody but the preset."""
    given = {line.partition("=")[0].strip() for line in beginning.overrides}
    if beginning.file is not None:
        given |= answers_from(read_text(beginning.file), str(beginning.file)).values.keys()
    preset = _of_preset(beginning.preset).values
    for question in instances(answers):
        if question.own and question.path in preset and not any(related(one, question.path) for one in given):
            yield question


def write_site(path: Path, answers: Answers, *, replace: bool) -> None:
    """Write the site file, whole or not at all.

    Raises:
        SiteError: the answers are no site.
        Refused: the file exists with another content, and is not to be replaced.
        UserError: it cannot be written.
    """
    site_of(answers, str(path))
    text = site_text(answers)
    try:
        if path.exists() and path.read_bytes() == text.encode():
            return
        if path.exists() and not replace:
            raise Refused(f"{path} exists and says something else", "name another file, or remove this one")
        with tempfile.NamedTemporaryFile("w", dir=path.parent, encoding="utf-8", delete=False) as stream:
            stream.write(text)
        # What a temporary file denies others, the operator's own umask decides for a site file.
        Path(stream.name).chmod(0o666 & ~_umask())
        Path(stream.name).replace(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def repeat_words(path: Path, answers: Answers, preset: str) -> list[str]:
    """The command that writes the same file without a question."""
    words = ["openinfra-tui", "new", str(path), "--no-input", *(["--preset", preset] if preset else [])]
    before = _of_preset(preset)
    there = instances(answers)
    for question in there:
        if question.kind == "keys":
            words += _key_words(question.path, answers, before)
        elif question.path in answers.values:
            value = answers.values[question.path]
            if question.own or value != before.values.get(question.path):
                words += ["--set", f"{question.path}={_word(value)}"]
        elif question.path in before.values:
            words += ["--set", f"{question.path}=null"]
    return words


def _key_words(path: str, answers: Answers, before: Answers) -> list[str]:
    if path not in answers.values and path not in before.values:
        return []
    if path not in answers.values:
        return ["--set", f"{path}=null"]
    old = keys_of(before, path) if path in before.values else ()
    new = keys_of(answers, path)
    words = [f"{path}.{key}={{}}" for key in new if key not in old]
    words += [f"{path}.{key}=null" for key in old if key not in new]
    if not new and not old and path in answers.values and path not in before.values:
        words = [f"{path}={{}}"]
    return [part for word in words for part in ("--set", word)]


def _word(value: Any) -> str:
    """A value as an override reads it."""
    if isinstance(value, str) and _BARE.fullmatch(value) and read.scalar(value) == value:
        return value
    return json.dumps(value)


def _of_preset(name: str) -> Answers:
    return answers_from(preset_text(name), f"preset {name}") if name else Answers()
