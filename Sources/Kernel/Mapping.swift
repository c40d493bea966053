// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc

/// A shared mapping of a file into memory, memory of its own, or a range of addresses without memory;
/// unmapped when its owner goes away.
@safe package struct Mapping: ~Copyable {
  /// Where the mapping begins, for as long as this lasts.
  package let base: UnsafeMutableRawPointer

  /// The mapping's length in bytes.
  package let count: Int

  /// Maps the first `count` bytes of a file. The corresponding C function is `mmap`.
  ///
  /// - Parameter isWritable: Whether the mapping is to be written, too.
  package init(
    _ descriptor: borrowing OwnedDescriptor, count: Int, isWritable: Bool = true
  ) throws(Errno) {
    try self.init(
      count: count, isWritable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED,
      of: descriptor.rawValue)
  }

  /// Reserves addresses that stand for memory elsewhere: whoever reads or writes there ends the
  /// process (`PROT_NONE`).
  package init(reserving count: Int) throws(Errno) {
    try self.init(count: count, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, of: -1)
  }

  /// Maps memory that nothing else has, filled with zeros (`MAP_ANONYMOUS`).
  package init(ofNewMemory count: Int) throws(Errno) {
    try self.init(count: count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, of: -1)
  }

  private init(
    count: Int, _ protection: CInt, _ flags: CInt, of descriptor: CInt
  ) throws(Errno) {
    let address = unsafe mmap(nil, count, protection, flags, descriptor, 0)
    guard let address = unsafe address, unsafe address != MAP_FAILED else { throw Errno.last }
    unsafe base = address
    self.count = count
  }

  deinit { unsafe _ = munmap(base, count) }

  /// The mapped bytes.
  package var bytes: RawSpan {
    @_lifetime(borrow self)
    borrowing get {
      unsafe _overrideLifetime(
        RawSpan(_unsafeStart: UnsafeRawPointer(base), byteCount: count), borrowing: self)
    }
  }

  /// Gives the pages at the start back to whom they belong: what is read there next is something
  /// else. The corresponding C function is `madvise` with `MADV_DONTNEED`.
  package func release(first count: Int) throws(Errno) {
    try retrying { unsafe madvise(base, count, CInt(MADV_DONTNEED)) }
  }

  /// Some of the mapped bytes, to be written.
  ///
  /// - Precondition: the range is within the mapping.
  @_lifetime(&self)
  package mutating func mutableBytes(in range: Range<Int>) -> MutableRawSpan {
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
    return unsafe _overrideLifetime(
      MutableRawSpan(_unsafeStart: base + range.lowerBound, byteCount: range.count),
      mutating: &self)
  }
}
