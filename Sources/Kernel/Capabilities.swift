// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux

/// Parts of root's privilege, which each thread has for itself (`capabilities(7)`).
package struct Capabilities: OptionSet, Sendable {
  /// A bit for each capability, as `/proc/PID/status` shows them.
  package let rawValue: UInt64

  package init(rawValue: UInt64) { self.rawValue = rawValue }

  private init(number: CInt) { rawValue = 1 << UInt64(number) }

  /// To configure network interfaces. The corresponding C constant is `CAP_NET_ADMIN`.
  package static let netAdmin = Capabilities(number: CAP_NET_ADMIN)

  /// To give up capabilities of the bounding set. The corresponding C constant is `CAP_SETPCAP`.
  package static let setPCap = Capabilities(number: CAP_SETPCAP)

  /// All that are set in a field of `/proc/PID/status`; none where there is no such field.
  package init(field: String, of process: String, files: SystemFiles = SystemFiles()) {
    let text = files.field(field, of: "/proc/\(process)/status")
    rawValue = text.flatMap { UInt64($0, radix: 16) } ?? 0
  }
}

extension Capabilities {
  /// The capabilities of the calling thread.
  package struct Sets: Equatable, Sendable {
    /// Those that the kernel looks for.
    package var effective: Capabilities
    /// Those that may become effective.
    package var permitted: Capabilities
    /// Those that a program may keep that is executed.
    package var inheritable: Capabilities

    package init(
      effective: Capabilities, permitted: Capabilities, inheritable: Capabilities
    ) {
      self.effective = effective
      self.permitted = permitted
      self.inheritable = inheritable
    }
  }

  /// Those of the calling thread. The corresponding C function is `capget`.
  package static func current() throws(Errno) -> Sets {
    var header = header
    var words: [2 of __user_cap_data_struct] = [.init(), .init()]
    var span = words.mutableSpan
    try retrying {
      unsafe span.withUnsafeMutableBufferPointer { unsafe CLinux_capget(&header, $0.baseAddress!) }
    }
    func all(_ word: (__user_cap_data_struct) -> UInt32) -> Capabilities {
      Capabilities(rawValue: UInt64(word(words[0])) | UInt64(word(words[1])) << 32)
    }
    return Sets(
      effective: all(\.effective), permitted: all(\.permitted), inheritable: all(\.inheritable))
  }

  /// Gives the calling thread these, of those that are permitted. Ambient are then at most those
  /// that are both permitted and inheritable (`security/commoncap.c`, `cap_capset`). The
  /// corresponding C function is `capset`.
  ///
  /// - Throws: `EPERM` for what is not permitted.
  package static func set(_ sets: Sets) throws(Errno) {
    var header = header
    func word(_ number: UInt64) -> __user_cap_data_struct {
      func part(_ set: Capabilities) -> UInt32 {
        UInt32(truncatingIfNeeded: set.rawValue >> (32 * number))
      }
      return __user_cap_data_struct(
        effective: part(sets.effective), permitted: part(sets.permitted),
        inheritable: part(sets.inheritable))
    }
    let words: [2 of __user_cap_data_struct] = [word(0), word(1)]
    let span = words.span
    try retrying {
      unsafe span.withUnsafeBufferPointer { unsafe CLinux_capset(&header, $0.baseAddress!) }
    }
  }

  /// Drops all capabilities of the calling thread but some of those that it has, for ever; those of
  /// the bounding set, too, if it may: nothing that it executes gets any then.
  package static func drop(allBut kept: Capabilities = []) throws(Errno) {
    let before = try current()
    if before.effective.contains(.setPCap) { emptyBoundingSet() }
    try set(
      Sets(
        effective: before.effective.intersection(kept),
        permitted: before.permitted.intersection(kept), inheritable: []))
  }

  /// The corresponding C function is `prctl` with `PR_CAPBSET_DROP`, which fails with `EINVAL`
  /// behind the last capability that the kernel knows.
  private static func emptyBoundingSet() {
    var number: CInt = 0
    while number < CInt(UInt64.bitWidth), CLinux_prctl_capbset_drop(number) == 0 { number += 1 }
  }

  /// Does something with no capability effective in the calling thread; the effective ones come
  /// back behind it.
  package static func withoutEffect<Value: ~Copyable>(
    _ body: () throws(Failure) -> Value
  ) throws(Failure) -> Value {
    let before = try? current()
    if var lowered = before {
      lowered.effective = []
      try? set(lowered)
    }
    defer { if let before { try? set(before) } }
    return try body()
  }

  private static var header: __user_cap_header_struct {
    __user_cap_header_struct(version: UInt32(_LINUX_CAPABILITY_VERSION_3), pid: 0)
  }
}
