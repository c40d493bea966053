# SPDX-License-Identifier: GPL-2.0-only
"""What programs read: one document for each run with --json, whatever it ends with."""

from __future__ import annotations

import json
import os
import signal

from testbed.harness import case, expect, expect_equal, wait_for
from testbed.hosts import LOCAL, NIC, Sender, free_port, pattern, wait_listening
from testbed.pair import receiver
from testbed.schema import validate
from testbed.state import expect_released, unchanged
from testbed.tool import Result, finish, guards, listen, receive, run, start


def only_document(result: Result, role: str, verdict: str) -> dict:
    """The only document that a run printed, which is as the schema says."""
    lines = result.stdout.decode(errors="replace").splitlines() + result.stderr.splitlines()
    found = [json.loads(line) for line in lines if line.startswith("{")]
    expect_equal(len(found), 1, "documents")
    validate(found[0], "run")
    ends = (found[0]["role"], found[0]["verdict"], found[0]["exit_status"])
    expect_equal(ends, (role, verdict, result.code), "role, verdict and exit status")
    expect_equal(found[0]["failure"] is None, verdict == "ok", "no failure")
    return found[0]


@case("a run that passes, one that cannot bind and one that is stopped print a document each",
      once=True)
def each_end() -> None:
    with unchanged():
        result = receive(50_000, "-v", "7", "--json").expect(0)
        expect_equal(only_document(result, "receive", "ok")["bytes"], 50_000, "bytes")
        result = receive(50_000, "--json", period=256).expect(0)
        only_document(result, "receive", "ok")
        expect_equal(result.stdout, b"".join(pattern(50_000, 256)), "payload")

        result = run(
            "-l", "-f", NIC, "-s", LOCAL[4], "-p", "5201", "-v", "7", "-n", "--json").expect(1)
        failure = only_document(result, "receive", "failed")["failure"]
        expect_equal(failure["errno"], "EINVAL", "errno")
        expect(NIC in failure["object"], f"{failure}")

        process = listen(4, free_port(), "--json")
        process.send_signal(signal.SIGTERM)
        only_document(finish(process, 20).expect(143), "receive", "stopped")
        control = free_port()
        process = receiver(free_port(), "--control", str(control), "--json")
        wait_listening(control, process)
        process.send_signal(signal.SIGTERM)
        only_document(finish(process, 20).expect(143), "receive", "stopped")

        for options, role in (((), "probe"), (("--check", "--probe"), "check")):
            process = start("-f", NIC, "--json", *options)
            expect(wait_for(guards), "it does not begin")
            process.send_signal(signal.SIGTERM)
            only_document(finish(process, 20).expect(143), role, "stopped")

        only_document(run("--restore", "--json"), "restore", "ok")
    expect_released()


@case("a verdict that cannot be printed fails the run", once=True)
def loses_verdict() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        with unchanged():
            port = free_port()
            process = listen(4, port, "-v", "7", stdout=full)
            Sender(4, port, pattern(1000)).start()
            result = Result(process.wait(60), b"", process.stderr.read().decode())
            result.expect(1, "cannot write to the standard output: ENOSPC")
    finally:
        os.close(full)
    expect_released()
