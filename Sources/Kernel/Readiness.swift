// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc

/// What a wait ended with.
package enum Readiness: Sendable {
  case ready
  case stopped
  case timedOut
}

/// Waits until a descriptor can be read (or, with `forWriting`, written), a stop signal comes, or
/// the deadline passes; with no deadline, however long it takes. The corresponding C function is
/// `poll`.
package func waitUntilReady(
  _ descriptor: CInt, forWriting: Bool = false, until deadline: Instant?, orStoppedBy stop: CInt
) throws(Errno) -> Readiness {
  let interest = Int16(forWriting ? POLLOUT : POLLIN)
  var set: [2 of pollfd] = [
    pollfd(fd: descriptor, events: interest, revents: 0),
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
