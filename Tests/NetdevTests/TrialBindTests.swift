// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import Glibc
import Kernel
import Netdev
import Netlink
import TestSupport
import Testing

struct TrialBindTests {
  @Test("a trial names the interface and its queue, and a descriptor that cannot be")
  func asks() throws {
    let kernel = ScriptedNetdev.linux73.kernel { _ in [.refused(EBADF)] }
    let netdev = try Netdev(through: kernel)
    #expect(try netdev.tryReceive(onInterface: 7, queue: 3) == .refusedMemory)
    let receive = try #require(kernel.requests.last)
    #expect(receive.command == 13)
    #expect(receive.attributes.elements.map(\.type) == [1, 3, 2])
    #expect(try receive.attributes.required(1) as UInt32 == 7)
    #expect(try receive.attributes.required(3) as UInt32 == UInt32.max)
    #expect(try receive.attributes.nest(2)?.required(1) as UInt32? == 3)

    #expect(try netdev.trySend(onInterface: 7) == .refusedMemory)
    let send = try #require(kernel.requests.last)
    #expect(send.command == 15)
    #expect(send.attributes.elements.map(\.type) == [1, 3])
  }

  @Test(
    "a refusal says how far the kernel got, and whether it said anything itself",
    arguments: [
      (
        EOPNOTSUPP, "no queue API",
        .unsupported(Refusal(errno: .notSupported, words: "no queue API"))
      ),
      (EOPNOTSUPP, "", .unsupported(Refusal(errno: .notSupported))),
      (EPERM, "", .notPermitted),
      (EEXIST, "XDP", .refused(Refusal(errno: .exists, words: "XDP"))),
    ] as [(CInt, String, TrialBind)])
  func outcomes(errno: CInt, words: String, outcome: TrialBind) throws {
    let kernel = ScriptedNetdev.linux73.kernel { _ in
      [words.isEmpty ? .refused(errno) : .refused(errno, text: words)]
    }
    #expect(try Netdev(through: kernel).tryReceive(onInterface: 7, queue: 0) == outcome)
  }

  @Test("queues of different devices are found out, and nothing else is taken for that")
  func devices() throws {
    let words = "DMA device mismatch between queue 3 and 2 (multi-PF device?)"
    for (answer, isFound) in [
      (.refused(EOPNOTSUPP, text: words), true), (.refused(EOPNOTSUPP), false),
      (.refused(EBADF), false), (.refused(EINVAL, text: words), false),
    ] as [(ScriptedNetlink.Answer, Bool)] {
      let kernel = ScriptedNetdev.linux73.kernel { _ in [answer] }
      let found = try Netdev(through: kernel).differenceOfDevices(among: 2..<4, ofInterface: 7)
      #expect(found == (isFound ? words : nil))
      let request = try #require(kernel.requests.last)
      #expect(request.attributes.elements.map(\.type) == [1, 3, 2, 2])
    }
  }

  @Test("a kernel that binds no memory, or does not answer, is a failure")
  func failures() throws {
    let binds = try Netdev(through: ScriptedNetdev.linux73.kernel { _ in [.acknowledged] })
    let bound = failing { () throws(Failure) in try binds.trySend(onInterface: 7) }
    #expect(bound?.errno == nil)
    #expect(bound?.reason == "it bound memory that is not there")
    let silent = try Netdev(through: ScriptedNetdev.linux73.kernel())
    let unanswered = failing { () throws(Failure) in try silent.trySend(onInterface: 7) }
    #expect(unanswered?.errno == .timedOut)
  }
}
