// SPDX-License-Identifier: GPL-2.0-only

import Glibc
import Kernel
import Netdev
import Netlink
import TestSupport
import Testing

struct TransmitBindingTests {
  @Test("a bind for sending names interface and memory")
  func asks() throws {
    let kernel = ScriptedNetdev.linux72.kernel { _ in [.bound(9), .acknowledged] }
    #expect(try bind(kernel) == 9)
    let request = try #require(kernel.requests.last)
    #expect(request.command == 15)
    #expect(request.attributes.elements.map(\.type) == [1, 3])
    #expect(try request.attributes.required(1) as UInt32 == 7)
  }

  @Test("a kernel without bind-tx is not asked for it")
  func refusesUnknown() {
    let kernel = ScriptedNetdev.linux612.kernel { _ in [.bound(9), .acknowledged] }
    #expect(failing { () throws(Failure) in try bind(kernel) }?.kind == .unsupported)
    #expect(kernel.requests.allSatisfy { $0.family != 22 })
  }

  @Test(
    "each refusal is reported with the kernel's words and what to do about it",
    arguments: [
      (EOPNOTSUPP, "Driver does not support netmem TX", "the driver", .unsupported),
      (EINVAL, "TX dma-buf size must be a multiple of PAGE_SIZE", "whole pages", .failed),
      (ENODEV, "", "went away", .failed),
      (ENOMEM, "", "come back", .failed),
    ] as [(CInt, String, String, Failure.Kind)])
  func explains(errno: CInt, words: String, hint: String, kind: Failure.Kind) throws {
    let kernel = ScriptedNetdev.linux73.kernel { _ in
      [words.isEmpty ? .refused(errno) : .refused(errno, text: words)]
    }
    let failure = try #require(failing { () throws(Failure) in try bind(kernel) })
    #expect(failure.errno == Errno(errno))
    #expect(failure.reason ?? "" == words)
    #expect(failure.kind == kind)
    #expect(failure.hint?.contains(hint) == true)
  }

  @Test("an answer without the binding's id is no answer")
  func refusesMalformed() {
    let kernel = ScriptedNetdev.linux73.kernel { _ in [.message([]), .acknowledged] }
    #expect(failing { () throws(Failure) in try bind(kernel) }?.errno == .badMessage)
  }

  /// Binds memory to an interface for sending, and returns the binding's id.
  private func bind(_ kernel: ScriptedNetlink) throws(Failure) -> UInt32 {
    let pipe = try attempt("open a pipe") { () throws(Errno) in try Pipe() }
    return try Netdev(through: kernel).bindTransmit(
      interface: 7, named: "nic0", to: pipe.reader
    ).id
  }
}
