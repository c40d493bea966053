// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import TestSupport
import Testing

struct SystemFilesTests {
  private let files = SystemFiles()

  @Test("a file's text comes without its line's end, what is not there with an error")
  func readsText() throws {
    #expect(try files.contents(of: "/proc/sys/kernel/ostype") == "Linux")
    #expect(throws: Errno.noEntry) { try files.contents(of: "/proc/nosuch") }
    #expect(files.text("/proc/nosuch") == nil)
  }

  @Test("a file's number is read, anything else is none")
  func readsNumber() {
    #expect(files.number("/proc/sys/kernel/pid_max") ?? 0 > 0)
    #expect(files.number("/proc/sys/kernel/ostype") == nil)
    #expect(files.number("/proc/nosuch") == nil)
  }

  @Test("a directory's names are listed, without its own and its parent's")
  func listsNames() {
    let names = files.names(in: "/proc/sys/net/ipv4")
    #expect(names.contains("tcp_rmem"))
    #expect(!names.contains("."))
    #expect(!names.contains(".."))
    #expect(files.names(in: "/proc/nosuch") == [])
  }

  @Test("a test can put files of its own in place of the host's")
  func readsBelowARoot() throws {
    let directory = try Directory()
    try directory.write("0x1f\n", to: "sys/device")
    try directory.write("one\ntwo\n", to: "sys/lines")
    try directory.write("4096\t131072 6291456\n", to: "proc/tcp_rmem")
    try directory.write("Name:\tcat\nNameless: x\nmodel name\t: A B\n", to: "proc/status")
    try directory.link("sys/link", to: "../elsewhere")
    let files = directory.files
    #expect(files.number("/sys/device") == 31)
    #expect(files.line("/sys/lines") == "one")
    #expect(files.numbers("/proc/tcp_rmem") == [4096, 131_072, 6_291_456])
    #expect(files.field("Name", of: "/proc/status") == "cat")
    #expect(files.field("model name", of: "/proc/status") == "A B")
    #expect(files.field("Nam", of: "/proc/status") == nil)
    #expect(files.link("/sys/link") == "../elsewhere")
    #expect(files.link("/sys/lines") == nil)
    #expect(files.resolved("/sys/../sys/lines") == "/sys/lines")
    #expect(files.resolved("/nosuch") == nil)
    #expect(files.names(in: "/sys") == ["device", "lines", "link"])
  }
}
