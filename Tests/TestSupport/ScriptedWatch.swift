// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// A watch that a test lets find something: `it is gone`. It takes one byte of news at each look.
package final class ScriptedWatch: Watch, @unchecked Sendable {
  // Unchecked: each test uses one thread.
  /// Readable when there is news.
  package let descriptor: Descriptor
  /// Whether a look finds that the run cannot go on.
  package var isOver = false
  /// How often it looked.
  package private(set) var looks = 0

  /// Watches by a descriptor whose news is bytes.
  package init(newsOn descriptor: Descriptor) { self.descriptor = descriptor }

  /// Takes a byte of news, unless the run cannot go on.
  package func look() throws(Failure) {
    looks += 1
    if isOver { throw Failure("receive on", on: "nic0", reason: "it is gone") }
    var byte: [1 of UInt8] = [0]
    var span = byte.mutableSpan
    var bytes = unsafe span.mutableBytes
    _ = try? descriptor.read(into: &bytes)
  }
}
