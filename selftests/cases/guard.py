# SPDX-License-Identifier: GPL-2.0-only
"""Whatever a run dies of, its guard brings the NIC back; where that died too, --restore does."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

from testbed import recovery
from testbed.habits import change, others_rule, rules, rules_taken, split
from testbed.harness import case, expect, expect_equal, wait_for
from testbed.hosts import (
    LOCAL, NIC, Sender, free_port, output, pattern, reload_nic, wait_listening)
from testbed.recovery import RESTORED, expect_back, guard, journals
from testbed.state import bound_queues, expect_released, is_upstreams, nic_state
from testbed.tool import (
    BINARY, LITTLE_MEMORY, RUNTIME, Result, finish, guards, listen, receive, run, start, track,
    wait_for_signals)


def kill(process: subprocess.Popen[bytes]) -> Result:
    """Kills a run and waits for its guard, which has its standard error open, to be done."""
    process.kill()
    return finish(process, 30).expect(-signal.SIGKILL)


def let_go(
    pid: int, process: subprocess.Popen[bytes], second: subprocess.Popen[bytes]
) -> None:
    """Lets the stopped guard of a killed run go on, which a second run has waited for."""
    expect_equal(second.poll(), None, "the second run")
    os.kill(pid, signal.SIGCONT)
    finish(second).expect(0)
    finish(process, 30).expect(-signal.SIGKILL, RESTORED)


def kill_with_guard() -> None:
    """Has a run killed together with its guard, so that the NIC stays changed."""
    before = nic_state()
    process = listen(4, free_port(), "-v", "7")
    result = recovery.kill_with_guard(process, guard())
    expect(RESTORED not in result.stderr, result.stderr)
    expect(nic_state() != before, "the run changed nothing")
    expect_equal(len(journals()), 1, "journals")
    expect_released()


@contextlib.contextmanager
def comes_back() -> Iterator[None]:
    """As `unchanged`, with neither guard nor journal left either."""
    before = nic_state()
    yield
    expect_back(before)
    expect_equal(journals(), [], "journals left")


def killed_at_each(call: str) -> None:
    """Kills one run on its way into the first call of a kind, the next into the second, ..."""
    before = nic_state()
    # It sets everything up, binds, cannot listen there, and undoes everything.
    command = [BINARY, "-l", "-f", NIC, "-s", "198.51.100.7", "-p", "5201", "-v", "7",
               *LITTLE_MEMORY]
    restored = 0
    # Where there are many places: some, others each time, and fewer on a second kernel, for the
    # guard is the same there.
    stride = 1
    if call in ("pwrite64", "sendto", "ioctl"):
        stride = 2 if is_upstreams() else 4
    # Each ioctl for the driver comes behind one that looks the interface's name up.
    if call == "ioctl":
        stride *= 2
    processor = str(max(os.sched_getaffinity(0)))
    first = random.randint(1, stride)
    for step in range(first, 1000, stride):
        process = track(subprocess.Popen(
            # On one processor: on two, each stop is a way to the other one and back, which on a
            # busy host takes long.
            ["taskset", "--cpu-list", processor, "strace", "-o", "/dev/null", "-e", f"trace={call}",
             "-e", f"inject={call}:signal=KILL:when={step}", *command],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        result = finish(process, 60)
        expect_back(before)
        if result.code == 1:
            break
        result.expect(-signal.SIGKILL)
        restored += RESTORED in result.stderr
    print(f"  killed at each {stride}. place from {first} on, before {step}; "
          f"{restored} times there was something to bring back")
    expect(step > first, f"no {call} was met")
    expect_equal(journals(), [], "journals left by a whole run")
    expect(restored or call in ("unlinkat", "kill", "wait4"), "nothing was ever changed")
    expect_released()


# What a run asks of the kernel while it changes the NIC, and how it ends its guard.
for name in ("pwrite64", "sendto", "ioctl", "unlinkat", "kill", "wait4"):
    case(f"killed at any {name}, a run leaves the NIC as it was", deadline=600,
         once=name != "ioctl")(functools.partial(killed_at_each, name))


@case("a run that dies of anything else is cleaned up after, too", once=True)
def killed_otherwise() -> None:
    for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGQUIT, signal.SIGUSR2):
        with comes_back():
            process = listen(4, free_port(), "-v", "7")
            process.send_signal(number)
            finish(process, 30).expect(-number, RESTORED)
    with comes_back():
        process = track(subprocess.Popen(
            [BINARY, "-l", "-f", NIC, "-s", "192.0.2.1", "-p", "5199", "-v", "7",
             *LITTLE_MEMORY],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True))
        expect(wait_for(bound_queues), "nothing is bound")
        os.killpg(process.pid, signal.SIGKILL)
        finish(process, 30).expect(-signal.SIGKILL, RESTORED)


@case("a guard ignores signals, keeps no output open, and ends with its run", once=True)
def guard_manners() -> None:
    with comes_back():
        process = listen(4, free_port())
        pid = guard()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
            os.kill(pid, number)
        time.sleep(0.2)
        expect_equal(guards(), [pid], "guards")
        os.kill(pid, signal.SIGSTOP)
        process.kill()
        assert process.stdout
        expect_equal(process.stdout.read(), b"", "standard output")
        expect_equal(guards(), [pid], "guards, stopped")
        os.kill(pid, signal.SIGCONT)
        finish(process, 30).expect(-signal.SIGKILL, RESTORED)
    with comes_back():
        process = listen(4, free_port())
        os.kill(guard(), signal.SIGSTOP)
        process.terminate()
        finish(process, 20).expect(128 + signal.SIGTERM)
    with comes_back():
        receive(20_000, "-v", "7").expect(0)


@case("a run that changes nothing has no guard, and does not keep others away")
def needs_no_guard() -> None:
    with split():
        process = listen(4, free_port(), "-n", "-t", "2", "-q", "1")
        expect_equal(guards(), [], "guards")
        run("-l", "-f", NIC, "-s", "198.51.100.7", "-p", "5201").expect(1, "EADDRNOTAVAIL")
        process.terminate()
        finish(process, 20).expect(128 + signal.SIGTERM)
        expect_released()


@case("a second run on the interface is refused with the pid of the first", once=True)
def second_run() -> None:
    with comes_back():
        port = free_port()
        process = listen(4, port, "-v", "7")
        between = nic_state()
        for arguments in (
                ("-f", NIC), ("-l", "-f", NIC, "-s", "192.0.2.1", "-p", "5201"),
                ("--restore", "-f", NIC)):
            run(*arguments).expect(1, f"pid {process.pid},", "EBUSY")
        run("--restore").expect(0, f"pid {process.pid},")
        expect_equal(nic_state(), between, "the NIC meanwhile")
        Sender(4, port, pattern(100_000)).start()
        finish(process).expect(0)


@case("a run that comes after a killed one, or while one dies, waits for the guard", once=True)
def waits_for_guard() -> None:
    for is_dead in (True, False):
        with comes_back():
            process = listen(4, free_port(), "-v", "7")
            pid = guard()
            os.kill(pid, signal.SIGSTOP)
            if is_dead:
                process.kill()
                process.wait(20)
            second = start("-f", NIC)
            time.sleep(0.5)
            process.kill()
            process.wait(20)
            third = start("-f", NIC, "--json")
            wait_for_signals(third)
            time.sleep(0.5)
            asked = time.monotonic()
            third.terminate()
            result = finish(third).expect(128 + signal.SIGTERM)
            expect(time.monotonic() - asked < 10, "a stop did not end the wait")
            expect_equal(json.loads(result.stdout)["verdict"], "stopped", "verdict")
            let_go(pid, process, second)


@case("where the guard was killed too, --restore brings the NIC back, once", once=True)
def restores() -> None:
    for arguments in (("--restore", "-f", NIC), ("--restore",)):
        with comes_back():
            kill_with_guard()
            run(*arguments).expect(0, RESTORED)
            run(*arguments).expect(0, "nothing to restore")


@case("where the guard was killed too, the next run brings the NIC back first", once=True)
def next_run_restores() -> None:
    with comes_back():
        kill_with_guard()
        receive(20_000, "-v", "7").expect(0, RESTORED)


@case("a journal of another boot, device or namespace is not applied")
def foreign_journals() -> None:
    with comes_back():
        kill_with_guard()
        changed = nic_state()
        [path] = journals()
        text = path.read_text(encoding="ascii")
        for line, other, reason, stays in (
                ("boot", "0d9d8a7e-0000-4000-8000-000000000000", "earlier boot", False),
                ("bus", "0000:01:00.0", "another device", False),
                ("driver", "mlx5_core", "another device", False),
                ("address", "020000000001", "another device", False),
                ("ifindex", "4000", "gone", False),
                ("netns", "1", "another network namespace", True)):
            edited = re.sub(f"(?m)^{line} .*$", f"{line} {other}", text)
            expect(edited != text, f"the journal has no line for {line}")
            path.write_text(edited, encoding="ascii")
            run("--restore").expect(0, reason)
            expect_equal(path.exists(), stays, f"the journal with another {line} is there")
            path.write_text(text, encoding="ascii")
            path.chmod(0o600)
        expect_equal(nic_state(), changed, "the NIC meanwhile")
        run("--restore").expect(0, RESTORED)


@case("what is not a journal, or not our own, is not followed")
def hostile_journals() -> None:
    with comes_back():
        kill_with_guard()
        changed = nic_state()
        [path] = journals()
        text = path.read_text(encoding="ascii")
        path.write_text(text + "changes threshold 1; nonsense\n", encoding="ascii")
        run("--restore").expect(1, "not one", str(path))
        run("-f", NIC).expect(1, "not one", str(path))
        path.write_text(text, encoding="ascii")
        path.chmod(0o666)
        run("--restore").expect(1, "others")
        path.chmod(0o600)
        os.chown(path, 65534, 0)
        run("--restore").expect(1, "others")
        os.chown(path, 0, 0)
        away = path.with_name("away")
        path.rename(away)
        path.symlink_to(away)
        run("--restore", "-f", NIC).expect(1, "ELOOP")
        away.replace(path)
        RUNTIME.chmod(0o777)
        run("--restore").expect(1, "others")
        RUNTIME.chmod(0o700)
        expect_equal(nic_state(), changed, "the NIC meanwhile")
        # What was not written to its end is as if it had not been begun.
        path.write_text(text + "changes threshold 1; rss 0,1", encoding="ascii")
        run("--restore").expect(0, RESTORED)


@case("a journal that is left behind undoes nothing that somebody has set since")
def set_since() -> None:
    before = nic_state()
    for undo in (lambda: run("--restore"), lambda: run("-f", NIC)):
        with rules_taken():
            kill_with_guard()
            [own] = rules()
            change("-N", "delete", own)
            with others_rule(own):
                change("-X", "equal", "2")
                others = [output("ethtool", option, NIC) for option in ("-n", "-x")]
                undo().expect(0, RESTORED, f"left flow rule {own} of", "left RSS table of")
                expect_equal(
                    [output("ethtool", option, NIC) for option in ("-n", "-x")], others, "rest")
            change("-X", "default")
        expect_back(before)


@case("a journal whose interface is gone is dropped")
def interface_gone() -> None:
    kill_with_guard()
    reload_nic()
    with comes_back():
        run("--restore").expect(0, "gone")


@case("without a place for journals a run warns, and is still guarded")
def no_place() -> None:
    with comes_back():
        port = free_port()
        process = track(subprocess.Popen(
            ["unshare", "-m", "sh", "-c", "mount -t tmpfs -o ro none /run && exec \"$@\"", "sh",
             BINARY, "-l", "-f", NIC, "-s", "192.0.2.1", "-p", str(port), "-v", "7",
             *LITTLE_MEMORY],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        expect(wait_for(bound_queues), "nothing is bound")
        expect_equal(journals(), [], "journals")
        result = kill(process).expect(-signal.SIGKILL, "EROFS", RESTORED)
        expect_equal(result.stderr.count("warning:"), 1, "warnings")


def in_namespace(flags: str, set_up: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Starts the tool in namespaces of its own, prepared by a line of shell."""
    return track(subprocess.Popen(
        ["unshare", *flags.split(), "sh", "-c", f"{set_up} exec \"$@\"", "sh", BINARY, *arguments],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE))


