# SPDX-License-Identifier: GPL-2.0-only
"""What the kernel has, for all processes: what grows there stays when a process ends."""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path

from .devmem import PAGE, free_deferred

# Addresses are given back many at a time (mm/vmalloc.c, lazy_max_pages).
LAZY = frozenset({"vmap_area"})


@dataclass(frozen=True)
class Kernel:
    """What the kernel has."""

    # Its objects, by kind.
    objects: dict[str, int]
    # How many dma-bufs there are.
    buffers: int
    # Bytes that nothing uses.
    free: int

    @classmethod
    def now(cls, but_for: Set[str] = LAZY) -> Kernel:
        """Looks when what is only kept in store has been given back; but for objects of some kinds.
        """
        free_deferred()
        Path("/proc/sys/vm/drop_caches").write_text("3", encoding="ascii")
        for shrink in Path("/sys/kernel/slab").glob("*/shrink"):
            shrink.write_text("1", encoding="ascii")
        slabs = [line.split() for line in
                 Path("/proc/slabinfo").read_text(encoding="ascii").splitlines()[2:]]
        return cls(
            {name: int(active) for name, active, *_ in slabs if name not in but_for},
            _total(r"^Total (\d+) objects", "/sys/kernel/debug/dma_buf/bufinfo"),
            # Free, and free in the store of a CPU.
            PAGE * _total(r"^ *(?:nr_free_pages|count:) +(\d+)$", "/proc/zoneinfo"))

    def growth(self, before: Kernel) -> tuple[str, int]:
        """The kind of object of which there are the most more, and how many."""
        more = {name: count - before.objects.get(name, 0) for name, count in self.objects.items()}
        name = max(more, key=more.__getitem__)
        return name, more[name]


def _total(pattern: str, path: str) -> int:
    """The sum of the numbers in such lines of a file."""
    text = Path(path).read_text(encoding="utf-8")
    return sum(map(int, re.findall(pattern, text, re.MULTILINE)))
