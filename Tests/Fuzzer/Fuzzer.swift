// SPDX-License-Identifier: GPL-2.0-only

import Fuzzing
import Glibc

/// The target that the variable `FUZZ_TARGET` names.
private let target = {
  let name = unsafe getenv("FUZZ_TARGET").map { unsafe String(cString: $0) }
  guard let target = FuzzTarget.all.first(where: { $0.name == name }) else {
    // For who runs all of them.
    for target in FuzzTarget.all { print(target.name, target.goal) }
    exit(0)
  }
  return target
}()

/// Chooses the target. The corresponding interface is libFuzzer's.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(
  _: UnsafeMutablePointer<CInt>, _: UnsafeMutablePointer<UnsafeMutablePointer<CChar>>
) -> CInt {
  _ = target
  return 0
}

/// Runs one input. The corresponding interface is libFuzzer's.
@_cdecl("LLVMFuzzerTestOneInput")
public func runInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  do throws(Finding) {
    try target.run(unsafe Array(UnsafeBufferPointer(start: start, count: count)))
  } catch {
    fatalError(error.description)
  }
  return 0
}
