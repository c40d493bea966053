// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory
package import Kernel
internal import Sockets

/// Ordinary memory that payload is sent from; copies are the same memory. Pages that the kernel still
/// sends from when the last one goes away keep what they have: they are this memory's alone.
@safe package struct HostMemory: WritableMemory, Sendable {
  private final class Storage: @unchecked Sendable {
    let mapping: Mapping

    init(_ mapping: consuming Mapping) { self.mapping = mapping }
  }

  private let storage: Storage

  /// Takes memory.
  package init(byteCount: Int) throws(Failure) {
    storage = try attempt("take \(byteCount) bytes of memory") { () throws(Errno) in
      Storage(try Mapping(ofNewMemory: byteCount))
    }
  }

  package var byteCount: Int { storage.mapping.count }

  @_lifetime(&self)
  package mutating func mutableBytes(in range: Range<Int>) -> MutableRawSpan {
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount)
    return unsafe _overrideLifetime(
      MutableRawSpan(_unsafeStart: storage.mapping.base + range.lowerBound, byteCount: range.count),
      mutating: &self)
  }

  package func beginWriting() throws(Failure) {}

  package func endWriting(_ range: Range<Int>) throws(Failure) {}

  /// Sends a part of it over a connection, as much as there is room for.
  ///
  /// - Parameter copying: Whether the kernel copies it, or sends it from here; then a notice says
  ///   when it is done.
  /// - Precondition: the range is within the memory.
  func send(
    _ range: Range<Int>, over connection: borrowing Connection, copying: Bool
  ) throws(Errno) -> Int {
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount)
    let bytes = unsafe Span<UInt8>(
      _unsafeStart: storage.mapping.base.assumingMemoryBound(to: UInt8.self) + range.lowerBound,
      count: range.count)
    return copying
      ? try connection.sendCopy(bytes) : try connection.sendInPlace(bytes)
  }
}
