// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import Glibc
import Kernel
import Netdev
import Netlink
import Synchronization
import TestSupport
import Testing

struct ReceiveBindingTests {
  @Test("a bind names interface, memory and queues, and nothing that was not asked for")
  func asksForQueues() throws {
    let kernel = ScriptedNetdev.lab.kernel { _ in [.bound(42), .acknowledged] }
    let pipe = try Pipe()
    let binding = try Netdev(through: kernel).bindReceive(
      3..<5, ofInterface: 7, named: "nic0", to: pipe.reader, as: ReceiveBinding.Options())
    #expect(binding.id == 42)

    let request = try #require(kernel.requests.last)
    #expect(request.command == 13)
    #expect(request.attributes.elements.map(\.type) == [1, 3, 2, 2])
    #expect(try request.attributes.required(1) as UInt32 == 7)
    #expect(try request.attributes.required(3) as UInt32 == UInt32(pipe.reader.rawValue))
    let queues = try request.attributes.elements.filter { $0.type == 2 }.map { element in
      let queue = try Attributes(element.payload)
      return (type: try queue.required(3) as UInt32, id: try queue.required(1) as UInt32)
    }
    #expect(queues.map(\.id) == [3, 4])
    #expect(queues.allSatisfy { $0.type == 0 })
  }

  @Test("the size of buffers goes into the attribute that the kernel has for it")
  func asksForSize() throws {
    let kernel = ScriptedNetdev.linux73.kernel { _ in [.bound(1), .acknowledged] }
    _ = try bind(kernel, ReceiveBinding.Options(rxPageSize: 65536))
    #expect(try kernel.requests.last?.attributes.integer(5) as UInt32? == 65536)
  }

  @Test(
    "the token mode is asked for where the kernel has modes, and known where it has one",
    arguments: [
      (.linux73, nil, .automatic, [:]),
      (.linux73, true, .automatic, [:]),
      (.series, nil, .manual, [:]),
      (.series, false, .manual, [5: [0]]),
      (.series, true, .automatic, [5: [1]]),
      (.lab, nil, .automatic, [:]),
      (.lab, false, .manual, [6: [0, 0, 0, 0]]),
      (.lab, true, .automatic, [6: [1, 0, 0, 0]]),
    ] as [(ScriptedNetdev, Bool?, TokenMode, [UInt16: [UInt8]])])
  func asksForMode(
    netdev: ScriptedNetdev, autorelease: Bool?, mode: TokenMode, sent: [UInt16: [UInt8]]
  ) throws {
    let kernel = netdev.kernel { _ in [.bound(1), .acknowledged] }
    #expect(try bind(kernel, ReceiveBinding.Options(autorelease: autorelease)) == mode)
    let optional = try #require(kernel.requests.last).attributes.elements.filter { $0.type > 4 }
    #expect(optional.map(\.type) == Array(sent.keys))
    #expect(optional.map { Array($0.payload) } == Array(sent.values))
  }

  @Test("the token mode is what the kernel's answer says", arguments: [UInt32(0), 1])
  func believesAnswer(autorelease: UInt32) throws {
    let kernel = ScriptedNetdev.lab.kernel { _ in
      [.bound(1, autorelease: autorelease), .acknowledged]
    }
    #expect(try bind(kernel) == (autorelease == 0 ? .manual : .automatic))
  }

  @Test("an attribute that was named for the token mode is not the size of buffers")
  func keepsAttributesApart() throws {
    let kernel = ScriptedNetdev.unranged.kernel { _ in [.bound(1), .acknowledged] }
    #expect(try bind(kernel, ReceiveBinding.Options(rxPageSize: 4096)) == .automatic)
    let options = ReceiveBinding.Options(
      rxPageSize: 4096, autorelease: true, autoreleaseAttribute: 5)
    let failure = failing { () throws(Failure) in try bind(kernel, options) }
    #expect(failure?.description.contains("-b") == true)
  }

  @Test(
    "what the kernel does not know is not sent to it",
    arguments: [
      (.linux611, ReceiveBinding.Options(), "bind-rx"),
      (.linux72, ReceiveBinding.Options(rxPageSize: 4096), "-b"),
      (.series, ReceiveBinding.Options(rxPageSize: 4096), "-b"),
      (.linux73, ReceiveBinding.Options(autorelease: false), "-a 0"),
    ] as [(ScriptedNetdev, ReceiveBinding.Options, String)])
  func refusesUnknown(netdev: ScriptedNetdev, options: ReceiveBinding.Options, named: String) {
    let kernel = netdev.kernel { _ in [.bound(1), .acknowledged] }
    let failure = failing { () throws(Failure) in try bind(kernel, options) }
    #expect(failure?.kind == .unsupported)
    #expect(failure?.description.contains(named) == true)
    #expect(kernel.requests.allSatisfy { $0.family == UInt16(GENL_ID_CTRL) })
  }

