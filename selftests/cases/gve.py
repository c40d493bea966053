# SPDX-License-Identifier: GPL-2.0-only
"""What only a gVNIC with the kernel's own driver shows, and what only its device does wrong."""

from __future__ import annotations

import time

from testbed.harness import Skipped, case, expect, expect_equal, wait_for
from testbed.hosts import LOCAL, NIC, Sender, free_port, output, pattern, wait_for_traffic
from testbed.nic import AT_HAND, Gve
from testbed.sending import check_sent
from testbed.state import expect_released, expect_state, nic_state, unchanged
from testbed.summary import check_summary
from testbed.tool import finish, guards, listen, receive, run

LENGTH = 400_000
# A command of the admin queue (`gve_adminq.h`), and a status: resource exhausted
CONFIGURE_FLOW_RULE, EXHAUSTED = 0x101, 0xFFFFFFFC


def gve() -> Gve:
    """The NIC, where it is one."""
    if not isinstance(AT_HAND, Gve):
        raise Skipped("the NIC is no gVNIC")
    return AT_HAND


@case("queue 0 of gve is refused before the kernel is asked, which would warn", once=True)
def first_queue() -> None:
    gve()
    before = output("dmesg").count("WARNING:")
    with unchanged():
        for words in (("-t", "0", "-q", "1"), ("-t", "0", "-q", "4")):
            run("-l", "-f", NIC, "-s", LOCAL[4], "-p", str(free_port()), *words).expect(
                4, "this driver cannot restart queue 0", "choose others (-t)")
        run("--check", "--probe", "-f", NIC, "-t", "0", "-q", "1").expect(1)
    expect_equal(output("dmesg").count("WARNING:"), before, "warnings of the kernel")


@case("frames that gve does not split are lost, and come again", once=True)
def unsplit() -> None:
    nic = gve()
    before = int(nic.order("get 0 unsplit"))
    nic.order("set 0 unsplit_every 40")
    # One that was taken after all would be plain, which fails the run.
    check_summary(receive(LENGTH, "-v", "7", "--json").expect(0), LENGTH)
    expect(int(nic.order("get 0 unsplit")) > before, "all frames were split")
    expect_released()


@case("what gve says late to be sent is delivered, and the memory is held so long", once=True)
def late() -> None:
    nic = gve()
    nic.order("set 0 late_ms 3000")
    begun = time.monotonic()
    with unchanged():
        check_sent(b"".join(pattern(20_000)))
    expect(time.monotonic() - begun >= 3, "the sender did not wait for what is late")


def refuse(nic: Gve, opcode: int, times: int) -> None:
    """Has the admin queue fail a command the next times."""
    nic.order(f"set 0 fail_status {EXHAUSTED}")
    nic.order(f"set 0 fail_command {opcode}")
    nic.order(f"set 0 fail_times {times}")


@case("a flow rule that the device refuses fails the run, and leaves the NIC as it was", once=True)
def refused_rule() -> None:
    nic = gve()
    with unchanged():
        refuse(nic, CONFIGURE_FLOW_RULE, 1)
        words = ("-l", "-f", NIC, "-s", LOCAL[4], "-p", str(free_port()))
        run(*words).expect(1, "flow rule", "ENOMEM")


@case("an undo that the device refuses is reported, and --restore brings the NIC back", once=True)
def refused_undo() -> None:
    nic = gve()
    before = nic_state()
    process = listen(4, free_port(), "-v", "7")
    refuse(nic, CONFIGURE_FLOW_RULE, 1000)
    process.terminate()
    result = finish(process, 90).expect(1, "cannot delete flow rule", "ENOMEM", "--restore")
    expect(wait_for(lambda: not guards(), 60), "the guard is still there")
    expect(nic_state() != before, f"the device refused nothing: {result.stderr}")
    nic.order("clear")
    run("--restore", "-f", NIC).expect(0)
    expect_state(before)


@case("a device reset in mid-run is noticed: the rules are gone, and the run says so", once=True,
      deadline=180)
def reset() -> None:
    nic = gve()
    port = free_port()
    process = listen(4, port, "-v", "7", "--timeout", "20")
    sender = Sender(4, port, pattern(1 << 26))
    sender.start()
    wait_for_traffic(100_000)
    nic.order("reset 0")
    result = finish(process, 90).expect(1)
    expect("the flow rule is missing, or was lost" in result.stderr, result.stderr)
    expect_released()


@case("a device that stalls for a while costs a stream nothing but time", once=True)
def stall() -> None:
    nic = gve()
    port = free_port()
    with unchanged():
        process = listen(4, port, "-v", "7", "--json")
        sender = Sender(4, port, pattern(1 << 23))
        sender.start()
        time.sleep(0.5)
        nic.order("stall 1500")
        check_summary(finish(process, 90).expect(0), 1 << 23)
    expect_released()
