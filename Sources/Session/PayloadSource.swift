// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc
package import Kernel

/// Where payload to be sent comes from.
package protocol PayloadSource: ~Copyable {
  /// Reads what there is, at most as many bytes as fit; waits for the first.
  ///
  /// - Returns: How many bytes were read; 0 at the end.
  /// - Throws: A `Failure` with `EINTR` after a stop signal.
  mutating func read(into buffer: inout MutableRawSpan) throws(Failure) -> Int
}

/// A file, pipe or terminal that payload is read from.
package struct InputSource: PayloadSource, ~Copyable {
  private let descriptor: CInt
  private let stop: CInt

  /// - Parameter stop: A descriptor that is readable when a read that waits is to be given up.
  package init(from descriptor: CInt, orStoppedBy stop: CInt) {
    self.descriptor = descriptor
    self.stop = stop
  }

  package mutating func read(into buffer: inout MutableRawSpan) throws(Failure) -> Int {
    while true {
      do throws(Errno) {
        // How long the input takes is its author's business: a stop signal ends the wait.
        switch try waitUntilReady(descriptor, until: nil, orStoppedBy: stop) {
        case .stopped: throw .interrupted
        case .ready, .timedOut: break
        }
        return try retrying {
          unsafe buffer.withUnsafeMutableBytes {
            unsafe Glibc.read(descriptor, $0.baseAddress, $0.count)
          }
        }
      } catch {
        // Another reader of the same input may have been quicker.
        guard error == .tryAgain else { throw Failure("read payload to send", errno: error) }
      }
    }
  }
}
