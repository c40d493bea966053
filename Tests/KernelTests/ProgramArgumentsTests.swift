// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Testing

struct ProgramArgumentsTests {
  @Test("the words of the command line are those that Swift reads from /proc")
  func sameAsSwifts() {
    #expect(ProgramArguments.words == Array(CommandLine.arguments.dropFirst()))
  }
}
