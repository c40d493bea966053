// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory

/// Device memory that several threads use at once. Nobody changes where it is, and what the kernel
/// put into it belongs to the one that holds its tokens; what is sent was written beforehand.
@safe final class SharedMemory: @unchecked Sendable {
  let buffer: DeviceBuffer

  init(_ buffer: consuming DeviceBuffer) { self.buffer = buffer }
}
