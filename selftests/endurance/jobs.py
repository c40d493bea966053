# SPDX-License-Identifier: GPL-2.0-only
"""The tool's jobs, as small as they can be, each below a tracer."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from testbed import recovery
from testbed.harness import Failed, expect, wait_for
from testbed.hosts import (
    LOCAL, NIC, REMOTE, REMOTE_NIC, Sender, enter_remote, free_port, is_listening, pattern)
from testbed.sending import Receiver
from testbed.state import bound_queues
from testbed.summary import document
from testbed.tool import BINARY, LITTLE_MEMORY, Result, finish, start, track

# How many seconds a run waits for its peer, and that for a run that a tracer slows down; and when
# the run must have ended: below a tracer, the false starts that it bears take up to a minute.
PATIENCE, PEERS_PATIENCE = 4, 15
DEADLINE = 120
SIZE = 40_000

# Puts a tracer before a command, or before `-p` and the number of a process that is there.
Tracer = Callable[[list[str]], list[str]]


@dataclass
class Ending:
    """How a run ended, and what is wrong with its result where its status is 0."""

    result: Result
    wrong: str | None = None
    # What the other end of a measurement printed.
    others: str = ""


def popen(tracer: Tracer, *arguments: str) -> subprocess.Popen[bytes]:
    """Starts the tool below a tracer."""
    return track(subprocess.Popen(
        tracer([BINARY, *arguments]), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE))


def once_listening(
    port: int, process: subprocess.Popen[bytes], then: Callable[[], None], remotely: bool = False
) -> threading.Thread:
    """Does something as soon as a process listens, and nothing if it ends before."""
    def wait() -> None:
        if remotely:
            enter_remote()
        while process.poll() is None:
            if is_listening(port):
                then()
                return
            time.sleep(0.05)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def what_is_wrong(result: Result, **wanted: object) -> str | None:
    """What the document of a run that succeeded does not say."""
    if result.code:
        return None
    try:
        found = document(result)
    except Failed as failure:
        return str(failure)
    wrong = [f"{key} is {found.get(key)}" for key in wanted if found.get(key) != wanted[key]]
    return ", ".join(wrong) or None


def received(tracer: Tracer, *options: str) -> Result:
    """Receives a stream from the remote host."""
    port = free_port()
    process = popen(
        tracer, "-l", "-f", NIC, "-s", LOCAL[4], "-p", str(port), "--timeout", str(PATIENCE),
        *LITTLE_MEMORY, *options)
    once_listening(port, process, Sender(4, port, pattern(SIZE)).start)
    return finish(process, DEADLINE)


def receive(tracer: Tracer) -> Ending:
    """Receives and validates."""
    result = received(tracer, "-v", "7", "--json")
    return Ending(result, what_is_wrong(result, bytes=SIZE))


def output(tracer: Tracer) -> Ending:
    """Receives to the standard output."""
    result = received(tracer)
    came = result.stdout == b"".join(pattern(SIZE))
    return Ending(result, None if came else "the output is not what was sent")


def send(tracer: Tracer) -> Ending:
    """Sends the standard input from device memory."""
    receiver = Receiver(4, free_port())
    receiver.start()
    receiver.listening.wait(10)
    payload = b"".join(pattern(SIZE))
    process = popen(
        tracer, "-f", NIC, "-s", REMOTE[4], "-p", str(receiver.port), "--timeout", str(PATIENCE),
        "--json", *LITTLE_MEMORY)
    try:
        stdout, stderr = process.communicate(payload, DEADLINE)
    except subprocess.TimeoutExpired as late:
        process.kill()
        _, stderr = process.communicate()
        raise Failed(f"still running after {DEADLINE} s: {stderr.decode()}") from late
    finally:
        if not receiver.connected.is_set():
            # It waits for a call, and nobody else makes one.
            with contextlib.suppress(OSError):
                socket.create_connection((REMOTE[4], receiver.port), 5).close()
    receiver.join(10)
    result = Result(process.returncode, stdout, stderr.decode(errors="replace"))
    wrong = what_is_wrong(result, bytes=SIZE)
    if result.code == 0 and receiver.received != payload:
        wrong = f"{len(receiver.received)} bytes came, or other ones"
    return Ending(result, wrong)


def remote_end(*options: str) -> subprocess.Popen[bytes]:
    """Starts the other end of a measurement, which is not traced."""
    return track(subprocess.Popen(
        ["ip", "netns", "exec", "remote", BINARY, "-f", REMOTE_NIC, *options],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE))


@dataclass(frozen=True)
class Measurement:
    """A measurement whose one end is here, and traced. The one that listens may be either."""

    ours: tuple[str, ...]
    theirs: tuple[str, ...]

    def __call__(self, tracer: Tracer) -> Ending:
        """Runs both ends."""
        is_listening_here = "-l" in self.ours
        address, control = (LOCAL if is_listening_here else REMOTE)[4], free_port()
        common = (
            "-s", address, "-p", str(free_port()), "--control", str(control), "--interval", "0",
            "--json")
        ours = ("-f", NIC, *common, "--timeout", str(PATIENCE), *self.ours)
        theirs = (*common, "--timeout", str(PEERS_PATIENCE), *self.theirs)
        others: list[subprocess.Popen[bytes]] = []
        if is_listening_here:
            process = popen(tracer, *ours)
            waiting = once_listening(
                control, process, lambda: others.append(remote_end(*theirs)))
            result = finish(process, DEADLINE)
            waiting.join(5)
        else:
            others.append(remote_end(*theirs))
            ready = threading.Event()
            once_listening(control, others[0], ready.set, remotely=True).join(30)
            expect(ready.is_set(), "the other end does not listen")
            result = finish(popen(tracer, *ours), DEADLINE)
        for other in others:
            if result.code:
                other.terminate()
        ends = [finish(other, DEADLINE) for other in others]
        wrong = what_is_wrong(result, verdict="ok")
        printed = "".join(end.stderr for end in ends)
        if not wrong and result.code == 0 and [end.code for end in ends] != [0]:
            wrong = f"the other end failed: {printed}"
        return Ending(result, wrong, printed)


# What the ends of measurements are told. An end that receives validates, into little memory.
LISTENS = ("-l", *LITTLE_MEMORY)
RECEIVES = ("-l", "-v", "7", *LITTLE_MEMORY)
CALLS = ("--flows", "2", "--bytes", str(SIZE))
ASKS = ("--flows", "2", "--duration", "1", "--latency")
FROM_HOST = ("--host-memory",)


def check(tracer: Tracer) -> Ending:
    """Checks, with a real bind and a real flow rule."""
    result = finish(popen(tracer, "--check", "--probe", "-f", NIC, "--json"), DEADLINE)
    return Ending(result, what_is_wrong(result, verdict="ok"))


def probe(tracer: Tracer) -> Ending:
    """Binds and unbinds."""
    result = finish(popen(tracer, "-f", NIC, "--json", *LITTLE_MEMORY), DEADLINE)
    return Ending(result, what_is_wrong(result, verdict="ok"))


def bound_run() -> tuple[subprocess.Popen[bytes], int]:
    """A receiver that has changed the NIC and waits, and its guard."""
    process = start("-l", "-f", NIC, "-s", LOCAL[4], "-p", str(free_port()), "-v", "7")
    expect(wait_for(bound_queues), "nothing is bound")
    return process, recovery.guard()


def restore(tracer: Tracer) -> Ending:
    """Brings back what a run left that was killed with its guard."""
    recovery.kill_with_guard(*bound_run())
    return Ending(finish(popen(tracer, "--restore", "-f", NIC), DEADLINE))


def guard(tracer: Tracer) -> Ending:
    """Has a guard bring back what a killed run left. One that cannot wait for the run's end waits
    on until it can, which here is when the tracer goes."""
    process, pid = bound_run()
    strace = track(subprocess.Popen(
        tracer(["-p", str(pid)]), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL))
    expect(wait_for(lambda: is_traced(pid)), "the guard is not traced")
    process.kill()
    if not wait_for(lambda: strace.poll() is not None, 30):
        strace.terminate()
        strace.wait(10)
    result = finish(process, DEADLINE)
    return Ending(Result(0, b"", result.stderr))


def is_traced(pid: int) -> bool:
    """Whether a process has a tracer."""
    return "TracerPid:\t0\n" not in Path(f"/proc/{pid}/status").read_text(encoding="ascii")


JOBS: dict[str, Callable[[Tracer], Ending]] = {
    "receive": receive,
    "output": output,
    "send": send,
    "measure-receive": Measurement(RECEIVES, (*CALLS, *FROM_HOST)),
    "measure-send": Measurement((*CALLS, *LITTLE_MEMORY), RECEIVES),
    "reverse-receive": Measurement((*CALLS, "-R", "-v", "7", *LITTLE_MEMORY), LISTENS),
    "reverse-send": Measurement(LISTENS, (*CALLS, "-R", "-v", "7", *LITTLE_MEMORY)),
    "both-ways": Measurement(
        (*CALLS, "--bidir", "-v", "7", *FROM_HOST, *LITTLE_MEMORY), RECEIVES),
    "latency-asks": Measurement((*ASKS, *LITTLE_MEMORY), RECEIVES),
    "latency-answers": Measurement(RECEIVES, (*ASKS, *FROM_HOST)),
    "check": check,
    "probe": probe,
    "restore": restore,
    "guard": guard,
}
