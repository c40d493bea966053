// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc

extension OwnedDescriptor {
  /// Opens a device node for reading and writing.
  ///
  /// - Parameters:
  ///   - node: Its path, such as `/dev/udmabuf`.
  ///   - remedy: What provides the device on a host that lacks it.
  /// - Throws: A failure of the kind `unsupported` where the device is missing: no node, or a node
  ///   without a driver. Any other failure hints at the node's permissions.
  package init(device node: String, remedy: @autoclosure () -> String) throws(Failure) {
    do throws(Errno) {
      try self.init(opening: node, .readingAndWriting)
    } catch {
      let isMissing = [.noEntry, .noDevice, .noDeviceOrAddress, Errno(ENOTDIR)].contains(error)
      throw Failure(
        "open", on: node, errno: error,
        hint: isMissing ? remedy() : Self.accessRemedy(for: node, refusedBy: error),
        kind: isMissing ? .unsupported : .failed)
    }
  }

  /// What gives a process access to a device node.
  ///
  /// - Parameter errno: Why it may not open it: `EPERM` where its control group may not
  ///   (`security/device_cgroup.c`), as in a container that was not given the device.
  package static func accessRemedy(for node: String, refusedBy errno: Errno) -> String {
    errno == .notPermitted
      ? "start the container with --device \(node)"
      : "run as root, or join the group that \(node) belongs to"
  }

  /// What gives a process a device that the kernel has and whose node is not there, as in a
  /// container that was not given the device.
  ///
  /// - Parameters:
  ///   - node: The node's path.
  ///   - device: Where sysfs shows the device, such as `/sys/class/misc/udmabuf`.
  /// - Returns: `nil` where the kernel does not have it.
  package static func remedy(
    forMissing node: String, of device: String, on host: SystemFiles = SystemFiles()
  ) -> String? {
    guard host.resolved(device) != nil else { return nil }
    return "the kernel has it: start the container with --device \(node)"
  }
}
