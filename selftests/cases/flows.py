# SPDX-License-Identifier: GPL-2.0-only
"""Measuring with several flows: both ends agree, on what to do and on what was done."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path

from testbed.harness import Skipped, case, expect, expect_equal
from testbed.hosts import (
    LOCAL, NIC, REMOTE, STRANGER, Sender, enter_remote, free_port, parameter, pattern,
    set_fault, stranger, wait_for_traffic, wait_listening)
from testbed.pair import HELLO, check_consistent, document, paired, receiver, sender
from testbed.schema import validate
from testbed.state import expect_released, has_command, token_mode_attribute, unchanged
from testbed.tool import Result, finish, run

SHARE = Path(__file__).resolve().parents[2] / "share"
sys.path.insert(0, str(SHARE))

from report import contents, documents, drawings  # noqa: E402


@case("1, 2 and 4 flows are measured by a pair, from host memory, and both ends agree",
      deadline=240)
def pairs() -> None:
    for flows in (1, 2, 4):
        settings = ("--mss", "1000", "--tcp-congestion", "reno") if flows == 2 else ()
        ours, theirs = paired(
            ("--flows", str(flows), "--bytes", "4M", "--host-memory", *settings), ("-v", "7"))
        check_consistent(ours, theirs, flows)
        for flow in theirs["flows"]:
            expect(flow["congestion_window_segments"] > 0, str(flow))
            expect_equal(flow["congestion_control"] == "reno", flows == 2, str(flow))
            # Of an MSS, the timestamps take 12 bytes.
            expect(flow["segment_bytes"] == 988 if settings else flow["segment_bytes"] > 1000,
                   str(flow))
        expect_equal(ours["total"]["bytes"], flows * (4 << 20), "bytes")
        expect_equal(ours["configuration"]["checked_pattern_period"], 7, "pattern")


@case("1024 flows are received by as many threads as there are CPUs, and each is checked",
      deadline=240, once=True)
def very_many() -> None:
    ours, theirs = paired(
        ("--flows", "1024", "--bytes", "4K", "--host-memory", "--interval", "0"),
        ("-v", "7", "--interval", "0"))
    check_consistent(ours, theirs, 1024)
    expect_equal(len(ours["workers"]), len(os.sched_getaffinity(0)), "workers")
    checked = [flow["checked_bytes"] for flow in ours["flows"]]
    expect_equal(set(checked), {4 << 10}, "checked bytes of each flow")


@case("4 flows from device memory spread over two queues by IPv6", deadline=240)
def pairs_device_memory() -> None:
    if not has_command("bind-tx"):
        result = run(
            "-f", NIC, "-s", "192.0.2.2", "-p", "5201", "--flows", "2")
        result.expect(4, "bind-tx")
        raise Skipped("this kernel has no bind-tx; the refusal is as it should be")
    ours, theirs = paired(
        ("--flows", "4", "--bytes", "3M", "--pattern", "251"),
        ("-v", "251", "-t", "2", "-q", "2", "--threads", "2"), version=6)
    check_consistent(ours, theirs, 4)
    expect_equal(
        ours["configuration"]["steering"], "context" if parameter("contexts") else "rules",
        "steering")
    expect_equal(len(ours["workers"]), 2, "workers")
    for flow in theirs["flows"]:
        expect_equal(flow["completions"], flow["sendmsg_calls"], "complete sends")
    for flow in ours["flows"]:
        expect(flow["rx_queue"] in (2, 3), f"flow on queue {flow['rx_queue']}")


def check_report(ours: dict, theirs: dict) -> None:
    """A report takes the documents for the two ends of one run, and has its figures."""
    with tempfile.TemporaryDirectory() as directory:
        names = [f"{directory}/receiver.json", f"{directory}/sender.json"]
        for name, document_ in zip(names, (ours, theirs)):
            Path(name).write_text(json.dumps(document_), encoding="utf-8")
        made = contents.report(names, [], None)
    expect_equal(len(made.runs), 1, "runs of the report")
    run_ = made.runs[0]
    expect_equal([end.role for end in run_.ends], ["receive", "send"], "ends of the run")
    expect_equal(len(run_.main.intervals), len(ours["intervals"]), "intervals of the report")
    drawn = sum(len(course.lines) for course in drawings.courses(made.groups))
    expect_equal(drawn, len(ours["flows"]) + 2, "lines over time: each flow, the sum, idle time")


@case("a duration ends both ends by itself, and workers stay where they are pinned", once=True)
def duration() -> None:
    ours, theirs = paired(("--flows", "2", "--duration", "3", "--host-memory"), ("--cpus", "0,1"))
    check_consistent(ours, theirs, 2)
    expect(theirs["total"]["seconds"] >= 3, "it ended early")
    expect_equal([worker["cpu"] for worker in ours["workers"]], [0, 1], "CPUs")
    for worker in ours["workers"]:
        expect(worker["stayed_on_cpu"], "a worker left its CPU")
        expect(0 <= worker["cpu_idle_percent"] <= 100, "idle")
        expect(worker["thread_cpu_seconds"] > 0, "no CPU time")
    expect(len(ours["intervals"]) >= 2, "hardly any intervals")
    expect(all(queue["packets"] for queue in ours["queues"]), f"{ours['queues']}")
    check_report(ours, theirs)


def streamed(result: Result) -> tuple[list[dict], dict]:
    """The events of a stream, and the document that it is as a whole; by the way of a report."""
    events = [json.loads(line) for line in result.stdout.decode().splitlines()]
    for event in events:
        validate(event, "stream")
    names = [event["event"] for event in events]
    expect_equal([names[0], names[-1], set(names[1:-1])], ["start", "end", {"interval"}], "events")
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "stream")
        file.write_bytes(result.stdout)
        document_ = documents.read(str(file))[0].members
    validate(document_, "measurement")
    expect_equal(events[0]["data"]["configuration"], document_["configuration"], "configuration")
    return events, document_


@case("a warm-up is left out of the figures of both ends, one of which streams them", once=True)
def warm_up() -> None:
    port, control = free_port(), free_port()
    with unchanged():
        listening = receiver(port, "--control", str(control), "--json-stream", "-v", "7")
        wait_listening(control, listening)
        talking = sender(
            port, "--control", str(control), "--json", "--flows", "2", "--duration", "2", "--omit",
            "1", "--host-memory")
        sent = finish(talking, 100).expect(0)
        received = finish(listening, 60).expect(0)
    events, ours = streamed(received)
    theirs = document(sent, "send")
    for end in ours, theirs:
        expect_equal(end["configuration"]["omit_seconds"], 1, "omitted seconds")
        omitted = [one for one in end["intervals"] if one.get("omitted")]
        expect_equal(end["intervals"][:len(omitted)], omitted, "the first intervals")
        expect(0.9 <= omitted[-1]["end_seconds"] <= 1.6, f"the warm-up's end: {omitted[-1]}")
        expect_equal(sum(one["total"]["bytes"] for one in omitted), end["omitted"]["bytes"],
                     "omitted bytes")
        expect(1.5 <= end["total"]["seconds"] <= 4, f"measured {end['total']['seconds']} s")
    # What either end reports is all of the stream, whatever it counts.
    whole = [end["total"]["bytes"] + end["omitted"]["bytes"] for end in (ours, theirs)]
    expect_equal(whole[0], whole[1], "bytes of both ends")
    for peer, other in (ours["peer"], theirs), (theirs["peer"], ours):
        expect_equal(peer["bytes"], whole[0], "bytes that the peer reports")
        expect_equal(peer["measured_bytes"], other["total"]["bytes"], "bytes that the peer counts")
    expect_equal(ours["omitted"]["checked_bytes"] + ours["total"]["checked_bytes"], whole[0],
                 "checked bytes")
    expect(len(events) == len(ours["intervals"]) + 2, f"{len(events)} events")


@case("flows that share a binding return their tokens in both token modes", deadline=120)
def token_modes() -> None:
    if not token_mode_attribute():
        raise Skipped("this kernel has no token modes")
    for mode, name in (("0", "manual"), ("1", "automatic")):
        ours, theirs = paired(
            ("--flows", "3", "--bytes", "4M", "--host-memory"), ("-v", "7", "-a", mode))
        check_consistent(ours, theirs, 3)
        expect_equal(ours["configuration"]["token_mode"], name, "token mode")


@case("without a control connection a receiver ends after its duration", deadline=120, once=True)
def unpaired_duration() -> None:
    port = free_port()
    with unchanged():
        listening = receiver(port, "--flows", "2", "--duration", "2", "--json", "-v", "7")
        wait_listening(port, listening)
        talking = [Sender(4, port, pattern(1 << 30)) for _ in range(2)]
        for one in talking:
            one.start()
        result = finish(listening, 60).expect(0)
        expect(document(result, "receive")["total"]["seconds"] < 20, "it went on for long")
    for one in talking:
        one.join(20)
    expect_released()


@case("a rate is kept to within 15 % above and 40 % below", deadline=120, once=True)
def rate() -> None:
    # A busy CPU explains a lower rate; a higher one means that pacing does not work. Two emulated
    # machines at once reach no more than 4 Mbit/s at times.
    wanted = 2_000_000
    ours, theirs = paired(
        ("--flows", "2", "--duration", "4", "--host-memory", "--rate", "2M"))
    check_consistent(ours, theirs, 2)
    for flow in theirs["flows"]:
        actual = flow["bytes"] * 8 / theirs["total"]["seconds"]
        expect(0.6 * wanted < actual < 1.15 * wanted, f"{actual} bit/s instead of {wanted}")


@case("ends that want different things refuse each other, and say what")
def disagree() -> None:
    for receiving, words in (
        (("--flows", "3"), "flows"), (("-v", "8"), "pattern"), (("--duration", "9"), "duration"),
    ):
        port, control = free_port(), free_port()
        with unchanged():
            listening = receiver(port, "--control", str(control), *receiving)
            wait_listening(control, listening)
            talking = sender(
                port, "--control", str(control), "--flows", "2", "--duration", "2",
                "--host-memory")
            finish(talking, 30).expect(1, "agree with the receiver", words)
            finish(listening, 30).expect(1, "agree with the sender")


@case("a wrong byte fails both ends of a pair", deadline=120, once=True)
def wrong() -> None:
    port, control = free_port(), free_port()
    with unchanged():
        listening = receiver(port, "--control", str(control), "-v", "7", "--json")
        wait_listening(control, listening)
        set_fault("corrupt_every", 900)
        talking = sender(
            port, "--control", str(control), "--flows", "2", "--bytes", "4M", "--host-memory",
            "--json")
        sent, received = finish(talking, 60), finish(listening, 30)
    received.expect(1, "wrong byte", "are wrong")
    sent.expect(1, "the receiver found something wrong")
    expect(document(received, "receive", "failed")["total"]["wrong_bytes"] > 0, "none wrong")
    document(sent, "send", "failed")
    expect_released()


def say(
    port: int, text: bytes, leaves_after: bytes | None = None, source: str = REMOTE[4]
) -> bytes:
    """Says something to a port of the receiver's from the remote host; gives what it answers."""
    answer = b""

    def talk() -> None:
        nonlocal answer
        enter_remote()
        with socket.create_connection((LOCAL[4], port), 20, (source, 0)) as connection:
            connection.settimeout(20)
            try:
                connection.sendall(text)
                while leaves_after != b"" and (piece := connection.recv(4096)):
                    answer += piece
                    if leaves_after and leaves_after in answer:
                        return
            except OSError:
                pass

    thread = threading.Thread(target=talk, daemon=True)
    thread.start()
    thread.join(40)
    return answer


