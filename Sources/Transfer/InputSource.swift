// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// Where payload to be sent comes from.
package protocol PayloadSource: ~Copyable {
  /// Reads what there is, at most as many bytes as fit; waits for the first.
  ///
  /// - Returns: How many bytes were read; 0 at the end.
  /// - Throws: A `Failure` of the kind `stopped` after a stop.
  mutating func read(into buffer: inout MutableRawSpan) throws(Failure) -> Int
}

/// A file, pipe or terminal that payload is read from.
package struct InputSource: PayloadSource, ~Copyable {
  private let descriptor: Descriptor
  private let wait: Wait

  /// - Parameter wait: What ends a read that has to wait: usually only a stop, for the input may
  ///   take as long as it likes.
  package init(from descriptor: Descriptor, _ wait: Wait) {
    self.descriptor = descriptor
    self.wait = wait
  }

  package mutating func read(into buffer: inout MutableRawSpan) throws(Failure) -> Int {
    let operation = "read payload to send"
    while true {
      guard try wait.for(descriptor, to: operation) else {
        throw Failure(operation, errno: .timedOut)
      }
      do throws(Errno) {
        return try descriptor.read(into: &buffer)
      } catch {
        // Another reader of the same input may have been quicker.
        guard error == .tryAgain else { throw Failure(operation, errno: error) }
      }
    }
  }
}
