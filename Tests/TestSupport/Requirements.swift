// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc
package import Testing

extension Trait where Self == ConditionTrait {
  /// Runs a test only where a device can be opened for reading and writing; says so elsewhere.
  package static func requires(device path: String) -> Self {
    .enabled("needs \(path)") { unsafe access(path, R_OK | W_OK) == 0 }
  }
}
