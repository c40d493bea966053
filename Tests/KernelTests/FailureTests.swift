// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Testing

struct FailureTests {
  @Test("a failure names what was tried, on what, the errno and the hint")
  func describesItself() {
    let failure = Failure(
      "bind RX queues", on: "eth0 queue 3", errno: .invalidArgument,
      reason: "tcp-data-split is disabled", hint: "enable header split")
    #expect(
      failure.description == """
        cannot bind RX queues eth0 queue 3: EINVAL (Invalid argument): tcp-data-split is disabled
        hint: enable header split
        """)
  }

  @Test("a fault of the command line begins with the option")
  func beginsWithOption() {
    let failure = Failure.usage("-x", "unknown option")
    #expect(failure.description == "-x: unknown option")
    #expect(failure.kind == .usage)
  }

  @Test("words from elsewhere cannot end the line, nor reach the terminal as commands")
  func keepsToLine() {
    let failure = Failure("find", on: "eth0\n", reason: "\u{1b}[2J and \u{9b}2J, ändert\t")
    #expect(failure.line == #"cannot find eth0\x0a: \x1b[2J and \x9b2J, ändert\x09"#)
    #expect(Failure.usage("--\n", "unknown option").line == #"--\x0a: unknown option"#)
  }

  @Test("the line is the description without the hint")
  func hasLine() {
    let failure = Failure("open", on: "it", errno: .noDevice, hint: "look")
    #expect(failure.line == "cannot open it: ENODEV (No such device)")
    #expect(failure.description == failure.line + "\nhint: look")
  }

  @Test("numbers that libc does not name are named as the kernel names them")
  func namesKernelErrnos() {
    #expect(Errno.tooSmall.name == "ETOOSMALL")
    #expect(Errno(524).name == "ENOTSUPP")
    #expect(Errno(5999).name == "errno 5999")
  }

  @Test("an attempt turns an errno into a failure with its hint")
  func attemptsAreTold() throws {
    let failure = try #require(
      #expect(throws: Failure.self) {
        try attempt("open", on: "it", hint: "look") { () throws(Errno) in
          throw Errno.noDevice
        }
      })
    #expect(failure.errno == .noDevice)
    #expect(failure.hint == "look")
  }
}