OFFER = (HELLO + b"offer flows=2 pattern=7 duration=1 bytes=0 omit=0 direction=0 host=0 rate=0 "
         b"chunk=0 request=0 response=0\n")


@case("whoever says anything else on the control port is named, and costs the sender nothing",
      deadline=180, once=True)
def hostile() -> None:
    texts = (
        (b"GET / HTTP/1.1\r\n\r\n", "malformed"),
        (b"x" * 100_000, "without end"),
        (b"hello version=1\n", "version 1"),
        (OFFER.replace(b"0\n", b"0 \n"), "malformed"),
        (OFFER.replace(b"flows=2", b"flows=99999999999999999999"), "malformed"),
        (OFFER.replace(b"flows=2", b"flows=-1"), "malformed"),
        (OFFER.replace(b"flows=2", b"flows=1025"), "flows is out of bounds"),
        (OFFER.replace(b"pattern=7", b"pattern=1"), "pattern is out of bounds"),
        (OFFER.replace(b"bytes=0", b"bytes=1"), "offer is out of bounds"),
        (HELLO + b"ready flows=2 port=0\n", "where offer was due"),
    )
    port, control = free_port(), free_port()
    with unchanged():
        listening = receiver(port, "--control", str(control), "-v", "7")
        wait_listening(control, listening)
        # One is silent all the time, one leaves at once.
        silent = threading.Thread(target=say, args=(control, b"hello"), daemon=True)
        silent.start()
        say(control, b"", b"")
        for text, _ in texts:
            say(control, text)
        talking = sender(
            port, "--control", str(control), "--flows", "2", "--bytes", "1M", "--host-memory")
        finish(talking, 60).expect(0)
        result = finish(listening, 30).expect(0, "closed the control connection")
        for text, words in texts:
            expect(words in result.stderr, f"{text[:80]!r}: {result.stderr}")
        silent.join(20)
    expect_released()


