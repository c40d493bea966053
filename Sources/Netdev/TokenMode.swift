// SPDX-License-Identifier: GPL-2.0-only

/// How the kernel keeps the tokens of received fragments.
package enum TokenMode: Equatable, Sendable {
  /// Each socket has its own: a token is an id that is unique while it is outstanding, and what a
  /// closed socket has not returned comes back by itself. All released kernels do this.
  case automatic
  /// Each binding has its own: a token is the number of a page, may be outstanding several times
  /// and has to be returned as often, before the socket is closed.
  case manual
}