  @Test(
    "each refusal is reported with the kernel's words and what to do about it",
    arguments: [
      (EINVAL, "tcp-data-split is disabled", "header split", .failed),
      (EINVAL, "hds-thresh is not zero", "hds-thresh 0", .failed),
      (EINVAL, "dmabuf sg entry (addr=0, len=4096) not aligned", "-b", .failed),
      (EINVAL, "System already configured with autorelease=0", "token mode", .failed),
      (EINVAL, "", "-t, -q", .failed),
      (ERANGE, "rx queue index out of range", "-t, -q", .failed),
      (ENODEV, "", "went away", .failed),
      (EOPNOTSUPP, "device does not support: rx_page_size", "leave -b out", .unsupported),
      (EOPNOTSUPP, "DMA device mismatch between queue 1 and 0", "share a device", .unsupported),
      (EOPNOTSUPP, "", "CONFIG_NET_DEVMEM", .unsupported),
      (EEXIST, "device with XDP program attached", "xdp off", .failed),
      (EEXIST, "designated queue already memory provider bound", "memory already", .failed),
      (EBUSY, "designated queue already in use by AF_XDP", "no AF_XDP", .failed),
      (EBUSY, "rx queue leased to a virtual netdev", "virtual device", .failed),
      (EBUSY, "System already configured with autorelease=1", "token mode", .failed),
      (EBUSY, "", "token mode", .failed),
      (ENODATA, "", "did not take", .unsupported),
      (E2BIG, "", "-b", .failed),
      (ENOMEM, "", "come back", .failed),
      (EPERM, "", "CAP_NET_ADMIN", .failed),
      (EBADF, "", nil, .failed),
    ] as [(CInt, String, String?, Failure.Kind)])
  func explains(errno: CInt, words: String, hint: String?, kind: Failure.Kind) throws {
    let kernel = ScriptedNetdev.linux73.kernel { _ in
      [words.isEmpty ? .refused(errno) : .refused(errno, text: words)]
    }
    let failure = try #require(failing { () throws(Failure) in try bind(kernel) })
    #expect(failure.errno == Errno(errno))
    #expect(failure.reason ?? "" == words)
    #expect(failure.kind == kind)
    #expect(failure.subject == "queue 3 of nic0")
    if let hint {
      #expect(failure.hint?.contains(hint) == true)
    } else {
      #expect(failure.hint == nil)
    }
  }

  @Test(
    "a refusal names the queues",
    arguments: [(0..<0, "no queue"), (3..<4, "queue 3"), (2..<5, "queues 2 to 4")])
  func namesQueues(queues: Range<UInt32>, words: String) throws {
    let kernel = ScriptedNetdev.linux73.kernel { _ in [.refused(EINVAL)] }
    let failure = try #require(failing { () throws(Failure) in try bind(kernel, to: queues) })
    #expect(failure.subject == "\(words) of nic0")
  }

  @Test("a bind waits for the other token mode, which ends shortly after its last binding")
  func waitsForMode() throws {
    let words = "System already configured with autorelease=1"
    let refusals = Mutex(2)
    let kernel = ScriptedNetdev.lab.kernel { _ in
      refusals.withLock { left in
        left -= 1
        return left < 0
          ? [.bound(1, autorelease: 0), .acknowledged] : [.refused(EBUSY, text: words)]
      }
    }
    #expect(try bind(kernel, patience: .seconds(10)) == .manual)
    #expect(refusals.withLock { $0 } == -1)
  }

  @Test("a stop ends the wait for the other token mode")
  func stops() throws {
    let kernel = ScriptedNetdev.lab.kernel { _ in
      [.refused(EBUSY, text: "System already configured with autorelease=1")]
    }
    let stop = try Event()
    stop.raise()
    let start = Instant.now
    let failure = failing { () throws(Failure) in
      try bind(kernel, patience: .seconds(60), Wait(orStoppedBy: stop.descriptor))
    }
    #expect(failure?.kind == .stopped)
    #expect(Instant.now.since(start) < .seconds(5))
  }

  @Test(
    "an answer without the binding's id is no answer",
    arguments: [
      [.acknowledged],
      [.message([]), .acknowledged],
      [.message(NetlinkBytes.attribute(4, UInt8(1))), .acknowledged],
      [.message([5, 0, 4, 0]), .acknowledged],
      [.bound(1), .bound(2), .acknowledged],
      [.raw([1, 2, 3])],
    ] as [ScriptedNetdev.Answers])
  func refusesMalformed(answers: ScriptedNetdev.Answers) {
    let kernel = ScriptedNetdev.linux73.kernel { _ in answers }
    let failure = failing { () throws(Failure) in try bind(kernel) }
    #expect(failure?.errno == .badMessage)
  }

  @Test("a kernel that does not answer is not waited for without end")
  func timesOut() {
    let kernel = ScriptedNetdev.linux73.kernel()
    let failure = failing { () throws(Failure) in try bind(kernel) }
    #expect(failure?.errno == .timedOut)
  }

  /// Binds queues of an interface, and returns the token mode.
  private func bind(
    _ kernel: ScriptedNetlink, _ options: ReceiveBinding.Options = ReceiveBinding.Options(),
    to queues: Range<UInt32> = 3..<4, patience: Duration = .zero, _ wait: Wait = Wait()
  ) throws(Failure) -> TokenMode {
    let pipe = try attempt("open a pipe") { () throws(Errno) in try Pipe() }
    return try Netdev(through: kernel).bindReceive(
      queues, ofInterface: 7, named: "nic0", to: pipe.reader, as: options, patience: patience,
      wait
    ).tokenMode
  }
}
