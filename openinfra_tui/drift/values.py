"""When two values are the same to the API server: exact, numeric, quantity, time, base64."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openinfra_tui.drift.schema import Type

# Suffixes of apimachinery's Quantity (pkg/api/resource/suffix.go).
_SUFFIXES = {
    **{name: Decimal(1024) ** power for power, name in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1)},
    **{name: Decimal(10) ** power for name, power in {"n": -9, "u": -6, "m": -3, "": 0, "k": 3}.items()},
    **{name: Decimal(10) ** power for name, power in {"M": 6, "G": 9, "T": 12, "P": 15, "E": 18}.items()},
}
_QUANTITY = re.compile(
    r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(?:([eE][+-]?[0-9]+)|(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]?))"
)


def same(left: Any, right: Any) -> bool:
    """Whether two JSON values are equal as the server compares them: numbers by value, order of lists kept.

    `True` is not `1`, `"80"` is not `80`.
    """
    if isinstance(left, dict):
        return (
            isinstance(right, dict)
            and left.keys() == right.keys()
            and all(same(value, right[key]) for key, value in left.items())
        )
    if isinstance(left, list):
        return (
            isinstance(right, list)
            and len(left) == len(right)
            and all(same(one, other) for one, other in zip(left, right, strict=True))
        )
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, int | float) and isinstance(right, int | float):
        return left == right
    return type(left) is type(right) and bool(left == right)


def quantity(value: Any) -> Decimal | None:
    """The number that a quantity stands for, or None when it is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    match = _QUANTITY.fullmatch(str(value))
    if match is None:
        return None
    number, exponent, suffix = match.groups()
    if exponent:
        return Decimal(number) * Decimal(10) ** int(exponent[1:]) if len(exponent) <= 4 else None
    return Decimal(number) * _SUFFIXES[suffix]


def same_scalar(desired: Any, live: Any, kind: Type | None) -> bool:
    """Whether the server would decode a desired scalar to what is live.

    Beyond exact and numeric equality only where a built-in type says so (drift.md C3).
    """
    if same(desired, live):
        return True
    if kind is None:
        return False
    if kind.is_quantity:
        one, other = quantity(desired), quantity(live)
        return one is not None and one == other
    if kind.is_bytes:
        return _bytes(desired) is not None and _bytes(desired) == _bytes(live)
    if kind.is_time:
        return _seconds(desired) is not None and _seconds(desired) == _seconds(live)
    return False


def _bytes(value: Any) -> bytes | None:
    if not isinstance(value, str):
        return None
    try:
        return base64.b64decode(value.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError):
        return None


def _seconds(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment.astimezone(UTC).replace(microsecond=0) if moment.tzinfo else None
