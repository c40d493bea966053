// SPDX-License-Identifier: GPL-2.0-only

import FoundationEssentials
import Fuzzing
import Glibc
import Kernel
import TestSupport
import Testing

/// The fuzzer's short form: all that it has found, and some changes of that.
struct CorpusTests {
  /// How often each target is run on inputs that are made up.
  private static let mutations = 3000

  /// What the changes follow from. A trap ends the process: the line with the seed is then the last
  /// but the trap's.
  private static let seed: UInt64 = {
    let given = unsafe getenv("FUZZ_SEED").flatMap { unsafe UInt64(String(cString: $0)) }
    let seed = given ?? UInt64.random(in: 1...UInt64(UInt32.max))
    print("inputs are changed by the seed \(seed): FUZZ_SEED=\(seed) repeats it")
    return seed
  }()

  @Test("whatever an input is, what must hold of it holds", arguments: FuzzTarget.all)
  func holds(target: FuzzTarget) throws {
    let corpus = try Self.corpus(of: target.name)
    #expect(!corpus.isEmpty)
    var mutator = Mutator(seed: Self.seed, corpus)
    for input in corpus { try target.run(input) }
    for _ in 0..<Self.mutations {
      let input = mutator.next()
      do throws(Finding) {
        try target.run(input)
      } catch {
        Issue.record("\(error) (seed \(Self.seed), input \(input))")
        return
      }
    }
  }

  /// The inputs that reach something that no other one does: a line of base64 each.
  private static func corpus(of target: String) throws -> [[UInt8]] {
    let checkout = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
    let path = checkout.joined(separator: "/") + "/Tests/Corpus/" + target
    return try SystemFiles().contents(of: path).split(separator: "\n").map { line in
      Array(try #require(Data(base64Encoded: String(line)), "a line of \(path)"))
    }
  }
}
