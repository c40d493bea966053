// SPDX-License-Identifier: GPL-2.0-only

/// What a loop does with the payload.
enum Trial: String, CaseIterable {
  /// Nothing: a flow of a measurement without `-v`.
  case drained
  /// The same, with tokens of which none follows another.
  case drainedScattered = "drained-scattered"
  /// Compares it with a pattern: a flow of a measurement with `-v`.
  case validated
  /// Compares it with a pattern: one stream with `-v`.
  case validatedStream = "validated-stream"
  /// Writes it to `/dev/null`: one stream without `-v`.
  case written

  /// The sizes of fragments to measure it with: of a standard frame, a page, a jumbo frame, and the
  /// largest.
  var sizes: [Int] {
    switch self {
    case .drained, .validated: [1448, 4096, 8948, 65536]
    case .drainedScattered, .validatedStream, .written: [1448]
    }
  }

  var scattersTokens: Bool { self == .drainedScattered }
}

/// Whose loop runs.
enum Side: String {
  case tool, bare
}
