// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc
package import Kernel

/// The stand-in for libcuda (`selftests/cuda`), built by the C compiler when first asked for. Each is
/// a copy with a state of its own.
@safe package struct StandInCUDA {
  private let directory: Directory

  /// Where it is.
  package var path: String { directory.path + "/libcuda.so.1" }

  private let configure: @convention(c) (UnsafePointer<CChar>, UnsafePointer<CChar>) -> Void
  private let setAttribute: @convention(c) (CInt, CInt) -> Void
  private let setPCIeMapping: @convention(c) (CInt) -> Void
  private let setLies: @convention(c) (CInt) -> Void
  private let log: @convention(c) () -> UnsafePointer<CChar>
  private let image: @convention(c) () -> UnsafePointer<CChar>
  private let live: @convention(c) () -> CInt
  private let deviceWrite: @convention(c) (Int, UnsafeRawPointer, Int) -> Void
  private let deviceRead: @convention(c) (Int, UnsafeMutableRawPointer, Int) -> Void

  /// Begins afresh.
  ///
  /// - Parameters:
  ///   - gpus: Their PCI addresses, separated by commas.
  ///   - failure: A call and its result, such as `cuMemAlloc_v2=2`.
  package init(gpus: String = "0000:00:00.0", failure: String = "") throws {
    directory = try Directory()
    try Self.copy(try Self.built.get(), to: directory.path + "/libcuda.so.1")
    let library = try DynamicLibrary(directory.path + "/libcuda.so.1", from: "the tests")
    unsafe configure = try library.function("standin_configure")
    setAttribute = try library.function("standin_set_attribute")
    setPCIeMapping = try library.function("standin_set_pcie_mapping")
    setLies = try library.function("standin_set_lies")
    unsafe log = try library.function("standin_log")
    unsafe image = try library.function("standin_image")
    live = try library.function("standin_live")
    unsafe deviceWrite = try library.function("standin_device_write")
    unsafe deviceRead = try library.function("standin_device_read")
    unsafe configure(gpus, failure)
  }

  /// The calls so far, a line each.
  package var calls: [String] {
    unsafe String(cString: log()).split(separator: "\n").map(String.init)
  }

  /// The code that was loaded last, in PTX.
  package var kernel: String { unsafe String(cString: image()) }

  /// What interprets such code (`selftests/cuda/ptx.py`).
  package static let interpreter = root + "/selftests/cuda/ptx.py"

  /// How many things were taken and not given back.
  package var unreleased: Int { Int(live()) }

  package func set(attribute: CInt, to value: CInt) { setAttribute(attribute, value) }

  /// Sets what an export ends with that asks for a mapping over PCIe.
  package func setPCIeMapping(to result: CInt) { setPCIeMapping(result) }

  /// What the kernel does that it must not.
  package enum Lie: CInt {
    /// It finds a wrong byte where there is none in the GPU's memory.
    case onGPU = 1
    /// It does so in all memory.
    case everywhere = 2
    /// It leaves pieces of the GPU's memory without an answer.
    case silence = 3
    /// It finds nothing wrong in the GPU's memory.
    case blindness = 4
  }

  package func lie(_ lie: Lie) { setLies(lie.rawValue) }

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

  /// Another file, since the dynamic linker loads the same one once.
  private static func copy(_ source: String, to target: String) throws(Errno) {
    let reader = try OwnedDescriptor(opening: source)
    let writer = OwnedDescriptor(
      owning: try retrying { unsafe open(target, O_WRONLY | O_CREAT, 0o700) })
    while try retrying({ sendfile(writer.rawValue, reader.rawValue, nil, 1 << 20) }) > 0 {}
  }

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
