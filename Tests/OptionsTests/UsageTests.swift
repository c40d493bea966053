// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Options
import Testing

struct UsageTests {
  @Test(
    "words that cannot be followed are refused in one line that names the option",
    arguments: [
      ("", "cannot run without -f IFACE"),
      ("-l -s 192.0.2.1 -p 1", "cannot run without -f IFACE"),
      ("-l -f eth0 -p 1", "cannot take -l: it needs -s ADDR"),
      ("-f eth0 --client 192.0.2.1", "cannot take --client: it needs -s ADDR"),
      ("-l -f eth0 -s 192.0.2.1", "cannot run without -p PORT"),
      ("-f eth0 -s 192.0.2.1", "cannot run without -p PORT"),

      ("--frob -f eth0", "cannot take --frob: there is no such option"),
      ("--frob=1", "cannot take --frob: there is no such option"),
      ("-f eth0 -x", "cannot take -x: there is no such option"),
      ("-lx", "cannot take -x: there is no such option"),
      ("-\u{e9}", #"cannot take -\xc3: there is no such option"#),
      ("--t 1", "cannot take --t: it could be --timeout or --threads or --trace"),
      ("--json=1", "cannot take --json: it takes no value"),
      ("-f", "cannot take -f: it needs a value, IFACE"),
      ("-l --port", "cannot take --port: it needs a value, PORT"),
      ("-f eth0 extra -l", #"cannot take "extra": not an option"#),
      ("-f eth0 -- -l", #"cannot take "-l": not an option"#),
      ("-f eth0 -", #"cannot take "-": not an option"#),

      (
        "-f sixteen-letters-",
        #"cannot take -f "sixteen-letters-": an interface's name has 1 to 15 bytes"#
      ),
      ("--interface=", #"cannot take --interface "": an interface's name has 1 to 15 bytes"#),
      ("-s example.org", #"cannot take -s "example.org": not an IPv4 or IPv6 address"#),
      ("--client 1.2.3", #"cannot take --client "1.2.3": not an IPv4 or IPv6 address"#),
      (
        "-l -f eth0 -s ::1 -c 192.0.2.1 -p 1",
        "cannot take -c 192.0.2.1: not of the same family as ::1"
      ),
      ("-p 0", #"cannot take -p "0": not a number from 1 to 65535"#),
      ("-p 65536", #"cannot take -p "65536": not a number from 1 to 65535"#),
      ("-p http", #"cannot take -p "http": not a number from 1 to 65535"#),
      ("-p +1", #"cannot take -p "+1": not a number from 1 to 65535"#),
      ("-p -1", #"cannot take -p "-1": not a number from 1 to 65535"#),
      ("-p 0x", #"cannot take -p "0x": not a number from 1 to 65535"#),
      ("-p 1f", #"cannot take -p "1f": not a number from 1 to 65535"#),
      ("--timeout 2147484", #"cannot take --timeout "2147484": not a number from 0 to 2147483"#),
      ("-v 0", #"cannot take -v "0": not a number from 2 to 256"#),
      ("-v 1", #"cannot take -v "1": not a number from 2 to 256"#),
      ("-v 257", #"cannot take -v "257": not a number from 2 to 256"#),
      ("-a 2", #"cannot take -a "2": not a number from 0 to 1"#),
      ("-a on", #"cannot take -a "on": not a number from 0 to 1"#),
      ("-U 3", #"cannot take -U "3": not a number from 0 to 2"#),
      (
        "--autorelease-attribute 4",
        #"cannot take --autorelease-attribute "4": not a number from 5 to 16383"#
      ),

      ("-f eth0 -t 1", "cannot take -t: it needs -q N"),
      ("-f eth0 --queues 1", "cannot take --queues: it needs -t N"),
      ("-t -1", #"cannot take -t "-1": not a number from 0 to 4294967294"#),
      ("-q 0", #"cannot take -q "0": not a number from 1 to 4294967295"#),
      (
        "-f eth0 -t 4294967294 -q 2",
        "cannot take -q 2: too many from queue 4294967294 on"
      ),
      ("-b 12288", #"cannot take -b "12288": not a power of two"#),
      (
        "-b 2048",
        """
        cannot take -b "2048": not a number of bytes from 4096 to 4294967295, which K, M or G may \
        follow
        """
      ),
      (
        "--rx-page-size 4G",
        """
        cannot take --rx-page-size "4G": not a number of bytes from 4096 to 4294967295, which K, \
        M or G may follow
        """
      ),
      ("-z 0", #"cannot take -z "0": not a number of bytes from 1, which K, M or G may follow"#),
      ("-z -3", #"cannot take -z "-3": not a number of bytes from 1, which K, M or G may follow"#),
      (
        "--memory-size 8589934592G",
        """
        cannot take --memory-size "8589934592G": not a number of bytes from 1, which K, M or G \
        may follow
        """
      ),
      (
        "--memory tape",
        #"cannot take --memory "tape": the kinds of memory are udmabuf, heap:NAME, drm, fd:N and cuda"#
      ),
      (
        "--memory udmabuf:huge=3M",
        #"cannot take --memory "udmabuf:huge=3M": udmabuf takes huge=2M or huge=1G"#
      ),
      (
        "--memory heap",
        #"cannot take --memory "heap": heap takes a name, such as heap:system"#
      ),
      (
        "--memory heap:a/b",
        #"cannot take --memory "heap:a/b": heap takes a name, such as heap:system"#
      ),
      (
        "--memory drm:",
        #"cannot take --memory "drm:": drm takes a device's path or a driver's name"#
      ),
      ("--memory fd", #"cannot take --memory "fd": not a number from 0 to 2147483647"#),
      ("--memory fd:-1", #"cannot take --memory "fd:-1": not a number from 0 to 2147483647"#),
      ("--memory cuda:x", #"cannot take --memory "cuda:x": not a number from 0 to 2147483647"#),
      (
        "-l -f eth0 -s 192.0.2.1 -p 1 --validate-every 2",
        "cannot take --validate-every: it needs -v N"
      ),
      (
        "--expect-bytes K",
        #"cannot take --expect-bytes "K": not a number of bytes from 0, which K, M or G may follow"#
      ),
    ])
  func refuses(line: String, description: String) throws {
    let failure = try #require(throws: Failure.self) { try Configuration(line) }
    #expect(failure.description == description)
    #expect(failure.kind == .usage)
  }

  @Test(
    "an option is refused where it means nothing",
    arguments: [
      ("-l -f eth0 -s 192.0.2.1 -p 1", "when receiving", ["-z 3"]),
      (
        "-f eth0 -s 192.0.2.1 -p 1", "when sending",
        [
          "-v 7", "-L", "-b 4096", "-a 1", "-U 1", "--expect-bytes 1",
          "--autorelease-attribute 6",
        ]
      ),
      (
        "--restore", "with --restore",
        ["-s 192.0.2.1", "-p 1", "-l", "-n", "-t 1", "-v 7", "--json", "--memory-size 1"]
      ),
      (
        "-f eth0", "without -s",
        ["-p 1", "-v 7", "-L", "-n", "-z 3", "--expect-bytes 1", "--timeout 1", "--trace"]
      ),
      ("--check -f eth0", "with --check", ["-l", "-s 192.0.2.1", "-p 1", "-n", "-z 3", "-v 7"]),
      ("-l -f eth0 -s 192.0.2.1 -p 1", "when receiving", ["--probe"]),
    ])
  func refusesWhereMeaningless(line: String, circumstance: String, options: [String]) throws {
    for option in options {
      let failure = try #require(throws: Failure.self) { try Configuration("\(line) \(option)") }
      let typed = option.split(separator: " ")[0]
      #expect(failure.description == "cannot take \(typed): it means nothing \(circumstance)")
    }
  }

  @Test(
    "the options of a measurement make sense together, or are refused",
    arguments: [
      ("-l", "--threads 2", "--threads: it needs --flows N"),
      ("-l", "--interval 2 --cpus 1", "--cpus: it needs --flows N"),
      ("", "--host-memory", "--host-memory: it needs --flows N"),
      ("", "--control 5202", "--control: it needs --flows N"),
      ("", "--flows 2 --threads 2", "--threads: it means nothing when sending"),
      ("-l", "--flows 2 --bytes 2", "--bytes: it means nothing when receiving"),
      ("-l", "--flows 2 -U 1", "-U: it means nothing with several flows"),
      ("-l", "--flows 2 --trace", "--trace: it means nothing with several flows"),
      ("-l", "--flows 2 --threads 3", "--threads 3: more than there are flows, 2"),
      (
        "-l", "--flows 2 --control 1",
        "--control 1: it must not be the port of the flows (-p)"
      ),
      (
        "", "--flows 2 --duration 1 --bytes 1",
        "--bytes: either it or --duration ends the flows, not both"
      ),
      ("-l", "--flows 0", #"--flows "0": not a number from 1 to 64"#),
      ("-l", "--flows 65", #"--flows "65": not a number from 1 to 64"#),
      ("-l", "--cpus 1,1", #"--cpus "1,1": not a list of CPUs such as 0-3,8, each once"#),
      ("", "--duration 0", #"--duration "0": not a number from 1 to 86400"#),
      (
        "", "--rate 999",
        #"--rate "999": not a number of bits a second from 1000 on, which K, M or G may follow"#
      ),
    ])
  func checksMeasurements(mode: String, options: String, refusal: String) throws {
    let line = "\(mode) -f eth0 -s 192.0.2.1 -p 1 \(options)"
    let failure = try #require(throws: Failure.self) { try Configuration(line) }
    #expect(failure.description == "cannot take " + refusal)
  }

  @Test("whatever is in a value, the refusal keeps to its line")
  func keepsToLine() throws {
    let failure = try #require(throws: Failure.self) { try Configuration(words: ["-p", "1\n2"]) }
    #expect(failure.description == #"cannot take -p "1\n2": not a number from 1 to 65535"#)
  }

  @Test("the help names every option and keeps within 80 columns of plain text")
  func helps() {
    let lines = Usage.help.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.allSatisfy { $0.count <= 80 && $0.allSatisfy(\.isASCII) })
    #expect(lines.allSatisfy { $0.last != " " })
    #expect(Usage.help.hasSuffix(".\n"))
    for letter in "lspctfqnbazvLh" { #expect(Usage.help.contains("\n  -\(letter), --")) }
  }
}
