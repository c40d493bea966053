// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Sockets
import TestSupport
import Testing

struct HostNameTests {
  @Test("a name of /etc/hosts has an address, of the protocol that is asked for")
  func looksUp() throws {
    #expect(try IPAddress(lookingUp: "localhost", of: .v4) == IPAddress("127.0.0.1"))
    let any = try IPAddress(lookingUp: "localhost", of: nil)
    #expect([IPAddress("127.0.0.1"), IPAddress("::1")].contains(any))
  }

  @Test("a name that no host can have is not found, and the failure says so")
  func finds() throws {
    // The resolver asks nobody: a part of a name has at most 63 bytes.
    let name = String(repeating: "a", count: 64) + ".b"
    let failure = try #require(
      failing { () throws(Failure) in try IPAddress(lookingUp: name, of: nil) })
    #expect(failure.kind == .failed)
    #expect(failure.description.hasPrefix("cannot look up \(name): "), "\(failure)")
  }
}
