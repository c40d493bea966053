// SPDX-License-Identifier: GPL-2.0-only

import Glibc
import Kernel
import TestSupport
import Testing

struct DescriptorTests {
  @Test("an owned descriptor is closed with its owner")
  func closesAtScopeEnd() throws {
    let raw = try Pipe().reader.rawValue
    #expect(fcntl(raw, F_GETFD) == -1)
  }

  @Test("a descriptor that was opened or duplicated does not outlive execve")
  func closesOnExec() throws {
    let opened = try OwnedDescriptor(opening: "/dev/null", .readingAndWriting)
    let copy = try OwnedDescriptor.duplicate(of: opened.borrowed)
    for descriptor in [opened.borrowed, copy.borrowed] {
      #expect(fcntl(descriptor.rawValue, F_GETFD) == FD_CLOEXEC)
    }
  }

  @Test("a standard descriptor that is closed is opened, so that no other file takes its place")
  func opensStandard() async {
    await #expect(processExitsWith: .success) {
      for number in 0...2 as ClosedRange<CInt> { close(number) }
      try Descriptor.openStandard()
      let file = try OwnedDescriptor(opening: "/dev/zero", .readingAndWriting)
      guard file.rawValue > 2 else { exit(2) }
      let names = (0...2).compactMap { SystemFiles().link("/proc/self/fd/\($0)") }
      // Another thread of this process may have opened a file after a number was closed here.
      exit(names.count == 3 && names.contains("/dev/null") ? 0 : 3)
    }
  }

  @Test("a file's kind, permissions and names are seen")
  func seesStatus() throws {
    let directory = try Directory()
    try directory.write("x", to: "file")
    let place = try OwnedDescriptor(opening: directory.path, .directory)
    let file = try OwnedDescriptor(opening: "file", in: place, .reading)
    #expect(try place.borrowed.status().isDirectory)
    let status = try file.borrowed.status()
    #expect(status.isRegularFile && status.linkCount == 1 && status.owner == geteuid())
    #expect(!status.isWritableByOthers)
    directory.change("file", mode: 0o620)
    #expect(try file.borrowed.status().isWritableByOthers)
    #expect(try place.names() == ["file"])
  }

  @Test("a missing device is unsupported and names the remedy, another failure the permissions")
  func opensDevices() throws {
    let directory = try Directory()
    let node = directory.path + "/node"
    let missing = try #require(
      failing { () throws(Failure) in _ = try OwnedDescriptor(device: node, remedy: "load it") })
    #expect(missing.kind == .unsupported)
    #expect(missing.hint == "load it")
    let refused = try #require(
      failing { () throws(Failure) in
        _ = try OwnedDescriptor(device: directory.path, remedy: "load it")
      })
    #expect(refused.kind == .failed)
    #expect(refused.errno == Errno(EISDIR))
    #expect(refused.hint?.contains("run as root") == true)
    let remedy = OwnedDescriptor.accessRemedy(for: node, refusedBy: .notPermitted)
    #expect(remedy.hasSuffix("--device \(node)"))
  }
}
