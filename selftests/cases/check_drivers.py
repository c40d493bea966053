# SPDX-License-Identifier: GPL-2.0-only
"""What `--check` says on NICs that behave as production drivers do is what a run then finds."""

from __future__ import annotations

import json
import subprocess

from testbed.habits import set_channels, split
from testbed.harness import Skipped, case, expect, expect_equal
from testbed.hosts import NIC, nic_with, output, reload_nic
from testbed.nic import AT_HAND, SoftwareNic
from testbed.state import expect_released, has_command, kernel, netdev, unchanged
from testbed.tool import run

Items = dict[str, dict[str, str]]


def check(*arguments: str, interface: str = NIC) -> tuple[int, str, Items]:
    """The exit status, the conclusion and the items of a check, which leaves the NIC as it was."""
    with unchanged():
        result = run("--check", "-f", interface, "--json", *arguments)
    report = json.loads(result.stdout)
    return result.code, report["conclusion"], {item["item"]: item for item in report["items"]}


def expect_words(items: Items, item: str, verdict: str, *words: str) -> None:
    """Fails the case unless an item has this verdict and says these words."""
    found = items[item]
    text = f"{found['seen']} -> {found.get('remedy')}"
    expect_equal(found["verdict"], verdict, f"{item}: {text}")
    for word in words:
        expect(word in text, f"no {word!r} in {item}: {text}")


def expect_agreement(*arguments: str) -> Items:
    """A check of a NIC that can do it does not know before a bind, and knows after it."""
    code, conclusion, items = check(*arguments)
    expect_equal((code, conclusion), (4, "unknown"), f"check: {items}")
    expect_words(items, "queue-management", "unknown", "--probe")
    code, conclusion, probed = check("--probe", *arguments)
    expect_equal((code, conclusion), (0, "ready"), f"check --probe: {probed}")
    expect_equal(probed["queue-management"]["verdict"], "ok", "queue management")
    expect_released()
    return items


@case("a check on a NIC like gve's names its commands, and that queue 0 cannot be bound", once=True,
      binds=False)
def gve() -> None:
    with nic_with("personality=gve"):
        output("ip", "link", "set", NIC, "mtu", "8896")
        items = expect_agreement()
        expect_words(items, "mtu", "warn", "buffers of 2048", "rx-buf-len 4096")
        expect_words(items, "ntuple", "unknown", "a run switches it on", "--probe")
        _, _, items = check("-t", "0", "-q", "1")
        # The tool knows the driver itself by its name.
        verdict = "unknown" if isinstance(AT_HAND, SoftwareNic) else "missing"
        expect_words(items, "queue-management", verdict, "cannot restart queue 0")
        code, _, items = check("--probe", "-t", "0", "-q", "1")
        expect_equal(code, 1, "queue 0")
        # A bind that cannot succeed is not tried.
        expect_words(items, "probe-bind" if verdict == "unknown" else "queue-management", "missing",
                     "queue 0")
        set_channels(1)
        _, _, items = check()
        expect_words(items, "channels", "missing", f"ethtool -L {NIC} rx N")


@case("a check on a NIC like mlx5's names the hardware GRO that its split needs", once=True,
      binds=False)
def mlx5() -> None:
    with nic_with("personality=mlx5"):
        items = expect_agreement()
        expect_words(items, "header-split", "unknown", "rx-gro-hw is off")
        expect_words(items, "gro", "ok", "rx-gro-hw")
        expect_words(items, "ntuple", "unknown", "where rules need it", "--probe")


@case("a check on a NIC like bnxt's and fbnic's does not take a reported split for configured",
      once=True, binds=False)
def reported() -> None:
    try:
        for personality in ("bnxt", "fbnic"):
            reload_nic(f"personality={personality}")
            items = expect_agreement()
            expect_words(items, "header-split", "ok", "a run configures it")
    finally:
        reload_nic()


@case("a check of a NIC without queue operations is not ready, and the probe says why", once=True,
      binds=False)
def no_queue_operations() -> None:
    with nic_with("personality=bnxt-vf"):
        code, conclusion, items = check()
        expect_equal((code, conclusion), (4, "unknown"), "check")
        expect_words(items, "queue-management", "unknown", "--probe")
        expect_words(items, "ntuple", "unknown", "rx-ntuple-filter is off", "--probe")
        code, conclusion, items = check("--probe")
        expect_equal((code, conclusion), (1, "not ready"), "check --probe")
        expect_words(items, "probe-bind", "missing", "EOPNOTSUPP")
        expect_words(items, "probe-flow-rule", "missing")


@case("a check of a netkit device asks for the leased queue, and a run without -n what it needs",
      once=True)
def netkit() -> None:
    if kernel() < (7, 0) or not has_command("queue-create"):
        raise Skipped("the kernel leases no queues")
    made = subprocess.run(
        ["ip", "link", "add", "nk0", "type", "netkit", "mode", "l2", "peer", "name", "nk1",
         "numrxqueues", "2"], capture_output=True, text=True, check=False)
    if made.returncode:
        raise Skipped(f"no netkit: {made.stderr.strip()}")
    try:
        for name in ("nk0", "nk1"):
            output("ip", "link", "set", name, "up")
        index = json.loads(output("ip", "-j", "link", "show", "nk1"))[0]["ifindex"]
        nic = json.loads(output("ip", "-j", "link", "show", NIC))[0]["ifindex"]
        netdev().do("queue-create", {
            "ifindex": index, "type": "rx",
            "lease": {"ifindex": nic, "queue": {"id": 3, "type": "rx"}}})
        with split():
            leased()
    finally:
        output("ip", "link", "delete", "nk0")
        reload_nic()


def leased() -> None:
    """The leased queue 1 of nk1 is queue 3 of the NIC."""
    code, _, items = check("-t", "1", "-q", "1", interface="nk1")
    expect_equal(code, 4, f"{items}")
    expect_words(items, "channels", "ok", f"queue 1 stands for queue 3 of {NIC}")
    expect_words(items, "queue-management", "unknown", "--probe")
    for item in ("ntuple", "rss"):
        expect_words(items, item, "ok", "-n")
    code, _, items = check("--probe", "-t", "1", "-q", "1", interface="nk1")
    expect_equal(code, 0, f"{items}")
    _, _, items = check("-t", "0", "-q", "1", interface="nk1")
    expect_words(items, "queue-management", "missing", "name a leased queue")
    run("-l", "-f", "nk1", "-s", "192.0.2.1", "-p", "5999", "-t", "1", "-q", "1").expect(
        4, "run with -n", "physical NIC")
    _, _, items = check("-t", "3", "-q", "1")
    expect_words(items, "bound-queues", "missing", "leased to the virtual device nk1")
