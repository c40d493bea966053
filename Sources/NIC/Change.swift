// SPDX-License-Identifier: GPL-2.0-only

/// A change to an interface, described by what was there before and what this tool made of it:
/// enough to undo it, in this process or in one that reads it from a journal. It is plain data.
///
/// Each change is recorded before it is made, and again once the driver has reported what it made
/// of it. An undo touches a setting only while it is as this tool made it: one that is back already
/// needs nothing, and any other state was made by somebody else since and stays. Undoing twice does
/// no harm.
package enum Change: Equatable, Sendable {
  /// The split was this. Since then the interface has reported one of `made`; `automatic` there
  /// stands for any, where the driver chose and its choice is not known. Where `threshold` is not
  /// `nil`, the split's threshold was that, in bytes, and was set to 0.
  case headerSplit(EarlierSplit, made: [HeaderSplit] = [.enabled], threshold: UInt32? = nil)
  /// The split's threshold was this, and was set to `made` without the split; both in bytes.
  case splitThreshold(UInt32, made: UInt32 = 0)
  /// The rings had these sizes, and with the split these; `nil` until the driver has answered.
  case ringSizes(RingSizes, made: RingSizes?)
  /// There were these channels, and with the split these; `nil` until the driver has answered.
  case channels(Channels, made: Channels?)
  /// The private flags were these, and those of the bits in `touched` were set. A flag has two
  /// states only, so that there is none that somebody else can have made.
  case privateFlags(UInt32, touched: UInt32)
  /// A feature was requested to be on, or off, and then to be the opposite. For the feature that
  /// flow rules need: these were the `rules` before.
  case feature(name: String, requested: Bool, rules: [FlowRule] = [])
  /// The main RSS settings were these; `isDefault` where the table was not configured. They were
  /// made to be `made`.
  case rss(RSS, isDefault: Bool, made: RSS)
  /// An RSS context was created. Its `id` is `nil` until the driver has answered; `others` are the
  /// contexts that were there before.
  case context(id: UInt32?, table: [UInt32], others: [UInt32])
  /// A flow rule was inserted, its location none of the table until the driver has answered. After
  /// that it is the rule that the driver reports. `replaced` are rules for the same flows which
  /// were there before; once the driver has answered, those that it has replaced.
  case flowRule(FlowRule, replaced: [FlowRule])

  /// One change in the place of two of the same setting: what was there before this one, and what
  /// either has made of it.
  ///
  /// - Parameter later: A change made after this one.
  /// - Returns: `nil` where they are of different settings.
  package func followed(by later: Change) -> Change? {
    switch (self, later) {
    case (.headerSplit(let earlier, let one, let first), .headerSplit(_, let other, let second)):
      .headerSplit(
        earlier, made: one + other.filter { !one.contains($0) }, threshold: first ?? second)
    case (.ringSizes(let earlier, _), .ringSizes(_, let made)): .ringSizes(earlier, made: made)
    case (.channels(let earlier, _), .channels(_, let made)): .channels(earlier, made: made)
    case (.splitThreshold(let earlier, _), .splitThreshold(_, let made)):
      .splitThreshold(earlier, made: made)
    case (.privateFlags(let earlier, let one), .privateFlags(let between, let other)):
      .privateFlags(earlier & one | between & ~one, touched: one | other)
    case (.feature(let one, _, _), .feature(let other, _, _)) where one == other: self
    case (.rss(let earlier, let isDefault, _), .rss(_, _, let made)):
      .rss(earlier, isDefault: isDefault, made: made)
    default: nil
    }
  }

  /// Whether it is one of the header split.
  var isHeaderSplit: Bool {
    if case .headerSplit = self { true } else { false }
  }
}
