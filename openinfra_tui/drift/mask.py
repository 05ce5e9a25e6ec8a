"""Secrets never leave the engine: each value becomes a tag, equal values the same tag.

Masked are the values of every Secret, also inside its last-applied annotation; each of those values wherever
else it turns up (an environment variable, a ConfigMap, a message of the server); and values whose name says
that they are one. Tags are numbered by first appearance, so they tell nothing about the value.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import TYPE_CHECKING, Any

from openinfra_tui.drift.pointer import escaped, unescaped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openinfra_tui.drift.model import Difference, ObjectVerdict

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_SHORTEST = 5  # shorter known values (a port, a user `root`) would blank half of a report
_TELLING = re.compile(
    r"(?:pass(?:word|wd|phrase)?|secret|token|api[-_.]?key|private[-_.]?key|credential|fernet|keyring)s?$",
    re.IGNORECASE,
)
# Names that end like a secret and hold the name of one.
_REFERENCE = re.compile(r"(?:ref|name|class|file|path|mount|volume|type|issuer)s?$", re.IGNORECASE)


class Masker:
    """The tags of one report."""

    def __init__(self) -> None:
        self._tags: dict[str, str] = {}
        self._known: dict[str, None] = {}
        self._pattern: re.Pattern[str] | None = None

    def learn(self, manifest: Mapping[str, Any]) -> None:
        """Remember every value of a Secret, plain and as base64; anything else teaches nothing."""
        if manifest.get("kind") != "Secret" or manifest.get("apiVersion") != "v1":
            return
        values = [str(value) for value in (manifest.get("stringData") or {}).values()]
        for value in (manifest.get("data") or {}).values():
            values.append(str(value))
            try:
                values.append(base64.b64decode(str(value), validate=True).decode())
            except (binascii.Error, ValueError):
                continue
        for value in values:
            for known in (value, value.strip()):
                if len(known) >= _SHORTEST:
                    self._known[known] = None
        self._pattern = None

    def tag(self, value: Any) -> str:
        """The tag of one value; base64 of a text and the text itself are different values."""
        text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        return self._tags.setdefault(text, f"(secret #{len(self._tags) + 1})")

    def text(self, text: str) -> str:
        """A text with every known secret value replaced by its tag."""
        if not self._known:
            return text
        if self._pattern is None:
            longest_first = sorted(self._known, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))
        return self._pattern.sub(lambda match: self.tag(match[0]), text)

    def value(self, value: Any, name: str = "") -> Any:
        """Any value, masked.

        Args:
            value: a part of a manifest that is not a Secret.
            name: the name of the field, or of the environment variable, that holds it.
        """
        if isinstance(value, dict):
            named = str(value.get("name") or "") if isinstance(value.get("value"), str) else ""
            return {
                key: self.value(item, named if key == "value" and named else str(key))
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self.value(item, name) for item in value]
        if not isinstance(value, str):
            return value
        if name == LAST_APPLIED:
            return self._last_applied(value)
        if value and _TELLING.search(name) and not _REFERENCE.search(name):
            return self.tag(value)
        return self.text(value)

    def manifest(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """A whole object, masked."""
        out: dict[str, Any] = {}
        secret = manifest.get("kind") == "Secret" and manifest.get("apiVersion") == "v1"
        for key, item in manifest.items():
            if secret and key in ("data", "stringData") and isinstance(item, dict):
                out[key] = {name: self.tag(value) for name, value in item.items()}
            else:
                out[key] = self.value(item, key)
        return out

    def _last_applied(self, text: str) -> str:
        try:
            inner = json.loads(text)
        except ValueError:
            return self.tag(text)
        return json.dumps(self.manifest(inner)) if isinstance(inner, dict) else self.tag(text)

    def verdict(self, verdict: ObjectVerdict) -> ObjectVerdict:
        """A verdict with its differences and its reason masked."""
        if not verdict.differences and not verdict.reason:
            return verdict  # as most are, ten thousand times after each event of a watch
        secret = verdict.key.kind == "Secret" and not verdict.key.group
        return verdict._replace(
            differences=tuple(self._difference(item, secret) for item in verdict.differences),
            reason=self.text(verdict.reason) if verdict.reason else verdict.reason,
        )

    def _difference(self, difference: Difference, secret: bool) -> Difference:
        if secret and re.match(r"/(?:data|stringData)(?:/|$)", difference.path):
            return difference._replace(
                desired=self._whole(difference.desired),
                live=self._whole(difference.live),
            )
        name = _field_name(difference.path)
        return difference._replace(
            path=self.text(difference.path),
            desired=self.value(difference.desired, name),
            live=self.value(difference.live, name),
        )

    def _whole(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self.tag(item) for key, item in value.items()}
        return value if value is None else self.tag(value)


def _field_name(path: str) -> str:
    """The name that says what a value is: of the field, or of the item whose `value` it is."""
    last = unescaped(path.rpartition("/")[2])
    item = re.search(r"\[name=([^\]]+)\]/value$", path)
    if item:
        return item[1]
    if path.endswith(escaped(LAST_APPLIED)):
        return LAST_APPLIED
    return last
