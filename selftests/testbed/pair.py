# SPDX-License-Identifier: GPL-2.0-only
"""A measurement by a receiver here and a sender on the remote host."""

from __future__ import annotations

import json
import subprocess

from .hosts import LOCAL, NIC, REMOTE_NIC, free_port, wait_listening
from .tool import BINARY


def measure(
    flows: int, receiving: list[str], sending: list[str], seconds: float = 300
) -> dict:
    """What the receiver reports of flows from host memory. Nothing else is printed."""
    data, control = free_port(), free_port()
    ends = ["-s", LOCAL[4], "-p", str(data), "--control", str(control), "--interval", "0"]
    receiver = subprocess.Popen(
        [BINARY, "-l", "-f", NIC, *ends, "--json", *receiving],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        wait_listening(control, receiver)
        sender = subprocess.run(
            ["ip", "netns", "exec", "remote", BINARY, "-f", REMOTE_NIC, *ends, "--host-memory",
             "--flows", str(flows), *sending],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, check=False)
        report, errors = receiver.communicate(timeout=60)
    finally:
        receiver.kill()
    if receiver.returncode or sender.returncode:
        raise SystemExit(f"receiver: exit status {receiver.returncode}\n{errors}\n"
                         f"sender: exit status {sender.returncode}\n{sender.stderr}")
    return json.loads(report)
