// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// Which memory to take.
package enum MemoryKind: Equatable, Sendable {
  /// Ordinary memory behind `/dev/udmabuf`; with pages that hold the NIC's buffers if `nil`.
  case udmabuf(UDMABuf.PageSize?)
  /// Pages of the process's own, which are no dma-buf; with pages that hold the NIC's buffers if `nil`.
  case host(UDMABuf.PageSize?)
  /// A dma-heap, by name.
  case heap(String)
  /// A dumb buffer of a DRM device.
  case drm(DRMMemory.Choice)
  /// A dma-buf that the parent left open.
  case descriptor(Descriptor)
  /// An NVIDIA GPU as CUDA counts them; the nearest if `nil`.
  case cuda(Int?)

  /// How the option `--memory` names each kind, without what it may take.
  package static let forms = ["udmabuf", "host", "heap:NAME", "drm", "fd:N", "cuda"]

  /// As the option `--memory` names it, such as `heap:system`; `udmabuf` and `host` without their pages.
  package var name: String {
    switch self {
    case .udmabuf: "udmabuf"
    case .host: "host"
    case .heap(let name): "heap:\(name)"
    case .drm(.any): "drm"
    case .drm(.node(let node)): "drm:\(node)"
    case .drm(.driver(let driver)): "drm:\(driver)"
    case .descriptor(let descriptor): "fd:\(descriptor.rawValue)"
    case .cuda(nil): "cuda"
    case .cuda(let index?): "cuda:\(index)"
    }
  }

  /// Where to take it from.
  ///
  /// - Parameters:
  ///   - interface: The network interface that it is for.
  ///   - bufferSize: The size of the NIC's buffers in bytes; a page if `nil`.
  package func provider(
    near interface: String, forBuffersOf bufferSize: UInt32? = nil
  ) -> any MemoryProvider {
    switch self {
    case .udmabuf(let pages?): UDMABuf(pages)
    case .udmabuf(nil): UDMABuf(forBuffersOf: bufferSize)
    case .host(let pages): PageMemory(pages ?? .holding(buffersOf: bufferSize))
    case .heap(let name): DMAHeap(named: name)
    case .drm(let choice): DRMMemory(choice)
    case .descriptor(let descriptor): GivenMemory(descriptor)
    case .cuda(let index): CUDAMemory(gpu: index, near: interface)
    }
  }
}
