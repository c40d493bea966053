// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Options
import Testing

struct UsageTests {
  @Test(
    "an invalid command line is refused in one line that begins with the option",
    arguments: [
      ("", "-f IFACE: required"),
      ("-l -s 192.0.2.1 -p 1", "-f IFACE: required"),
      ("-l -f eth0 -p 1", "-l: needs -s ADDR"),
      ("-f eth0 --client 192.0.2.1", "--client: needs -s ADDR"),
      ("-l -f eth0 -s 192.0.2.1", "-p PORT: required"),
      ("-f eth0 -s 192.0.2.1", "-p PORT: required"),

      ("--frob -f eth0", "--frob: unknown option"),
      ("--frob=1", "--frob: unknown option"),
      ("-f eth0 -x", "-x: unknown option"),
      ("-lx", "-x: unknown option"),
      ("-\u{e9}", #"-\xc3: unknown option"#),
      ("--t 1", "--t: could be --tcp-congestion or --timeout or --threads or --trace"),
      ("--json=1", "--json: takes no value"),
      ("-f", "-f: needs a value, IFACE"),
      ("-l --port", "--port: needs a value, PORT"),
      ("-f eth0 extra -l", #""extra": not an option"#),
      ("-f eth0 -- -l", #""-l": not an option"#),
      ("-f eth0 -", #""-": not an option"#),

      (
        "-f " + String(repeating: "a", count: 128),
        #"-f "\#(String(repeating: "a", count: 128))": an interface's name has 1 to 127 bytes"#
      ),
      ("--interface=", #"--interface "": an interface's name has 1 to 127 bytes"#),
      ("-s http://a", #"-s "http://a": neither an IPv4 or IPv6 address nor a host's name"#),
      ("-s a%eth0", #"-s "a%eth0": neither an IPv4 or IPv6 address nor a host's name"#),
      ("-s \u{e9}", #"-s "é": neither an IPv4 or IPv6 address nor a host's name"#),
      ("--client 1.2.3", #"--client "1.2.3": neither an IPv4 or IPv6 address nor a host's name"#),
      ("--mss 87", #"--mss "87": not a number from 88 to 32767"#),
      ("--mss 32768", #"--mss "32768": not a number from 88 to 32767"#),
      (
        "--tcp-congestion 0123456789abcdef",
        #"--tcp-congestion "0123456789abcdef": the name of a congestion control has 1 to 15 characters"#
      ),
      (
        "-l -f eth0 -s ::1 -p 1 --tcp-congestion reno",
        "--tcp-congestion: means nothing when receiving"
      ),
      (
        "-l -f eth0 -s ::1 -c 192.0.2.1 -p 1",
        "-c 192.0.2.1: not of the same family as ::1"
      ),
      ("-p 0", #"-p "0": not a number from 1 to 65535"#),
      ("-p 65536", #"-p "65536": not a number from 1 to 65535"#),
      ("-p http", #"-p "http": not a number from 1 to 65535"#),
      ("-p +1", #"-p "+1": not a number from 1 to 65535"#),
      ("-p -1", #"-p "-1": not a number from 1 to 65535"#),
      ("-p 0x", #"-p "0x": not a number from 1 to 65535"#),
      ("-p 1f", #"-p "1f": not a number from 1 to 65535"#),
      ("--timeout 2147484", #"--timeout "2147484": not a number from 0 to 2147483"#),
      ("-v 0", #"-v "0": not a number from 2 to 256"#),
      ("-v 1", #"-v "1": not a number from 2 to 256"#),
      ("-v 257", #"-v "257": not a number from 2 to 256"#),
      ("-a 2", #"-a "2": not a number from 0 to 1"#),
      ("-a on", #"-a "on": not a number from 0 to 1"#),
      ("-U 3", #"-U "3": not a number from 0 to 2"#),
      (
        "--autorelease-attribute 4",
        #"--autorelease-attribute "4": not a number from 5 to 16383"#
      ),

      (
        "-l -f eth0 -f eth1 -s 192.0.2.1 -p 1",
        "-f eth1: given after eth0: only a probe and a check (--check) take several interfaces"
      ),
      (
        "-f a -f b --interface c -s 192.0.2.1 -p 1 --flows 2",
        "--interface c: given after a, b: only a probe and a check (--check) take several interfaces"
      ),
      (
        "--restore -f eth0 -f eth1",
        "-f eth1: given after eth0: only a probe and a check (--check) take several interfaces"
      ),
      ("--all -f eth0", "--all: either it or -f, not both"),
      ("--check -f eth0 --all", "--all: either it or -f, not both"),
      ("--check --format", "--format: needs a value, text|json|ktap"),
      ("--check --format KTAP", #"--format "KTAP": the formats are text, json and ktap"#),
      ("--check -f eth0 --json --format text", "--format text: either it or --json, not both"),
      ("--check -f eth0 --format ktap --json", "--format ktap: either it or --json, not both"),

      ("-f eth0 -t 1", "-t: needs -q N"),
      ("-f eth0 --queues 1", "--queues: needs -t N"),
      ("-t -1", #"-t "-1": not a number from 0 to 4294967294"#),
      ("-q 0", #"-q "0": not a number from 1 to 4096"#),
      (
        "-f eth0 -t 4294967294 -q 2",
        "-q 2: too many from queue 4294967294 on"
      ),
      ("-b 12288", #"-b "12288": not a power of two"#),
      (
        "-b \(pageSize / 2)",
        """
        -b "\(pageSize / 2)": not a number of bytes from \(pageSize) to 4294967295, which K, M or \
        G may follow
        """
      ),
      (
        "--rx-page-size 4G",
        """
        --rx-page-size "4G": not a number of bytes from \(pageSize) to 4294967295, which K, M or G \
        may follow
        """
      ),
      ("-z 0", #"-z "0": not a number of bytes from 1, which K, M or G may follow"#),
      ("-z -3", #"-z "-3": not a number of bytes from 1, which K, M or G may follow"#),
      (
        "--memory-size 8589934592G",
        """
        --memory-size "8589934592G": not a number of bytes from 1 to 4611686018427387904, which K, M \
        or G may follow
        """
      ),
      (
        "--memory tape",
        #"--memory "tape": the kinds of memory are udmabuf, host, heap:NAME, drm, fd:N and cuda"#
      ),
      (
        "--memory udmabuf:huge=3M",
        #"--memory "udmabuf:huge=3M": udmabuf takes huge=2M or huge=1G"#
      ),
      ("--memory host:3M", #"--memory "host:3M": host takes huge=2M or huge=1G"#),
      (
        "--memory heap",
        #"--memory "heap": heap takes a name, such as heap:system"#
      ),
      (
        "--memory heap:a/b",
        #"--memory "heap:a/b": heap takes a name, such as heap:system"#
      ),
      (
        "--memory drm:",
        #"--memory "drm:": drm takes a device's path or a driver's name"#
      ),
      ("--memory fd", #"--memory "fd": not a number from 0 to 2147483647"#),
      ("--memory fd:-1", #"--memory "fd:-1": not a number from 0 to 2147483647"#),
      ("--memory cuda:x", #"--memory "cuda:x": not a number from 0 to 2147483647"#),
      (
        "-l -f eth0 -s 192.0.2.1 -p 1 --validate-every 2",
        "--validate-every: needs -v N"
      ),
      (
        "-l -f eth0 -s 192.0.2.1 -p 1 -L --allow-plain",
        "--allow-plain: either it or -L, not both"
      ),
      ("-f eth0 -s 192.0.2.1 -p 1 --allow-plain", "--allow-plain: means nothing when sending"),
      (
        "--expect-bytes K",
        #"--expect-bytes "K": not a number of bytes from 0, which K, M or G may follow"#
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
          "-v 7", "-L", "-b \(pageSize)", "-a 1", "-U 1", "--expect-bytes 1",
          "--autorelease-attribute 6",
        ]
      ),
      (
        "--restore", "with --restore",
        [
          "-s 192.0.2.1", "-p 1", "-l", "-n", "-t 1", "-v 7", "--memory-size 1", "--all",
          "--format ktap", "--check",
        ]
      ),
      (
        "-f eth0", "without -s",
        ["-p 1", "-v 7", "-L", "-n", "-z 3", "--expect-bytes 1", "--timeout 1", "--trace"]
      ),
      ("--check -f eth0", "with --check", ["-l", "-s 192.0.2.1", "-p 1", "-n", "-z 3", "-v 7"]),
      ("-l -f eth0 -s 192.0.2.1 -p 1", "when receiving", ["--probe", "--all"]),
      (
        "-l -f eth0 -s 192.0.2.1 -p 1 --engine socket", "with --engine socket",
        [
          "--memory udmabuf", "--memory-size 1M", "-b \(pageSize)", "-a 1", "-U 1", "-L",
          "--allow-plain", "--trace", "--autorelease-attribute 6",
        ]
      ),
      (
        "-f eth0 -s 192.0.2.1 -p 1 --engine socket:zerocopy", "with --engine socket:zerocopy",
        ["--memory udmabuf", "-z 3"]
      ),
      (
        "--check -f eth0 --engine socket", "with --engine socket", ["--probe", "--memory udmabuf"]
      ),
      (
        "-l -f eth0 -s 192.0.2.1 -p 1 --engine zcrx", "with --engine zcrx",
        ["-a 1", "-U 1", "--autorelease-attribute 6"]
      ),
      ("--check -f eth0 --engine zcrx", "with --engine zcrx", ["--probe"]),
      ("-f eth0", "without -s", ["--engine socket", "--engine zcrx"]),
      ("-f eth0 -s 192.0.2.1 -p 1", "when sending", ["--all"]),
    ])
  func refusesWhereMeaningless(line: String, circumstance: String, options: [String]) throws {
    for option in options {
      let failure = try #require(throws: Failure.self) { try Configuration("\(line) \(option)") }
      let typed = option.split(separator: " ")[0]
      #expect(failure.description == "\(typed): means nothing \(circumstance)")
    }
  }

  @Test(
    "the format belongs to --check",
    arguments: ["-f eth0", "--all", "-l -f eth0 -s 192.0.2.1 -p 1", "-f eth0 -s 192.0.2.1 -p 1"])
  func refusesFormat(line: String) throws {
    let failure = try #require(throws: Failure.self) { try Configuration(line + " --format json") }
    #expect(failure.description == "--format: needs --check")
    #expect(failure.kind == .usage)
  }

  @Test(
    "force belongs to --restore",
    arguments: ["-f eth0", "-l -f eth0 -s 192.0.2.1 -p 1", "--check -f eth0"])
  func refusesForce(line: String) throws {
    let failure = try #require(throws: Failure.self) { try Configuration(line + " --force") }
    #expect(failure.description == "--force: needs --restore")
    #expect(failure.kind == .usage)
  }

  @Test(
    "the options of a measurement make sense together, or are refused",
    arguments: [
      ("-l", "--threads 2", "--threads: needs --flows N"),
      ("-l", "--interval 2 --cpus 1", "--cpus: needs --flows N"),
      ("", "--host-memory", "--host-memory: needs --flows N"),
      ("", "--control 5202", "--control: needs --flows N"),
      ("", "--flows 2 --threads 2", "--threads: means nothing when sending"),
      ("-l", "--flows 2 --bytes 2", "--bytes: means nothing when receiving"),
      ("-l", "--flows 2 -U 1", "-U: means nothing with several flows"),
      ("-l", "--flows 2 --trace", "--trace: means nothing with several flows"),
      ("-l", "--flows 2 --threads 3", "--threads 3: more threads than flows, 2"),
      (
        "-l", "--flows 2 --control 1",
        "--control 1: must not be the port of the flows (-p)"
      ),
      (
        "", "--flows 2 --duration 1 --bytes 1",
        "--bytes: either it or --duration ends the flows, not both"
      ),
      ("", "--flows 2 --json --json-stream", "--json-stream: either it or --json, not both"),
      ("-l", "-R --flows 1 --control 1", "-R: the end that connects asks for it, not -l"),
      ("", "--reverse", "--reverse: needs --flows N"),
      ("", "-R --flows 1", "-R: needs --control PORT"),
      ("", "-R --flows 1 --control 2 -U 1", "-U: means nothing with several flows"),
      (
        "", "-R --flows 1 --control 2 -v 8 --pattern 9",
        "--pattern 9: -v expects pattern 8"
      ),
      (
        "", "-R --flows 1 --control 2 --tcp-congestion reno",
        "--tcp-congestion: means nothing when receiving"
      ),
      ("-l", "--bidir --flows 1 --control 1", "--bidir: the end that connects asks for it, not -l"),
      ("", "--bidir", "--bidir: needs --flows N"),
      ("", "--flows 1 --latency", "--latency: needs --control PORT"),
      ("-l", "--flows 1 --latency", "--latency: means nothing when receiving"),
      ("", "--flows 1 --control 2 --request 9", "--request: needs --latency"),
      ("", "--flows 1 --control 2 --latency --bytes 9", "--bytes: means nothing with --latency"),
      ("", "-R --flows 1 --control 2 --latency --rate 9K", "--rate: means nothing with --latency"),
      (
        "", "--bidir --flows 1 --control 2 --latency",
        "--latency: either it or --bidir, not both"
      ),
      (
        "", "--flows 1 --control 2 --latency --response 0",
        #"--response "0": not a number of bytes from 1 to 1048576, which K, M or G may follow"#
      ),
      ("", "--bidir --flows 1", "--bidir: needs --control PORT"),
      ("", "-R --bidir --flows 1 --control 2", "--bidir: either it or --reverse, not both"),
      ("", "-R --flows 1 --control 2 --validate-every 2", "--validate-every: needs -v N"),
      ("-l", "--json-stream", "--json-stream: needs --flows N"),
      ("-l", "--omit 1", "--omit: needs --flows N"),
      ("", "--flows 1 --omit -1", #"--omit "-1": not a number from 0 to 86400"#),
      ("-l", "--flows 0", #"--flows "0": not a number from 1 to 1024"#),
      ("-l", "--flows 1025", #"--flows "1025": not a number from 1 to 1024"#),
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
    #expect(failure.description == refusal)
  }

  @Test("whatever is in a value, the refusal keeps to its line")
  func keepsToLine() throws {
    let failure = try #require(throws: Failure.self) { try Configuration(words: ["-p", "1\n2"]) }
    #expect(failure.description == #"-p "1\n2": not a number from 1 to 65535"#)
  }

  @Test("the help names every option and keeps within 80 columns of plain text")
  func helps() {
    let lines = Usage.help.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.allSatisfy { $0.count <= 80 && $0.allSatisfy(\.isASCII) })
    #expect(lines.allSatisfy { $0.last != " " })
    #expect(Usage.help.hasSuffix(".\n"))
    for option in Option.all {
      let letter = option.letter.map { "-\($0), " } ?? "    "
      #expect(lines.contains { $0.hasPrefix("  \(letter)--\(option.name) ") }, "\(option.name)")
    }
  }
}
