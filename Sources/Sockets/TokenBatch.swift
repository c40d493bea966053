// SPDX-License-Identifier: GPL-2.0-only

package import CLinux

/// Tokens that wait to be returned, gathered into ranges in the order in which they came.
///
/// Ranges grow by the next number only. That is enough where the kernel deals out dense ids
/// (mainline: the lowest free ones of the socket), and right where a token is a page that may come
/// several times (manual mode): equal tokens stay apart and each is returned once.
package struct TokenBatch: ~Copyable {
  /// Ranges that one return takes (`net/core/sock.c`, `MAX_DONTNEED_TOKENS`).
  package static let rangeLimit = 128
  /// Fragments that one return frees, over all its ranges (`MAX_DONTNEED_FRAGS`).
  package static let fragmentLimit = 1024

  private var storage: [128 of CLinux_dmabuf_token]
  private var rangeCount = 0

  /// How many fragments the batch stands for.
  package private(set) var fragmentCount = 0

  package init() { storage = .init(repeating: CLinux_dmabuf_token()) }

  package var isEmpty: Bool { rangeCount == 0 }

  /// The ranges, as `SO_DEVMEM_DONTNEED` takes them.
  package var ranges: Span<CLinux_dmabuf_token> {
    @_lifetime(borrow self)
    borrowing get { storage.span.extracting(first: rangeCount) }
  }

  /// Adds a token.
  ///
  /// - Returns: `false` if the batch is full and has to be returned first.
  package mutating func append(_ token: UInt32) -> Bool {
    guard fragmentCount < Self.fragmentLimit else { return false }
    if rangeCount > 0 {
      let last = storage[rangeCount - 1]
      if token == last.token_start &+ last.token_count {
        storage[rangeCount - 1].token_count += 1
        fragmentCount += 1
        return true
      }
    }
    guard rangeCount < Self.rangeLimit else { return false }
    storage[rangeCount] = CLinux_dmabuf_token(token_start: token, token_count: 1)
    rangeCount += 1
    fragmentCount += 1
    return true
  }

  package mutating func removeAll() {
    rangeCount = 0
    fragmentCount = 0
  }
}
