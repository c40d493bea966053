# SPDX-License-Identifier: GPL-2.0-only
"""How flows get to the bound queues of a NIC whose rules, feature and contexts are a driver's."""

from __future__ import annotations

import json
import re
import time

from testbed.harness import case, expect, expect_equal
from testbed.hosts import (
    LOCAL, NIC, Sender, free_port, nic_with, output, pattern, set_fault, wait_listening)
from testbed.pair import receiver
from testbed.state import expect_released, nic_state, unchanged
from testbed.tool import Result, finish, listen, receive, run


def ntuple() -> str:
    """The feature that rules of some drivers need."""
    found = re.search(r"^ntuple-filters: (\w+)", output("ethtool", "-k", NIC), re.MULTILINE)
    return found[1] if found else "missing"


def spread(during: str, steering: str) -> Result:
    """Measures two flows over two queues; checks the feature meanwhile, and how they came."""
    port = free_port()
    with unchanged():
        listening = receiver(port, "--flows", "2", "-t", "2", "-q", "2", "-v", "7", "--json")
        wait_listening(port, listening)
        expect_equal(ntuple(), during, "ntuple during the run")
        talking = [Sender(4, port, pattern(200_000)) for _ in range(2)]
        for one in talking:
            one.start()
        result = finish(listening, 60).expect(0)
    parsed = json.loads(result.stdout)
    expect_equal(parsed["configuration"]["steering"], steering, "steering")
    queues = {flow["rx_queue"] for flow in parsed["flows"]}
    # An RSS context may take both to one queue; rules take them to the queues in turn.
    expect(queues <= {2, 3}, f"flows on queues {queues}")
    if steering == "rules":
        expect_equal(queues, {2, 3}, "queues of the flows")
    for flow in parsed["flows"]:
        expect_equal(flow["device_bytes"], 200_000, "bytes in device memory")
    expect_released()
    return result


def receive_beside_rfs() -> None:
    """Receives while rules of others come and go, as those of RFS do."""
    before = nic_state()
    set_fault("arfs_rules", 1)
    receive(50_000, "-v", "7").expect(0)
    set_fault("arfs_rules", 0)
    expect_equal(nic_state(), before, "the NIC")


@case("a NIC like gve gets its rules switched on, and a rule for each flow instead of a context",
      once=True, binds=False)
def like_gve() -> None:
    with nic_with("personality=gve", "carrier_ms=0"):
        spread("on", "rules")
        expect_equal(ntuple(), "off", "ntuple after the run")


@case("a NIC like mlx5 takes rules without the feature, which is RFS there and stays off",
      once=True, binds=False)
def like_mlx5() -> None:
    with nic_with("personality=mlx5", "split_needs_gro_hw=0", "split_silent=0"):
        spread("off", "context")


@case("a NIC like fbnic gives its only context to one; with none left, flows get rules, and rules "
      "of others that come and go meanwhile are no matter", once=True, binds=False)
def like_fbnic() -> None:
    with nic_with("personality=fbnic", "split_reported=0"):
        spread("on", "context")
        output("ethtool", "-X", NIC, "context", "new", "equal", "2")
        result = spread("on", "rules")
        expect("all goes to queue 2 but flows with a rule of their own" in result.stderr
               and "RSS context" in result.stderr, result.stderr)
        expect("error allocating context ID" in result.stderr,
               f"not the kernel's words: {result.stderr}")
        receive_beside_rfs()


@case("a NIC like bnxt whose rules are off gets them switched on before its context is made, and "
      "keeps no rule among those of RFS", once=True, binds=False)
def like_bnxt() -> None:
    with nic_with("personality=bnxt", "carrier_ms=0", "rss_reset=0", "split_reported=0"):
        output("ethtool", "-K", NIC, "ntuple", "off")
        spread("on", "context")
        expect_equal(ntuple(), "off", "ntuple after the run")
        output("ethtool", "-K", NIC, "ntuple", "on")
        receive_beside_rfs()


@case("an EPERM of the driver to a rule is what the NIC cannot do, not a missing privilege",
      once=True, binds=False)
def like_bnxt_vf() -> None:
    with nic_with("personality=bnxt-vf", "carrier_ms=0"):
        with unchanged():
            result = run(
                "-l", "-f", NIC, "-s", LOCAL[4], "-p", str(free_port()), "-v", "7").expect(
                4, "insert a flow rule", "EPERM", "fewer channels", f"ethtool -K {NIC} ntuple on")
            expect("CAP_NET_ADMIN" not in result.stderr, result.stderr)


@case("the probe of a NIC with two functions binds the last queue alone", once=True)
def two_functions() -> None:
    with nic_with("two_functions=1"):
        with unchanged():
            run("-f", NIC).expect(0, "probing with queue 3 alone", "DMA device mismatch")


@case("a receiver whose rule and RSS table are lost says so when nothing comes any more",
      once=True)
def lost_steering() -> None:
    for options in ((), ("--flows", "1")):
        with unchanged():
            port = free_port()
            process = listen(4, port, "-v", "7", "--timeout", "3", *options)
            Sender(4, port, pattern(50_000), hold=20).start()
            time.sleep(1.5)
            found = re.findall(r"^Filter: (\d+)", output("ethtool", "-n", NIC), re.MULTILINE)
            expect(found, "there is no rule")
            for location in found:
                output("ethtool", "-N", NIC, "delete", location)
            output("ethtool", "-X", NIC, "default")
            result = finish(process, 30).expect(
                1, f"flow rule {found[0]} of {NIC}", "is gone: was the device reset?",
                f"the RSS table of {NIC}", "no data for 3")
            expect_equal(result.stderr.count("was the device reset?"), 2, "lines about losses")
        expect_released()
