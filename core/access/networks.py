"""Networks and addresses (ACC-11), without a database: written forms and the one decision."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection

from core.errors import InvalidField
from core.i18n import lazy

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class InvalidNetworkError(InvalidField):
    """What was typed is no address and no network."""

    id = "invalid-network"
    sentence = lazy(
        "%(text)s is no IP address or network; examples: 203.0.113.7, 203.0.113.0/24, 2001:db8::/32."
    )


def parse(text: str) -> Network:
    """Return the network in `text`: one address, or a network with its length or mask; bits of a host are cleared.

    IPv4 addresses written as IPv6 ones (``::ffff:192.0.2.1``) become IPv4. Raises :class:`InvalidNetworkError`.
    """
    cleaned = text.strip().replace("／", "/").replace("。", ".").replace("：", ":")
    try:
        network = ipaddress.ip_network(cleaned, strict=False)
    except ValueError:
        raise InvalidNetworkError(field="network", text=cleaned[:64]) from None
    if isinstance(network, ipaddress.IPv6Network):
        if network.network_address.scope_id:
            raise InvalidNetworkError(field="network", text=cleaned[:64])
        mapped = network.network_address.ipv4_mapped
        if mapped is not None and network.prefixlen >= 96:
            return ipaddress.ip_network((mapped, network.prefixlen - 96))
    return network


def written(network: Network) -> str:
    """Return the shortest form: a single address without its length."""
    return str(network.network_address) if network.num_addresses == 1 else str(network)


def allowed(networks: Collection[Network], ip: str) -> bool:
    """Return whether `ip` may come in; no networks at all let everybody in, and what is no address gets in nowhere
    else.
    """
    if not networks:
        return True
    try:
        address = ipaddress.ip_address(ip.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in networks)


def client_key(ip: str) -> str:
    """Return whom attempts from `ip` are counted for: an IPv6 customer has a whole /64 to choose from."""
    try:
        address = ipaddress.ip_address(ip.partition("%")[0])
    except ValueError:
        return ip
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
