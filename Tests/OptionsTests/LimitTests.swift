// SPDX-License-Identifier: GPL-2.0-only

import DeviceMemory
import Kernel
import Measurement
import Options
import Testing

/// Whatever the value of an option: it is refused in words, or the arithmetic behind it holds.
struct LimitTests {
  private static let values = [
    "", "0", "1", "-1", "+1", " 1", "2", "7", "255", "256", "4096", "65535", "65536", "86400",
    "2147483", "2147483647", "2147483648", "4294967295", "4294967296", "4611686018427387904",
    "4611686018427387905", "9223372036854775807", "9223372036854775808", "18446744073709551615",
    "18446744073709551616", "0x7fffffffffffffff", "8589934591G", "8589934592G", "9007199254740991K",
    "9223372036854775807K", "9223372036G", String(repeating: "9", count: 400), "K", "0x", "1e9",
  ]
  private static let runs = [
    "-f eth0", "--check -f eth0", "--restore", "-l -f eth0 -s 192.0.2.1 -p 5201",
    "-l -f eth0 -s 192.0.2.1 -p 5201 --flows 2 -v 7", "-f eth0 -s 192.0.2.1 -p 5201",
    "-f eth0 -s 192.0.2.1 -p 5201 --flows 2",
  ]

  @Test(
    "no value of an option traps",
    arguments: Option.all.filter { $0.placeholder != nil }.map { "\($0.name)" })
  func holds(option: String) throws {
    for run in Self.runs {
      for value in Self.values {
        // A number of queues needs a first one, and the other way round.
        let also = option == "queues" ? " -t 4294967294" : option == "first-queue" ? " -q 4096" : ""
        let words = (run + also).split(separator: " ").map(String.init) + ["--\(option)", value]
        do throws(Failure) {
          use(
            try Configuration(words: words) { name, _ throws(Failure) in
              throw Failure("look up", on: name, kind: .usage)
            })
        } catch {
          #expect(error.kind == .usage && !error.description.isEmpty)
        }
      }
    }
  }

  @Test("a size that cannot be rounded up to pages is refused")
  func refusesSize() throws {
    let run = "-f eth0 -s 192.0.2.1 -p 1 --memory-size "
    let failure = try #require(throws: Failure.self) {
      try Configuration(words: (run + "9223372036854775807").split(separator: " ").map(String.init))
    }
    #expect(failure.exitStatus() == 2)
    #expect(failure.description.contains("from 1 to 4611686018427387904"))
  }

  /// Calculates what a run calculates with its options.
  private func use(_ configuration: Configuration) {
    switch configuration {
    case .receive(let receive):
      use(receive.target.memory)
      use(receive.timeout)
      use(receive.measurement)
      #expect(receive.target.queues.map { $0.count <= 4096 } ?? true)
    case .send(let send):
      use(send.memory)
      use(send.timeout)
      use(send.measurement)
    case .probe(let probe): use(probe.target.memory)
    case .check(let check): use(check.target.memory)
    default: break
    }
  }

  private func use(_ memory: MemoryChoice) {
    guard let count = memory.byteCount else { return }
    for kind in [MemoryKind.udmabuf(.base), .udmabuf(.huge2MiB), .udmabuf(.huge1GiB)] {
      #expect(kind.provider(near: "lo").roundedUp(count) >= count)
    }
  }

  private func use(_ duration: Duration?) {
    guard let duration else { return }
    #expect(duration.nanoseconds < .max)
    #expect(Wait().limited(to: duration).deadline.map { $0.millisecondsLeft >= 0 } == true)
  }

  private func use(_ measurement: MeasurementOptions?) {
    use(measurement?.duration)
    use(measurement?.interval)
  }
}