@case("a caller that never makes an offer is closed after five seconds, and ends no run", once=True)
def silent_caller() -> None:
    port, control = free_port(), free_port()
    with unchanged():
        listening = receiver(port, "--control", str(control), "--timeout", "10")
        wait_listening(control, listening)
        start = time.monotonic()
        say(control, b"hello ver")
        expect(4 < time.monotonic() - start < 9.5, "it was closed at another time")
        finish(listening, 60).expect(1, "made no offer in 5.0 s", "none made an offer in 10 s")


@case("only the sender's and the receiver's -c address is listened to", deadline=120)
def strangers() -> None:
    port, control = free_port(), free_port()
    with stranger(), unchanged():
        listening = receiver(
            port, "--control", str(control), "--timeout", "20", "-c", REMOTE[4])
        wait_listening(control, listening)
        expect_equal(say(control, OFFER, source=STRANGER), b"", "the answer to a stranger")

        def call() -> None:
            """Connects to the port of the flows from elsewhere, in a sender's run."""
            wait_listening(port, listening)
            say(port, b"", source=STRANGER)
            listening.send_signal(signal.SIGTERM)

        calling = threading.Thread(target=call, daemon=True)
        calling.start()
        say(control, OFFER)
        calling.join(30)
        finish(listening, 30).expect(
            128 + signal.SIGTERM, "only 192.0.2.2 may connect (-c)",
            "only 192.0.2.2 may connect (the control connection came from there)")
    expect_released()


