// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import DeviceMemory
internal import Kernel
internal import Measurement
internal import Transfer

/// Which version of the tool this is, and what it can do.
package enum Version {
  /// The number, by semantic versioning. It stands nowhere else: what is installed and packaged takes
  /// it from this line.
  package static let number = "0.1.0"

  /// The tool and its number, in one word each.
  package static let name = "ncdevmem \(number)"

  /// The commit that the tool was built from, with `-dirty` behind it if files had changed since;
  /// `unknown` where `scripts/build` did not build it, or not in a repository.
  static var commit: String { unsafe String(cString: CLinux_build_commit()) }

  /// The answer to `--version`, without the last line's end. What either end of a measurement, and
  /// whoever reads documents, has to agree with is in it.
  package static var text: String {
    """
    \(name)
    commit: \(commit)
    kernel features: bind-rx (Linux 6.12), bind-tx (6.16), rx-page-size (7.3), queue-leasing, \
    token-mode
    engines: \(Engine.allCases.map(\.name).joined(separator: ", "))
    memory: \(MemoryKind.forms.joined(separator: ", "))
    documents: \(Document.runSchema), \(MeasurementReport.schema), \(MutualReport.schema)
    control protocol: \(PeerMessage.version)
    """
  }
}
