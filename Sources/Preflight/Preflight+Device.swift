// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory
internal import Kernel
internal import NIC

/// The driver, and the device that it drives.
extension Preflight {
  mutating func deviceFindings() -> [Finding] {
    [
      look(at: "driver", ifUnsupported: .warn, otherwise: .warn) { preflight throws(Failure) in
        try preflight.driver()
      },
      look(at: "device", ifUnsupported: .warn, otherwise: .warn) { preflight throws(Failure) in
        try preflight.device()
      },
    ]
  }

  private func driver() throws(Failure) -> Observation {
    guard let information = interface.driverInformation else {
      throw interface.refusal("ask for the driver of", .notSupported)
    }
    let version = information.version.isEmpty ? "" : " \(information.version)"
    let firmware = information.firmware.isEmpty ? "not reported" : information.firmware
    return .ok("\(interface.driver)\(version), firmware: \(firmware)")
  }

  private func device() throws(Failure) -> Observation {
    guard let device = try Udev().device(behind: interface.name) else {
      return .ok("none behind the interface: it is virtual, or udev does not see it")
    }
    let node = device.node.map { "NUMA node \($0)" } ?? "NUMA node not reported"
    return .ok(([device.bus + " " + device.address, node] + device.names).joined(separator: ", "))
  }
}
