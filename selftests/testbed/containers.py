# SPDX-License-Identifier: GPL-2.0-only
"""Containers, run by Podman. Their image is the testbed's own root file system."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from .harness import Skipped
from .hosts import output

# What Docker and Podman let containers call, if they are told nothing else.
PROFILES = {
    "Podman": Path("/usr/share/containers/seccomp.json"),
    "Docker": Path("/usr/share/containers/docker-seccomp.json"),
}

_IMAGE = Path("/run/image")
_STORAGE = Path("/run/containers")

# What stands for an image on the command line.
IMAGE = ("--rootfs", str(_IMAGE))


@contextlib.contextmanager
def engine() -> Iterator[None]:
    """Podman with its image, for as long as the block lasts. It keeps its files in memory."""
    if not Path("/proc/sys/kernel/seccomp").exists():
        raise Skipped("this kernel has no seccomp filters, which Podman needs")
    if not shutil.which("podman"):
        raise Skipped("there is no Podman")
    _IMAGE.mkdir(exist_ok=True)
    _STORAGE.mkdir(exist_ok=True)
    settings = _STORAGE / "storage.conf"
    settings.write_text(
        f'[storage]\ndriver = "vfs"\ngraphroot = "{_STORAGE}/storage"\n'
        f'runroot = "{_STORAGE}/run"\n', encoding="ascii")
    os.environ["CONTAINERS_STORAGE_CONF"] = str(settings)
    # Without what is mounted below it: so its /dev is empty, and its /run.
    output("mount", "--bind", "/", str(_IMAGE))
    try:
        yield
    finally:
        output("umount", str(_IMAGE))
        del os.environ["CONTAINERS_STORAGE_CONF"]
