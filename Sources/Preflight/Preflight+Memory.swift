// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory
internal import Kernel
internal import NIC
internal import Netdev
internal import Options

/// Where device memory can come from, and what bounds it.
extension Preflight {
  mutating func memoryFindings() -> [Finding] {
    memories() + [
      Finding("ring-memory", ringMemory()), Finding("iommu", iommu()),
      Finding("udmabuf-limit", udmabufLimit()), Finding("available-memory", availableMemory()),
      Finding("huge-pages", hugePages()), Finding("memlock", lockedMemory()),
    ]
  }

  /// What the host has: of the kind that the run is meant to use, one must be ready.
  private func memories() -> [Finding] {
    let all = MemoryAvailability.all(on: files)
    let meant = all.filter { $0.satisfies(target.memory.kind) }
    let isReady = meant.contains { $0.state == .ready }
    var findings = all.map { availability in
      let isNeeded = !isReady && meant.contains(availability)
      return Finding("memory-\(availability.kind.name)", observe(availability, isNeeded: isNeeded))
    }
    if meant.isEmpty { findings.append(Finding("memory-\(target.memory.kind.name)", given())) }
    return findings
  }

  private func observe(_ availability: MemoryAvailability, isNeeded: Bool) -> Observation {
    // What bounds a udmabuf has lines of its own.
    let limits = availability.kind == .udmabuf(nil) ? [] : availability.limits
    var seen = ([availability.seen] + limits).joined(separator: ", ")
    if availability.state == .ready { return .ok(seen) }
    if availability.state == .refused { seen += ": this process may not open it" }
    return Observation(isNeeded ? .missing : .warn, seen, do: availability.remedy)
  }

  /// Memory that is none of the host's: a dma-buf that was left open, or what there is not.
  private func given() -> Observation {
    if case .host = target.memory.kind { return .ok("pages of the process's own") }
    guard case .descriptor(let descriptor) = target.memory.kind else {
      return .missing("this host has none of that name", do: "choose another (--memory)")
    }
    // As `drivers/dma-buf/dma-buf.c` (`dmabuffs_dname`) names them.
    let number = descriptor.rawValue
    guard let target = files.link("/proc/self/fd/\(number)"), target.hasPrefix("/dmabuf:") else {
      return .missing("descriptor \(number) is no dma-buf", do: "have the parent leave one open")
    }
    let seen = "a dma-buf that the parent left open"
    return switch GivenMemory(descriptor).access {
    case .none?:
      .warn("\(seen), which the CPU cannot reach", do: "measure without -v (--flows)")
    case .readOnly?: .ok("\(seen), which the CPU can only read: no sending from it")
    case .mapped?, .copies?, nil: .ok(seen)
    }
  }

  /// Compares what is to be bound with the driver's bounds: the size of a buffer, and into how many
  /// pieces one may be cut, which here is one (`drivers/dma-buf/udmabuf.c`).
  private func udmabufLimit() -> Observation {
    let wish = "\(mebibytes(byteCount)) MiB to be bound"
    guard let limit = UDMABuf.sizeLimit(on: files) else {
      return .ok("\(wish); no limit reported")
    }
    let pieces =
      files.number("/sys/module/udmabuf/parameters/list_limit").map { ", list_limit \($0)" } ?? ""
    let seen = "\(wish), size_limit_mb \(limit)\(pieces)"
    guard case .udmabuf = target.memory.kind,
      let remedy = UDMABuf.remedy(forLimitOf: byteCount, on: files)
    else { return .ok(seen) }
    return .missing(seen, do: remedy)
  }

  /// Compares what is to be bound with the ordinary memory that the host can give.
  private func availableMemory() -> Observation {
    guard let available = files.availableMemory else { return .ok("the kernel does not say") }
    let seen = "\(mebibytes(byteCount)) MiB to be bound, \(available >> 20) MiB available"
    return switch target.memory.kind {
    case _ where pages != nil: .ok(seen)
    case .udmabuf, .host, .heap("system"):
      byteCount <= available
        ? .ok(seen) : .missing(seen, do: "choose less memory (--memory-size)")
    default: .ok(seen)
    }
  }

  /// Compares what is to be bound with the huge pages that it would be made of.
  private func hugePages() -> Observation {
    let seen = "\(text(of: .huge2MiB, "2 MiB")), \(text(of: .huge1GiB, "1 GiB"))"
    let pages = pages ?? .huge2MiB
    let needed = (byteCount + pages.byteCount - 1) / pages.byteCount
    let remedy = "echo \(needed) >\(pages.pool)/nr_hugepages"
    if free(of: pages) >= needed { return .ok(seen) }
    guard self.pages != nil else {
      return .warn("\(seen): too few for large buffers (-b)", do: remedy)
    }
    return .missing("\(seen), and \(needed) are needed", do: remedy)
  }

  /// The huge pages that the run would use: those asked for, or those that buffers larger than a
  /// page need. `nil` where it would use none.
  private var pages: UDMABuf.PageSize? {
    let choice: UDMABuf.PageSize?
    switch target.memory.kind {
    case .udmabuf(let pages), .host(let pages): choice = pages
    default: return nil
    }
    let pages = choice ?? .holding(buffersOf: target.binding.rxPageSize)
    return pages == .base ? nil : pages
  }

  private func text(of pages: UDMABuf.PageSize, _ size: String) -> String {
    let reserved = files.number(pages.pool + "/nr_hugepages") ?? 0
    return "\(free(of: pages)) of \(reserved) of \(size) free"
  }

  private func free(of pages: UDMABuf.PageSize) -> Int {
    files.number(pages.pool + "/free_hugepages") ?? 0
  }

  /// Device memory does not count as locked, whatever a `MSG_ZEROCOPY` of ordinary memory does; pages
  /// that a ring is registered over do (`io_uring/rsrc.c`, `io_account_mem`).
  private func lockedMemory() -> Observation {
    guard let line = files.text("/proc/self/limits") else { return .ok("the limit cannot be read") }
    let row = line.split(separator: "\n").first { $0.hasPrefix("Max locked memory") } ?? ""
    let limit = row.split(separator: " ").dropFirst(3).first ?? "unknown"
    if case .host = target.memory.kind {
      return .ok(
        "\(limit) bytes; a ring's memory counts as locked unless the run has CAP_IPC_LOCK")
    }
    return .ok("\(limit) bytes; device memory is not counted as locked")
  }

  /// Compares what is to be bound with what the rings of the queues take at once, before a packet
  /// comes: with less, a queue starves.
  private mutating func ringMemory() -> Observation {
    guard let queues = queues(), let rings = try? interface.rings(),
      let entries = rings.jumboEntries ?? rings.sizes.receive
    else { return .ok("the driver reports no ring sizes") }
    let needed =
      max(Int(entries) * bufferSize(by: rings), interface.leastMemoryPerQueue ?? 0) * queues.count
    let seen =
      "\(mebibytes(byteCount)) MiB to be bound; the rings of \(queues.namedAsQueues) take up to "
      + "\(mebibytes(needed)) MiB at once"
    guard byteCount < needed else { return .ok(seen) }
    return .warn(
      "\(seen): nothing is left for what has come",
      do: "--memory-size \(2 * mebibytes(needed))M, or smaller rings: "
        + "ethtool -G \(interface.name) rx N")
  }

  /// How much is to be bound.
  private var byteCount: Int { target.memory.byteCount ?? MemoryChoice.defaultByteCount }

  private func mebibytes(_ bytes: Int) -> Int { (bytes + (1 << 20) - 1) >> 20 }
}
