# SPDX-License-Identifier: GPL-2.0-only
"""The NIC's settings as the kernel answers for them, byte for byte.

Not by ethtool: a process for each kind of setting takes half a second under emulation, and the
cases look some 500 times.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import functools
import socket
import struct
from pathlib import Path

from . import xdp
from .devmem import (
    CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME, CTRL_CMD_GETFAMILY, GENL_ID_CTRL, NLM_F_ACK,
    NLM_F_DUMP, Netlink, Refused, attribute, number)

# What is asked by netlink (`linux/ethtool_netlink.h`): the command, whether it is a dump, and the
# names of the attributes that tell most.
NLA_F_NESTED, HEADER, HEADER_NAME, HEADER_FLAGS, COMPACT = 0x8000, 1, 2, 3, 1
RINGS_SET, HDS_THRESH = 16, 17
KINDS = {
    "features": (11, NLM_F_ACK, {2: "can change", 3: "requested", 4: "active", 5: "fixed"}),
    "private flags": (13, NLM_F_ACK, {2: "flags"}),
    "rings": (15, NLM_F_ACK, {
        6: "rx", 9: "tx", 10: "rx-buf-len", 11: "tcp-data-split", HDS_THRESH: "hds-thresh",
        18: "largest hds-thresh"}),
    "channels": (17, NLM_F_ACK, {6: "rx", 7: "tx", 8: "other", 9: "combined"}),
    "RSS": (38, NLM_F_DUMP, {2: "context", 3: "function", 4: "table", 5: "key", 6: "transform"}),
}

# What is asked by ioctl (`linux/ethtool.h`), about flow rules: `struct ethtool_rxnfc`
SIOCETHTOOL = 0x8946
GRXCLSRLCNT, GRXCLSRULE, GRXCLSRLALL = 0x2E, 0x2F, 0x30
SIZE, LOCATION, COUNT, LOCATIONS = 192, 176, 184, 188


@functools.cache
def _ethtool() -> tuple[Netlink, int, socket.socket]:
    """A socket for either way, and the number of the ethtool family."""
    netlink = Netlink()
    name = attribute(CTRL_ATTR_FAMILY_NAME, b"ethtool\0")
    [family] = netlink.request(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, name)
    inet = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    return netlink, number(family[CTRL_ATTR_FAMILY_ID]), inet


def _header(nic: str) -> bytes:
    """What each request begins with."""
    fields = attribute(HEADER_NAME, nic.encode() + b"\0")
    fields += attribute(HEADER_FLAGS, struct.pack("=I", COMPACT))
    return attribute(HEADER | NLA_F_NESTED, fields)


def set_hds_thresh(nic: str, size: int) -> None:
    """Sets the largest packet that is not split, which the VM's `ethtool` cannot."""
    netlink, family, _ = _ethtool()
    value = attribute(HDS_THRESH, struct.pack("=I", size))
    netlink.request(family, RINGS_SET, _header(nic) + value)


def _asked(nic: str, kind: str) -> list[str]:
    """One kind of setting, an attribute a line."""
    netlink, family, _ = _ethtool()
    command, flags, names = KINDS[kind]
    try:
        replies = netlink.request(family, command, _header(nic), flags)
    except Refused as refusal:
        return [f"{kind}: {errno.errorcode[refusal.errno]}"]
    return [
        f"{kind}: {names.get(key, key)} {value.hex()}"
        for reply in replies for key, value in reply.items() if key != HEADER]


def _rxnfc(nic: str, command: int, room: int = 0, **fields: int) -> bytearray:
    """What the kernel makes of a request about flow rules."""
    request = bytearray(SIZE + room)
    struct.pack_into("=I", request, 0, command)
    for name, value in fields.items():
        struct.pack_into("=I", request, {"location": LOCATION, "count": COUNT}[name], value)
    buffer = (ctypes.c_char * len(request)).from_buffer(request)
    subject = struct.pack("=16sQ16x", nic.encode(), ctypes.addressof(buffer))
    fcntl.ioctl(_ethtool()[2], SIOCETHTOOL, subject)
    return request


def _rules(nic: str) -> list[str]:
    """All flow rules, one a line."""
    try:
        count, = struct.unpack_from("=I", _rxnfc(nic, GRXCLSRLCNT), COUNT)
        listed = _rxnfc(nic, GRXCLSRLALL, 4 * count, count=count)
        locations = struct.unpack_from(f"={count}I", listed, LOCATIONS)
        return [
            f"rule {location}: {_rxnfc(nic, GRXCLSRULE, location=location).hex()}"
            for location in sorted(locations)]
    except OSError as refusal:
        return [f"rules: {errno.errorcode[refusal.errno]}"]


def _carrier(nic: str) -> str:
    """1 or 0; EINVAL while the interface is down."""
    try:
        return Path(f"/sys/class/net/{nic}/carrier").read_text("ascii").strip()
    except OSError as refusal:
        return errno.errorcode[refusal.errno or 0]


def settings(nic: str) -> str:
    """All that a run may change: features, private flags, rings, channels, RSS and flow rules, and
    what shows whether the split is configured, beside being reported."""
    lines = [line for kind in KINDS for line in _asked(nic, kind)]
    lines.append(f"XDP program: {xdp.verdict(nic)}")
    lines.append(f"carrier: {_carrier(nic)}")
    return "\n".join(lines + _rules(nic)) + "\n"
