// SPDX-License-Identifier: GPL-2.0-only

package import Kernel
internal import Measurement
internal import Payload
internal import Sockets

/// A command line: what it asks for, and how to report on that, even where it asks for something
/// impossible.
package struct Invocation: Sendable {
  /// Where a run's document goes.
  package enum DocumentPlace: Equatable, Sendable {
    /// The standard output.
    case standardOutput
    /// The standard error, where the standard output has the payload.
    case standardError
    /// The standard output, behind the run's events (`--json-stream`).
    case stream
  }

  /// What to do, or why that is not to be understood.
  package let configuration: Result<Configuration, Failure>
  /// Where the document of the run goes; `nil` if none is asked for.
  package let documentPlace: DocumentPlace?
  /// Whether to print nothing but what is wrong and what was asked for.
  package let isQuiet: Bool
  private let given: [GivenOption]

  /// Reads the command line. Words that cannot be understood do not keep those behind them from
  /// being looked at: who asked for a document gets one.
  ///
  /// - Parameters:
  ///   - words: What follows the program's name.
  ///   - lookUp: Finds the address of a host that is named.
  package init(
    words: [String],
    lookingUpBy lookUp: Configuration.Lookup = IPAddress.init(lookingUp:of:)
  ) {
    configuration = Result { () throws(Failure) in
      try Configuration(words: words, lookingUpBy: lookUp)
    }
    given = OptionScanner.recognize(words)
    documentPlace = Self.documentPlace(of: given)
    isQuiet = given.contains { $0.option.sets(\.isQuiet) }
  }

  private static func documentPlace(of given: [GivenOption]) -> DocumentPlace? {
    func has(_ member: PartialKeyPath<Draft>) -> Bool { given.contains { $0.option.sets(member) } }
    let format = given.last { $0.option.sets(\.format) }?.value
    if has(\.output.streamsJSON) { return .stream }
    guard has(\.output.reportsJSON) || format == Configuration.Check.Format.json.rawValue
    else { return nil }
    let writesPayload =
      has(\.listens) && !has(\.receive.checks.pattern) && !has(\.measurement.flows)
      && !has(\.measurement.controlPort)
    return writesPayload ? .standardError : .standardOutput
  }

  /// The options as they were given, by their long names: a value as it was typed, or true. Where
  /// there are several values, the last one; an array of them if each counts.
  package var options: JSONObject {
    var object = JSONObject()
    for (place, option) in given.enumerated() {
      let name = "\(option.option.name)"
      let isLast = !given[(place + 1)...].contains { "\($0.option.name)" == name }
      guard isLast else { continue }
      let values = given.filter { "\($0.option.name)" == name }.compactMap(\.value)
      if option.option.collects, values.count > 1 {
        object.add(name, values)
      } else if let value = option.value {
        object.add(name, value)
      } else {
        object.add(name, true)
      }
    }
    return object
  }
}

extension Configuration {
  /// What a run does, in one word for programs; `nil` where there is no run.
  package var role: String? {
    switch self {
    case .help, .version: nil
    case .probe: "probe"
    case .check: "check"
    case .restore: "restore"
    case .receive: "receive"
    case .send: "send"
    }
  }
}
