// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Kernel

/// A GPU, as libcuda describes it.
struct CUDADevice: Sendable {
  let library: CUDALibrary
  let index: Int
  let handle: CLinux_CUdevice
  let name: String
  /// Such as `0000:3b:00.0`.
  let address: String

  init(_ index: Int, of library: CUDALibrary) throws(Failure) {
    self.library = library
    self.index = index
    let subject = "number \(index)"
    var handle: CLinux_CUdevice = -1
    try library.check(
      "use the GPU", on: subject, unsafe library.deviceGet(&handle, CInt(index)),
      of: "cuDeviceGet")
    self.handle = handle
    var text = [CChar](repeating: 0, count: 256)
    try library.check(
      "ask for the name of the GPU", on: subject,
      unsafe library.deviceGetName(&text, CInt(text.count), handle), of: "cuDeviceGetName")
    name = Self.string(text)
    try library.check(
      "ask for the PCI address of the GPU", on: subject,
      unsafe library.deviceGetPCIBusID(&text, CInt(text.count), handle),
      of: "cuDeviceGetPCIBusId")
    address = Self.string(text).lowercased()
  }

  /// The GPU, as messages name it.
  var subject: String { "GPU \(index) (\(name) at \(address))" }

  /// The size of its memory in bytes.
  var memorySize: Int {
    get throws(Failure) {
      var size = 0
      try library.check(
        "ask for the memory of", on: subject, unsafe library.deviceTotalMem(&size, handle),
        of: "cuDeviceTotalMem")
      return size
    }
  }

  /// Whether its memory can be exported as a dma-buf.
  var exports: Bool {
    get throws(Failure) { try value(of: CLinux_CU_DEVICE_ATTRIBUTE_DMA_BUF_SUPPORTED) != 0 }
  }

  /// Whether the GPU's own copies may miss what another device has just written unless they are
  /// preceded by a flush that the host asks for.
  var needsFlush: Bool {
    get throws(Failure) {
      let options = try value(of: CLinux_CU_DEVICE_ATTRIBUTE_GPU_DIRECT_RDMA_FLUSH_WRITES_OPTIONS)
      guard options & CInt(CLinux_CU_FLUSH_GPU_DIRECT_RDMA_WRITES_OPTION_HOST) != 0 else {
        return false
      }
      let ordering = try value(of: CLinux_CU_DEVICE_ATTRIBUTE_GPU_DIRECT_RDMA_WRITES_ORDERING)
      return ordering < CInt(CLinux_CU_FLUSH_GPU_DIRECT_RDMA_WRITES_TO_OWNER)
    }
  }

  private func value(of attribute: CLinux_CUdevice_attribute) throws(Failure) -> CInt {
    var value: CInt = 0
    try library.check(
      "ask for an attribute of", on: subject,
      unsafe library.deviceGetAttribute(&value, CInt(attribute.rawValue), handle),
      of: "cuDeviceGetAttribute")
    return value
  }

  private static func string(_ text: [CChar]) -> String {
    String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
