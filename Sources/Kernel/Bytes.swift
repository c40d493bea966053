// SPDX-License-Identifier: GPL-2.0-only

extension [UInt8] {
  /// The bytes of a C structure or an integer, as they lie in memory.
  package init(of value: some BitwiseCopyable) {
    self = unsafe Swift.withUnsafeBytes(of: value) { unsafe Array($0) }
  }
}

extension ArraySlice<UInt8> {
  /// Reads the C structure or the integer that the bytes begin with; `nil` if they are too few.
  package func value<Value: BitwiseCopyable>(as type: Value.Type = Value.self) -> Value? {
    guard count >= MemoryLayout<Value>.size else { return nil }
    return unsafe withUnsafeBytes { unsafe $0.loadUnaligned(as: type) }
  }
}