def receiver(port: int) -> list[str]:
    """A receiver's words."""
    return ["-l", "-f", NIC, "-s", LOCAL[4], "-p", str(port), "-v", "7", *LITTLE_MEMORY]


def lock_name(number: int) -> str:
    """The abstract name of the interface's lock."""
    return f"\0ncdevmem-{socket.if_nametoindex(NIC)}-{number}"


@case("a second run is refused although it has a /run of its own, and so is --restore", once=True)
def second_run_elsewhere() -> None:
    with comes_back():
        port = free_port()
        process = in_namespace("-m", "mount -t tmpfs none /run &&", *receiver(port))
        wait_listening(port, process)
        expect_equal(journals(), [], "journals outside")
        between = nic_state()
        for arguments in (["-f", NIC], receiver(free_port()), ["--check", "-f", NIC]):
            result = run(*arguments)
            expect_equal(result.code, 1, "exit status")
            text = result.stderr + result.stdout.decode()
            expect(f"pid {process.pid}, has the interface" in text, text)
        expect_equal(nic_state(), between, "the NIC meanwhile")
        pid = guard()
        os.kill(pid, signal.SIGSTOP)
        process.kill()
        process.wait(20)
        # Its guard has the lock now.
        second = start("-f", NIC)
        time.sleep(1)
        let_go(pid, process, second)


