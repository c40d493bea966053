// SPDX-License-Identifier: GPL-2.0-only

/// Which memory to take.
package enum MemoryKind: Equatable, Sendable {
  /// Ordinary memory behind `/dev/udmabuf`; with pages that hold the NIC's buffers if `nil`.
  case udmabuf(UDMABuf.PageSize?)
  /// A dma-heap, by name.
  case heap(String)
  case drm(DRMMemory.Choice)
  /// A dma-buf that the parent left open.
  case descriptor(CInt)
  /// An NVIDIA GPU as CUDA counts them; the nearest if `nil`.
  case cuda(Int?)

  /// Where to take it from.
  ///
  /// - Parameters:
  ///   - niovSize: The size of the NIC's buffers in bytes; 0 for pages.
  ///   - interface: The network interface that it is for.
  package func provider(forNIOVs niovSize: Int, near interface: String) -> any MemoryProvider {
    switch self {
    case .udmabuf(let pageSize?): UDMABuf(pageSize)
    case .udmabuf(nil): UDMABuf(forNIOVs: niovSize)
    case .heap(let name): DMAHeap(named: name)
    case .drm(let choice): DRMMemory(choice)
    case .descriptor(let number): GivenMemory(descriptor: number)
    case .cuda(let index): CUDAMemory(gpu: index, near: interface)
    }
  }
}
