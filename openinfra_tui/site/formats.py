"""What a pattern cannot say: addresses, ranges and host names, checked for their meaning."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from jsonschema import FormatChecker

CHECKER = FormatChecker(formats=())
WORDS = {
    "ip": "an IP address",
    "cidr": "a network such as 10.20.0.0/24, without host bits",
    "address-pool": "FIRST-LAST with the lower address first, or a network such as 10.20.0.0/28",
    "vlan-range": 'FIRST:LAST within 1 and 4094, in quotes, such as "100:199"',
    "endpoint": "IP or IP:PORT",
    "domain": "a DNS domain with at least one dot, in lower case, at most 63 characters a label",
}


@CHECKER.checks("ip", raises=ValueError)
def _ip(value: object) -> bool:
    if isinstance(value, str):
        ip_address(value)
    return True


@CHECKER.checks("cidr", raises=ValueError)
def _cidr(value: object) -> bool:
    if isinstance(value, str):
        ip_network(value)
    return True


@CHECKER.checks("address-pool", raises=(ValueError, TypeError))
def _pool(value: object) -> bool:
    if not isinstance(value, str):
        return True
    if "/" in value:
        return _cidr(value)
    first, _, last = value.partition("-")
    low, high = ip_address(first), ip_address(last)
    return low.version == high.version and int(low) <= int(high)


@CHECKER.checks("vlan-range", raises=ValueError)
def _vlans(value: object) -> bool:
    if not isinstance(value, str):
        return True
    first, _, last = value.partition(":")
    return 1 <= int(first) <= int(last) <= 4094


@CHECKER.checks("endpoint", raises=ValueError)
def _endpoint(value: object) -> bool:
    if not isinstance(value, str):
        return True
    host, _, port = value.rpartition(":") if not value.endswith("]") and ":" in value else (value, "", "")
    ip_address(host.strip("[]"))
    return not port or 1 <= int(port) <= 65535
