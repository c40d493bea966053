// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc

/// The value of a variable of the environment; `nil` where it is not set. The corresponding C
/// function is `getenv`.
package func environmentVariable(_ name: String) -> String? {
  unsafe getenv(name).map { unsafe String(cString: $0) }
}
