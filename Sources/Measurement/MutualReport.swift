// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// The result of a measurement whose two ends sent to each other at once (`--bidir`).
package struct MutualReport: Sendable {
  /// The name of the form that a run's document has with `figures`.
  package static let schema = "ncdevmem-bidirectional-1"

  /// What the run's document calls an end that receives and sends.
  package static let role = "both"

  private let receiving: MeasurementReport
  private let sending: MeasurementReport

  /// Puts the reports of an end's two directions together.
  package init(receiving: MeasurementReport, sending: MeasurementReport) {
    self.receiving = receiving
    self.sending = sending
  }

  /// What people read once the measurement has ended, beside the intervals.
  package var lines: [String] {
    ["receiving:"] + receiving.lines + ["sending:"] + sending.lines
  }

  /// Why the measurement failed, if it did.
  package var failure: Failure? { receiving.failure ?? sending.failure }

  /// Why nothing was measured although the flows did what they were to; `nil` if something was.
  package var emptiness: Failure? { receiving.emptiness ?? sending.emptiness }

  /// The members of the run's document, whose form `share/schema/bidirectional.json` describes.
  ///
  /// - Parameter hasIntervals: Whether to have the intervals among them.
  package func figures(hasIntervals: Bool = true) -> JSONObject {
    Self.figures(
      receiving.figures(hasIntervals: hasIntervals), sending.figures(hasIntervals: hasIntervals))
  }

  /// The members of the run's document, of what each direction has.
  package static func figures(_ receiving: JSONObject, _ sending: JSONObject) -> JSONObject {
    var figures = JSONObject()
    figures.add(MeasurementRole.receive.rawValue, receiving)
    figures.add(MeasurementRole.send.rawValue, sending)
    return figures
  }
}
