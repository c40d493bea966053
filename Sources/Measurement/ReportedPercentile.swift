// SPDX-License-Identifier: GPL-2.0-only

/// A percentile that reports have.
struct ReportedPercentile {
  /// What part of the values it covers, in percent.
  let percent: Double
  /// Its name for people.
  let name: String
  /// Its name in documents.
  var word: String { name.replacing(".", with: "_") }

  /// Those of all reports.
  static let all = [
    ReportedPercentile(percent: 50, name: "p50"),
    ReportedPercentile(percent: 90, name: "p90"),
    ReportedPercentile(percent: 99, name: "p99"),
    ReportedPercentile(percent: 99.9, name: "p99.9"),
  ]
}
