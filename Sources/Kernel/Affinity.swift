// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux

/// Where the calling thread runs.
package enum Affinity {
  private static let wordCount = CPUList.limit / UInt.bitWidth

  /// The CPUs that the thread may run on, in ascending order. The corresponding C function is
  /// `sched_getaffinity`.
  package static func allowed() throws(Errno) -> [Int] {
    var mask = [UInt](repeating: 0, count: wordCount)
    try retrying {
      unsafe mask.withUnsafeMutableBufferPointer {
        unsafe CLinux_sched_getaffinity($0.count * MemoryLayout<UInt>.size, $0.baseAddress!)
      }
    }
    return (0..<CPUList.limit).filter { mask[$0 / UInt.bitWidth] >> ($0 % UInt.bitWidth) & 1 == 1 }
  }

  /// Keeps the thread on one CPU, and verifies that it runs there. The corresponding C function is
  /// `sched_setaffinity`.
  ///
  /// - Precondition: the number is below `CPUList.limit`.
  /// - Throws: `EINVAL` if there is no such CPU or the thread may not run there, `EXDEV` if the
  ///   kernel agreed but the thread still runs elsewhere.
  package static func pin(to cpu: Int) throws(Errno) {
    var mask = [UInt](repeating: 0, count: wordCount)
    mask[cpu / UInt.bitWidth] = 1 << (cpu % UInt.bitWidth)
    try retrying {
      unsafe mask.withUnsafeBufferPointer {
        unsafe CLinux_sched_setaffinity($0.count * MemoryLayout<UInt>.size, $0.baseAddress!)
      }
    }
    guard try allowed() == [cpu], currentCPU == cpu else { throw .crossDevice }
  }

  /// The CPU that the thread runs on now. The corresponding C function is `sched_getcpu`.
  package static var currentCPU: Int { Int(CLinux_sched_getcpu()) }
}
