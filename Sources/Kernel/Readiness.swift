// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc

/// What a wait ended with.
package enum Readiness: Sendable {
  case ready
  case stopped
  case timedOut
}

/// What a descriptor is to be ready for. An error, or something on a socket's error queue, ends each
/// wait.
package enum Interest: Sendable {
  case reading
  case writing
  case errors
}

/// Waits until a descriptor is ready, a stop signal comes, or the deadline passes; with no deadline,
/// however long it takes. The corresponding C function is `poll`.
package func waitUntilReady(
  _ descriptor: CInt, for interest: Interest = .reading, until deadline: Instant?,
  orStoppedBy stop: CInt
) throws(Errno) -> Readiness {
  let events =
    switch interest {
    case .reading: Int16(POLLIN)
    case .writing: Int16(POLLOUT)
    case .errors: Int16(0)
    }
  var set: [2 of pollfd] = [
    pollfd(fd: descriptor, events: events, revents: 0),
    pollfd(fd: stop, events: Int16(POLLIN), revents: 0),
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
