// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory
internal import Glibc
internal import Kernel

/// Where device memory can come from, and what bounds it.
extension Preflight {
  func memoryFindings() -> [Finding] {
    memories() + [
      Finding("udmabuf-limit", udmabufLimit()), Finding("huge-pages", hugePages()),
      Finding("memlock", lockedMemory()),
    ]
  }

  /// What the host has: of the kind that the run is meant to use, one must be ready.
  private func memories() -> [Finding] {
    let all = MemoryAvailability.all(on: files)
    let meant = all.filter { $0.satisfies(intent.memory) }
    let isReady = meant.contains { $0.state == .ready }
    var findings = all.map { availability in
      let isNeeded = !isReady && meant.contains(availability)
      return Finding("memory-\(availability.kind.name)", observe(availability, isNeeded: isNeeded))
    }
    if meant.isEmpty { findings.append(Finding("memory-\(intent.memory.name)", given())) }
    return findings
  }

  private func observe(_ availability: MemoryAvailability, isNeeded: Bool) -> Observation {
    // What bounds a udmabuf has lines of its own.
    let limits = availability.kind == .udmabuf(nil) ? [] : availability.limits
    var seen = ([availability.seen] + limits).joined(separator: ", ")
    if availability.state == .ready { return .ok(seen) }
    if availability.state == .refused { seen += ": not for this process" }
    return Observation(isNeeded ? .missing : .warn, seen, do: availability.remedy)
  }

  /// Memory that is none of the host's: a dma-buf that was left open, or what there is not.
  private func given() -> Observation {
    guard case .descriptor(let descriptor) = intent.memory else {
      return .missing("this host has none of that name", do: "choose another (--memory)")
    }
    // As `drivers/dma-buf/dma-buf.c` (`dmabuffs_dname`) names them.
    let number = descriptor.rawValue
    guard let target = files.link("/proc/self/fd/\(number)"), target.hasPrefix("/dmabuf:") else {
      return .missing("descriptor \(number) is no dma-buf", do: "have the parent leave one open")
    }
    return .ok("a dma-buf that the parent left open")
  }

  /// Compares what is to be bound with the driver's bounds: the size of a buffer, and into how many
  /// pieces one may be cut, which here is one (`drivers/dma-buf/udmabuf.c`).
  private func udmabufLimit() -> Observation {
    let parameters = "/sys/module/udmabuf/parameters/"
    let wish = "\(mebibytes(intent.memorySize)) MiB to be bound"
    guard let limit = files.number(parameters + "size_limit_mb") else {
      return .ok("\(wish); no limit is told")
    }
    let pieces = files.number(parameters + "list_limit").map { ", list_limit \($0)" } ?? ""
    let seen = "\(wish), size_limit_mb \(limit)\(pieces)"
    guard case .udmabuf = intent.memory, intent.memorySize > limit << 20 else { return .ok(seen) }
    return .missing(
      seen, do: "write \(mebibytes(intent.memorySize)) to \(parameters)size_limit_mb")
  }

  /// Compares what is to be bound with the huge pages that it would be made of.
  private func hugePages() -> Observation {
    func text(_ pool: (free: Int, reserved: Int), _ size: String) -> String {
      "\(pool.free) of \(pool.reserved) of \(size) free"
    }
    let (small, large) = (pool(ofPages: 21), pool(ofPages: 30))
    let seen = text(small, "2 MiB") + ", " + text(large, "1 GiB")
    let shift = hugePageShift
    let needed = (intent.memorySize + (1 << (shift ?? 21)) - 1) >> (shift ?? 21)
    let remedy = "echo \(needed) >\(directory(ofPages: shift ?? 21))nr_hugepages"
    if (shift == 30 ? large : small).free >= needed { return .ok(seen) }
    guard shift != nil else {
      return .warn("\(seen): too few for large buffers (-b)", do: remedy)
    }
    return .missing("\(seen), and \(needed) are needed", do: remedy)
  }

  /// The size, as a power of 2, of the huge pages that the run would use: of those asked for, or of
  /// those that buffers larger than a page need. nil where it would use none.
  private var hugePageShift: Int? {
    guard case .udmabuf(let size) = intent.memory else { return nil }
    switch size {
    case .huge1GiB: return 30
    case .huge2MiB: return 21
    case .base: return nil
    case nil:
      return Int(intent.rxPageSize ?? 0) > Int(sysconf(CInt(_SC_PAGESIZE))) ? 21 : nil
    }
  }

  private func pool(ofPages shift: Int) -> (free: Int, reserved: Int) {
    (
      files.number(directory(ofPages: shift) + "free_hugepages") ?? 0,
      files.number(directory(ofPages: shift) + "nr_hugepages") ?? 0
    )
  }

  private func directory(ofPages shift: Int) -> String {
    "/sys/kernel/mm/hugepages/hugepages-\(1 << (shift - 10))kB/"
  }

  /// Device memory does not count as locked, whatever a `MSG_ZEROCOPY` of ordinary memory does.
  private func lockedMemory() -> Observation {
    guard let line = files.text("/proc/self/limits") else { return .ok("not told") }
    let row = line.split(separator: "\n").first { $0.hasPrefix("Max locked memory") } ?? ""
    let limit = row.split(separator: " ").dropFirst(3).first ?? "unknown"
    return .ok("\(limit) bytes; device memory is not counted as locked")
  }

  private func mebibytes(_ bytes: Int) -> Int { (bytes + (1 << 20) - 1) >> 20 }
}
