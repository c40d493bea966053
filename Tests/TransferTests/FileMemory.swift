// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import DeviceMemory
import Glibc
import Kernel

/// An ordinary file in the place of device memory.
struct FileMemory: WritableMemory, ~Copyable {
  private var mapping: Mapping
  private let accesses = AccessLog()

  init(byteCount: Int) throws(Errno) {
    let file = OwnedDescriptor(owning: try retrying { unsafe CLinux_memfd_create("test", 0) })
    try retrying { ftruncate(file.rawValue, byteCount) }
    mapping = try Mapping(file, count: byteCount)
  }

  var byteCount: Int { mapping.count }

  @_lifetime(&self)
  mutating func mutableBytes(in range: Range<Int>) -> MutableRawSpan {
    mapping.mutableBytes(in: range)
  }

  func beginWriting() throws(Failure) { accesses.begin() }
  func endWriting(_ range: Range<Int>) throws(Failure) { accesses.end() }
}
