# SPDX-License-Identifier: GPL-2.0-only
"""A run takes the capabilities that the man page says, no others, and keeps what it says."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from testbed.drm import vgem
from testbed.habits import split
from testbed.harness import Skipped, case, expect, expect_equal, holding, wait_for
from testbed.hosts import (
    LOCAL, NIC, REMOTE, REMOTE_NIC, Sender, free_port, pattern, wait_for_traffic,
    wait_listening)
from testbed.pair import receiver, sender
from testbed.sending import Receiver, start_sender
from testbed.state import expect_released, has_command, has_huge_pages, unchanged
from testbed.tool import (
    BINARY, LITTLE_MEMORY, Result, finish, guards, listen, run, track)

PAGE = Path(__file__).resolve().parents[2] / "share/man/ncdevmem.8"

# Bits of the sets (`linux/capability.h`).
NUMBERS = {"CAP_DAC_READ_SEARCH": 2, "CAP_NET_BIND_SERVICE": 10, "CAP_NET_ADMIN": 12,
           "CAP_SYS_PTRACE": 19}

# Another user.
OTHER = 65534


def table(heading: str) -> list[list[str]]:
    """The rows of the man page's table whose heading begins so."""
    text = re.sub(r" Ta\n(?!\.)", " Ta ", PAGE.read_text(encoding="ascii"))
    [body] = re.findall(rf"^\.It Em {heading}.*\n((?:\.It .*\n)+)\.El$", text, re.MULTILINE)
    return [[cell.strip() for cell in row.removeprefix(".It ").split(" Ta")]
            for row in body.splitlines()]


NEEDED = {row[0]: row[1] for row in table("Run Ta Em Capability")}


