// SPDX-License-Identifier: GPL-2.0-only

/// What rooms still use that have not moved to `Wait`, `Duration` and `SystemFiles` yet.
package func waitUntilReady(
  _ descriptor: CInt, for interest: Interest = .reading, until deadline: Instant?,
  orStoppedBy stop: CInt
) throws(Errno) -> Readiness {
  try Wait(until: deadline, orStoppedBy: stop < 0 ? nil : Descriptor(stop))
    .readiness(of: Descriptor(descriptor), for: interest)
}

extension PollSet {
  package init(_ descriptors: [CInt]) { self.init(descriptors.map { Descriptor($0) }) }

  package mutating func wait(until deadline: Instant?) throws(Errno) -> Bool {
    do throws(Failure) {
      return try wait(Wait(until: deadline), to: "wait")
    } catch {
      throw error.errno ?? .interrupted
    }
  }
}

extension Instant {
  package func advanced(milliseconds: Int) -> Instant { advanced(by: .milliseconds(milliseconds)) }

  package func seconds(since earlier: Instant) -> Double { since(earlier).inSeconds }
}

package var threadCPUNanoseconds: Int64 { CPUTime.ofThread.nanoseconds }

extension Event {
  package var rawDescriptor: CInt { descriptor.rawValue }
}

extension StopSignals {
  package var rawDescriptor: CInt { descriptor.rawValue }
}

extension ProcessHandle {
  package var rawDescriptor: CInt { descriptor.rawValue }

  package func waitForEnd(until deadline: Instant?) throws(Errno) -> Bool {
    try hasEnded(by: Wait(until: deadline))
  }
}

package enum SystemFile {
  package static func text(at path: String) throws(Errno) -> String {
    try SystemFiles().contents(of: path)
  }

  package static func number(at path: String) -> Int? { SystemFiles().number(path) }

  package static func link(at path: String) throws(Errno) -> String {
    guard let link = SystemFiles().link(path) else { throw .noEntry }
    return link
  }

  package static func names(in path: String) -> [String] { SystemFiles().names(in: path) }
}
