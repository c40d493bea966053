#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Device memory in both token modes, as one of the kernel's driver tests.

It stands beside tools/testing/selftests/drivers/net/hw/devmem.py and uses the
ncdevmem there, which has to know -a and -U and to exit with 4 where the kernel
cannot do it: a kernel without token modes skips the cases of the manual mode.
"""

import time
from pathlib import Path

from lib.py import KsftSkipEx, NetDrvEpEnv, NetdevFamily
from lib.py import bkg, cmd, ksft_disruptive, ksft_eq, ksft_exit, ksft_in, ksft_run, ksft_true
from lib.py import rand_port, wait_port_listen

NOT_SUPPORTED = 4

# When to unbind, as -U has it.
AFTER_STREAM, BEFORE_RECEIVE, AFTER_RECEIVE = range(3)

# The stream comes in two pieces of this many periods of the pattern of -v 7.
PERIODS = 300
PIECE = f"printf '\\1\\2\\3\\4\\5\\6\\n%.0s' {{1..{PERIODS}}}"
ALL = 2 * PERIODS * 7

TEXT = "hello\nworld\n"


def require(done) -> None:
    """Skips the case if the tool says that it cannot be done here."""
    if done.ret == NOT_SUPPORTED:
        raise KsftSkipEx(done.stderr.strip().splitlines()[0])


def released(cfg) -> bool:
    """Whether neither queue nor page pool has device memory any more, or soon."""
    netdev = NetdevFamily()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        holders = netdev.queue_get({"ifindex": cfg.ifindex}, dump=True)
        holders += netdev.page_pool_get({}, dump=True)
        if not any("dmabuf" in holder for holder in holders):
            return True
        time.sleep(0.1)
    return False


def receive(cfg, autorelease: int, unbind: int = AFTER_STREAM, length: int = ALL) -> None:
    """Has the tool receive, and expects so much of the stream to be received."""
    require(cmd(f"{cfg.tool} -f {cfg.ifname} -a {autorelease}", fail=False, timeout=60))
    ksft_true(released(cfg), "the probe's memory is released")
    port = rand_port()
    listen = (f"{cfg.tool} -l -f {cfg.ifname} -s {cfg.addr} -p {port} -v 7"
              f" -a {autorelease} -U {unbind}")
    if unbind != AFTER_STREAM:
        # What comes after the unbind is no longer for device memory.
        listen += " --allow-plain"
    peer = f"({PIECE}; sleep 1; {PIECE}) | socat -u - TCP{cfg.addr_ipver}:{cfg.baddr}:{port}"
    with bkg(listen, exit_wait=True) as tool:
        wait_port_listen(port, deadline=60)
        # A receiver that is refused does not stay for the second piece.
        cmd(peer, host=cfg.remote, shell=True, fail=length > 0, timeout=60)
    ksft_eq(tool.ret, 0, tool.stderr)
    ksft_in(f"total_received={length}\n", tool.stderr)
    ksft_eq("Validated buffer" in tool.stdout, length > 0, tool.stdout)
    ksft_true(released(cfg), "the memory is released")


def send(cfg, options: str = "") -> None:
    """Has the tool send, and expects what arrives to be that."""
    port = rand_port()
    listen = f"socat -u TCP{cfg.addr_ipver}-LISTEN:{port} -"
    with bkg(listen, host=cfg.remote, exit_wait=True) as peer:
        wait_port_listen(port, host=cfg.remote, deadline=60)
        text = TEXT.replace("\n", "\\n")
        words = f"{cfg.tool} -f {cfg.ifname} -s {cfg.remote_addr} -p {port} {options}"
        tool = cmd(f"printf '{text}' | {words}", shell=True, fail=False, timeout=60)
        require(tool)
    ksft_eq(tool.ret, 0, tool.stderr)
    ksft_eq(peer.stdout, TEXT)


@ksft_disruptive
def check_rx(cfg) -> None:
    """The binding keeps the tokens."""
    receive(cfg, 0)


@ksft_disruptive
def check_rx_autorelease(cfg) -> None:
    """Each socket keeps its tokens."""
    receive(cfg, 1)


@ksft_disruptive
def check_unbind_before_recv(cfg) -> None:
    """Where a binding keeps the tokens, one that is gone takes no new socket."""
    receive(cfg, 0, BEFORE_RECEIVE, length=0)


@ksft_disruptive
def check_unbind_before_recv_autorelease(cfg) -> None:
    """What has arrived can be received without the binding."""
    receive(cfg, 1, BEFORE_RECEIVE)


@ksft_disruptive
def check_unbind_after_recv(cfg) -> None:
    """A socket that has received from the binding keeps it."""
    receive(cfg, 0, AFTER_RECEIVE)


@ksft_disruptive
def check_unbind_after_recv_autorelease(cfg) -> None:
    """A stream goes on without its binding."""
    receive(cfg, 1, AFTER_RECEIVE)


@ksft_disruptive
def check_tx(cfg) -> None:
    """Sending has no mode."""
    send(cfg)


@ksft_disruptive
def check_tx_chunks(cfg) -> None:
    """Nor has sending in small pieces."""
    send(cfg, "-z 3")


def main() -> None:
    """Runs the cases."""
    with NetDrvEpEnv(__file__) as cfg:
        cfg.tool = str(Path(__file__).resolve().with_name("ncdevmem"))
        ksft_run([
            check_rx,
            check_rx_autorelease,
            check_unbind_before_recv,
            check_unbind_before_recv_autorelease,
            check_unbind_after_recv,
            check_unbind_after_recv_autorelease,
            check_tx,
            check_tx_chunks,
        ], args=(cfg,))
    ksft_exit()


if __name__ == "__main__":
    main()
