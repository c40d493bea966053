// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
internal import Measurement

/// What a measurement ends with, of one direction or of both.
protocol ConcludingReport {
  /// The name of the form that the run's document has with it.
  static var schema: String { get }
  /// What people read.
  var lines: [String] { get }
  /// Why the measurement failed, if it did.
  var failure: Failure? { get }
  /// Why nothing was measured although the flows did what they were to; `nil` if something was.
  var emptiness: Failure? { get }
  /// What programs read.
  ///
  /// - Parameter hasIntervals: Whether to have the intervals among it.
  func figures(hasIntervals: Bool) -> JSONObject
}

extension MeasurementReport: ConcludingReport {}

extension MutualReport: ConcludingReport {}

extension ConcludingReport {
  /// Prints the report for people, and puts that for programs into the run's document.
  ///
  /// - Throws: Why the measurement failed, if it did.
  func conclude(in document: inout Document) throws(Failure) {
    lines.forEach(Diagnostics.inform)
    document.schema = Self.schema
    let hasIntervals = document.stream == nil
    document.report(figures(hasIntervals: hasIntervals))
    if let failure = failure ?? emptiness { throw failure }
  }
}
