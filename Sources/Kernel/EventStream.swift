// SPDX-License-Identifier: GPL-2.0-only

internal import Synchronization

/// What a run reports to programs while it lasts, on the standard output: one JSON object a line,
/// with the name of what happened (`event`) and what is known of it (`data`). A reader who does not
/// read holds up nothing for long: lines are left out then, whole ones, and an event says how many.
package final class EventStream: Sendable {
  private let output: Mutex<LineOutput>

  /// Begins a stream without events.
  ///
  /// - Parameter patience: How long to wait for a reader, for the first line that finds no room.
  package init(to descriptor: Descriptor = .standardOutput, patience: Duration = .seconds(5)) {
    output = Mutex(
      LineOutput(to: descriptor, patience: patience) { count in
        var data = JSONObject()
        data.add("events", count)
        return Self.line(of: "missing", data)
      })
  }

  /// Prints an event, or leaves it out.
  package func print(_ event: StaticString, _ data: JSONObject) {
    output.withLock { $0.write(Self.line(of: event, data)) }
  }

  /// Prints the last event, which must not be lost.
  ///
  /// - Throws: Why something of the stream is not printed.
  package func end(with data: JSONObject) throws(Failure) {
    try output.deliver(Self.line(of: "end", data), to: "the standard output")
  }

  /// Has no event wait for a reader any longer once a descriptor is readable.
  ///
  /// - Parameter stop: To be watched until this is called again; `nil` to watch none.
  package func watch(_ stop: Descriptor?) { output.withLock { $0.watch(stop) } }

  private static func line(of event: StaticString, _ data: JSONObject) -> String {
    var object = JSONObject()
    object.add("event", "\(event)")
    object.add("data", data)
    return object.text
  }
}
