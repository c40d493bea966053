// SPDX-License-Identifier: GPL-2.0-only

package import DeviceMemory
package import Kernel
package import Sockets
package import Transfer

/// Looks once, where a flow begins whose payload nobody reads, whether the NIC wrote anything there.
/// An IOMMU that drops the writes, or a bounce buffer that takes them, changes no count.
package struct WriteWitness {
  private let filling: Filling
  private var intactByteCount = 0

  /// Whether something was written; `nil` while too little has come to say so.
  package private(set) var finding: Result<Bool, Failure>?

  /// How many bytes must be as they were filled to show that nothing was written.
  private static let evidence = 16

  /// - Parameter filling: What was in the memory before the binding.
  package init(of filling: Filling) { self.filling = filling }

  /// Looks at a fragment, whose token the caller holds.
  package mutating func look(
    at fragment: Fragment, in memory: borrowing some ReadableMemory & ~Copyable
  ) {
    let size = Int(fragment.size)
    guard finding == nil, size > 0, let start = Int(exactly: fragment.offset),
      start <= filling.byteCount - size
    else { return }
    let range = start..<start + size
    do throws(Failure) {
      let filling = filling
      let isIntact = try memory.reading(range) { bytes throws(Failure) in
        filling.isIntact(range, of: bytes)
      }
      intactByteCount += size
      if !isIntact {
        finding = .success(true)
      } else if intactByteCount >= Self.evidence {
        finding = .success(false)
      }
    } catch {
      finding = .failure(error)
    }
  }
}
