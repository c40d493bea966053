# SPDX-License-Identifier: GPL-2.0-only
"""Exchanges of messages (--latency): how long they take, with device memory at either end."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from testbed.harness import case, expect, expect_equal
from testbed.hosts import REMOTE_NIC, free_port, output, wait_listening
from testbed.pair import document, receiver, reversed_pair, sender
from testbed.state import expect_released, has_command, unchanged
from testbed.tool import finish

PERCENTILES = ("min", "p50", "p90", "p99", "p99_9", "max")


def check(asks: dict, answers: dict, flows: int, request: int, response: int) -> None:
    """The end that asks has percentiles of all exchanges, and both count the same bytes."""
    latency = asks["latency"]
    times = [latency[f"{name}_microseconds"] for name in PERCENTILES]
    expect_equal(times, sorted(times), "percentiles in order")
    expect(0 < times[0] <= latency["mean_microseconds"] <= times[-1], f"the mean of {latency}")
    expect_equal(sum(flow["latency"]["exchanges"] for flow in asks["flows"]),
                 latency["exchanges"], "exchanges of all flows")
    expect_equal(latency["distribution"][-1]["exchanges"], latency["exchanges"], "distribution")
    expect_equal(answers["latency"], None, "latency at the end that answers")
    for end in asks, answers:
        expect_equal(end["configuration"]["request_bytes"], request, "request")
        expect_equal(end["configuration"]["response_bytes"], response, "response")
        # The messages that go through the receiver's device memory are the flow's bytes.
        size = request if asks["role"] == "send" else response
        # Either end may have come to the flows in another order.
        expect_equal({flow["caller_port"]: flow["bytes"] for flow in end["flows"]},
                     {flow["caller_port"]: flow["latency"]["exchanges"] * size
                      for flow in asks["flows"]}, "bytes by port")
    received = asks if asks["role"] == "receive" else answers
    for flow in received["flows"]:
        expect_equal(flow["device_bytes"], flow["bytes"], "bytes in device memory")
        expect_equal(flow["checked_bytes"], flow["bytes"], "bytes that were checked")
        expect_equal(flow["tokens_outstanding"], 0, "tokens outstanding")
    expect_equal(len(asks["flows"]), flows, "flows")


def forward(*options: str) -> tuple[dict, dict]:
    """A sender that asks, and a receiver that answers; gives what they say."""
    port, control = free_port(), free_port()
    listening = receiver(port, "--control", str(control), "--json", "-v", "7")
    wait_listening(control, listening)
    talking = sender(port, "--control", str(control), "--json", "--duration", "2", "--latency",
                     *options)
    asked, answered = finish(talking, 60), finish(listening, 60)
    expect(not asked.code and not answered.code, f"{asked.stderr}\n{answered.stderr}")
    expect("latency: p50 " in asked.stderr, asked.stderr)
    return document(asked, "send"), document(answered, "receive")


@case("exchanges are timed where the sender asks, from host and from device memory", deadline=240)
def asks() -> None:
    with unchanged():
        check(*forward("--flows", "2", "--host-memory"), 2, 64, 64)
        check(*forward("--flows", "1", "--host-memory", "--request", "300K", "--response", "200K"),
              1, 300 << 10, 200 << 10)
        if has_command("bind-tx"):
            check(*forward("--flows", "4", "--request", "3000", "--response", "1"), 4, 3000, 1)
    expect_released()


@case("exchanges are timed where the receiver asks, and answers come to its device memory",
      deadline=240)
def asks_in_reverse() -> None:
    memories = [("--host-memory",), ()] if has_command("bind-tx") else [("--host-memory",)]
    for memory in memories:
        port, control = free_port(), free_port()
        with unchanged():
            calling, listening = reversed_pair(
                port, control,
                ("--json", "--flows", "3", "--duration", "2", "-v", "9", "--latency",
                 "--request", "100", "--response", "5000", "-t", "2", "-q", "2", *memory),
                ("--json",))
            asked, answered = finish(calling, 100), finish(listening, 60)
            expect(not asked.code and not answered.code, f"{asked.stderr}\n{answered.stderr}")
            check(document(asked, "receive"), document(answered, "send"), 3, 100, 5000)
    expect_released()


@contextlib.contextmanager
def delayed(milliseconds: int) -> Iterator[None]:
    """Has the remote host hold each packet back for a while."""
    command = ("tc", "-netns", "remote", "qdisc")
    output(*command, "add", "dev", REMOTE_NIC, "root", "netem", "delay", f"{milliseconds}ms")
    try:
        yield
    finally:
        output(*command, "del", "dev", REMOTE_NIC, "root")


@case("a delay of the network shows in each exchange, and a warm-up in none", once=True)
def shows_delay() -> None:
    options = ("--flows", "1", "--host-memory", "--omit", "1")
    with unchanged():
        before = forward(*options)[0]
        with delayed(40):
            after = forward(*options)[0]
    least = after["latency"]["min_microseconds"]
    expect(least >= 40_000, f"{least} us with a delay of 40 ms")
    expect(before["latency"]["p50_microseconds"] < least, "it took as long without")
    # Two seconds of at least 40 ms each, and the one before them left out.
    expect(0 < after["latency"]["exchanges"] <= 51, f"{after['latency']['exchanges']} exchanges")
    expect(after["omitted"]["bytes"] > 0, "nothing is left out")
    expect_released()
