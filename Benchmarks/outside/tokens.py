# SPDX-License-Identifier: GPL-2.0-only
"""Counts the kernel's instructions per fragment that deal with tokens.

QEMU counts what it executes within functions while the VM receives a stream (counter.c). Some of
these functions serve others as well, the xarray above all: the VM receives two streams of different
length, and the difference of the counts is divided by that of the fragments.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from . import boot
from .counter import Counter, Range, build

MIB = 1 << 20
SIZES = (8 * MIB, 72 * MIB)

# Handing out, taking back, and what these call for it: the socket's xarray, its nodes, or the
# binding's counters; the page pool's reference in both.
NAMES = re.compile(
    r"tcp_recvmsg_dmabuf|sock_devmem_.*|tcp_xa_pool_.*|tcp_devmem_.*|net_devmem_manual_.*"
    r"|net_devmem_slot_return|xas?_.*|__xas?_.*|napi_pp_put_page|radix_tree_node_.*")


def functions(kernel: str) -> list[Range]:
    """Where they are: a kernel of the lab is always at the same place."""
    symbols = boot.printed(
        "cat", "/proc/kallsyms", kernel=kernel, deadline=120, options=("--nic=none",))
    found = sorted(
        (int(address, 16), name) for address, kind, name, *module in
        (line.split() for line in symbols.splitlines()) if kind in "tT" and not module)
    return [
        Range(start, end, name) for (start, name), (end, _) in zip(found, found[1:])
        if NAMES.fullmatch(name.partition(".")[0]) and end > start]


def per_fragment(kernel: str, mode: str, directory: Path) -> dict[str, float]:
    """Of each function, how many instructions a fragment takes in it, in one mode ("-": the kernel
    has one)."""
    plugin, ranges = build(directory), functions(kernel)

    def received(size: int) -> tuple[int, dict[str, int]]:
        """A stream's fragments, and the instructions in each function."""
        counter = Counter(plugin, ranges, directory / f"counts-{kernel}-{mode}-{size}")
        report, = json.loads(boot.printed(
            "Benchmarks/inside/token-modes", "bytes", mode, str(size), kernel=kernel,
            deadline=300, options=counter.options))
        count, = counter.read()
        return report["total"]["fragments"], count

    (few, less), (many, more) = (received(size) for size in SIZES)
    return {name: (more[name] - less[name]) / (many - few) for name in more}
