// SPDX-License-Identifier: GPL-2.0-only

extension Interface {
  /// The least bytes of memory that an RX queue must have; `nil` where the driver starts a queue
  /// with any.
  ///
  /// `mlx5_core` fills two work requests of 256 KiB before it starts a queue. It waits 20 s for
  /// memory that does not come, with the interface locked, at each start of a queue
  /// (`mlx5/core/en_main.c`, `mlx5e_wait_for_min_rx_wqes`). Twice as much leaves some for payload.
  package var leastMemoryPerQueue: Int? { driver == "mlx5_core" ? 1 << 20 : nil }
}
