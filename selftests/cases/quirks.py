# SPDX-License-Identifier: GPL-2.0-only
"""The NIC's quirks in rules, contexts, queues and counters are to a program what drivers are."""

from __future__ import annotations

import contextlib
import errno
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from testbed.devmem import Buffer, Netlink, refuses
from testbed.harness import Failed, case, expect, expect_equal, holding, wait_for
from testbed.hosts import (
    LOCAL, NIC, REMOTE, free_port, output, reload_nic, set_fault, statistic,
    wait_listening_remotely)
from testbed.sending import send, start_sender
from testbed.state import bind_rx_attributes, expect_released, kernel, netdev
from testbed.tool import receive

RULE = ("flow-type", "tcp4", "dst-ip", LOCAL[4], "dst-port", "99", "action", "1")


def ethtool(*arguments: str) -> str:
    """What ethtool prints, of whichever kind."""
    done = subprocess.run(
        ["ethtool", *arguments], capture_output=True, text=True, check=False, timeout=30)
    return done.stdout + done.stderr


def expect_words(words: str, *arguments: str) -> None:
    """Fails the case unless ethtool prints these words."""
    text = ethtool(*arguments)
    expect(words in text, f"ethtool {' '.join(arguments)}: no {words!r} in {text!r}")


def insert(*location: str) -> str:
    """What ethtool says of a rule that is inserted."""
    return ethtool("-N", NIC, *RULE, *location)


def counters(queue: int) -> dict[str, int]:
    """A receive queue's counters."""
    answers = netdev().dump(
        "qstats-get", {"ifindex": socket.if_nametoindex(NIC), "scope": {"queue"}})
    (found,) = [
        one for one in answers if one["queue-type"] == "rx" and one["queue-id"] == queue]
    return found


def ping(count: int = 1) -> None:
    """Frames to the NIC."""
    output("ping", "-q", "-c", str(count), "-i", "0.01", "-W", "5", REMOTE[4])


@contextlib.contextmanager
def binder() -> Iterator[Netlink]:
    """The NIC is split and ready for a binding."""
    ethtool("-G", NIC, "tcp-data-split", "on")
    netlink = Netlink()
    try:
        yield netlink
    finally:
        netlink.close()
    expect_released()


def plain_nic_with(*parameters: str) -> None:
    """Loads the NIC with no other quirks than these."""
    reload_nic("personality=plain", *parameters)


def like_bnxt() -> None:
    """Rules, contexts, counters, and queue operations that bnxt lacks on some cards."""
    plain_nic_with("locations=1", "ntuple=5", "contexts=2", "no_queue_ops=1", "no_hw_drops=1",
                   "counters_late_ms=4000")
    expect("Invalid argument" in insert("loc", "5"), "a location is taken")
    expect_equal(insert().strip(), "Added rule with ID 0", "a rule")
    expect("File exists" in insert(), "the same rule is taken again")
    set_fault("arfs_rules", 1)
    for _ in range(2):
        expect_words("Cannot get RX class rule: Invalid argument", "-n", NIC)
    expect_words("Filter: 0", "-n", NIC)
    set_fault("arfs_rules", 0)
    expect_words("Total 1 rules", "-n", NIC)
    ethtool("-K", NIC, "ntuple", "off")
    expect("Operation not permitted" in insert(), "a rule without the feature")

    for number in (1, 2):
        expect_words(f"New RSS context is {number}", "-X", NIC, "context", "new")
    expect_words("Device or resource busy", "-X", NIC, "context", "new")

    with binder() as netlink:
        buffer = Buffer(1 << 20)
        refuses(errno.EOPNOTSUPP, netlink.bind, buffer, 1, None)
        buffer.close()

    expect("rx-hw-drops" not in counters(0), f"{counters(0)}")
    # The card writes them every four seconds. On a busy host a look in between may come too late.
    for _ in range(5):
        written = wait_until_written()
        at_once = total()
        ping()
        shown = total()
        if time.monotonic() - written < 3:
            break
    else:
        raise Failed("three seconds were never enough to look")
    expect_equal(shown, at_once, "packets that are shown at once")


def wait_until_written() -> float:
    """Waits until the card has written counters; gives the time of the last look before."""
    before, start = total(), time.monotonic()
    ping()
    previous = last = start
    while total() == before:
        expect(last - start < 30, "the counters never come")
        time.sleep(0.02)
        previous, last = last, time.monotonic()
    return previous


def total() -> int:
    """Packets that the receive queues are shown to have counted."""
    return sum(counters(queue)["rx-packets"] for queue in range(4))