@case("names of the lock that a user without rights has taken lock nobody out", once=True)
def squatters() -> None:
    program = """
import socket, sys
sockets = [socket.socket(socket.AF_UNIX) for _ in sys.argv[1:]]
for taken, name in zip(sockets, sys.argv[1:]):
    taken.bind("\\0" + name)
    taken.listen()
print("ready", flush=True)
sys.stdin.read()
"""
    stranger = track(subprocess.Popen(
        [sys.executable, "-c", program, *(lock_name(number)[1:] for number in range(2))],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, user=65534, group=65534))
    assert stranger.stdout
    expect_equal(stranger.stdout.readline(), b"ready\n", "the stranger")
    with comes_back():
        process = listen(4, free_port(), "-v", "7")
        run("-f", NIC).expect(1, f"pid {process.pid},", "EBUSY")
        # Free again, the first name does not hide who has the third.
        stranger.communicate()
        in_private = in_namespace("-m", "mount -t tmpfs none /run &&", "-f", NIC)
        finish(in_private).expect(1, f"pid {process.pid},", "EBUSY")
        process.terminate()
        finish(process).expect(128 + signal.SIGTERM)


@case("who asks for the lock, however often, keeps no other from asking", once=True)
def many_ask() -> None:
    with comes_back():
        process = listen(4, free_port(), "-v", "7")
        for _ in range(6000):
            with socket.socket(socket.AF_UNIX) as asking:
                asking.connect(lock_name(0))
        run("-f", NIC).expect(1, f"pid {process.pid},", "EBUSY")
        process.terminate()
        finish(process).expect(128 + signal.SIGTERM)


