// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// Chooses CPUs for threads that receive: one for each, without the NIC's interrupts, and near the
/// NIC if possible. To be near counts less than to be without interrupts.
package enum WorkerPlacement {
  /// Chooses a CPU for each of some threads.
  ///
  /// - Parameters:
  ///   - allowed: The CPUs that there are to choose from, in ascending order.
  ///   - near: Those of the NIC's NUMA node; `nil` where it has none.
  ///   - interrupted: Those that take the NIC's interrupts.
  /// - Returns: As many as threads; some several times if there are too few.
  /// - Precondition: `allowed` is not empty.
  package static func choose(
    _ count: Int, from allowed: [Int], near: [Int]?, interrupted: Set<Int>
  ) -> [Int] {
    let close = Set(near ?? allowed)
    let free = allowed.filter { !interrupted.contains($0) }
    let ordered = free.filter(close.contains) + free.filter { !close.contains($0) }
    let choice = ordered.isEmpty ? allowed : ordered
    return (0..<count).map { choice[$0 % choice.count] }
  }

  /// The CPUs that take some interrupts: where the kernel has them go, which need not be where
  /// somebody wants them (`Documentation/core-api/irq/irq-affinity.rst`). None for one that the
  /// kernel does not describe.
  package static func cpus(
    interruptedBy interrupts: Set<UInt32>, files: SystemFiles = SystemFiles()
  ) -> Set<Int> {
    Set(
      interrupts.flatMap { interrupt in
        files.line("/proc/irq/\(interrupt)/effective_affinity_list")
          .flatMap { CPUList($0)?.cpus } ?? []
      })
  }
}
