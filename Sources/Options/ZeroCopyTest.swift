// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel

/// What a command line of the kernel's test tool `iou-zcrx`
/// (`tools/testing/selftests/drivers/net/hw/iou-zcrx.c`) asks for. Its options are letters only.
package enum ZeroCopyTest: Equatable, Sendable {
  /// Wait for a connection, and receive its stream by io_uring's zero-copy receive.
  case receive(Receive)
  /// Connect, and send what the other end expects.
  case send(Send)

  /// See `ZeroCopyTest.receive`.
  package struct Receive: Equatable, Sendable {
    /// The interface (`-i`).
    package var interface = ""
    /// The RX queue (`-q`). Nothing else of the NIC is set up.
    package var queue: UInt32 = 0
    /// The port to listen at, at all addresses (`-p`).
    package var port = ZeroCopyTest.defaultPort
    /// The size of the NIC's buffers in pages (`-x`); the driver's choice if `nil`.
    package var pagesPerBuffer: Int?
    /// How often to ask for a page of the stream again, after the first time (`-o`); for all of it at
    /// once if `nil`.
    package var requests: Int?
    /// Whether to set up only, and to end (`-d`).
    package var isTrial = false

    /// A receiver, all of whose choices are still to be made.
    package init() {}
  }

  /// See `ZeroCopyTest.send`.
  package struct Send: Equatable, Sendable {
    /// Where to connect to (`-h`).
    package var address = IPAddress(octets: [UInt8](repeating: 0, count: 16))
    /// The port there (`-p`).
    package var port = ZeroCopyTest.defaultPort
    /// How many bytes to send at once (`-l`).
    package var chunkSize = ZeroCopyTest.defaultSize
    /// How many bytes to send (`-z`).
    package var byteCount = ZeroCopyTest.defaultSize

    /// A sender, whose destination is still to be given.
    package init() {}
  }

  /// The C tool's.
  package static let defaultPort: UInt16 = 8000
  /// The C tool's `SEND_SIZE`, in bytes.
  package static let defaultSize = 512 * 4096

  /// Reads a command line.
  ///
  /// - Parameter words: What follows the program's name.
  /// - Throws: A failure of the kind `usage`.
  package init(words: [String]) throws(Failure) {
    var (isReceiver, isSender) = (false, false)
    var receive = Receive()
    var send = Send()
    var (address, queue): (String?, UInt32?)
    for step in unsafe OptionScanner.steps(
      through: words, letters: "+:sch:p:l:i:q:o:z:x:d", longOptions: [option()])
    {
      let value = step.value ?? ""
      switch step.code {
      case OptionScanner.atEnd:
        if step.next < words.count {
          throw .usage(String(reflecting: words[step.next]), "not an option")
        }
        continue
      case OptionScanner.lacksValue: throw .usage(Self.typed(step.rejected), "needs a value")
      case OptionScanner.isUnknown: throw .usage(Self.typed(step.rejected), "unknown option")
      default: break
      }
      do throws(InvalidValue) {
        switch Self.typed(step.code) {
        case "-s": isReceiver = true
        case "-c": isSender = true
        case "-d": receive.isTrial = true
        case "-h": address = value
        case "-i": receive.interface = try interfaceName(value)
        case "-q": queue = try queueIndex(value)
        case "-p": (receive.port, send.port) = (try port(value), try port(value))
        case "-o": receive.requests = try number(value, in: 0...1 << 20)
        case "-x": receive.pagesPerBuffer = try number(value, in: 1...1 << 18)
        case "-l": send.chunkSize = try number(value, in: 1...Self.defaultSize)
        default: send.byteCount = try number(value, in: 1...1 << 40)
        }
      } catch {
        throw .usage("\(Self.typed(step.code)) \(String(reflecting: value))", error.reason)
      }
    }
    guard isReceiver != isSender else { throw .usage("-s or -c", "one of them is required") }
    guard isReceiver else {
      guard let address else { throw .usage("-h ADDR", "required") }
      guard let address = IPAddress(address) else {
        throw .usage("-h \(String(reflecting: address))", "not an address")
      }
      send.address = address
      self = .send(send)
      return
    }
    if address != nil { throw .usage("-h", "means nothing when receiving") }
    guard !receive.interface.isEmpty else { throw .usage("-i IFACE", "required") }
    guard let queue else { throw .usage("-q QUEUE", "required") }
    receive.queue = queue
    self = .receive(receive)
  }

  /// A letter as it was typed.
  private static func typed(_ code: CInt) -> String {
    "-" + String(UnicodeScalar(UInt8(truncatingIfNeeded: code)))
  }
}