@case("the first process of a pid namespace warns that its guard cannot outlive it")
def first_process() -> None:
    warning = "warning: this is the first process of its pid namespace"
    with comes_back():
        finish(in_namespace("--pid --fork", "", "-f", NIC)).expect(0, warning, "--restore")
        result = finish(in_namespace("--pid --fork", "\"$@\"; exit $?;", "-f", NIC)).expect(0)
        expect(warning not in result.stderr, result.stderr)


@case("what cannot be undone names the journal and the way out, which is --restore --force",
      once=True)
def force() -> None:
    with comes_back():
        kill_with_guard()
        [path] = journals()
        text = path.read_text(encoding="ascii").rstrip("\n")
        # There is no such private flag.
        path.write_text(f"{text}; flags 4 4\n", encoding="ascii")
        hint = f"ncdevmem --restore --force -f {NIC}"
        for arguments in (["-f", NIC], ["--restore", "-f", NIC], ["--restore"]):
            run(*arguments).expect(1, str(path), hint)
        run("--restore", "--force", "-f", NIC).expect(
            0, "private flags", f"dropped the journal {path}")
        receive(20_000, "-v", "7").expect(0)
        path.write_text("ncdevmem: cannot\n", encoding="ascii")
        path.chmod(0o600)
        run("-f", NIC).expect(1, "not one", str(path), hint)
        run("--restore", "--force").expect(0, f"dropped the journal {path}")
        run("--force", "-f", NIC).expect(2, "--force: needs --restore")


@case("with closed standard descriptors, --restore does not write its errors into the journal",
      once=True)
def closed_descriptors() -> None:
    with comes_back():
        kill_with_guard()
        [path] = journals()
        text = path.read_text(encoding="ascii").rstrip("\n")
        path.write_text(f"{text}; flags 4 4\n", encoding="ascii")
        output("sh", "-c", f"! {BINARY} --restore >&- 2>&-")
        expect(path.read_text(encoding="ascii").startswith("ncdevmem journal 3\n"), "it was")
        run("--restore", "--force").expect(0)