class User(NamedTuple):
    """Who runs the tool, with which capabilities."""

    capabilities: tuple[str, ...]
    is_root: bool
    # Where a user has its journals who may not write to /run.
    runtime: str = ""

    @property
    def words(self) -> list[str]:
        """What starts a command as this user. None may lock memory."""
        chosen = ",".join(["-all", *(f"+{name.removeprefix('CAP_').lower()}"
                                     for name in self.capabilities)])
        # What root executes has all of the bounding set; what others do, the ambient set.
        sets = [f"--inh-caps={chosen}"]
        if self.is_root:
            sets += [f"--bounding-set={chosen}"]
        else:
            sets += [f"--ambient-caps={chosen}", f"--reuid={OTHER}", f"--regid={OTHER}",
                     "--clear-groups"]
        return ["prlimit", "--memlock=0", "env", f"RUNTIME_DIRECTORY={self.runtime}", "setpriv",
                *sets]

    def start(self, *arguments: str, host: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
        """Starts the tool."""
        return track(subprocess.Popen(
            [*host, *self.words, BINARY, *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE))

    def run(self, *arguments: str) -> Result:
        """Runs the tool to its end."""
        return finish(self.start(*arguments))


@contextlib.contextmanager
def users(*capabilities: str, of: str | None = "/dev/udmabuf") -> Iterator[list[User]]:
    """Root and another user, with these capabilities, both with access to a file of memory, which
    in the testbed is root's alone."""
    with tempfile.TemporaryDirectory(dir="/run") as runtime, contextlib.ExitStack() as undo:
        os.chown(runtime, OTHER, OTHER)
        if of:
            before = os.stat(of)
            undo.callback(os.chmod, of, before.st_mode & 0o777)
            undo.callback(os.chown, of, before.st_uid, before.st_gid)
            os.chown(of, before.st_uid, OTHER)
            os.chmod(of, 0o660)
        yield [User(capabilities, True), User(capabilities, False, runtime)]


def receives(user: User, *options: str, port: int = 0) -> Result:
    """Has a user receive a stream, if it comes so far that it listens."""
    port = port or free_port()
    process = user.start(
        "-l", "-f", NIC, "-s", LOCAL[4], "-p", str(port), "-v", "7", *options, *LITTLE_MEMORY)
    wait_listening(port, process)
    if process.poll() is None:
        Sender(4, port, pattern(100_000)).start()
    return finish(process)


def sends(user: User, *options: str) -> Result:
    """Has a user send a stream."""
    if not has_command("bind-tx"):
        raise Skipped("this kernel sends no device memory")
    remote = Receiver(4, free_port())
    remote.start()
    remote.listening.wait(10)
    process = user.start(
        "-f", NIC, "-s", REMOTE[4], "-p", str(remote.port), *options, *LITTLE_MEMORY)
    stdout, stderr = process.communicate(b"x" * 100_000, timeout=60)
    return Result(process.returncode, stdout, stderr.decode())


def measures_receiving(user: User, *options: str) -> Result:
    """Has a user receive flows from a sender on the remote host."""
    port, control = free_port(), free_port()
    process = user.start(
        "-l", "-f", NIC, "-s", LOCAL[4], "-p", str(port), "--control", str(control), "-v", "7",
        "--timeout", "30", *options)
    wait_listening(control, process)
    talking = sender(port, "--control", str(control), "--flows", "2", "--bytes", "1M",
                     "--host-memory")
    result = finish(process)
    finish(talking)
    return result


def measures_sending(user: User) -> Result:
    """Has a user on the remote host send flows."""
    port, control = free_port(), free_port()
    listening = receiver(port, "--control", str(control), "-v", "7")
    wait_listening(control, listening)
    memory = LITTLE_MEMORY if has_command("bind-tx") else ("--host-memory",)
    process = user.start(
        "-f", REMOTE_NIC, "-s", LOCAL[4], "-p", str(port), "--control", str(control), "--flows",
        "2", "--bytes", "1M", *memory, host=("ip", "netns", "exec", "remote"))
    result = finish(process)
    listening.terminate()
    finish(listening)
    return result


def restores(user: User) -> Result:
    """Has a user undo what its own run has left that was killed with its guard."""
    owner = User(("CAP_NET_ADMIN",), user.is_root, user.runtime)
    port = free_port()
    process = owner.start(
        "-l", "-f", NIC, "-s", LOCAL[4], "-p", str(port), "-v", "7", *LITTLE_MEMORY)
    wait_listening(port, process)
    [guard] = guards()
    os.kill(guard, signal.SIGSTOP)
    process.kill()
    os.kill(guard, signal.SIGKILL)
    finish(process)
    expect_released()
    result = user.run("--restore")
    # Without the capability, the journal is left for who has it.
    if result.code:
        owner.run("--restore").expect(0, f"brought back {NIC}")
    return result


# What each row of the table is about, and what its success is.
KINDS: dict[str, tuple[Callable[[User], Result], int]] = {
    "receive": (receives, 0),
    "measure, receiving": (measures_receiving, 0),
    "probe": (lambda user: user.run("-f", NIC, *LITTLE_MEMORY), 0),
    "check --probe": (
        lambda user: user.run("--check", "--probe", "-f", NIC, *LITTLE_MEMORY), 0),
    "restore": (restores, 0),
    "check": (lambda user: user.run("--check", "-f", NIC, *LITTLE_MEMORY), 4),
    "send": (sends, 0),
    "measure, sending": (measures_sending, 0),
}


def needs(kind: str) -> None:
    """Holds a row of the table against runs with what it has, and without."""
    attempt, success = KINDS[kind]
    needed = NEEDED[kind]
    capabilities = () if needed == "none" else (needed,)
    with users(*capabilities) as chosen, unchanged():
        for user in chosen:
            attempt(user).expect(success)
    if not capabilities:
        return
    with users() as chosen, unchanged():
        for user in chosen:
            result = attempt(user)
            expect(result.code not in (0, success), f"it works without {needed}")
            words = result.stderr + result.stdout.decode()
            expect(needed in words, f"{needed} is not named: {words}")


for name in KINDS:
    case(f"with the capability of the man page, and with no other, works: {name}",
         deadline=240, binds=NEEDED[name] != "none")(lambda name=name: needs(name))


@case("the man page's table of capabilities has a row for each kind of run, and no other one")
def rows() -> None:
    options = {"--busy-poll", "--tcp-congestion", "-p, --control"}
    expect_equal(set(NEEDED), set(KINDS) | options, "rows")


@contextlib.contextmanager
def congestion_control(name: str) -> Iterator[None]:
    """Leaves all users one congestion control, which is then that of connections, too."""
    with contextlib.ExitStack() as settings:
        # The second one adds itself to those that the first one allows.
        for setting in ("tcp_allowed_congestion_control", "tcp_congestion_control"):
            settings.enter_context(holding(Path("/proc/sys/net/ipv4") / setting, name))
        yield


@case("options that need a capability name it, and work with it", once=True)
def options() -> None:
    admin = NEEDED["--busy-poll"], NEEDED["--tcp-congestion"]
    expect_equal(admin, ("CAP_NET_ADMIN", "CAP_NET_ADMIN"), "capabilities")
    with congestion_control("reno"), users() as [_, user]:
        sends(user, "--tcp-congestion", "cubic").expect(1, admin[1])
        sends(user, "--tcp-congestion", "reno").expect(0)
    with congestion_control("reno"), users(admin[1]) as [_, user]:
        sends(user, "--tcp-congestion", "cubic").expect(0)
        receives(user, "--busy-poll", "50").expect(0)
        service = NEEDED["-p, --control"]
        receives(user, port=1001).expect(1, service)
        user.run("-l", "-f", NIC, "-s", LOCAL[4], "-p", str(free_port()), "-v", "7",
                 "--control", "1002", *LITTLE_MEMORY).expect(1, service)
    with users(admin[1], service) as [_, user]:
        receives(user, port=1003).expect(0)


@case("memory of each kind takes the right to its file, and no capability", deadline=240,
      once=True)
def memory() -> None:
    kinds = {"udmabuf": "/dev/udmabuf", "heap:system": "/dev/dma_heap/system"}
    if has_huge_pages():
        kinds["udmabuf:huge=2M"] = "/dev/udmabuf"
    with contextlib.ExitStack() as undo:
        with contextlib.suppress(Skipped):
            undo.enter_context(vgem())
            kinds["drm:/dev/dri/card0"] = "/dev/dri/card0"
        for kind, path in kinds.items():
            size = ("--memory", kind, "--memory-size", "16M")
            with users("CAP_NET_ADMIN", of=path) as [_, user], unchanged():
                user.run("-f", NIC, *size).expect(0)
            with users("CAP_NET_ADMIN", of=None) as [_, user], unchanged():
                user.run("-f", NIC, *size).expect(1, f"the group that {path} belongs to")
        print(f"  {', '.join(kinds)}")
        expect_released()


def kept(kind: str, part: str) -> str:
    """The capabilities that the man page says a part of a run keeps."""
    [permitted] = {row[2] for row in table("Run Ta Em Part") if row[:2] == [kind, part]}
    return permitted


def expect_kept(
    process: int, thread: int, capability: str, is_effective: bool = False,
    is_bounded: bool = True
) -> None:
    """Fails the case unless a thread has one capability, or none, and a filter. Its bounding set is
    empty where it was allowed to change that."""
    status = Path(f"/proc/{process}/task/{thread}/status").read_text(encoding="ascii")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    mask = 0 if capability == "none" else 1 << NUMBERS[capability]
    expected = {"CapPrm": mask, "CapEff": mask if is_effective else 0, "CapInh": 0, "CapAmb": 0,
                "NoNewPrivs": 1, "Seccomp": 2} | ({"CapBnd": 0} if is_bounded else {})
    for name, value in expected.items():
        expect_equal(int(fields[name], 16), value, f"{name} of {fields['Name']}, {thread}")


def expect_all_kept(
    process: subprocess.Popen[bytes], kind: str, is_bounded: bool = True
) -> int:
    """Fails the case unless all threads of a run have what the man page says, once the run is at
    work; gives the number of those beside the first one."""
    tasks = Path(f"/proc/{process.pid}/task")
    first = tasks / f"{process.pid}/status"
    expect(wait_for(lambda: "\nCapEff:\t0000000000000000\n" in first.read_text("ascii")),
           f"the run keeps what is effective: {first.read_text('ascii')}")
    others = [int(path.name) for path in tasks.iterdir() if int(path.name) != process.pid]
    expect_kept(process.pid, process.pid, kept(kind, "the first thread"), is_bounded=is_bounded)
    for thread in others:
        expect_kept(process.pid, thread, kept(kind, "its other threads"))
    return len(others)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ends a run by a signal."""
    process.terminate()
    finish(process, 30).expect(128 + signal.SIGTERM)


@case("a receiver at work and its guard have the capabilities of the man page, and filters")
def receiver_keeps() -> None:
    with unchanged():
        process = listen(4, free_port(), "-v", "7")
        expect_all_kept(process, "receive")
        [guard] = guards()
        expect_kept(guard, guard, kept("all with a guard", "the guard"), is_effective=True)
        stop(process)
    with split():
        process = listen(4, free_port(), "-n", "-t", "3", "-q", "1")
        expect_all_kept(process, "receive -n")
        stop(process)
    expect_released()


@case("a sender at work has no capability, and a filter", binds=False)
def sender_keeps() -> None:
    if not has_command("bind-tx"):
        raise Skipped("this kernel sends no device memory")
    remote = Receiver(4, free_port())
    remote.start()
    remote.listening.wait(10)
    process = start_sender(4, remote.port)
    remote.connected.wait(20)
    expect_all_kept(process, "send")
    process.communicate(b"x" * 1000, timeout=30)
    expect_equal(process.returncode, 0, "exit status")


@case("no thread of a measurement has a capability, but for the one that undoes", deadline=240)
def measurement_keeps() -> None:
    port, control = free_port(), free_port()
    ends = ("--control", str(control), "--interval", "0")
    with unchanged():
        listening = receiver(port, *ends, "-v", "7")
        wait_listening(control, listening)
        talking = sender(port, *ends, "--flows", "2", "--duration", "600", "--host-memory")
        wait_for_traffic(1 << 20)
        expect_equal(expect_all_kept(listening, "measure, receiving"),
                     min(2, len(os.sched_getaffinity(0))), "threads of the receiver")
        [guard] = guards()
        expect_kept(guard, guard, kept("all with a guard", "the guard"), is_effective=True)
        expect_equal(expect_all_kept(talking, "measure, sending"), 2, "threads of the sender")
        stop(listening)
        finish(talking)
    expect_released()


@case("a run that can give up nothing, for the kernel or a container forbids it, works", once=True)
def keeps_all() -> None:
    for call, error in (("seccomp", "EINVAL"), ("seccomp", "ENOSYS"), ("prctl", "EPERM"),
                        ("capset", "EPERM")):
        port = free_port()
        with unchanged():
            process = track(subprocess.Popen(
                ["strace", "-o", "/run/calls", "-e", f"trace={call}", "-e",
                 f"inject={call}:error={error}", BINARY, "-l", "-f", NIC, "-s", LOCAL[4], "-p",
                 str(port), "-v", "7", *LITTLE_MEMORY],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
            wait_listening(port, process)
            Sender(4, port, pattern(100_000)).start()
            result = finish(process).expect(0)
        expect("(INJECTED)" in Path("/run/calls").read_text("ascii"), f"no {call} was met")
        expect(call not in result.stderr, result.stderr)


@case("root is refused a second run beside that of another user, whose capability has no effect",
      once=True)
def seen_by_root() -> None:
    with users("CAP_NET_ADMIN") as [_, user], unchanged():
        port = free_port()
        process = user.start(
            "-l", "-f", NIC, "-s", LOCAL[4], "-p", str(port), "-v", "7", *LITTLE_MEMORY)
        wait_listening(port, process)
        expect_all_kept(process, "receive", is_bounded=False)
        run("-f", NIC).expect(1, f"pid {process.pid},", "EBUSY")
        # Only who may look at another user's files can name it.
        for capabilities in ((), ("CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH")):
            root = User(("CAP_NET_ADMIN", *capabilities), True)
            words = root.run("--check", "-f", NIC).stdout.decode()
            expect_equal(f"held by pid {process.pid} (ncdevmem)" in words, bool(capabilities),
                         words)
        stop(process)
    expect_released()