@case("a sender that goes away after its offer ends the receiver, and the NIC comes back",
      once=True)
def goes_away() -> None:
    for leaves_after, timeout, words in (
        (None, "3", "none in 3 s"), (b"ready", "60", "closed the control connection"),
    ):
        port, control = free_port(), free_port()
        with unchanged():
            listening = receiver(port, "--control", str(control), "--timeout", timeout)
            wait_listening(control, listening)
            answer = say(control, OFFER, leaves_after)
            expect(answer.endswith(b"ready flows=2 port=0\n"), f"it answered {answer!r}")
            finish(listening, 30).expect(1, words)
        expect_released()


@case("a stop signal ends a measurement at either end, and the NIC comes back",
      deadline=180, once=True)
def signalled() -> None:
    for end in ("receiver", "sender"):
        port, control = free_port(), free_port()
        with unchanged():
            listening = receiver(port, "--control", str(control), "--json", "-v", "7")
            wait_listening(control, listening)
            talking = sender(
                port, "--control", str(control), "--flows", "3", "--duration", "60",
                "--host-memory", "--json")
            wait_for_traffic(1 << 20)
            (listening if end == "receiver" else talking).send_signal(signal.SIGINT)
            received, sent = finish(listening, 30), finish(talking, 30)
            stopped, other = (received, sent) if end == "receiver" else (sent, received)
            stopped.expect(128 + signal.SIGINT)
            other.expect(1)
            role = "receive" if end == "receiver" else "send"
            expect(document(stopped, role, "stopped")["total"]["bytes"] > 0, "nothing measured")
        expect_released()
