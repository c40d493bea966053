# SPDX-License-Identifier: GPL-2.0-only
"""Writes the VM's initramfs: busybox, the few modules that reach the root
file system, and the files of one run. Small enough to be made for each run."""

import lzma
import subprocess
from pathlib import Path

# What brings the root file system: 9p over virtio, and a layer to write to.
MODULES = ("9pnet_virtio", "9p", "overlay", "crc32c_generic")


def entry(number: int, name: str, mode: int, data: bytes = b"") -> bytes:
    """One member of a cpio archive, "newc" format."""
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields)
    head += name.encode() + b"\0"
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)


def archive(files: dict[str, tuple[int, bytes]], directories: list[str]) -> bytes:
    """A cpio archive of these directories and (mode, content) files."""
    members = [entry(0, name, 0o040755) for name in directories]
    for number, (name, (mode, data)) in enumerate(files.items(), 1):
        members.append(entry(number, name, 0o100000 | mode, data))
    return b"".join(members) + entry(0, "TRAILER!!!", 0)


def module(path: Path) -> bytes:
    """A kernel module's file, decompressed."""
    if path.suffix == ".xz":
        return lzma.decompress(path.read_bytes())
    if path.suffix == ".zst":
        return subprocess.run(["zstd", "-dcq", path], check=True, stdout=subprocess.PIPE).stdout
    return path.read_bytes()


def load_order(tree: Path) -> list[Path]:
    """The files of MODULES and of all that they need, in the order to load
    them. A module that the tree lacks is taken to be built in."""
    needs: dict[str, list[str]] = {}
    by_name: dict[str, str] = {}
    for line in (tree / "modules.dep").read_text().splitlines():
        path, _, rest = line.partition(":")
        needs[path] = rest.split()
        by_name[Path(path).name.partition(".")[0].replace("-", "_")] = path
    order: dict[str, None] = {}
    for name in MODULES:
        if name in by_name:
            path = by_name[name]
            # modules.dep lists what a module needs, the first needed last.
            order.update(dict.fromkeys([*reversed(needs[path]), path]))
    return [tree / path for path in order]


def build(tree: Path, sysroot: Path, run_files: dict[str, tuple[int, bytes]]) -> bytes:
    """The whole initramfs; `tree` is the kernel's module directory."""
    files = {"busybox": (0o755, (sysroot / "usr/bin/busybox").read_bytes())}
    for number, path in enumerate(load_order(tree)):
        files[f"modules/{number:02}-{path.name.partition('.')[0]}.ko"] = (0o644, module(path))
    return archive(files | run_files, ["proc", "sys", "dev", "modules", "cache", "layer", "root"])
