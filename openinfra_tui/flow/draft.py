"""What the wizard works on: the answers, and where they go. Imports little: the first screen waits for it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from openinfra_tui.flow.new import Beginning, begin, repeat_words
from openinfra_tui.flow.saved import Saved
from openinfra_tui.questions.answers import Answers, value_of
from openinfra_tui.questions.model import NAME

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Draft:
    """A site that is being answered.

    Attributes:
        answers: what was said.
        everything: whether every question is asked, or only those that the operator alone can answer.
        file: where the site file is written.
        output: the folder of the repository.
        age_key: the identity that opens the secrets; it is made where there is none.
        sealing: the certificate of Sealed Secrets' controller, read where that keeps the secrets.
        preset: the preset that it began from, or empty.
        opened: whether `file` is where the answers came from, so that it may be replaced.
    """

    answers: Answers
    everything: bool
    file: Path
    output: Path
    age_key: Path
    sealing: Path
    preset: str = ""
    opened: bool = False


def blank(environ: Mapping[str, str], here: Path) -> Draft:
    """Nothing said yet, and the usual places."""
    return Draft(
        Answers(),
        True,
        here / "site.yaml",
        here / "clouds",
        age_key_file(environ),
        here / "sealed-secrets.crt",
    )


def from_preset(draft: Draft, name: str) -> Draft:
    """Begin from a preset; its example keys are nobody's, so nothing is encrypted for them.

    Raises:
        UserError: there is no such preset.
    """
    values = dict(begin(Beginning(name)).values)
    values.pop("secrets.recipients", None)
    return replace(draft, answers=Answers(values), everything=False, preset=name)


def from_file(draft: Draft, path: Path) -> Draft:
    """Go on from a site file, finished or not.

    Raises:
        SiteError: it cannot be read, or what is there is not as the schema demands.
    """
    answers = begin(Beginning(file=path))
    seen = Answers(answers.values, frozenset(answers.values))
    return replace(draft, answers=seen, everything=False, file=path, opened=True)


def from_saved(draft: Draft, kept: Saved) -> Draft:
    """Go on where it was left."""
    return replace(draft, answers=kept.answers, everything=kept.everything, file=kept.file)


def saved(draft: Draft) -> Saved:
    """What is kept of it."""
    return Saved(draft.answers, draft.file.absolute(), draft.everything)


def age_key_file(environ: Mapping[str, str]) -> Path:
    """Where sops looks for age identities.

    https://github.com/getsops/sops#encrypting-using-age: SOPS_AGE_KEY_FILE, else sops/age/keys.txt below the
    user's configuration.
    """
    named = environ.get("SOPS_AGE_KEY_FILE", "")
    base = Path(environ.get("XDG_CONFIG_HOME", ""))
    config = base if base.is_absolute() else Path.home() / ".config"
    return Path(named) if named else config / "sops" / "age" / "keys.txt"


def has_recipients(answers: Answers) -> bool:
    """Whether the repository will hold files for age recipients, one of which is the operator's own key."""
    return str(value_of(answers, "secrets.backend")) != "sealed-secrets"


def certificate(draft: Draft) -> Path | None:
    """The certificate of Sealed Secrets' controller, where that seals and its file is there."""
    return None if has_recipients(draft.answers) or not draft.sealing.exists() else draft.sealing


def replaces(draft: Draft, text: str) -> bool:
    """Whether writing the site file would take the place of something that was never read."""
    return not draft.opened and draft.file.exists() and draft.file.read_bytes() != text.encode()


def generate_words(draft: Draft, ours: tuple[str, ...] = (), theirs: tuple[str, ...] = ()) -> list[str]:
    """The command that writes the same repository without a question."""
    words = ["openinfra-tui", "generate", short(draft.file), "--output", short(draft.output)]
    if has_recipients(draft.answers):
        words += ["--age-key", short(draft.age_key)]
    if (sealing := certificate(draft)) is not None:
        words += ["--certificate", short(sealing)]
    for option, paths in (("--accept-ours", ours), ("--accept-theirs", theirs)):
        for path in paths:
            words += [option, path]
    return words


def commands(draft: Draft) -> list[str]:
    """What to do next, and last the two commands that repeat it all."""
    output, name = short(draft.output), str(value_of(draft.answers, NAME))
    url = str(value_of(draft.answers, "gitops.url"))
    branch = str(value_of(draft.answers, "gitops.branch"))
    return [
        shlex.join(["git", "-C", output, "remote", "add", "origin", url]),
        shlex.join(["git", "-C", output, "push", "origin", f"HEAD:{branch}", f"openinfra/{name}"]),
        shlex.join(["less", f"{output}/sites/{name}/RUNBOOK.md"]),
    ]


def repeating(draft: Draft) -> list[str]:
    """The commands that do all of it again without a question."""
    return [
        shlex.join(repeat_words(Path(short(draft.file)), draft.answers, draft.preset)),
        shlex.join(generate_words(draft)),
    ]


def shown(path: Path) -> str:
    """A path as one reads it."""
    home = Path.home()
    text = short(path)
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) and text == str(path) else text


def short(path: Path) -> str:
    """A path as one would type it here."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) and path != here else str(path)
