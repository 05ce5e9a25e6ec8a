"""What a question is: a place in the schema of a site, the step that asks it, and when it applies.

Title, help, type, default and allowed words are read from the schema, where the site file has them too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from openinfra_tui.site import validate

Kind = Literal["text", "number", "yes-no", "choice", "several", "list", "items", "map", "keys"]
NAME = "metadata.name"
STEPS = (
    *("Start", "Site", "Placement", "Systems", "Deployer", "Release", "Services", "Clusters", "Nodes"),
    *("Network", "Storage", "Bare metal", "Exposure", "Secrets", "GitOps", "Review"),
)


@dataclass(frozen=True)
class Condition:
    """That the answer at a path is, or holds, one of these words; with no words, that there is an answer.

    A `*` in the path is the key that the `*` in the path of the question stands for.
    """

    path: str
    words: tuple[str | bool, ...] = ()


@dataclass(frozen=True)
class Question:
    """One thing that is asked.

    Attributes:
        path: dotted path below `spec`, or `metadata.name`. In the list of all questions a `*` stands for each
            key of the mapping there; `walk` and `answers` put the keys in.
        step: the step that asks it, one of STEPS.
        kind: what an answer looks like. text, number, yes-no, choice: one value. several: some of the
            allowed words. list: texts. items: mappings, see `fields`. map: texts by name. keys: the names of
            the mapping at the path, whose parts are further questions.
        when: the conditions under which it applies, all of them.
        own: no default or preset can know the answer; it is the operator's own.
    """

    path: str
    step: str
    kind: Kind
    when: tuple[Condition, ...] = ()
    own: bool = False

    @property
    def rules(self) -> dict[str, Any]:
        """The part of the schema that rules the answer."""
        return rules_at(self.path)

    @property
    def title(self) -> str:
        """A few words."""
        return str(self.rules.get("title", self.path))

    @property
    def help(self) -> str:
        """One sentence or two."""
        return str(self.rules.get("description", ""))

    @property
    def default(self) -> Any:
        """What holds where nothing is answered, or None."""
        return self.rules.get("default")

    @property
    def examples(self) -> tuple[Any, ...]:
        """What an answer may look like."""
        rules = self.rules.get("items", self.rules) if self.kind == "list" else self.rules
        return tuple(rules.get("examples", ()))

    @property
    def words(self) -> tuple[str, ...]:
        """The words that the schema allows; empty where it allows any text of a form."""
        rules = self.rules.get("items", self.rules) if self.kind == "several" else self.rules
        return tuple(rules.get("enum", ()))

    @property
    def trail(self) -> tuple[str, ...]:
        """The titles of what the answer is a part of, from the outside in, without the topmost."""
        steps = self.path.split(".")
        out = []
        for number in range(1, len(steps) - 1):
            known = rules_at(".".join(steps[:number])).get("properties", {})
            out.append(str(known[steps[number]]["title"]) if steps[number] in known else steps[number])
        return tuple(out)


def schema_path(path: str) -> tuple[str | int, ...]:
    """The path from the top of a site file, numbers as numbers."""
    steps = tuple(int(step) if step.isascii() and step.isdigit() else step for step in path.split("."))
    return steps if path == NAME or not path else ("spec", *steps)


def rules_at(path: str) -> dict[str, Any]:
    """The part of the schema for a path of a question; empty where the schema knows none."""
    return validate.at(schema_path(path)) if path else validate.at(("spec",))


def kind_of(rules: dict[str, Any]) -> Kind:
    """The kind of a question, from the schema of its answer."""
    items = rules.get("items", {})
    match rules.get("type"):
        case "boolean":
            return "yes-no"
        case "integer":
            return "number"
        case "array":
            return "several" if "enum" in items else "items" if items.get("type") == "object" else "list"
        case "object":
            parts = list(rules.get("patternProperties", {}).values())
            return "map" if parts and parts[0].get("type") == "string" else "keys"
    return "choice" if "enum" in rules else "text"


def fields(question: Question) -> tuple[Question, ...]:
    """The parts of one item of a question of kind items, with the paths of the first item, depth first."""
    return tuple(_fields(f"{question.path}.0", question.step))


def _fields(path: str, step: str) -> list[Question]:
    out = []
    for name, rules in rules_at(path).get("properties", {}).items():
        inner = f"{path}.{name}"
        if rules.get("type") == "object" and "properties" in rules:
            out += _fields(inner, step)
        else:
            out.append(Question(inner, step, kind_of(rules)))
    return out


def fits(pattern: str, path: str) -> bool:
    """Whether a path is one that a path with `*` stands for."""
    wanted, found = pattern.split("."), path.split(".")
    return len(wanted) == len(found) and all(w in ("*", f) for w, f in zip(wanted, found, strict=True))


def related(one: str, other: str) -> bool:
    """Whether two paths are the same or one leads to the other."""
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")
