#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Throughput of device memory TCP, as one of the kernel's driver tests.

It stands beside tools/testing/selftests/drivers/net/hw/devmem.py. The ncdevmem there, which has to
know --check, --flows and --control, goes to the remote host as well: that sends from host memory.
Both ends count, and the counts have to agree. Each case prints what it measured for people and, in
a line that begins with "# perf: ", as JSON. How fast is fast enough, only whoever runs it knows.

Variables, of the environment or net.config, beside those of the README there:

  DEVMEM_FLOWS     how many connections; 4 by default
  DEVMEM_SECONDS   how long they send; 10 by default
  DEVMEM_MEMORY    where the received payload goes, as --memory has it, such as cuda
  DEVMEM_MIN_GBPS  fail below so many Gbit/s; no minimum by default
"""

import json
import time
from pathlib import Path

from lib.py import KsftFailEx, KsftNamedVariant, KsftSkipEx, NetDrvEpEnv, NetdevFamily
from lib.py import bkg, cmd, ksft_disruptive, ksft_eq, ksft_exit, ksft_ge, ksft_gt, ksft_pr
from lib.py import ksft_run, ksft_variants, rand_ports

NOT_SUPPORTED = 4
# Items of a check that kernel, driver or host lack for good. Where another one is missing, such as
# a free queue, an earlier test has left something behind: that is no reason to skip.
LACKING = ("kernel", "bind-rx", "privilege", "queue-management", "channels", "header-split",
           "ntuple", "rss")
# How long either end may take beside the measurement itself: under emulation, the receiver's set-up
# alone takes seconds.
PATIENCE = 60


def check(cfg, options: str) -> None:
    """Skips the case where a receiver cannot work here, and fails it where it cannot work now."""
    done = cmd(f"{cfg.bin_local} --check --format json -f {cfg.ifname} {options}", fail=False,
               timeout=PATIENCE)
    report = json.loads(done.stdout)
    missing = [item for item in report["items"] if item["verdict"] == "missing"]
    if not missing:
        return
    words = "; ".join(f"{item['item']}: {item['seen']}" for item in missing)
    if all(item["item"] in LACKING or item["item"].startswith("memory-") for item in missing):
        raise KsftSkipEx(words)
    raise KsftFailEx(words)


def wait_listening(tool, port: int) -> None:
    """Waits until the receiver listens on its control port, or has ended."""
    deadline = time.monotonic() + PATIENCE
    while tool.proc.poll() is None and time.monotonic() < deadline:
        if cmd(f"ss -Hltn sport = :{port}", timeout=PATIENCE).stdout:
            return
        time.sleep(0.1)


def document(tool, where: str) -> dict:
    """What one end reports of the measurement. Skips the case if it says that it cannot do it."""
    lines = tool.stdout.splitlines()
    if not lines:
        raise KsftFailEx(f"{where}: no document: {tool.stderr}")
    report = json.loads(lines[-1])
    if report["verdict"] == "unsupported":
        raise KsftSkipEx(f"{where}: {report['failure']['text']}")
    if report["verdict"] != "ok":
        raise KsftFailEx(f"{where}: {report['failure']['text']}")
    return report


def measure(cfg, flows: int, seconds: int) -> tuple[dict, dict]:
    """What receiver and sender report of as many flows, in as many queues as may be bound."""
    queues = [queue for queue in NetdevFamily().queue_get({"ifindex": cfg.ifindex}, dump=True)
              if queue["type"] == "rx"]
    bound = max(1, min(flows, len(queues) // 2))
    options = f"-t {len(queues) - bound} -q {bound}"
    if memory := cfg.env.get("DEVMEM_MEMORY"):
        options += f" --memory {memory}"
    check(cfg, options)
    port, control = rand_ports(2)
    ends = (f"-s {cfg.addr} -p {port} --control {control} --interval 0 --timeout {PATIENCE}"
            " --json")
    listen = f"{cfg.bin_local} -l -f {cfg.ifname} {options} -v 7 {ends}"
    talk = (f"{cfg.bin_remote} -f {cfg.remote_ifname} {ends} --flows {flows}"
            f" --duration {seconds} --host-memory")
    with bkg(listen, fail=False, exit_wait=True) as receiver:
        wait_listening(receiver, control)
        # Without a receiver there is nothing to send to, and the receiver's document says why.
        listens = receiver.proc.poll() is None
        sender = cmd(talk, host=cfg.remote, fail=False, timeout=seconds + PATIENCE) \
            if listens else None
    received = document(receiver, "receiver")
    return received, document(sender, "sender")


@ksft_variants([KsftNamedVariant("v4", "4"), KsftNamedVariant("v6", "6")])
@ksft_disruptive
def check_rx(cfg, ipver: str) -> None:
    """Flows of the remote host go into device memory here, each byte as it was sent."""
    cfg.set_ipver(ipver)
    received, sent = measure(
        cfg, int(cfg.env.get("DEVMEM_FLOWS", 4)), int(cfg.env.get("DEVMEM_SECONDS", 10)))
    total = received["total"]
    ksft_gt(total["bytes"], 0, "bytes received")
    ksft_eq(total["bytes"], total["device_bytes"], "all in device memory")
    ksft_eq(total["wrong_bytes"], 0, "wrong bytes")
    ksft_eq({flow["caller_port"]: flow["bytes"] for flow in received["flows"]},
            {flow["caller_port"]: flow["bytes"] for flow in sent["flows"]},
            "both ends have counted the same bytes of each flow")
    report(cfg, received, sent)
    if minimum := float(cfg.env.get("DEVMEM_MIN_GBPS", 0)):
        ksft_ge(total["gigabits_per_second"], minimum, "Gbit/s")


def report(cfg, received: dict, sent: dict) -> None:
    """Prints what was measured."""
    total = received["total"]
    cost = sum(worker["thread_cpu_seconds"] for worker in received["workers"])
    figures = {
        "ip_version": int(cfg.addr_ipver),
        "driver": received["configuration"]["driver"],
        "memory": received["configuration"]["memory"]["kind"],
        "flows": len(received["flows"]),
        "queues": len(received["configuration"]["rx_queues"]),
        "seconds": total["seconds"],
        "bytes": total["bytes"],
        "gigabits_per_second": total["gigabits_per_second"],
        "receiver_cpu_seconds": round(cost, 3),
        "receiver_cpu_idle_percent": received["mean_idle_percent"],
        "retransmits": sum(flow["retransmits"] for flow in sent["flows"]),
        "queue_drops": sum(queue["drops"] or 0 for queue in received["queues"]),
    }
    ksft_pr(f"IPv{cfg.addr_ipver}: {figures['flows']} flows into {figures['queues']} queues,"
            f" {total['bytes']} bytes in {total['seconds']} s:"
            f" {total['gigabits_per_second']} Gbit/s, {figures['receiver_cpu_seconds']} s of CPU,"
            f" {figures['retransmits']} retransmits, {figures['queue_drops']} drops")
    ksft_pr(f"perf: {json.dumps(figures)}")


def main() -> None:
    """Runs the cases."""
    with NetDrvEpEnv(__file__) as cfg:
        cfg.bin_local = str(Path(__file__).resolve().with_name("ncdevmem"))
        cfg.bin_remote = cfg.remote.deploy(cfg.bin_local)
        ksft_run([check_rx], args=(cfg,))
    ksft_exit()


if __name__ == "__main__":
    main()
