// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// The failure that a body ends with, if it does. Unlike `#expect(throws:)` it takes a body that
/// changes a value that cannot be copied.
package func failing<Value>(_ body: () throws(Failure) -> Value) -> Failure? {
  do throws(Failure) {
    _ = try body()
    return nil
  } catch {
    return error
  }
}
