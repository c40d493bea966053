// SPDX-License-Identifier: GPL-2.0-only

import Measurement
import Options
import Testing

struct VersionTests {
  @Test("the version begins with the tool and its number, and is plain lines of a name and a value")
  func prints() throws {
    let lines = Version.text.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines[0] == "ncdevmem \(Version.number)")
    #expect(Version.number.wholeMatch(of: /\d+\.\d+\.\d+/) != nil)
    for line in lines.dropFirst() {
      #expect(line.wholeMatch(of: /[a-z ]+: [^:].*/) != nil, "\(line)")
    }
  }

  @Test("the version says what the peer and a reader of documents have to know")
  func describes() {
    // The unit tests are not built by `scripts/build`.
    #expect(Version.text.contains("\ncommit: unknown\n"))
    #expect(
      Version.text.contains(
        "\ndocuments: ncdevmem-run-1, \(MeasurementReport.schema), \(MutualReport.schema)\n"))
    #expect(Version.text.contains("\nengines: devmem, zcrx, socket, socket:zerocopy\n"))
    #expect(Version.text.hasSuffix("\ncontrol protocol: \(PeerMessage.version)"))
  }
}
