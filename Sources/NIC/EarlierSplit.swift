// SPDX-License-Identifier: GPL-2.0-only

/// The header split of an interface before this tool changed it. That is two settings: what the
/// driver does, which can be read, and what was configured (`hds_config`, since 6.14), which cannot.
/// The second one decides whether the interface takes device memory, and whether it takes a
/// single-buffer XDP program (`net/core/dev.c`, `dev_xdp_install`).
///
/// A driver may do what was not configured, and a request may leave it as it is:
///
/// | driver | configured: automatic | disabled | enabled |
/// |---|---|---|---|
/// | `bnxt` with aggregation rings, `fbnic` | reports enabled | refuses it | reports enabled |
/// | `bnxt` without aggregation rings | reports disabled | refuses it | reports enabled |
/// | `gve` | keeps what it has: disabled at first | reports disabled | reports enabled |
/// | `mlx5`: the kernel reports what was configured | automatic | disabled | enabled |
/// | 6.13 and earlier: the kernel keeps nothing | the driver's choice | disabled | enabled |
///
/// What was configured shows in whether the kernel announces a request as a change (`RingEvents`).
package struct EarlierSplit: Equatable, Sendable {
  /// What the driver reported.
  package var reported: HeaderSplit
  /// What was configured; `nil` where that is not known.
  package var configured: HeaderSplit?

  /// A split as it was reported, and as it was configured where that is known.
  package init(reported: HeaderSplit, configured: HeaderSplit? = nil) {
    self.reported = reported
    self.configured = configured
  }

  /// Whether a request for the driver's choice must come before one that enables the split, to show
  /// what was configured. It changes nothing where nothing was configured, which is usual.
  ///
  /// Without it, the change from disabled is one from either configuration; and one that sets the
  /// threshold as well is one, whatever was configured.
  ///
  /// - Parameter setsThreshold: Whether the request that enables the split sets the threshold.
  package func isShownByAutomatic(setsThreshold: Bool) -> Bool {
    switch reported {
    case .automatic: false
    case .disabled: true
    case .enabled: setsThreshold
    }
  }

  /// What was configured before a request, as its outcome shows it.
  ///
  /// - Parameters:
  ///   - split: The split that was requested, and nothing else with it.
  ///   - isChange: Whether the kernel announced a change; `nil` where that is not known.
  /// - Returns: `nil` where the outcome leaves two possibilities.
  package func configured(beforeRequestOf split: HeaderSplit, announced isChange: Bool?)
    -> HeaderSplit?
  {
    switch (isChange, split) {
    case (nil, _): nil
    case (false, _): split
    case (true, .automatic): reported == .automatic ? nil : reported
    // A driver that reports its split enabled takes no configuration that disables it.
    case (true, .enabled): reported == .disabled ? nil : .automatic
    case (true, .disabled): nil
    }
  }

  /// The next request that brings the split back, if one is needed.
  ///
  /// Where nothing was configured, or nobody knows, the driver gets its choice back. If it was
  /// disabled it is disabled first: a driver may keep its split under its own choice. A driver that
  /// chooses otherwise than it did before gets the earlier split by name; so an unknown
  /// configuration comes back, too, unless it was the same as the driver's choice.
  ///
  /// - Parameters:
  ///   - tried: The requests so far, whatever came of them.
  ///   - present: What the driver reports now.
  /// - Returns: `nil` where all is back, or cannot be brought back.
  package func request(after tried: [HeaderSplit], reporting present: HeaderSplit) -> HeaderSplit? {
    if let configured, configured != .automatic { return tried.isEmpty ? configured : nil }
    if present == reported { return tried.contains(.automatic) ? nil : .automatic }
    if reported == .disabled, !tried.contains(.disabled) { return .disabled }
    if !tried.contains(.automatic) { return .automatic }
    return reported == .automatic || tried.last == reported ? nil : reported
  }
}
