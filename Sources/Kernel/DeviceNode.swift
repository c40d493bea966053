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
      let isMissing = [.noEntry, .noDevice, Errno(ENXIO), Errno(ENOTDIR)].contains(error)
      throw Failure(
        "open", on: node, errno: error,
        hint: isMissing ? remedy() : Self.accessRemedy(for: node),
        kind: isMissing ? .unsupported : .failed)
    }
  }

  /// What gives a user access to a device node.
  package static func accessRemedy(for node: String) -> String {
    "run as root, or join the group that \(node) belongs to"
  }
}
