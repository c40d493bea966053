// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc

/// What ends a wait besides the thing waited for: a stop, and a deadline.
package struct Wait: Sendable {
  /// Readable when every wait is to end; `nil` where nothing stops a wait.
  package let stop: Descriptor?

  /// When the wait ends; never if `nil`.
  package let deadline: Instant?

  /// A wait that lasts until a deadline, or until a stop; for ever without either.
  package init(until deadline: Instant? = nil, orStoppedBy stop: Descriptor? = nil) {
    self.deadline = deadline
    self.stop = stop
  }

  /// The same wait, limited to this long from now on; unchanged if `nil`.
  package func limited(to limit: Duration?) -> Wait {
    guard let limit else { return self }
    let end = Instant.now.advanced(by: limit)
    return Wait(until: deadline.map { min($0, end) } ?? end, orStoppedBy: stop)
  }

  /// Whether the deadline has passed.
  package var isOver: Bool { deadline.map { $0 <= .now } ?? false }

  /// Waits until a descriptor is ready.
  ///
  /// - Parameter operation: What the wait is part of, such as `receive`, for the failure.
  /// - Returns: `false` if the deadline passed first.
  /// - Throws: A failure of the kind `stopped` after a stop, another where `poll` fails.
  package func `for`(
    _ descriptor: Descriptor, _ interest: Interest = .reading, to operation: String
  ) throws(Failure) -> Bool {
    do throws(Errno) {
      switch try readiness(of: descriptor, for: interest) {
      case .ready: return true
      case .timedOut: return false
      case .stopped: break
      }
    } catch {
      throw Failure(operation, errno: error)
    }
    throw .stopped(operation)
  }

  /// Checks for a stop without waiting.
  ///
  /// - Throws: A failure of the kind `stopped` if there is one.
  package func check(_ operation: String) throws(Failure) {
    guard let stop else { return }
    guard try !Wait(until: .now).for(stop, to: operation) else { throw .stopped(operation) }
  }

  /// Lets time pass, for what gives no event; less if the deadline comes first.
  ///
  /// - Throws: A failure of the kind `stopped` if a stop comes meanwhile.
  package func pause(for duration: Duration, to operation: String) throws(Failure) {
    // `poll` passes over negative descriptors (poll(2)).
    _ = try limited(to: duration).for(Descriptor(-1), .errors, to: operation)
  }

  /// Waits until a descriptor is ready, a stop comes, or the deadline passes. The corresponding C
  /// function is `poll`.
  package func readiness(
    of descriptor: Descriptor, for interest: Interest = .reading
  ) throws(Errno) -> Readiness {
    var set: [2 of pollfd] = [
      pollfd(fd: descriptor.rawValue, events: interest.events, revents: 0),
      pollfd(fd: stop?.rawValue ?? -1, events: Interest.reading.events, revents: 0),
    ]
    var members = set.mutableSpan
    try retrying {
      unsafe members.withUnsafeMutableBufferPointer { set in
        unsafe poll(set.baseAddress, 2, deadline?.millisecondsLeft ?? -1)
      }
    }
    if members[1].revents != 0 { return .stopped }
    return members[0].revents != 0 ? .ready : .timedOut
  }
}

/// What a wait ended with.
package enum Readiness: Sendable {
  /// The descriptor is ready, or in error.
  case ready
  /// A stop came.
  case stopped
  /// The deadline passed.
  case timedOut
}

/// What to wait for on a descriptor. An error, or something on a socket's error queue, ends every
/// wait.
package enum Interest: Sendable {
  /// There is something to read.
  case reading
  /// There is room to write.
  case writing
  /// Only an error, or something on the error queue.
  case errors

  /// The corresponding C constants are `POLLIN` and `POLLOUT`.
  fileprivate var events: Int16 {
    switch self {
    case .reading: Int16(POLLIN)
    case .writing: Int16(POLLOUT)
    case .errors: 0
    }
  }
}

/// Several descriptors that one wait is for, to be readable. Allocated once, used for every wait.
package struct PollSet: ~Copyable {
  /// The stop comes first.
  private var members: [pollfd]

  /// - Parameter descriptors: Known by their place from here on.
  package init(_ descriptors: [Descriptor]) {
    members = ([Descriptor(-1)] + descriptors).map {
      pollfd(fd: $0.rawValue, events: Interest.reading.events, revents: 0)
    }
  }

  /// Stops watching a descriptor.
  package mutating func remove(_ index: Int) {
    members[index + 1].fd = -1
    members[index + 1].revents = 0
  }

  /// Waits until one is readable or in error. The corresponding C function is `poll`.
  ///
  /// - Returns: `false` if the deadline passed first.
  /// - Throws: A failure of the kind `stopped` after a stop, another where `poll` fails.
  package mutating func wait(_ wait: Wait, to operation: String) throws(Failure) -> Bool {
    members[0].fd = wait.stop?.rawValue ?? -1
    let count: CInt
    do throws(Errno) {
      count = try retrying {
        unsafe members.withUnsafeMutableBufferPointer {
          unsafe poll($0.baseAddress, nfds_t($0.count), wait.deadline?.millisecondsLeft ?? -1)
        }
      }
    } catch {
      throw Failure(operation, errno: error)
    }
    guard members[0].revents == 0 else { throw .stopped(operation) }
    return count > 0
  }

  /// Whether the last wait found a descriptor readable or in error.
  package func isReady(_ index: Int) -> Bool { members[index + 1].revents != 0 }
}
