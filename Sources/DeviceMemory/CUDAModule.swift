// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Kernel

/// Code for a GPU, which the driver compiles from PTX for the GPU at hand, and one function of it.
@safe struct CUDAModule: ~Copyable {
  let function: CLinux_CUfunction?
  private let handle: Handle

  /// The code, which goes when this does: also where its function is not found.
  @safe private struct Handle: ~Copyable {
    let context: CUDAContext
    let module: CLinux_CUmodule?

    deinit {
      context.enterToRelease()
      unsafe _ = context.device.library.moduleUnload(module)
    }
  }

  /// Compiles and loads code.
  ///
  /// - Parameters:
  ///   - source: The code in PTX.
  ///   - name: The function's name.
  /// - Throws: With what the driver's compiler reports, if it compiles nothing.
  init(_ source: String, function name: String, in context: CUDAContext) throws(Failure) {
    try context.enter()
    let device = context.device
    let library = device.library
    var module: CLinux_CUmodule?
    var log = [CChar](repeating: 0, count: 4096)
    let result = unsafe Self.load(source, &module, &log, by: library)
    try library.check(
      "load a kernel into", on: device.subject, result, of: "cuModuleLoadDataEx",
      log: Self.line(of: log))
    let handle = unsafe Handle(context: context, module: module)
    var function: CLinux_CUfunction?
    try library.check(
      "find the kernel \(name) in", on: device.subject,
      unsafe library.moduleGetFunction(&function, module, name), of: "cuModuleGetFunction")
    unsafe self.function = function
    self.handle = handle
  }

  /// The compiler's words in one line.
  private static func line(of log: [CChar]) -> String {
    String(decoding: log.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
      .split(whereSeparator: \.isNewline).joined(separator: "; ")
  }

  private static func load(
    _ source: String, _ module: inout CLinux_CUmodule?, _ log: inout [CChar],
    by library: CUDALibrary
  ) -> CLinux_CUresult {
    var options = [
      CInt(CLinux_CU_JIT_ERROR_LOG_BUFFER), CInt(CLinux_CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES),
    ]
    return unsafe log.withUnsafeMutableBytes { log in
      // The size is a number in the place of a pointer.
      var values = unsafe [log.baseAddress, UnsafeMutableRawPointer(bitPattern: log.count)]
      return unsafe library.moduleLoadData(
        &module, source, CUnsignedInt(options.count), &options, &values)
    }
  }
}
