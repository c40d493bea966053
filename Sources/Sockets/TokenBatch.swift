// SPDX-License-Identifier: GPL-2.0-only

public import CLinux

/// Tokens that wait to be returned, gathered into ranges in the order in which they came.
///
/// Ranges grow by the next number only. That is enough where the kernel deals out dense ids
/// (mainline: the lowest free ones of the socket), and right where a token is a page that may come
/// several times (manual mode): equal tokens stay apart and each is returned once. Public, for the
/// receive loop to inline.
public struct TokenBatch: ~Copyable {
  /// Ranges that one return takes (`net/core/sock.c`, `MAX_DONTNEED_TOKENS`).
  public static let rangeLimit = 128
  /// Fragments that one return frees, over all its ranges (`MAX_DONTNEED_FRAGS`).
  public static let fragmentLimit = 1024

  @usableFromInline var storage: [128 of CLinux_dmabuf_token]
  @usableFromInline var rangeCount = 0

  /// The token that extends the last range: one beyond all where there is none, or none can.
  @usableFromInline var nextToken = Self.noToken
  @inlinable static var noToken: UInt64 { 1 << 32 }

  /// How many fragments the batch has.
  package var fragmentCount: Int { count }
  @usableFromInline var count = 0

  /// An empty batch.
  package init() { storage = .init(repeating: CLinux_dmabuf_token()) }

  /// Whether there is nothing to return.
  package var isEmpty: Bool { rangeCount == 0 }

  /// The ranges, as `SO_DEVMEM_DONTNEED` takes them.
  package var ranges: Span<CLinux_dmabuf_token> {
    @_lifetime(borrow self)
    borrowing get { storage.span.extracting(first: rangeCount) }
  }

  /// Adds a token. Inlined, since there is one for each fragment.
  ///
  /// - Returns: `false` if the batch is full and has to be returned first.
  @inlinable
  @inline(__always)
  public mutating func append(_ token: UInt32) -> Bool {
    // Nothing here overflows: both counts have limits.
    guard count < Self.fragmentLimit else { return false }
    guard UInt64(token) == nextToken else { return beginRange(with: token) }
    // There is a last range where a token extends one.
    unsafe storage[unchecked: rangeCount &- 1].token_count &+= 1
    nextToken &+= 1
    count &+= 1
    return true
  }

  @inlinable
  mutating func beginRange(with token: UInt32) -> Bool {
    guard rangeCount < Self.rangeLimit else { return false }
    storage[rangeCount] = CLinux_dmabuf_token(token_start: token, token_count: 1)
    rangeCount &+= 1
    nextToken = UInt64(token) &+ 1
    count &+= 1
    return true
  }

  /// Empties the batch.
  package mutating func removeAll() {
    rangeCount = 0
    nextToken = Self.noToken
    count = 0
  }
}
