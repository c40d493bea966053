# SPDX-License-Identifier: GPL-2.0-only
"""A DRM device, whose memory is ordinary memory."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from .harness import Skipped, expect


@contextlib.contextmanager
def vgem() -> Iterator[None]:
    """The module vgem, a DRM driver without hardware."""
    if subprocess.run(["modprobe", "vgem"], capture_output=True, check=False).returncode:
        raise Skipped("this kernel has no vgem")
    try:
        yield
    finally:
        # A binding keeps its memory, and that its module, until the kernel has taken it down.
        deadline = time.monotonic() + 20
        while Path("/sys/module/vgem/refcnt").exists():
            subprocess.run(["rmmod", "vgem"], capture_output=True, check=False)
            expect(time.monotonic() < deadline, "vgem cannot be unloaded")
            time.sleep(0.1)
