// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// Where payload to be sent comes from.
package protocol PayloadSource: ~Copyable {
  /// Reads what there is, at most as many bytes as fit; waits for the first.
  ///
  /// - Parameter interruption: What ends the wait as well; nothing if `nil`.
  /// - Throws: A `Failure` of the kind `stopped` after a stop.
  mutating func read(
    into buffer: inout MutableRawSpan, orUntil interruption: Interruption?
  ) throws(Failure) -> Reading
}

/// What ends the wait for payload, besides payload.
package struct Interruption: Sendable {
  /// A socket: something on its error queue, or an error.
  package let socket: Descriptor
  /// The end of the wait; never if `nil`.
  package let deadline: Instant?

  /// - Parameters:
  ///   - socket: The one with the error queue.
  ///   - deadline: The end of the wait; never if `nil`.
  package init(by socket: Descriptor, orAt deadline: Instant?) {
    self.socket = socket
    self.deadline = deadline
  }
}

/// What a read of payload ended with.
package enum Reading: Equatable, Sendable {
  /// So many bytes were read.
  case bytes(Int)
  /// The payload has ended.
  case end
  /// The interruption's socket has something, whether or not there is payload. Nothing was read.
  case interrupted
  /// The interruption's deadline passed.
  case late

  /// How many bytes were read.
  var count: Int {
    if case .bytes(let count) = self { count } else { 0 }
  }
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

  package mutating func read(
    into buffer: inout MutableRawSpan, orUntil interruption: Interruption?
  ) throws(Failure) -> Reading {
    let operation = "read payload to send"
    var falseStarts = FalseStarts()
    while true {
      if let interruption {
        switch try wait.for(
          descriptor, orErrorOf: interruption.socket, until: interruption.deadline, to: operation)
        {
        case .readable: break
        case .error: return .interrupted
        case .late: return .late
        }
      } else if try !wait.for(descriptor, to: operation) {
        throw Failure(operation, errno: .timedOut)
      }
      do throws(Errno) {
        let count = try descriptor.read(into: &buffer)
        return count > 0 ? .bytes(count) : .end
      } catch {
        // Another reader of the same input may have been quicker.
        guard error == .tryAgain, falseStarts.mayGoOn() else {
          throw Failure(operation, errno: error)
        }
      }
    }
  }
}
