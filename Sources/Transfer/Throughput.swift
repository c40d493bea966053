// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel

/// Throughput of one stream, in powers of 1024; 0 in no time.
package func mebibytesPerSecond(_ bytes: Int, in duration: Duration) -> Double {
  duration > .zero ? Double(bytes) / duration.inSeconds / 1_048_576 : 0
}
