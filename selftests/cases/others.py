# SPDX-License-Identifier: GPL-2.0-only
"""What somebody else sets on the NIC, before a run or during it, stays as it is."""

from __future__ import annotations

import re
import select
import signal
import socket
import subprocess

from testbed.habits import (
    NTUPLE_ARFS, NTUPLE_FIXED, NTUPLE_OFF, change, others_rule, rules, rules_taken, set_channels)
from testbed.harness import Skipped, case, expect, expect_equal
from testbed.hosts import LOCAL, NIC, REMOTE_NIC, free_port, output, parameter
from testbed.pair import HELLO, sender
from testbed.sending import send
from testbed.state import expect_released, expect_state, has_command, nic_state, unchanged
from testbed.tool import finish, listen, receive, run


def table() -> list[int]:
    """The main RSS table."""
    text = output("ethtool", "-x", NIC).split("RSS hash key")[0]
    rows = re.findall(r"^ *\d+:((?: +\d+)+)$", text, re.MULTILINE)
    return [int(queue) for row in rows for queue in row.split()]


def stop(process: subprocess.Popen[bytes], *texts: str) -> None:
    """Ends a run by a signal, which is to print some texts."""
    process.terminate()
    finish(process, 30).expect(128 + signal.SIGTERM, *texts)
    expect_released()


@case("a rule that somebody inserted in the place of a run's own stays")
def rule_in_place() -> None:
    with rules_taken(), unchanged():
        process = listen(4, free_port(), "-v", "7")
        own = rules()
        expect_equal(len(own), 1, "rules of the run")
        output("ethtool", "-N", NIC, "delete", own[0])
        with others_rule(own[0]):
            stop(process, f"left flow rule {own[0]} of {NIC}", "somebody else has set it since")
            expect_equal(rules(), own, "rules of somebody else")
            expect("99" in output("ethtool", "-n", NIC), "another rule has the place")


@case("a run whose rule was deleted has nothing to undo there, and fails for no reason")
def deleted_rule() -> None:
    with unchanged():
        process = listen(4, free_port(), "-v", "7")
        output("ethtool", "-N", NIC, "delete", rules()[0])
        process.terminate()
        result = finish(process, 30).expect(128 + signal.SIGTERM)
        expect("left" not in result.stderr, result.stderr)


@case("flow rules stay switched on for a rule that somebody inserted during a run")
def ntuple() -> None:
    usual = parameter("ntuple")
    if usual in (NTUPLE_FIXED, NTUPLE_ARFS):
        raise Skipped("this driver does not have its flow rules switched on by a run")
    change("-K", "ntuple", "off")
    try:
        process = listen(4, free_port(), "-v", "7")
        with others_rule() as location:
            stop(process, "left rx-ntuple-filter of", f"flow rule {location}")
            expect_equal(rules(), [location], "rules of somebody else")
        with unchanged():
            change("-K", "ntuple", "off")
            receive(20_000, "-v", "7").expect(0)
            change("-K", "ntuple", "on")
    finally:
        change("-K", "ntuple", "off" if usual == NTUPLE_OFF else "on")


@case("an RSS table that somebody set during a run stays; with a key of his the table comes back")
def rss() -> None:
    before = nic_state()
    key = re.findall(r"\n((?:[0-9a-f]{2}:)+[0-9a-f]{2})\n", output("ethtool", "-x", NIC))[0]
    other = ":".join(["6d"] * len(key.split(":")))
    try:
        process = listen(4, free_port(), "-v", "7")
        change("-X", "equal", "2")
        stop(process, "left RSS table of")
        expect_equal(set(table()), {0, 1}, "queues of the table")
        change("-X", "default")
        process = listen(4, free_port(), "-v", "7")
        change("-X", "hkey", other)
        stop(process, "left RSS key and hash of")
        expect_equal(set(table()), {0, 1, 2, 3}, "queues of the table")
        expect(other in output("ethtool", "-x", NIC), "the key was changed")
    finally:
        change("-X", "hkey", key)
        change("-X", "default")
    expect_state(before)


