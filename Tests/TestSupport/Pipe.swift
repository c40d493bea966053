// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc
package import Kernel

/// Both ends of a pipe or a socket pair.
package struct Pipe: ~Copyable {
  package let reader: OwnedDescriptor
  package let writer: OwnedDescriptor

  /// A pipe. The corresponding C function is `pipe`.
  package init() throws(Errno) {
    var ends: [2 of CInt] = [-1, -1]
    var span = ends.mutableSpan
    try retrying { unsafe span.withUnsafeMutableBufferPointer { unsafe pipe($0.baseAddress!) } }
    reader = OwnedDescriptor(owning: span[0])
    writer = OwnedDescriptor(owning: span[1])
  }

  /// Writes bytes that fit into the pipe at once.
  package func write(_ bytes: [UInt8]) throws(Errno) {
    try retrying {
      unsafe bytes.withUnsafeBytes { unsafe Glibc.write(writer.rawValue, $0.baseAddress, $0.count) }
    }
  }
}

extension OwnedDescriptor {
  /// Takes all that waits, as text.
  package func textThatWaits() throws(Errno) -> String {
    var text: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65536)
    while try Wait(until: .now).readiness(of: borrowed) == .ready {
      var span = piece.mutableSpan
      var bytes = unsafe span.mutableBytes
      let count = try borrowed.read(into: &bytes)
      guard count > 0 else { break }
      text += piece.prefix(count)
    }
    return String(decoding: text, as: UTF8.self)
  }
}

extension Pipe {
  /// Makes room for as little as the kernel allows.
  ///
  /// - Returns: For how many bytes.
  package borrowing func shrink() throws(Errno) -> Int {
    let setSize: CInt = 1031  // F_SETPIPE_SZ
    return Int(try retrying { fcntl(writer.rawValue, setSize, 4096) })
  }
}
