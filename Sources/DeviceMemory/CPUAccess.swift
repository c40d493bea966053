// SPDX-License-Identifier: GPL-2.0-only

/// How the CPU gets at device memory.
package enum CPUAccess: String, Sendable {
  /// It reads and writes the memory itself.
  case mapped
  /// It reads the memory itself, and cannot write it.
  case readOnly = "read-only"
  /// By copies that the device's driver makes, of memory that is not for the CPU.
  case copies
  /// Not at all: other devices only.
  case none
}
