// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc
package import Kernel

/// The stand-in for libcuda (`selftests/cuda`), built by the C compiler when first asked
/// for. Its state is that of the process: tests that use it take turns.
@safe package struct StandInCUDA {
  /// Where it is.
  package let path: String

  private let configure: @convention(c) (UnsafePointer<CChar>, UnsafePointer<CChar>) -> Void
  private let setAttribute: @convention(c) (CInt, CInt) -> Void
  private let setPCIeMapping: @convention(c) (CInt) -> Void
  private let log: @convention(c) () -> UnsafePointer<CChar>
  private let live: @convention(c) () -> CInt
  private let deviceWrite: @convention(c) (Int, UnsafeRawPointer, Int) -> Void
  private let deviceRead: @convention(c) (Int, UnsafeMutableRawPointer, Int) -> Void

  /// Begins afresh.
  ///
  /// - Parameters:
  ///   - gpus: Their PCI addresses, separated by commas.
  ///   - failure: A call and its result, such as `cuMemAlloc_v2=2`.
  package init(gpus: String = "0000:00:00.0", failure: String = "") throws {
    path = try Self.built.get()
    let library = try DynamicLibrary(path, from: "the tests")
    unsafe configure = try library.function("standin_configure")
    setAttribute = try library.function("standin_set_attribute")
    setPCIeMapping = try library.function("standin_set_pcie_mapping")
    unsafe log = try library.function("standin_log")
    live = try library.function("standin_live")
    unsafe deviceWrite = try library.function("standin_device_write")
    unsafe deviceRead = try library.function("standin_device_read")
    unsafe configure(gpus, failure)
  }

  /// The calls so far, a line each.
  package var calls: [String] {
    unsafe String(cString: log()).split(separator: "\n").map(String.init)
  }

  /// How many things were taken and not given back.
  package var unreleased: Int { Int(live()) }

  package func set(attribute: CInt, to value: CInt) { setAttribute(attribute, value) }

  /// Sets what an export ends with that asks for a mapping over PCIe.
  package func setPCIeMapping(to result: CInt) { setPCIeMapping(result) }

  /// What a NIC does.
  package func write(_ bytes: [UInt8], at offset: Int) {
    unsafe bytes.withUnsafeBytes { unsafe deviceWrite(offset, $0.baseAddress!, $0.count) }
  }

  package func read(_ count: Int, at offset: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    unsafe bytes.withUnsafeMutableBytes { unsafe deviceRead(offset, $0.baseAddress!, $0.count) }
    return bytes
  }

  /// Where the library is: for processes that open it by themselves.
  package static func library() throws(Failure) -> String { try built.get() }

  private static let built = Result<String, Failure> { () throws(Failure) in try build() }

  private static func build() throws(Failure) -> String {
    guard let program = unsafe realpath("/proc/self/exe", nil) else { throw Failure("find myself") }
    defer { unsafe free(program) }
    let path = unsafe String(cString: program) + "-libcuda.so.1"
    let sources = ["kernel.c", "libcuda.c", "standin.c"].map { root + "/selftests/cuda/" + $0 }
    let words = ["cc", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o", path] + sources
    var arguments = unsafe words.map { unsafe strdup($0) } + [nil]
    defer { for index in words.indices { unsafe free(arguments[index]) } }
    var process: pid_t = 0
    var status: CInt = 0
    guard unsafe posix_spawnp(&process, "cc", nil, nil, &arguments, environ) == 0,
      unsafe waitpid(process, &status, 0) == process, status == 0
    else { throw Failure("build", on: path) }
    return path
  }

  /// The checkout.
  private static let root = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    .dropLast(3).joined(separator: "/")
}
