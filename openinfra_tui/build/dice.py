"""Which templates of a chart do not render to the same twice, or ask the cluster while they render.

Told from the text: a template counts when it, or a named template that it includes, uses such a function.
Names of functions: Sprig's (crypto, date, random, uuid) and Helm's `lookup`.
"""

from __future__ import annotations

import re
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_RANDOM = re.compile(
    r"\b(?:rand(?:AlphaNum|Alpha|Ascii|Numeric|Bytes|Int)|genPrivateKey|genCA|genCAWithKey|genSelfSignedCert"
    r"|genSelfSignedCertWithKey|genSignedCert|genSignedCertWithKey|uuidv4|htpasswd|bcrypt|encryptAES|shuffle"
    r"|getHostByName)\b"
)
_CLOCK = re.compile(r"\b(?:now|ago)\b")
_CAPABILITIES = re.compile(r"\.Capabilities\.(?:KubeVersion|APIVersions)\b")
_LOOKUP = re.compile(r"\blookup\s+[\"(.$]")
_ACTION = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_DEFINE = re.compile(r"\{\{-?\s*define\s+\"([^\"]+)\"\s*-?\}\}")
_USE = re.compile(r"\b(?:include|template)\s+\"([^\"]+)\"")
_LARGEST = 4 << 20


@dataclass(frozen=True)
class Dice:
    """Template files, as Helm names them in `# Source:`, whose output may differ from run to run.

    Attributes:
        random: two renders show what differs.
        clock: two renders within one second may be equal.
        lookup: what the cluster holds changes the output.
        capabilities: what the cluster serves changes the output.
    """

    random: frozenset[str]
    clock: frozenset[str]
    lookup: frozenset[str]
    capabilities: frozenset[str]


def dice(chart: Path) -> Dice:
    """The templates of a chart, a folder or a package, that are not a function of their values."""
    files = dict(_folder(chart) if chart.is_dir() else _package(chart))
    return Dice(*(_closure(files, words) for words in (_RANDOM, _CLOCK, _LOOKUP, _CAPABILITIES)))


def _closure(files: Mapping[str, str], words: re.Pattern[str]) -> frozenset[str]:
    """Files that use one of the words, themselves or through named templates."""
    parts: list[tuple[str, str, str]] = []
    for file, text in files.items():
        cuts = [*_DEFINE.finditer(text)]
        ends = [*(cut.start() for cut in cuts[1:]), len(text)]
        parts.append((file, "", text[: cuts[0].start()] if cuts else text))
        parts += [(file, cut[1], text[cut.end() : end]) for cut, end in zip(cuts, ends, strict=False)]
    actions = [(file, name, " ".join(_ACTION.findall(text))) for file, name, text in parts]
    tainted = {name for _, name, text in actions if name and words.search(text)}
    grown = True
    while grown:
        more = {n for _, n, text in actions if n and n not in tainted and tainted & {*_USE.findall(text)}}
        tainted |= more
        grown = bool(more)
    return frozenset(
        file
        for file, name, text in actions
        if not name and (words.search(text) or tainted & {*_USE.findall(text)})
    )


def _folder(chart: Path) -> Iterable[tuple[str, str]]:
    for path in chart.rglob("templates/**/*"):
        if path.is_file() and path.stat().st_size <= _LARGEST:
            name = f"{chart.name}/{path.relative_to(chart).as_posix()}"
            yield name, path.read_text(encoding="utf-8", errors="replace")


def _package(chart: Path) -> Iterable[tuple[str, str]]:
    with tarfile.open(chart) as tar:
        for member in tar:
            if member.isfile() and "/templates/" in member.name and member.size <= _LARGEST:
                stream = tar.extractfile(member)
                if stream is not None:
                    yield member.name, stream.read().decode("utf-8", "replace")
