# SPDX-License-Identifier: GPL-2.0-only
"""An XDP program on the NIC: for a check to find, and to learn whether the split is configured."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import os
import socket
import struct
from collections.abc import Iterator

# `linux/bpf.h`, `linux/if_link.h`
BPF_PROG_LOAD, BPF_LINK_CREATE = 5, 28
BPF_PROG_TYPE_XDP, BPF_XDP = 6, 37
ANY, GENERIC = 0, 2


def _bpf(command: int, attributes: bytes) -> int:
    """The system call, which Python does not have."""
    library = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    numbers = {"x86_64": 321, "aarch64": 280}
    result = library.syscall(numbers[os.uname().machine], command, buffer, len(attributes))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


@functools.cache
def _program() -> int:
    """One that passes every packet."""
    # r0 = XDP_PASS; exit
    code = ctypes.create_string_buffer(
        struct.pack("<BBhi", 0xB7, 0, 0, 2) + struct.pack("<BBhi", 0x95, 0, 0, 0), 16)
    licence = ctypes.create_string_buffer(b"GPL")
    return _bpf(BPF_PROG_LOAD, struct.pack(
        "<IIQQIIQII16sII", BPF_PROG_TYPE_XDP, 2, ctypes.addressof(code),
        ctypes.addressof(licence), 0, 0, 0, 0, 0, b"pass", 0, BPF_XDP))


@contextlib.contextmanager
def attached(nic: str, mode: int) -> Iterator[None]:
    """A program on a NIC, in a mode."""
    index = socket.if_nametoindex(nic)
    link = _bpf(BPF_LINK_CREATE, struct.pack("<IIII", _program(), index, BPF_XDP, mode))
    try:
        yield
    finally:
        os.close(link)


def verdict(nic: str) -> str:
    """Whether a NIC takes a program, which the core refuses while header split is
    configured. No other request shows that where the driver reports a split of its own accord."""
    try:
        with attached(nic, ANY):
            return "accepted"
    except OSError as refusal:
        return errno.errorcode[refusal.errno or 0]
