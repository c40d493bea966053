// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import TestSupport
import Testing

struct DynamicLibraryTests {
  @Test("a function of a library that is there can be called")
  func callsFunctions() throws {
    let library = try DynamicLibrary("libm.so.6", from: "libc6")
    let floor: @convention(c) (Double) -> Double = try library.function("floor")
    #expect(floor(2.5) == 2)
  }

  @Test("a missing library or function is reported with what would provide it")
  func tellsWhatIsMissing() throws {
    let missing = failing { () throws(Failure) in
      _ = try DynamicLibrary("libnosuch.so.1", from: "the package nosuch")
    }
    #expect(missing?.kind == .unsupported)
    #expect(missing?.reason?.contains("libnosuch.so.1") == true)
    #expect(missing?.hint == "install the package nosuch")

    let library = try DynamicLibrary("libm.so.6", from: "libc6")
    let old = failing { () throws(Failure) in
      _ = try library.function("nosuch", as: (@convention(c) () -> Void).self)
    }
    #expect(old?.kind == .unsupported)
    #expect(old?.reason?.contains("nosuch") == true)
  }
}
