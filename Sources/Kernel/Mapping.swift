// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc

/// A shared, writable mapping of a file into memory, unmapped when its owner goes away.
@safe package struct Mapping: ~Copyable {
  /// Where the mapping begins, for as long as this lasts.
  package let base: UnsafeMutableRawPointer

  /// The mapping's length in bytes.
  package let count: Int

  /// Maps the first `count` bytes of a file. The corresponding C function is `mmap`.
  package init(_ descriptor: borrowing OwnedDescriptor, count: Int) throws(Errno) {
    let address = unsafe mmap(
      nil, count, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor.rawValue, 0)
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
