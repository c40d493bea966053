// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// Requires that the host can give so much ordinary memory: device memory cannot be swapped out, and
/// to get what there is not, the kernel would end processes, this one or others.
///
/// - Parameters:
///   - byteCount: How much, in bytes.
///   - operation: What it is for, in the failure.
///   - subject: What that is, in the failure.
/// - Throws: A failure without errno that says how much there is.
package func requireAvailable(
  _ byteCount: Int, to operation: String, _ subject: String, on host: SystemFiles = SystemFiles()
) throws(Failure) {
  guard let available = host.availableMemory, byteCount > available else { return }
  throw Failure(
    operation, on: subject, reason: "the host has \(available >> 20) MiB available",
    hint: "choose less memory (--memory-size)")
}
