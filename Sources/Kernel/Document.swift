// SPDX-License-Identifier: GPL-2.0-only

/// The one document for programs that a run prints, on one line, whatever it ends with. All runs
/// have the same members first; what a run has counted or found follows. `run.json`,
/// `measurement.json` and `interfaces.json` of `share/schema` describe the forms.
package struct Document {
  /// The name of the form that most runs' documents have.
  package static let runSchema = "ncdevmem-run-1"

  /// The name of the form.
  package var schema = Self.runSchema
  /// The only interface that a check is about; `nil` where the figures do not need it.
  package var interface: String?
  /// What the run counted or found, as far as it came.
  private var figures = JSONObject()
  /// How often the interface lost its carrier or got it back; `nil` where that is not known.
  package var carrierChanges: Int?
  /// How many of these changes came between set-up and undo: but for those of an unbind (`-U`), they
  /// were not the run's doing.
  package var carrierChangesInTransfer = 0
  /// What takes the run's events while it lasts; `nil` where nobody asked for them. The document is
  /// the last one.
  package let stream: EventStream?
  private let isWanted: Bool
  private let tool: String
  /// What the run does, such as `receive`; `nil` where the command line does not say.
  package var role: String?
  private let options: JSONObject

  /// The document of a run that has just begun.
  ///
  /// - Parameters:
  ///   - tool: The program's name and version.
  ///   - role: What the run does, such as `receive`; `nil` where the command line does not say.
  ///   - options: What the command line asks for.
  ///   - isWanted: Whether anybody asked for the document. Figures for nobody are not made.
  ///   - stream: What takes the run's events, if anybody asked for them.
  package init(
    by tool: String, role: String?, options: JSONObject, isWanted: Bool = true,
    after stream: EventStream? = nil
  ) {
    self.stream = stream
    self.tool = tool
    self.role = role
    self.options = options
    self.isWanted = isWanted
  }

  /// The document of a part of the run, such as one of its interfaces, to take figures of its own.
  package func part() -> Document {
    Document(by: tool, role: role, options: options, isWanted: isWanted)
  }

  /// Takes what the run counted or found, if the document is wanted: those of a long measurement
  /// are some 20 MB.
  package mutating func report(_ figures: @autoclosure () -> JSONObject) {
    if isWanted { self.figures = figures() }
  }

  /// The document of a run that has ended.
  ///
  /// - Parameters:
  ///   - failure: Why it failed; `nil` if it did not.
  ///   - status: The exit status of the process.
  package func json(failure: Failure?, status: Int32) -> JSONObject {
    var document = head(as: schema)
    document.add(contentsOf: Self.end(failure, status))
    document.add("options", options)
    if let interface { document.add("interface", interface) }
    document.add(contentsOf: results)
    return document
  }

  /// The same as text, on one line.
  package func text(failure: Failure?, status: Int32) -> String {
    json(failure: failure, status: status).text
  }

  /// Reports that what the run is for begins.
  ///
  /// - Parameters:
  ///   - figures: What is known of it beforehand.
  ///   - schema: The name of the form that the document has if all goes well.
  package func begin(with figures: @autoclosure () -> JSONObject, as schema: String) {
    guard let stream else { return }
    var start = head(as: schema)
    start.add("options", options)
    start.add(contentsOf: figures())
    stream.print("start", start)
  }

  private func head(as schema: String) -> JSONObject {
    var head = JSONObject()
    head.add("schema", schema)
    head.add("tool", tool)
    head.add("role", role)
    return head
  }

  /// What the run on one of several interfaces ended with, counted and found: an entry of the
  /// document of all of them.
  ///
  /// - Parameters:
  ///   - failure: Why it failed; `nil` if it did not.
  ///   - status: What the exit status would be if there were no other interface.
  package func entry(of interface: String, failure: Failure?, status: Int32) -> JSONObject {
    var entry = JSONObject()
    entry.add("interface", interface)
    entry.add(contentsOf: Self.end(failure, status))
    entry.add(contentsOf: results)
    return entry
  }

  private static func end(_ failure: Failure?, _ status: Int32) -> JSONObject {
    var end = JSONObject()
    end.add("verdict", failure?.kind.verdict ?? "ok")
    end.add("exit_status", Int(status))
    end.add("failure", failure?.json)
    return end
  }

  /// What the run counted and found.
  private var results: JSONObject {
    var results = figures
    if let carrierChanges {
      results.add("carrier_changes", carrierChanges)
      results.add("carrier_changes_in_transfer", carrierChangesInTransfer)
    }
    return results
  }
}

extension Failure.Kind {
  /// One word for programs.
  fileprivate var verdict: String {
    switch self {
    case .failed: "failed"
    case .usage: "invalid"
    case .unsupported: "unsupported"
    case .stopped: "stopped"
    }
  }
}

extension Failure {
  fileprivate var json: JSONObject {
    var object = JSONObject()
    object.add("operation", operation)
    object.add("object", subject)
    object.add("errno", errno?.name)
    object.add("errno_number", errno.map { Int($0.rawValue) })
    object.add("reason", reason)
    object.add("hint", hint)
    object.add("text", line)
    return object
  }
}