def like_gve() -> None:
    """Rules, queues, counters and fragments."""
    plain_nic_with("locations=2", "ntuple=1", "contexts=0", "fixed_queue0=1", "no_rx_page_size=1",
                   "rx_buf_len=2048", "counters_restart=1", "prefill=64", "max_tx_frags=9")
    ethtool("-K", NIC, "ntuple", "off")
    expect("not supported" in insert("loc", "5"), "a rule without the feature")
    ethtool("-K", NIC, "ntuple", "on")
    expect("not supported" not in insert("loc", "5"), "a rule with the feature")
    set_fault("arfs_rules", 1)
    expect_words("Invalid argument", "-n", NIC)
    expect_words("Message too long", "-n", NIC)
    expect_words("Filter: 5", "-n", NIC)
    set_fault("arfs_rules", 0)
    ethtool("-N", NIC, "delete", "5")
    expect_words("not supported", "-X", NIC, "context", "new")

    ping(20)
    expect(total() >= 20, "nothing is counted")
    with binder() as netlink:
        expect(total() < 20, "the counters do not begin again")
        buffer = Buffer(1 << 20)
        refuses(errno.ERANGE, netlink.bind, buffer, 0, None)
        binding = netlink.bind(buffer, 1, None)
        expect_equal(netlink.inflight()[binding], 32, "pages of a ring of 64 buffers")
        buffer.close()

    receive(1 << 16, "-v", "7").expect(0)
    if kernel() < (6, 16):
        return
    # Ten pieces of memory are no frame that this card sends.
    payload = b"123456\n" * 2000
    result, receiver = send(payload, "-z", "1400")
    result.expect(0)
    expect_equal(bytes(receiver.received), payload, "bytes received")
    dropped = frames_dropped()
    port = free_port()
    with remote_sink(port):
        sender = start_sender(4, port, "-z", "100")
        assert sender.stdin
        sender.stdin.write(payload)
        sender.stdin.close()
        expect(wait_for(lambda: frames_dropped() > dropped, 20), "no frame is dropped")
        sender.kill()
        sender.wait(20)


@contextlib.contextmanager
def remote_sink(port: int) -> Iterator[None]:
    """A program on the remote host that takes one stream."""
    with subprocess.Popen(
            ["ip", "netns", "exec", "remote", "socat", "-u", f"TCP-LISTEN:{port},reuseaddr",
             "OPEN:/dev/null"]) as sink:
        try:
            wait_listening_remotely(port, sink)
            yield
        finally:
            sink.kill()


def frames_dropped() -> int:
    """Frames that the card could not send."""
    return statistic("tx_dropped")


def like_mlx5() -> None:
    """Rules, buffers and DMA devices."""
    plain_nic_with("locations=3", "ntuple=3", "prefill=64", "prefill_wait_ms=2000",
                   "two_functions=1", "page_size_erange=1", "copybreak=256", "padded=1")
    ethtool("-K", NIC, "ntuple", "off")
    insert("loc", "5")
    expect_words("Filter: 5", "-n", NIC)
    expect("File exists" in insert("loc", "6"), "the same match is taken again")
    ethtool("-K", NIC, "ntuple", "on")
    ethtool("-K", NIC, "ntuple", "off")
    expect_words("Filter: 5", "-n", NIC)
    set_fault("arfs_rules", 1)
    expect_words("Cannot get RX class rules: Invalid argument", "-n", NIC)
    set_fault("arfs_rules", 0)
    ethtool("-N", NIC, "delete", "5")
    expect_words("rx-copybreak: 256", "--get-tunable", NIC, "rx-copybreak")

    with binder() as netlink:
        small = Buffer(1 << 16)
        began = time.monotonic()
        netlink.bind(small, 1, None)
        starved = time.monotonic() - began
        expect(starved >= 2, "a starved queue starts at once")
        small.close()
    with binder() as netlink:
        enough = Buffer(1 << 20)
        began = time.monotonic()
        netlink.bind(enough, 2, None)
        expect(time.monotonic() - began < starved - 1, "a queue with its buffers waits")
        if kernel() >= (6, 18):
            expect("mismatch" in bind_both(enough), "queues of two devices are bound as one")
        enough.close()
    # Without time stamps, a frame of little data is a short one.
    with holding(Path("/proc/sys/net/ipv4/tcp_timestamps"), "0\n"):
        receive(5, "-v", "7").expect(0)


def bind_both(buffer: Buffer) -> str:
    """The kernel's words against the binding of queues 0 and 1."""
    request = {
        "ifindex": socket.if_nametoindex(NIC), "fd": buffer.fd,
        "queues": [{"id": queue, "type": "rx"} for queue in (0, 1)]}
    family = netdev()
    from lib.ynl import NlError

    try:
        family.do("bind-rx", request)
    except NlError as error:
        return str(error)
    return "bound"


def like_fbnic() -> None:
    """Rules, contexts, and sizes of buffers."""
    plain_nic_with("locations=4", "contexts=1", "page_size_max=32768", "page_size_erange=1")
    expect("Invalid argument" in insert("loc", "5"), "a location is taken")
    for location in (255, 254):
        expect_equal(insert().strip(), f"Added rule with ID {location}", "a rule")
    ethtool("-N", NIC, "delete", "255")
    expect_words("Invalid argument", "-N", NIC, "delete", "255")
    ethtool("-N", NIC, "delete", "254")
    expect_words("New RSS context is 1", "-X", NIC, "context", "new")
    expect_words("Device or resource busy", "-X", NIC, "context", "new")
    ethtool("-X", NIC, "context", "1", "delete")
    if "rx-page-size" in bind_rx_attributes():
        result = receive(1 << 16, "-v", "7", "-b", "65536")
        expect("ERANGE" in result.stderr, result.stderr)


@case("the NIC's quirks in rules, contexts, queues and counters are those of drivers", once=True,
      binds=False)
def quirks() -> None:
    try:
        like_bnxt()
        like_gve()
        like_mlx5()
        like_fbnic()
    finally:
        reload_nic()
