// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Testing

struct SystemFileTests {
  @Test("a file's text comes without its line's end, what is not there with an error")
  func readsText() throws {
    #expect(try SystemFile.text(at: "/proc/sys/kernel/ostype") == "Linux")
    #expect(throws: Errno.noEntry) { try SystemFile.text(at: "/proc/nosuch") }
  }

  @Test("a file's number is read, anything else is none")
  func readsNumber() {
    #expect(SystemFile.number(at: "/proc/sys/kernel/pid_max") ?? 0 > 0)
    #expect(SystemFile.number(at: "/proc/sys/kernel/ostype") == nil)
    #expect(SystemFile.number(at: "/proc/nosuch") == nil)
  }

  @Test("a directory's names are listed, without its own and its parent's")
  func listsNames() {
    let names = SystemFile.names(in: "/proc/sys/net/ipv4")
    #expect(names.contains("tcp_rmem"))
    #expect(!names.contains("."))
    #expect(!names.contains(".."))
    #expect(SystemFile.names(in: "/proc/nosuch") == [])
  }
}
