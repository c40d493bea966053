// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux

/// How a GPU's driver lets other devices reach the memory of a dma-buf.
package enum CUDAMapping: String, CaseIterable, Sendable {
  /// Over PCIe, in the GPU's BAR 1. Where the CPU reaches the GPU by another way (NVLink-C2C), a NIC
  /// needs this. CUDA 12.8 has it; not every GPU does.
  case pcie
  /// As the driver sees fit: the only way that older drivers have.
  case standard = "default"

  /// What `cuMemGetHandleForAddressRange` takes for it.
  var flags: UInt64 {
    switch self {
    case .pcie: UInt64(CLinux_CU_MEM_RANGE_FLAG_DMA_BUF_MAPPING_TYPE_PCIE)
    case .standard: 0
    }
  }

  /// What a driver or a GPU answers that does not have this mapping. An older driver knows no flag
  /// at all.
  static let refusals: Set<CLinux_CUresult> = [
    CLinux_CUresult(CLinux_CUDA_ERROR_INVALID_VALUE.rawValue),
    CLinux_CUresult(CLinux_CUDA_ERROR_NOT_SUPPORTED.rawValue),
  ]
}
