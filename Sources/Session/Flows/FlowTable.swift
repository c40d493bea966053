// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel

/// The lines that tell people of a measurement, in columns.
enum FlowTable {
  case receiving
  case sending

  private static let receivingColumns = [
    ("flow", 5), ("seconds", 14), ("Gbit/s", 9), ("device bytes", 14), ("linear", 8),
    ("plain", 10), ("fragments", 10), ("recvmsg", 9), ("DONTNEED", 9), ("tokens out", 11),
    ("idle %", 8),
  ]
  private static let sendingColumns = [
    ("flow", 5), ("seconds", 14), ("Gbit/s", 9), ("bytes", 14), ("sendmsg", 9), ("idle %", 8),
  ]

  private var columns: [(String, Int)] {
    self == .receiving ? Self.receivingColumns : Self.sendingColumns
  }

  var header: String { row(columns.map(\.0)) }

  /// A line for a flow, or for all.
  func line(
    _ name: String, _ interval: ThroughputReporter.Interval, _ figures: FlowFigures, tokens: Int,
    idleHundredths: Int?
  ) -> String {
    let head = [
      name, "\(interval.start.formatted(1))-\(interval.end.formatted(1))",
      gigabitsPerSecond(figures.bytes, in: interval.seconds).formatted(3),
    ]
    let idle = idleHundredths.map { (Double($0) / 100).formatted(2) } ?? "-"
    switch self {
    case .receiving:
      let counts = [
        figures.deviceBytes, figures.linearBytes, figures.plainBytes, figures.fragments,
        figures.calls, figures.returnCalls, tokens,
      ]
      return row(head + counts.map(String.init) + [idle])
    case .sending:
      return row(head + [String(figures.bytes), String(figures.calls), idle])
    }
  }

  private func row(_ cells: [String]) -> String {
    zip(columns, cells).map { column, cell in
      String(repeating: " ", count: max(1, column.1 - cell.count)) + cell
    }.joined()
  }
}

/// Throughput in powers of 1000; 0 in no time.
func gigabitsPerSecond(_ bytes: Int, in seconds: Double) -> Double {
  seconds > 0 ? Double(bytes) * 8 / seconds / 1e9 : 0
}
