// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc

/// A shared library opened at run time, so that all else works on a host that lacks it. It stays
/// loaded: its functions are valid for as long as the process lasts, and the threads that some
/// libraries start keep their code.
@safe package struct DynamicLibrary {
  private let name: String
  private let handle: UnsafeMutableRawPointer

  /// Opens a library. The corresponding C function is `dlopen`.
  ///
  /// - Parameters:
  ///   - name: Its `SONAME`, which the dynamic linker searches for, or a path.
  ///   - provider: What would provide it, for people.
  /// - Throws: A failure of the kind `unsupported`.
  package init(_ name: String, from provider: String) throws(Failure) {
    guard let handle = unsafe dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) else {
      throw Failure(
        "open a library", reason: Self.lastError, hint: "install \(provider)", kind: .unsupported)
    }
    self.name = name
    unsafe self.handle = handle
  }

  /// A function of the library. The corresponding C function is `dlsym`.
  ///
  /// - Parameter type: The function's type, which must be what the library has: this is not
  ///   checked.
  /// - Throws: A failure of the kind `unsupported` where the library is too old to have it.
  package func function<Function>(
    _ symbol: String, as type: Function.Type = Function.self
  ) throws(Failure) -> Function {
    guard let address = unsafe dlsym(handle, symbol) else {
      throw Failure(
        "use the library", on: name, reason: "it has no \(symbol)", hint: "it may be too old",
        kind: .unsupported)
    }
    return unsafe unsafeBitCast(address, to: type)
  }

  private static var lastError: String? {
    unsafe dlerror().map { unsafe String(cString: $0) }
  }
}
