// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// What remembers a transaction's changes beyond the life of its process: a journal, or a test's
/// list.
package protocol ChangeLog: ~Copyable {
  /// Takes down what would have to be undone from now on, in the order done, in place of what was
  /// taken down before. On return the process may die.
  mutating func note(_ changes: [Change]) throws(Failure)
}
