// SPDX-License-Identifier: GPL-2.0-only

import Glibc
import Kernel
import Options
import Session
import TestSupport
import Testing

/// One command line, and what its document says. None of them gets as far as to change anything.
private struct Line: CustomTestStringConvertible, Codable, Sendable {
  let words: String
  let status: Int32
  let verdict: String
  let role: String?
  let failure: String
  var isOnStandardError = false
  var testDescription: String { words }
}

private let lines = [
  Line(
    words: "--json", status: 2, verdict: "invalid", role: nil, failure: "-f IFACE: required"),
  Line(
    words: "--frob --json -f eth0", status: 2, verdict: "invalid", role: nil,
    failure: "--frob: unknown option"),
  Line(
    words: "eth0 --json", status: 2, verdict: "invalid", role: nil,
    failure: #""eth0": not an option"#),
  Line(
    words: "-f nosuch0 --json", status: 2, verdict: "invalid", role: "probe", failure: "nosuch0"),
  Line(
    words: "--check -f nosuch0 --json", status: 2, verdict: "invalid", role: "check",
    failure: "nosuch0"),
  Line(
    words: "--check -f lo --json", status: 1, verdict: "failed", role: "check",
    failure: "cannot receive on lo: missing: "),
  Line(
    words: "--check -f lo --format json", status: 1, verdict: "failed", role: "check",
    failure: "cannot receive on lo: missing: "),
  Line(
    words: "--check -f lo -f nosuch0 --json", status: 2, verdict: "invalid", role: "check",
    failure: "nosuch0"),
  Line(
    words: "-f lo,nosuch0 --json", status: 2, verdict: "invalid", role: "probe",
    failure: "lo,nosuch0"),
  Line(
    words: "-f lo --format json", status: 2, verdict: "invalid", role: nil,
    failure: "--format: needs --check"),
  Line(
    words: "--check -f lo --json --format ktap", status: 2, verdict: "invalid", role: nil,
    failure: "--format ktap: either it or --json, not both"),
  Line(
    words: "--restore -f nosuch0 --json", status: 2, verdict: "invalid", role: "restore",
    failure: "nosuch0"),
  Line(
    words: "-f nosuch0 -s 127.0.0.1 -p 9 --json", status: 2, verdict: "invalid", role: "send",
    failure: "nosuch0"),
  Line(
    words: "-f nosuch0 -s 127.0.0.1 -p 9 --json --flows 2", status: 2, verdict: "invalid",
    role: "send", failure: "nosuch0"),
  Line(
    words: "-l -f nosuch0 -s 127.0.0.1 -p 9 -v 7 --json", status: 2, verdict: "invalid",
    role: "receive", failure: "nosuch0"),
  Line(
    words: "-l -f nosuch0 -s 127.0.0.1 -p 9 --json --flows 2", status: 2, verdict: "invalid",
    role: "receive", failure: "nosuch0"),
  // The standard output is the payload's.
  Line(
    words: "-l -f nosuch0 -s 127.0.0.1 -p 9 --json", status: 2, verdict: "invalid",
    role: "receive", failure: "nosuch0", isOnStandardError: true),
  Line(
    words: "-l --frob -f nosuch0 --json", status: 2, verdict: "invalid", role: nil,
    failure: "--frob: unknown option", isOnStandardError: true),
]

struct DocumentTests {
  private static func documents(in bytes: [UInt8]) -> [Substring] {
    String(decoding: bytes, as: UTF8.self).split(separator: "\n").filter { $0.hasPrefix("{") }
  }

  /// Puts a pipe that nobody reads in the place of a standard stream.
  private static func loseReader(of descriptor: CInt) throws {
    let ends = try Pipe()
    dup2(ends.writer.rawValue, descriptor)
  }

  /// Puts a device that is full in the place of a standard stream.
  private static func fill(_ descriptor: CInt) throws {
    let full = try OwnedDescriptor(opening: "/dev/full", .writing)
    dup2(full.rawValue, descriptor)
  }

  @Test(
    "each run that is to report as JSON prints one document, however early it fails",
    arguments: lines)
  fileprivate func printsOne(line: Line) async throws {
    let result = await #expect(
      processExitsWith: .exitCode(line.status),
      observing: [\.standardOutputContent, \.standardErrorContent]
    ) { [words = line.words as String] in
      exit(run(Invocation(words: words.split(separator: " ").map(String.init))))
    }
    let output = try #require(result)
    let here = Self.documents(
      in: line.isOnStandardError ? output.standardErrorContent : output.standardOutputContent)
    let there = Self.documents(
      in: line.isOnStandardError ? output.standardOutputContent : output.standardErrorContent)
    #expect(here.count == 1)
    #expect(there.isEmpty)
    let document = try JSON(String(try #require(here.first)))
    #expect(try Schema("run.json").problems(of: document) == [])
    #expect(document["verdict"]?.string == line.verdict)
    #expect(document["exit_status"] == .integer(Int(line.status)))
    #expect(document["role"]?.string == line.role)
    let text = try #require(document["failure"]?["text"]?.string)
    #expect(text.contains(line.failure))
    let options = try #require(document["options"])
    #expect(options["json"] == .truth(true) || options["format"]?.string == "json")
  }

  @Test(
    "a run that a signal stops before it has done anything prints its document, too",
    arguments: [
      ("-f lo --json", "probe"), ("--check -f lo --json", "check"),
      ("--check --probe -f lo --json", "check"),
    ])
  func printsOneAfterSignal(line: String, role: String) async throws {
    let result = await #expect(
      processExitsWith: .exitCode(128 + SIGTERM), observing: [\.standardOutputContent]
    ) { [line = line as String] in
      // It waits until the run looks for it.
      var set = sigset_t()
      unsafe sigemptyset(&set)
      unsafe sigaddset(&set, SIGTERM)
      unsafe _ = sigprocmask(SIG_BLOCK, &set, nil)
      raise(SIGTERM)
      exit(run(Invocation(words: line.split(separator: " ").map(String.init))))
    }
    let found = Self.documents(in: try #require(result).standardOutputContent)
    #expect(found.count == 1)
    let document = try JSON(String(try #require(found.first)))
    #expect(try Schema("run.json").problems(of: document) == [])
    #expect(document["verdict"]?.string == "stopped")
    #expect(document["role"]?.string == role)
  }

  @Test("a standard error whose reader is gone takes no document from the standard output")
  func printsOneWithoutErrors() async throws {
    let result = await #expect(
      processExitsWith: .exitCode(2), observing: [\.standardOutputContent]
    ) {
      try Self.loseReader(of: STDERR_FILENO)
      exit(run(Invocation(words: ["--frob", "--json"])))
    }
    let found = Self.documents(in: try #require(result).standardOutputContent)
    #expect(found.count == 1)
  }

  @Test("the options are those that were given, by their long names, the last value of each")
  func listsOptions() {
    let words = ["-lf", "eth0", "--frob", "-p", "1", "word", "--port=2", "--json"]
    #expect(
      Invocation(words: words).options.text
        == #"{"listen": true, "interface": "eth0", "port": "2", "json": true}"#)
    #expect(
      Invocation(words: ["-f", "eth0", "--check", "-f", "eth1"]).options.text
        == #"{"check": true, "interface": ["eth0", "eth1"]}"#)
  }

  @Test(
    "an interface that is not there is no list and no word; the hint says what is",
    arguments: [
      ("-f nosuch0,nosuch1", "give each interface by a -f of its own"),
      ("--check -f nosuch0 -f nosuch,1", "`ip link` lists those"),
      ("--check -f lo -f all", "--all takes every interface that has a device"),
    ])
  func hintsAtSeveral(line: String, hint: String) async throws {
    let result = await #expect(
      processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
    ) { [line = line as String] in
      exit(run(Invocation(words: line.split(separator: " ").map(String.init))))
    }
    let text = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
    #expect(text.contains(hint))
  }

  @Test("a check as KTAP has nothing but KTAP on the standard output, the conclusion included")
  func printsKTAP() async throws {
    let result = await #expect(
      processExitsWith: .exitCode(1),
      observing: [\.standardOutputContent, \.standardErrorContent]
    ) {
      exit(run(Invocation(words: ["--check", "-f", "lo", "--format", "ktap"])))
    }
    let text = String(decoding: try #require(result).standardOutputContent, as: UTF8.self)
    #expect(text.hasPrefix("KTAP version 1\n1.."))
    #expect(text.contains("\n# lo: not ready; missing: "))
    let errors = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
    #expect(!errors.contains("lo: "))
  }

  @Test("a run that was asked for no document has none", arguments: ["-f eth0", "--frob", ""])
  func asksForNone(line: String) {
    let invocation = Invocation(words: line.split(separator: " ").map(String.init))
    #expect(invocation.documentPlace == nil)
  }

  @Test("a failure has each of its parts in the document, and a run that passed has none")
  func encodes() {
    var document = Document(by: "tool 1", role: "send", options: JSONObject())
    var figures = JSONObject()
    figures.add("bytes", 7)
    document.report(figures)
    let failure = Failure(
      "bind", on: "eth0", errno: .invalidArgument, reason: "its words", hint: "do that",
      kind: .unsupported)
    #expect(
      document.text(failure: failure, status: 4) == #"""
        {"schema": "ncdevmem-run-1", "tool": "tool 1", "role": "send", \#
        "verdict": "unsupported", "exit_status": 4, "failure": {"operation": "bind", \#
        "object": "eth0", "errno": "EINVAL", "errno_number": 22, "reason": "its words", \#
        "hint": "do that", "text": "cannot bind eth0: EINVAL (Invalid argument): its words"}, \#
        "options": {}, "bytes": 7}
        """#)
    #expect(document.text(failure: nil, status: 0).contains(#""verdict": "ok""#))
    #expect(document.text(failure: nil, status: 0).contains(#""failure": null"#))
    document.carrierChanges = 4
    document.carrierChangesInTransfer = 2
    #expect(
      document.text(failure: nil, status: 0).hasSuffix(
        #""bytes": 7, "carrier_changes": 4, "carrier_changes_in_transfer": 2}"#))
    let stopped = document.text(failure: .stopped("receive"), status: 143)
    #expect(stopped.contains(#""verdict": "stopped", "exit_status": 143"#))
  }

  @Test(
    "what was to be printed and is lost fails the run",
    arguments: [
      "--help", "--version", "--check -f lo", "--check -f lo --json",
    ])
  func failsOnFullOutput(line: String) async throws {
    let result = await #expect(
      processExitsWith: .exitCode(1), observing: [\.standardErrorContent]
    ) { [line = line as String] in
      try Self.fill(STDOUT_FILENO)
      exit(run(Invocation(words: line.split(separator: " ").map(String.init))))
    }
    let text = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
    #expect(text.contains("cannot write to the standard output: ENOSPC"))
  }

  @Test("a document that is lost on the standard error fails the run as well")
  func failsOnFullErrors() async throws {
    await #expect(processExitsWith: .exitCode(1)) {
      try Self.fill(STDERR_FILENO)
      exit(deliver(JSONObject(), to: .standardError, after: 0))
    }
  }

  @Test("a reader that is gone fails the run, and no signal ends it")
  func failsOnBrokenPipe() async throws {
    let result = await #expect(
      processExitsWith: .exitCode(1), observing: [\.standardErrorContent]
    ) {
      try Self.loseReader(of: STDOUT_FILENO)
      exit(run(Invocation(words: ["--version"])))
    }
    let text = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
    #expect(text.contains("cannot write to the standard output: EPIPE"))
  }
}
