# SPDX-License-Identifier: GPL-2.0-only
"""Has QEMU count the instructions that a VM executes within ranges of addresses (counter.c)."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple


class Range(NamedTuple):
    """Virtual addresses, from the first one to the one beyond the last, and what lies there."""

    start: int
    end: int
    name: str


def build(directory: Path) -> Path:
    """Compiles the plugin."""
    plugin = directory / "counter.so"
    source = Path(__file__).resolve().parents[1] / "counter.c"
    subprocess.run(
        ["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", plugin, source],
        check=True)
    return plugin


class Counter:
    """The counts of one boot."""

    def __init__(
        self, plugin: Path, ranges: Sequence[Range], counts: Path, mark: int | None = None
    ) -> None:
        """Counts in these ranges. The plugin writes the counts to a file each time that the
        instruction at the address `mark` is executed, and when QEMU ends."""
        self._names = [one.name for one in ranges]
        self._counts = counts
        addresses = counts.with_name(counts.name + ".ranges")
        addresses.write_text(
            "".join(f"{one.start:x} {one.end:x} {one.name}\n" for one in ranges), encoding="ascii")
        words = [str(plugin), f"ranges={addresses}", f"counts={counts}"]
        if mark is not None:
            words.append(f"mark={mark:x}")
        # What selftests/vm/run takes.
        self.options = ("--plugin", ",".join(words))

    def read(self) -> list[dict[str, int]]:
        """The counts by name so far, for each execution of the mark and then for the end."""
        lines = self._counts.read_text(encoding="ascii").splitlines()
        taken = []
        for first in range(0, len(lines), len(self._names)):
            # Functions that are local to their files may share a name.
            counts = dict.fromkeys(self._names, 0)
            for line in lines[first:first + len(self._names)]:
                name, count = line.split()
                counts[name] += int(count)
            taken.append(counts)
        return taken
