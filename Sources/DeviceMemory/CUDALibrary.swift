// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Kernel

/// What is needed of libcuda, the driver interface of NVIDIA's GPUs. Names that end in `_v2` are
/// those that its header maps the plain names to.
@safe struct CUDALibrary: @unchecked Sendable {
  private let getErrorName: CLinux_cuGetErrorText
  private let getErrorString: CLinux_cuGetErrorText
  private let initialize: CLinux_cuInit
  let deviceGetCount: CLinux_cuDeviceGetCount
  let deviceGet: CLinux_cuDeviceGet
  let deviceGetName: CLinux_cuDeviceGetText
  let deviceGetPCIBusID: CLinux_cuDeviceGetText
  let deviceTotalMem: CLinux_cuDeviceTotalMem
  let deviceGetAttribute: CLinux_cuDeviceGetAttribute
  let primaryContextRetain: CLinux_cuDevicePrimaryCtxRetain
  let primaryContextRelease: CLinux_cuDevicePrimaryCtxRelease
  let contextSetCurrent: CLinux_cuCtxSetCurrent
  let contextSynchronize: CLinux_cuCtxSynchronize
  let memAlloc: CLinux_cuMemAlloc
  let memFree: CLinux_cuMemFree
  let memAllocHost: CLinux_cuMemAllocHost
  let memFreeHost: CLinux_cuMemFreeHost
  let memsetD8: CLinux_cuMemsetD8
  let memcpyDtoH: CLinux_cuMemcpyDtoH
  let memcpyHtoD: CLinux_cuMemcpyHtoD
  let pointerSetAttribute: CLinux_cuPointerSetAttribute
  let memGetHandle: CLinux_cuMemGetHandleForAddressRange
  let flushWrites: CLinux_cuFlushGPUDirectRDMAWrites
  let moduleLoadData: CLinux_cuModuleLoadDataEx
  let moduleUnload: CLinux_cuModuleUnload
  let moduleGetFunction: CLinux_cuModuleGetFunction
  let streamCreate: CLinux_cuStreamCreate
  let streamDestroy: CLinux_cuStreamDestroy
  let streamQuery: CLinux_cuStreamQuery
  let launchKernel: CLinux_cuLaunchKernel
}

extension CUDALibrary {
  /// Opens and initialises the library.
  ///
  /// - Throws: A failure of the kind `unsupported` where this host has no such library or no GPU.
  init(at path: String) throws(Failure) {
    let library = try DynamicLibrary(path, from: "NVIDIA's driver (Debian: libcuda1)")
    unsafe try self.init(
      getErrorName: library.function("cuGetErrorName"),
      getErrorString: library.function("cuGetErrorString"),
      initialize: library.function("cuInit"),
      deviceGetCount: library.function("cuDeviceGetCount"),
      deviceGet: library.function("cuDeviceGet"),
      deviceGetName: library.function("cuDeviceGetName"),
      deviceGetPCIBusID: library.function("cuDeviceGetPCIBusId"),
      deviceTotalMem: library.function("cuDeviceTotalMem_v2"),
      deviceGetAttribute: library.function("cuDeviceGetAttribute"),
      primaryContextRetain: library.function("cuDevicePrimaryCtxRetain"),
      primaryContextRelease: library.function("cuDevicePrimaryCtxRelease_v2"),
      contextSetCurrent: library.function("cuCtxSetCurrent"),
      contextSynchronize: library.function("cuCtxSynchronize"),
      memAlloc: library.function("cuMemAlloc_v2"),
      memFree: library.function("cuMemFree_v2"),
      memAllocHost: library.function("cuMemAllocHost_v2"),
      memFreeHost: library.function("cuMemFreeHost"),
      memsetD8: library.function("cuMemsetD8_v2"),
      memcpyDtoH: library.function("cuMemcpyDtoH_v2"),
      memcpyHtoD: library.function("cuMemcpyHtoD_v2"),
      pointerSetAttribute: library.function("cuPointerSetAttribute"),
      memGetHandle: library.function("cuMemGetHandleForAddressRange"),
      flushWrites: library.function("cuFlushGPUDirectRDMAWrites"),
      moduleLoadData: library.function("cuModuleLoadDataEx"),
      moduleUnload: library.function("cuModuleUnload"),
      moduleGetFunction: library.function("cuModuleGetFunction"),
      streamCreate: library.function("cuStreamCreate"),
      streamDestroy: library.function("cuStreamDestroy_v2"),
      streamQuery: library.function("cuStreamQuery"),
      launchKernel: library.function("cuLaunchKernel"))
    try check("start CUDA", initialize(0), of: "cuInit")
  }

  /// The host's GPUs.
  func devices() throws(Failure) -> [CUDADevice] {
    var count: CInt = 0
    try check("count the GPUs", unsafe deviceGetCount(&count), of: "cuDeviceGetCount")
    var devices: [CUDADevice] = []
    for index in 0..<Int(count) { devices.append(try CUDADevice(index, of: self)) }
    return devices
  }

  /// Turns a result that is not success into a failure.
  ///
  /// - Parameters:
  ///   - call: The C function's name.
  ///   - log: What the library has to say of it besides.
  func check(
    _ operation: String, on subject: @autoclosure () -> String = "", _ result: CLinux_CUresult,
    of call: StaticString, log: @autoclosure () -> String = "", hint: String? = nil
  ) throws(Failure) {
    guard result != CLinux_CUresult(CLinux_CUDA_SUCCESS.rawValue) else { return }
    let log = log()
    throw Failure(
      operation, on: subject(),
      reason: "\(call): \(describe(result))" + (log.isEmpty ? "" : ": \(log)"), hint: hint,
      kind: Self.unsupported.contains(result) ? .unsupported : .failed)
  }

  /// A result, in the library's words.
  func describe(_ result: CLinux_CUresult) -> String {
    let name = unsafe text(of: result, by: getErrorName) ?? "CUDA error \(result)"
    return unsafe text(of: result, by: getErrorString).map { "\(name) (\($0))" } ?? name
  }

  private func text(of result: CLinux_CUresult, by call: CLinux_cuGetErrorText) -> String? {
    var text: UnsafePointer<CChar>?
    return unsafe call(result, &text) == 0 ? text.map { unsafe String(cString: $0) } : nil
  }

  /// Results that say that this host cannot do it.
  private static let unsupported: Set<CLinux_CUresult> = Set(
    [
      CLinux_CUDA_ERROR_STUB_LIBRARY, CLinux_CUDA_ERROR_NO_DEVICE, CLinux_CUDA_ERROR_NOT_SUPPORTED,
      CLinux_CUDA_ERROR_SYSTEM_DRIVER_MISMATCH,
    ].map { CLinux_CUresult($0.rawValue) })
}
