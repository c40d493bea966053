// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
package import Transfer

/// Which end of a measurement this is.
package enum MeasurementRole: String, Sendable {
  /// The receiver.
  case receive
  /// The sender.
  case send
}

/// The lines that people read of a measurement's intervals, in columns.
package struct IntervalTable {
  private let role: MeasurementRole
  private let engine: Engine
  private let isMutual: Bool
  /// The number of the worker that each flow has.
  private let workerOfFlow: [Int?]

  private static let receiveColumns = [
    ("flow", 5), ("seconds", 14), ("Gbit/s", 9), ("device bytes", 14), ("linear", 8),
    ("plain", 10), ("fragments", 10), ("recvmsg", 9), ("DONTNEED", 9), ("tokens out", 11),
    ("idle %", 8),
  ]
  private static let socketColumns = [
    ("flow", 5), ("seconds", 14), ("Gbit/s", 9), ("bytes", 14), ("mapped", 14), ("recv", 9),
    ("idle %", 8),
  ]
  private static let sendColumns = [
    ("flow", 5), ("seconds", 14), ("Gbit/s", 9), ("bytes", 14), ("sendmsg", 9), ("idle %", 8),
  ]

  /// - Parameters:
  ///   - engine: What receives or sends.
  ///   - isMutual: Whether lines of the other direction stand among these, so that each has to say
  ///     of which one it is.
  ///   - workers: The numbers of each worker's flows.
  package init(
    for role: MeasurementRole, by engine: Engine = .devmem, isMutual: Bool = false,
    workers: [[Int]], flowCount: Int
  ) {
    self.role = role
    self.engine = engine
    self.isMutual = isMutual
    workerOfFlow = (0..<flowCount).map { flow in workers.firstIndex { $0.contains(flow) } }
  }

  /// The columns' names.
  package var header: String { row(columns.map(\.0)) }

  /// The most flows that have a line each. Of more, those with the least, the median and the most
  /// bytes have one.
  package static let lineLimit = 64

  /// A line for each flow, if there are several but not too many, and one for all.
  package func lines(of interval: Interval) -> [String] {
    var lines: [String] = []
    if interval.flows.count > 1 {
      for index in Self.shown(interval.flows) {
        let figures = interval.flows[index]
        let idle = workerOfFlow[index].flatMap { interval.idleHundredths[$0] }
        lines.append(
          line(
            String(index), interval, figures, tokens: interval.tokensOutstanding[index],
            idleHundredths: idle))
      }
    }
    let tokens = interval.tokensOutstanding.reduce(0, +)
    lines.append(
      line(
        "sum", interval, interval.total, tokens: tokens,
        idleHundredths: interval.meanIdleHundredths))
    return lines
  }

  /// Which flows have a line.
  static func shown(_ flows: [FlowFigures]) -> [Int] {
    guard flows.count > lineLimit else { return Array(flows.indices) }
    let order = flows.indices.sorted { flows[$0].bytes < flows[$1].bytes }
    return [order[0], order[order.count / 2], order[order.count - 1]]
  }

  private func line(
    _ name: String, _ interval: Interval, _ figures: FlowFigures, tokens: Int, idleHundredths: Int?
  ) -> String {
    let ends = [interval.start, interval.end].map { $0.inSeconds.formatted(1) }
    let direction = isMutual ? [role.rawValue] : []
    let head =
      direction + [
        name, ends.joined(separator: "-"),
        gigabitsPerSecond(figures.bytes, in: interval.length).formatted(3),
      ]
    let idle = idleHundredths.map { (Double($0) / 100).formatted(2) } ?? "-"
    let mark = interval.isOmitted ? "  (omitted)" : ""
    switch role {
    case .receive where engine.isSocket:
      let counts = [figures.bytes, figures.mappedBytes, figures.calls]
      return row(head + counts.map(String.init) + [idle]) + mark
    case .receive:
      let counts = [
        figures.deviceBytes, figures.linearBytes, figures.plainBytes, figures.fragments,
        figures.calls, figures.returnCalls, tokens,
      ]
      return row(head + counts.map(String.init) + [idle]) + mark
    case .send:
      return row(head + [String(figures.bytes), String(figures.calls), idle]) + mark
    }
  }

  private var columns: [(String, Int)] {
    let own =
      role == .send
      ? Self.sendColumns : engine.isSocket ? Self.socketColumns : Self.receiveColumns
    return (isMutual ? [("", 7)] : []) + own
  }

  private func row(_ cells: [String]) -> String {
    zip(columns, cells).map { column, cell in
      String(repeating: " ", count: max(1, column.1 - cell.count)) + cell
    }.joined()
  }
}

/// Throughput in powers of 1000; 0 in no time.
func gigabitsPerSecond(_ bytes: Int, in duration: Duration) -> Double {
  duration > .zero ? Double(bytes) * 8 / duration.inSeconds / 1e9 : 0
}
