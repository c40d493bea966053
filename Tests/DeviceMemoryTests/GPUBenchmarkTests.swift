// SPDX-License-Identifier: GPL-2.0-only

import Glibc
import Kernel
import TestSupport
import Testing

/// The program that tries a GPU's memory, with the stand-in for libcuda in a process of its own.
struct GPUBenchmarkTests {
  /// Runs the program to its end.
  ///
  /// - Parameter environment: For the stand-in; without it there is no libcuda.
  private func run(
    _ words: String..., environment: [String: String]?
  ) throws -> (status: Int32, document: JSON) {
    let directory = try Directory()
    let program = try #require(SystemFiles().link("/proc/self/exe"))
    let place = program.split(separator: "/").dropLast().map { "/" + $0 }.joined()
    if environment != nil {
      try directory.link("libcuda.so.1", to: try StandInCUDA.library())
    }
    var variables = environment ?? [:]
    variables["LD_LIBRARY_PATH"] = directory.path
    try directory.write("", to: "output")
    var process: pid_t = 0
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe _ = posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, 1, directory.path + "/output", O_WRONLY, 0)
    unsafe posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    let settings = variables.map { "\($0)=\($1)" }
    var arguments = unsafe (["gpu-benchmark"] + words).map { unsafe strdup($0) } + [nil]
    var lines = unsafe settings.map { unsafe strdup($0) } + [nil]
    defer {
      for index in 0...words.count { unsafe free(arguments[index]) }
      for index in settings.indices { unsafe free(lines[index]) }
    }
    let spawned = unsafe posix_spawn(
      &process, place + "/gpu-benchmark", &actions, nil, &arguments, &lines)
    try #require(spawned == 0, "gpu-benchmark is not beside the tests")
    var status: CInt = 0
    _ = try retrying { unsafe waitpid(process, &status, 0) }
    let document = try JSON(try #require(directory.read("output")))
    #expect(try Schema("gpu.json").problems(of: document) == [])
    return ((status >> 8) & 0xff, document)
  }

  @Test("a GPU whose memory is as it must be passes, and the document has all that was tried")
  func passes() throws {
    let (status, document) = try run("2", environment: ["CUDA_STANDIN_PCIE_MAPPING": "801"])
    #expect(status == 0 && document["verdict"] == .string("ok"), "\(document)")
    let refusals = document["mappings"]?.elements.map { $0["refusal"]?.string ?? "none" } ?? []
    #expect(refusals.count == 2 && refusals[1] == "none")
    #expect(refusals.first?.contains("CUDA_ERROR_NOT_SUPPORTED") == true)
    #expect(document["memory"]?["pci_mapping"] == .string("default"))
    #expect(document["wrong_bytes"] == .integer(0))
    #expect(document["copies"]?.elements.count == 5)
    #expect(document["comparison"]?["disagreements"] == .integer(0))
    #expect((document["comparison"]?["batches"]?.elements.count ?? 0) >= 13)
  }

  @Test("a step that fails fails the trial, and the others are still tried")
  func fails() throws {
    let (status, document) = try run("2", environment: ["CUDA_STANDIN_FAIL": "cuMemcpyHtoD_v2=2"])
    #expect(status == 1 && document["verdict"] == .string("failed"))
    #expect(document["failure"]?["reason"]?.string?.contains("cuMemcpyHtoD") == true)
    #expect(document["uncleared_bytes"] == .integer(0))
    #expect(document["wrong_bytes"] == nil)
    #expect(document["copies"]?.elements.count == 5)
  }

  @Test("a kernel that the driver does not compile fails the trial with the compiler's words")
  func failsToCompile() throws {
    let (status, document) = try run(
      "2", environment: ["CUDA_STANDIN_FAIL": "cuModuleLoadDataEx=218"])
    #expect(status == 1)
    #expect(document["failure"]?["reason"]?.string?.contains("ptxas fatal") == true)
    #expect(document["wrong_bytes"] == .integer(0))
  }

  @Test("a host without a GPU, or without its driver, is skipped")
  func skips() throws {
    for environment in [nil, ["CUDA_STANDIN_FAIL": "cuInit=100"]] as [[String: String]?] {
      let (status, document) = try run(environment: environment)
      #expect(status == 4 && document["verdict"] == .string("unsupported"))
    }
  }

  @Test("words that are no numbers are refused", arguments: ["0", "-1", "x"])
  func refuses(word: String) throws {
    let (status, document) = try run(word, environment: nil)
    #expect(status == 2 && document["verdict"] == .string("invalid"))
  }
}
