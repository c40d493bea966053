# SPDX-License-Identifier: GPL-2.0-only
"""Counts the kernel's instructions per fragment that deal with tokens.

QEMU counts what is executed within functions while a stream is received (tokens.c). Some of them
serve others as well, the xarray above all: two streams of different length are received, and the
difference of the counts is divided by that of the fragments.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from . import vm

MIB = 1 << 20
SIZES = (8 * MIB, 72 * MIB)

# Handing out, taking back, and what these call for it: the socket's xarray, its nodes, or the
# binding's counters; the page pool's reference in both.
NAMES = re.compile(
    r"tcp_recvmsg_dmabuf|sock_devmem_dontneed|tcp_xa_pool_.*|net_devmem_manual_.*"
    r"|net_devmem_autorelease|slot_return|xas?_.*|__xas?_.*|napi_pp_put_page"
    r"|radix_tree_node_.*")


def functions() -> str:
    """Their addresses, as the plugin reads them: the lab kernel is always at the same place."""
    command = [vm.RUN, "--kernel", "lab", "--no-nic", "--timeout", "120", "--", "cat",
               "/proc/kallsyms"]
    symbols = subprocess.run(
        command, cwd=vm.CHECKOUT, stdout=subprocess.PIPE, text=True, check=True).stdout
    found = sorted(
        (int(address, 16), name) for address, kind, name, *module in
        (line.split() for line in symbols.splitlines()) if kind in "tT" and not module)
    lines = []
    for (start, name), (end, _) in zip(found, found[1:]):
        if NAMES.fullmatch(name.partition(".")[0]) and end > start:
            lines.append(f"{start:x} {end:x} {name}\n")
    return "".join(lines)


def per_fragment(modes: Iterable[int], directory: Path) -> dict[int, dict[str, float]]:
    """Of each function, how many instructions a fragment takes in it, by mode."""
    plugin, addresses = directory / "tokens.so", directory / "functions"
    subprocess.run(
        ["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", plugin,
         Path(__file__).with_name("tokens.c")], check=True)
    addresses.write_text(functions(), encoding="ascii")

    def received(mode: int, size: int) -> tuple[int, dict[str, int]]:
        """A stream's fragments, and the instructions in each function."""
        counts = directory / f"counts-{mode}-{size}"
        report, = vm.measure(
            ["bytes", str(mode), str(size)], 300,
            plugin=f"{plugin},functions={addresses},counts={counts}")
        lines = counts.read_text(encoding="ascii").splitlines()
        count = {name: int(value) for name, value in map(str.split, lines)}
        return report["total"]["fragments"], count

    taken = {}
    for mode in modes:
        (few, less), (many, more) = (received(mode, size) for size in SIZES)
        taken[mode] = {name: (more[name] - less[name]) / (many - few) for name in more}
    return taken
