"""A drift report as text, JSON, Markdown, JUnit or SARIF.

Names and values come from a cluster: in text, control characters are shown escaped; in Markdown and XML,
what would be markup is escaped.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import orjson

from openinfra_tui import __version__
from openinfra_tui.drift.report import API_VERSION, FAILS_ON, Report, plain_object, to_plain
from openinfra_tui.drift.runs import details, headline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from openinfra_tui.drift.model import Difference, ObjectVerdict
    from openinfra_tui.drift.runs import DeployerRun

MARKDOWN_LIMIT = 65_536  # characters of a pull-request comment
MARKDOWN_RUN = 50  # lines of what a deployer's run reported
_QUIET = frozenset({"in-sync", "ignored"})
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_COLOURS = {
    "pending": "36",
    "drifted": "31",
    "will-be-reverted": "33",
    "missing": "31",
    "extra": "35",
    "blocked": "41",
    "unverified": "33",
}


def as_json(report: Report) -> str:
    """One JSON document, an object of the cluster a line."""
    plain_report = to_plain(report)
    objects = plain_report.pop("objects")
    head = json.dumps(plain_report, indent=1, ensure_ascii=False).removesuffix("\n}")
    lines = ",\n".join(f"  {_line(item)}" for item in objects)
    return f'{head},\n "objects": [\n{lines}\n ]\n}}\n'


def _line(item: dict[str, Any]) -> str:
    try:
        return orjson.dumps(item).decode()
    except TypeError:  # half of a surrogate pair, or a number beyond 64 bits
        return json.dumps(item)


def as_text(report: Report, *, colour: bool = False, summary_only: bool = False) -> str:
    """Lines for a terminal: each object that is not in sync with its differences, then the counts."""
    lines: list[str] = []
    for item in () if summary_only else shown(report.objects):
        verdict = f"\x1b[{_COLOURS[item.verdict]}m{item.verdict}\x1b[0m" if colour else item.verdict
        lines.append(f"{verdict}  {plain(str(item.key))}  {plain(_where(item))}".rstrip())
        lines += _details(item)
    for run in report.runs:
        lines.append(plain(headline(run)))
        lines += [] if summary_only else [f"    {plain(line)}" for line in details(run)]
    lines += [f"not complete: {plain(problem)}" for problem in report.problems]
    lines.append(", ".join(f"{count} {verdict}" for verdict, count in report.summary.items()))
    return "\n".join(lines) + "\n"


def change_as_text(before: ObjectVerdict | None, after: ObjectVerdict | None) -> str:
    """What an object was and is, then its differences."""
    item = after or before
    if item is None:
        raise ValueError("a change of nothing")
    was, now = (side.verdict if side else "gone" for side in (before, after))
    lines = [f"{was} -> {now}  {plain(str(item.key))}  {plain(_where(item))}".rstrip()]
    lines += _details(after) if after is not None and now not in _QUIET else []
    return "\n".join(lines) + "\n"


def change_as_json(before: ObjectVerdict | None, after: ObjectVerdict | None) -> str:
    """One line of JSON, both sides as in a report."""
    sides = {"before": before, "after": after}
    document: dict[str, Any] = {"apiVersion": API_VERSION, "kind": "DriftChange"}
    document |= {name: plain_object(side) if side else None for name, side in sides.items()}
    return json.dumps(document, ensure_ascii=False) + "\n"


def as_markdown(report: Report) -> str:
    """A pull-request comment: a table of the counts, then folded details, as many as fit."""
    summary = report.summary
    head = ["## Drift", "", "| verdict | objects |", "|---|---|"]
    head += [f"| {verdict} | {count} |" for verdict, count in summary.items()]
    head += ["", *(f"- not complete: {_markdown(problem)[:300]}" for problem in report.problems[:20]), ""]
    out = "\n".join(head) + "".join(map(_run, report.runs))
    left = list(shown(report.objects))
    for index, item in enumerate(left):
        block = _folded(item)
        note = f"\n{len(left) - index} more objects do not fit here.\n"
        if len(out) + len(block) + len(note) > MARKDOWN_LIMIT:
            return out + note
        out += block
    return out


def _details(item: ObjectVerdict) -> list[str]:
    lines = [f"    {plain(item.reason)}"] if item.reason else []
    lines += [f"    {line}" for difference in item.differences for line in _difference(difference)]
    if item.next not in ("none", "blocked"):
        certain = "" if item.proof in ("local", "dry-run") else " (predicted)"
        lines.append(f"    next: {item.next}{certain}")
    return lines


def as_junit(report: Report) -> str:
    """One test case an object; what fails the command is a failure, what blocks an error."""
    cases = []
    failures = errors = skipped = 0
    for item in report.objects:
        name, group = _attribute(str(item.key)), _attribute(_engine(item))
        text = _escaped(_xml("\n".join(line for d in item.differences for line in _difference(d))))
        message = _attribute(f"{item.verdict}: {item.reason or f'next: {item.next}'}")
        inner = ""
        if item.verdict in FAILS_ON:
            failures += 1
            inner = f"<failure message={message}>{text}</failure>"
        elif item.verdict == "blocked":
            errors += 1
            inner = f"<error message={message}>{text}</error>"
        elif item.verdict in ("unverified", "ignored"):
            skipped += 1
            inner = f"<skipped message={message}/>"
        cases.append(f"  <testcase classname={group} name={name}>{inner}</testcase>\n")
    for run in report.runs:
        failures += run.verdict == "drifted"
        skipped += run.verdict == "unverified"
        message = _attribute(headline(run))
        text = _escaped(_xml("\n".join(map(plain, details(run)))))
        inner = {
            "drifted": f"<failure message={message}>{text}</failure>",
            "unverified": f"<skipped message={message}/>",
        }.get(run.verdict, "")
        name = _attribute(f"run of {run.site}")
        cases.append(f'  <testcase classname="runs" name={name}>{inner}</testcase>\n')
    counts = f'tests="{len(cases)}" failures="{failures}" errors="{errors}" skipped="{skipped}"'
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<testsuite name="openinfra-tui diff" {counts}>\n{"".join(cases)}</testsuite>\n'
    )


def as_sarif(report: Report) -> str:
    """SARIF 2.1.0: one result an object that is not in sync, at the file and line of its origin."""
    levels = {"pending": "note", "unverified": "warning", "extra": "warning"}
    results = []
    for item in shown(report.objects):
        changes = "; ".join(line for d in item.differences for line in _difference(d))
        text = f"{item.key}: {item.verdict}" + "".join(f"; {part}" for part in (item.reason, changes) if part)
        result: dict[str, Any] = {
            "ruleId": item.verdict,
            "level": levels.get(item.verdict, "error"),
            "message": {"text": text[:4000]},
        }
        if item.origin.file:
            place: dict[str, Any] = {"artifactLocation": {"uri": item.origin.file}}
            if item.origin.line:
                place["region"] = {"startLine": item.origin.line}
            result["locations"] = [{"physicalLocation": place}]
        results.append(result)
    for run in report.runs:
        if run.verdict not in _QUIET:
            text = "; ".join(map(plain, (headline(run), *details(run))))
            message = {"text": text[:4000]}
            results.append(
                {"ruleId": run.verdict, "level": levels.get(run.verdict, "error"), "message": message}
            )
    rules = [{"id": verdict} for verdict in report.summary if verdict not in _QUIET]
    driver = {"name": "openinfra-tui", "version": __version__, "rules": rules}
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


WRITERS: dict[str, Callable[[Report], str]] = {
    "json": as_json,
    "text": as_text,
    "markdown": as_markdown,
    "junit": as_junit,
    "sarif": as_sarif,
}
CHANGES: dict[str, Callable[[ObjectVerdict | None, ObjectVerdict | None], str]] = {
    "json": change_as_json,
    "text": change_as_text,
}


def shown(objects: Iterable[ObjectVerdict]) -> list[ObjectVerdict]:
    """The objects that a reader wants to see: not those in sync or ignored."""
    return [item for item in objects if item.verdict not in _QUIET]


def plain(text: str) -> str:
    """Text that cannot move a cursor or change the reading direction."""
    return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _difference(difference: Difference) -> list[str]:
    path = plain(difference.path)
    who = ""
    if difference.blame:
        newest = difference.blame[0]
        who = plain(f"  ({newest.manager}, {newest.operation}{f', {newest.time}' if newest.time else ''})")
    desired, live = _short(difference.desired), _short(difference.live)
    if difference.change == "added":
        return [f"{path}: only live: {live}{who}"]
    if difference.change == "removed":
        return [f"{path}: not live, should be {desired}{who}"]
    note = f" [{difference.change}]" if difference.change != "value" else ""
    return [f"{path}: {live} -> {desired}{note}{who}"]


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return plain(text if len(text) <= 200 else f"{text[:200]}… ({len(text)} characters)")


def _where(item: ObjectVerdict) -> str:
    if not item.origin.file:
        return _engine(item)
    line = f":{item.origin.line}" if item.origin.line else ""
    return f"{item.origin.file}{line}  {_engine(item)}"


def _engine(item: ObjectVerdict) -> str:
    return f"{item.engine.kind} {item.engine.namespace}/{item.engine.name}" if item.engine else ""


def _folded(item: ObjectVerdict) -> str:
    lines = [_markdown(item.reason)] if item.reason else []
    changes = [line for difference in item.differences for line in _difference(difference)]
    if changes:
        longest = max((len(run) for run in re.findall("`+", "".join(changes))), default=0)
        fence = "`" * max(3, longest + 1)
        lines += ["", fence + "text", *changes, fence]
    body = "\n".join(lines)
    title = f"{item.verdict}: {_markdown(str(item.key))}"
    return f"\n<details><summary>{title}</summary>\n\n{_markdown(_where(item))}\n{body}\n\n</details>\n"


def _run(run: DeployerRun) -> str:
    lines = details(run)
    more = [f"{len(lines) - MARKDOWN_RUN} more"] if len(lines) > MARKDOWN_RUN else []
    body = "".join(f"- {_markdown(line)[:300]}\n" for line in (*lines[:MARKDOWN_RUN], *more))
    return f"\n### {_markdown(headline(run))}\n\n{body}"


def _markdown(text: str) -> str:
    return re.sub(r"([\\`*_\[\]|@#])", r"\\\1", _escaped(plain(text), quote=False))


def _attribute(text: str) -> str:
    return f'"{_escaped(_xml(text))}"'


def _escaped(text: str, *, quote: bool = True) -> str:
    import html  # a table of two thousand names, which only these outputs want

    return html.escape(text, quote=quote)


def _xml(text: str) -> str:
    return re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
