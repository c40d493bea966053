// SPDX-License-Identifier: GPL-2.0-only

import Glibc
import Kernel
import TestSupport
import Testing

/// Each test that drops something does so in a process of its own.
struct CapabilitiesTests {
  private static func field(_ name: String) -> Capabilities {
    Capabilities(field: name, of: "thread-self")
  }

  @Test("the capabilities of a thread are those that /proc shows")
  func agree() throws {
    let sets = try Capabilities.current()
    #expect(sets.effective == Self.field("CapEff"))
    #expect(sets.permitted == Self.field("CapPrm"))
    #expect(sets.inheritable == Self.field("CapInh"))
  }

  @Test("what is dropped is gone from each set, and what is kept is there if it was")
  func drops() async {
    await #expect(processExitsWith: .exitCode(7)) {
      let before = try Capabilities.current()
      try Capabilities.drop(allBut: .netAdmin)
      precondition(Self.field("CapEff") == before.effective.intersection(.netAdmin))
      precondition(Self.field("CapPrm") == before.permitted.intersection(.netAdmin))
      precondition(Self.field("CapInh").isEmpty && Self.field("CapAmb").isEmpty)
      precondition(!before.effective.contains(.setPCap) || Self.field("CapBnd").isEmpty)
      exit(7)
    }
  }

  @Test("a thread that drops all leaves the others theirs")
  func threads() async {
    await #expect(processExitsWith: .exitCode(7)) {
      let before = try Capabilities.current()
      try Thread {
        try? Capabilities.drop()
        precondition(Self.field("CapPrm").isEmpty)
      }.join()
      let after = try Capabilities.current()
      precondition(after == before)
      exit(7)
    }
  }

  @Test(
    "without effect, nothing is effective, and all that was comes back", arguments: [true, false])
  func withoutEffect(fails: Bool) async {
    await #expect(processExitsWith: .exitCode(7)) { [fails] in
      let before = try Capabilities.current()
      let failure = failing { () throws(Failure) in
        try Capabilities.withoutEffect { () throws(Failure) in
          precondition(Self.field("CapEff").isEmpty)
          precondition(Self.field("CapPrm") == before.permitted)
          if fails { throw Failure("receive") }
        }
      }
      precondition((failure != nil) == fails)
      let after = try Capabilities.current()
      precondition(after == before)
      exit(7)
    }
  }
}