@case("queues that somebody adds during a run are part of the default RSS table afterwards")
def more_queues() -> None:
    with unchanged():
        try:
            process = listen(4, free_port(), "-v", "7", "-t", "3", "-q", "1")
            set_channels(8)
            process.terminate()
            result = finish(process, 30).expect(128 + signal.SIGTERM)
            expect("left" not in result.stderr, result.stderr)
            expect_equal(set(table()), set(range(8)), "queues of the table")
            receive(20_000, "-v", "7").expect(0)
        finally:
            set_channels(4)


@case("a weighted RSS table keeps its weights, and gives no traffic to a queue that it leaves out")
def weights() -> None:
    before = nic_state()
    change("-X", "weight", "4", "2", "0", "2")
    try:
        weighted = table()
        with unchanged():
            process = listen(4, free_port(), "-v", "7")
            during = table()
            kept = [(old, new) for old, new in zip(weighted, during) if old != 3]
            expect(all(old == new for old, new in kept), "entries of other queues were changed")
            # 4 to 2, as before.
            counts = [during.count(queue) for queue in range(4)]
            expect(counts[2:] == [0, 0], f"entries by queue: {counts}")
            expect(abs(counts[0] - 2 * counts[1]) <= 3, f"entries by queue: {counts}")
            stop(process)
        change("-X", "start", "3", "equal", "1")
        with unchanged():
            process = listen(4, free_port(), "-v", "7")
            expect_equal(set(table()), {0, 1, 2}, "queues after one that named only the bound one")
            stop(process)
    finally:
        change("-X", "default")
    expect_state(before)


@case("a run refuses a queue that somebody else's flow rule leads to, and a check names the rule")
def foreign_rule() -> None:
    with rules_taken(), unchanged(), others_rule(queue="3") as location, unchanged():
        port = str(free_port())
        run("-l", "-f", NIC, "-s", LOCAL[4], "-p", port, "-v", "7").expect(
            1, f"flow rule {location} sends to queue 3", f"ethtool -N {NIC} delete {location}")
        result = run("--check", "-f", NIC).expect(1)
        expect(f"rule {location} sends to queue 3" in result.stdout.decode(), "not in the check")
        receive(20_000, "-v", "7", "-t", "2", "-q", "1").expect(0)


@case("a NIC that is renamed during a run is as before at its end")
def renamed() -> None:
    with unchanged():
        process = listen(4, free_port(), "-v", "7")
        output("ip", "link", "set", NIC, "name", "renamed0")
        try:
            process.terminate()
            finish(process, 30).expect(128 + signal.SIGTERM)
        finally:
            output("ip", "link", "set", "renamed0", "name", NIC)
    expect_released()


@case("a NIC that is renamed while a sender waits for its receiver is still the one to send from",
      once=True, binds=False)
def renamed_sender() -> None:
    control, port = free_port(), free_port()
    with socket.create_server((LOCAL[4], control)) as listener, \
            socket.create_server((LOCAL[4], port)) as flows:
        listener.settimeout(20)
        talking = sender(
            port, "--control", str(control), "--flows", "1", "--host-memory", "--bytes", "1000")
        connection, _ = listener.accept()
        with connection:
            connection.sendall(HELLO)
            connection.settimeout(20)
            said = b""
            while not re.search(rb"offer .*\n", said):
                piece = connection.recv(4096)
                expect(piece, f"the sender left without an offer: {said}")
                said += piece
            output("ip", "-n", "remote", "link", "set", REMOTE_NIC, "name", "renamed1")
            try:
                connection.sendall(b"ready flows=1 port=0\n")
                connected = select.select([flows, connection], [], [], 20)[0]
            finally:
                output("ip", "-n", "remote", "link", "set", "renamed1", "name", REMOTE_NIC)
        result = finish(talking, 20)
        expect(flows in connected, result.stderr)


@case("an alternative name of an interface, also a long one, is as good as its own")
def alternative_name() -> None:
    name = "a-name-that-is-longer-than-an-own-one-is"
    output("ip", "link", "property", "add", "dev", NIC, "altname", name)
    try:
        with unchanged():
            receive(20_000, "-v", "7", "-f", name).expect(0)
            run("-f", name).expect(0)
            if has_command("bind-tx"):
                result, receiver = send(b"sent", "-f", name)
                result.expect(0)
                expect_equal(receiver.received, b"sent", "bytes received")
            run("--restore", "-f", name).expect(0, "nothing to restore")
    finally:
        output("ip", "link", "property", "del", "dev", NIC, "altname", name)
