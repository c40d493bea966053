// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import CMnl
internal import Kernel

/// A netlink request under construction: its header, that of its family, then attributes in the
/// order they are put. libmnl lays it out.
package struct Request: Sendable {
  /// The most bytes that a request may have. A `struct nlattr` counts its length in 16 bits, so
  /// that no nest in a buffer of this size can wrap it.
  private static let capacity = 1 << 15

  private var buffer = [UInt8](repeating: 0, count: Self.capacity)

  /// Whether an attribute found no room. Such a request is not sent.
  private(set) var isOverfull = false

  /// The size in bytes of the family's own header, in the request and in what answers it.
  let headerSize: Int

  /// A request of generic netlink. The corresponding C structures are `nlmsghdr` and `genlmsghdr`.
  package init(_ family: Family, command: UInt8) {
    self.init(
      type: family.id, header: genlmsghdr(cmd: command, version: family.version, reserved: 0))
  }

  /// A request of another family of netlink, without attributes.
  ///
  /// - Parameter header: The family's own header, which comes before its attributes.
  init<Header: BitwiseCopyable>(type: UInt16, header: Header) {
    headerSize = MemoryLayout<Header>.size
    unsafe buffer.withUnsafeMutableBytes { bytes in
      guard let first = unsafe mnl_nlmsg_put_header(bytes.baseAddress) else { return }
      unsafe first.pointee.nlmsg_type = type
      let rest = unsafe mnl_nlmsg_put_extra_header(first, headerSize)
      unsafe rest?.storeBytes(of: header, as: Header.self)
    }
  }

  /// Puts an integer, in the host's byte order and as wide as its type.
  package mutating func put(_ type: UInt16, _ value: some FixedWidthInteger & BitwiseCopyable) {
    put(type, [UInt8](of: value))
  }

  /// Puts a string and its terminating zero.
  package mutating func put(_ type: UInt16, _ value: String) {
    put(type, Array(value.utf8) + [0])
  }

  /// Puts bytes as they are. The corresponding C function is `mnl_attr_put_check`.
  package mutating func put(_ type: UInt16, _ value: [UInt8]) {
    let fits = unsafe withHeader { header in
      unsafe value.withUnsafeBytes {
        unsafe mnl_attr_put_check(header, Self.capacity, type, $0.count, $0.baseAddress)
      }
    }
    if !fits { isOverfull = true }
  }

  /// Puts a nest, marked `NLA_F_NESTED`, around the attributes that `fill` puts. The corresponding
  /// C functions are `mnl_attr_nest_start_check` and `mnl_attr_nest_end`.
  package mutating func nest(_ type: UInt16, _ fill: (inout Request) -> Void) {
    let start = unsafe withHeader { unsafe Int($0.pointee.nlmsg_len) }
    let fits = unsafe withHeader {
      unsafe mnl_attr_nest_start_check($0, Self.capacity, type) != nil
    }
    guard fits else {
      isOverfull = true
      return
    }
    fill(&self)
    unsafe withHeader { header in
      let nest = unsafe UnsafeMutableRawPointer(header) + start
      unsafe mnl_attr_nest_end(header, nest.assumingMemoryBound(to: nlattr.self))
    }
  }

  /// The message's bytes, flagged and numbered to be sent.
  func encoded(flags: CInt, sequence: UInt32) -> [UInt8] {
    var copy = self
    let length = unsafe copy.withHeader { header in
      unsafe header.pointee.nlmsg_flags = UInt16(flags)
      unsafe header.pointee.nlmsg_seq = sequence
      return unsafe Int(header.pointee.nlmsg_len)
    }
    return Array(copy.buffer.prefix(length))
  }

  private mutating func withHeader<Value>(
    _ body: (UnsafeMutablePointer<nlmsghdr>) -> Value
  ) -> Value {
    unsafe buffer.withUnsafeMutableBytes {
      unsafe body($0.baseAddress!.assumingMemoryBound(to: nlmsghdr.self))
    }
  }
}
