"""YAML as Go's controllers read and write it (sigs.k8s.io/yaml over goyaml v2).

Other than Python's YAML 1.1: `y` and `n` are booleans, there are no sexagesimals, `0o17` and `0x1f` are
numbers, `1e3` is a float, a date stays text (goyaml v2, resolve.go and decode.go). A manifest read otherwise
would be drift that is not there.
"""

from __future__ import annotations

import math
import re
from typing import Any

import yaml

from openinfra_tui.yamlio import BoundedLoader

_BaseDumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

_NUMBER = "tag:yaml.org,2002:float"  # of every number: one resolver for all of them
_BOOLS = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
}
_INT = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[oO]?[0-7]+|0[bB][01]+|0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_WIDE = 1 << 30  # never fold a line
_LIKE_A_NUMBER = re.compile(r"[-+]?[.0-9][0-9a-fA-FxXoObB_.+-]*")


class GoLoader(BoundedLoader):
    """Reads plain scalars as goyaml v2 does."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - replaced as a whole, as PyYAML wants it

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[str, Any]:
        """A mapping with the keys that it has as JSON: `n: 1` is `"false": 1`."""
        return {_key(key): value for key, value in super().construct_mapping(node, deep).items()}


class GoDumper(_BaseDumper):  # type: ignore[misc] # the C dumper has no types
    """Quotes what GoLoader would read as another type."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - as above

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the signature is PyYAML's
        """Write every value out."""
        return True


def _key(key: Any) -> str:
    if isinstance(key, str):
        return key
    return "null" if key is None else str(key).lower()


def _number(text: str) -> int | float | str:
    plain = text.replace("_", "")
    if _INT.fullmatch(plain):
        sign = -1 if plain.startswith("-") else 1
        digits = plain.lstrip("+-").lower()
        for prefix, base in (("0x", 16), ("0b", 2), ("0o", 8)):
            if digits.startswith(prefix):
                return sign * int(digits[2:], base)
        return sign * (int(digits, 8) if digits.startswith("0") and digits != "0" else int(digits))
    if _FLOAT.fullmatch(plain):
        return float(plain)
    if _SPECIAL.fullmatch(text):
        return math.nan if text.lower().endswith("nan") else math.inf * (-1 if text.startswith("-") else 1)
    return text


def _construct_number(loader: Any, node: Any) -> Any:
    return _number(str(loader.construct_scalar(node)))


def _go_float(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return ".nan" if math.isnan(value) else f"{'-' if value < 0 else ''}.inf"


def _construct_bool(loader: Any, node: Any) -> Any:
    text = str(loader.construct_scalar(node))
    return _BOOLS.get(text, text)


for _class in (GoLoader, GoDumper):
    _class.add_implicit_resolver(
        "tag:yaml.org,2002:bool", re.compile(f"^(?:{'|'.join(_BOOLS)})$"), list("yYnNtTfFoO")
    )
    _class.add_implicit_resolver(
        "tag:yaml.org,2002:null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""]
    )
    _class.add_implicit_resolver("tag:yaml.org,2002:merge", re.compile(r"^(?:<<)$"), ["<"])
    _class.add_implicit_resolver(
        _NUMBER,
        re.compile(rf"^(?:{_LIKE_A_NUMBER.pattern}|{_SPECIAL.pattern})$"),
        list("-+.0123456789"),
    )
GoDumper.add_representer(int, lambda dumper, value: dumper.represent_scalar(_NUMBER, str(value)))
GoDumper.add_representer(float, lambda dumper, value: dumper.represent_scalar(_NUMBER, _go_float(value)))
GoLoader.add_constructor(_NUMBER, _construct_number)
GoLoader.add_constructor("tag:yaml.org,2002:int", _construct_number)
GoLoader.add_constructor("tag:yaml.org,2002:bool", _construct_bool)


def load_all(text: str | bytes) -> list[Any]:
    """Every document, empty ones left out.

    Raises:
        yaml.YAMLError: the text is not YAML, or holds a tag, or aliases stand for most of it.
    """
    return [item for item in yaml.load_all(text, Loader=GoLoader) if item is not None]


def dump(value: Any) -> str:
    """A document as Go writes it: sorted keys, plain scalars where they read back as they are."""
    return str(yaml.dump(value, Dumper=GoDumper, sort_keys=True, width=_WIDE, allow_unicode=True))
