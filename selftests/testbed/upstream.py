# SPDX-License-Identifier: GPL-2.0-only
"""Runs the kernel's own driver tests, on a tree of them with the tool in the C tools' places."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

from . import hosts, ktap
from .ktap import Outcome

DRIVERS = "tools/testing/selftests/drivers/net"
# Seconds that a test may take under emulation, on a busy host.
DEADLINE = 900
TRIES = 3
# Failures that are upstream's: its time limits, of a few seconds, are made for machines that nobody
# emulates, and the random ports of a case may be twice the same, which its sender, socat, says.
UPSTREAMS = re.compile(r"timed out|socat\[\d+\] E .*: Address already in use")
# The tests measure how long a call takes while their traffic, of 16 streams, keeps all CPUs busy.
# They get one at once; what they start does not.
AHEAD = ("chrt", "--rr", "--reset-on-fork", "1")

# README.rst beside the tests describes these.
ENVIRONMENT = {
    "NETIF": hosts.NIC,
    "LOCAL_V4": hosts.LOCAL[4],
    "LOCAL_V6": hosts.LOCAL[6],
    "LOCAL_PREFIX_V6": "2001:db8:2::0/64",
    "REMOTE_V4": hosts.REMOTE[4],
    "REMOTE_V6": hosts.REMOTE[6],
    "REMOTE_TYPE": "netns",
    "REMOTE_ARGS": "remote",
    # For our own devmem_perf.py: what an emulated machine transfers says nothing about speed.
    "DEVMEM_SECONDS": "2",
    "PYTHONUNBUFFERED": "1",
}


class Tree:
    """The upstream tree, writable, with a certain binary as its ncdevmem and its iou-zcrx."""

    def __init__(
        self, name: str, upstream: Path, binary: Path | None = None, *tests: Path
    ) -> None:
        """Lays a binary over the C tools, and tests of ours beside the others."""
        self.name = name
        base = Path("/run/drv-net") / name
        for part in ("upper", "work", "tree"):
            (base / part).mkdir(parents=True)
        hosts.output(
            "mount", "-t", "overlay", "overlay", str(base / "tree"), "-o",
            f"lowerdir={upstream},upperdir={base}/upper,workdir={base}/work")
        self.drivers = base / "tree" / DRIVERS
        if binary:
            for program in ("ncdevmem", "iou-zcrx"):
                shutil.copy(binary, self.drivers / "hw" / program)
        for test in tests:
            shutil.copy(test, self.drivers / "hw")

    def run(self, test: str, logs: Path) -> dict[str, Outcome]:
        """Runs a test. Cases that fail for a reason of upstream's are tried again, alone."""
        path = self.drivers / test
        outcomes = self._run(path, logs / f"{path.stem}.{self.name}.log")
        for name, first in outcomes.items():
            if first.verdict == "fail" and UPSTREAMS.search(first.reason):
                part = name.removeprefix(f"{path.stem}.")
                log = logs / f"{path.stem}.{part}.{self.name}.log"
                outcomes[name] = ktap.tried(
                    first, TRIES, lambda: self._run(path, log, "-t", part).get(name, first))
        return outcomes

    @staticmethod
    def _run(path: Path, log: Path, *options: str) -> dict[str, Outcome]:
        """Runs a test on a NIC that no other test has touched."""
        hosts.reload_nic()
        hosts.need(6)
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*AHEAD, "python3", path, *options], cwd=path.parent, env=os.environ | ENVIRONMENT,
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True)
            end = _wait(process)
        _tidy(process.pid)
        return ktap.parse(path.stem, log.read_text("utf-8", "replace"), end)


def _wait(process: subprocess.Popen[bytes]) -> str:
    """Waits for the end of a test, and returns it in words."""
    try:
        process.wait(DEADLINE)
    except subprocess.TimeoutExpired:
        # The tests clean up after this signal.
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(60)
        return f"stopped after {DEADLINE} s"
    return f"exit status {process.returncode}"


def _tidy(session: int) -> None:
    """Removes what a test that did not clean up has left behind."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(session, signal.SIGKILL)
    for link in json.loads(hosts.output("ip", "-j", "link", "show", "type", "netkit") or "[]"):
        subprocess.run(["ip", "link", "delete", link.get("ifname", "")], check=False)
    if Path("/run/netns/init").exists():
        hosts.output("ip", "netns", "delete", "init")
