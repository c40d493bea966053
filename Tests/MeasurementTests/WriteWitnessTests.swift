// SPDX-License-Identifier: GPL-2.0-only

import DeviceMemory
import Kernel
import Measurement
import Sockets
import TestSupport
import Testing
import Transfer

/// Ordinary bytes in the place of device memory.
@safe private struct PlainMemory: ReadableMemory, WritableMemory, ~Copyable {
  private let base: UnsafeMutableBufferPointer<UInt8>
  var isReadable = true

  init(_ byteCount: Int) {
    unsafe base = .allocate(capacity: byteCount)
    unsafe base.initialize(repeating: 0)
  }

  deinit { unsafe base.deallocate() }

  var byteCount: Int { unsafe base.count }
  var isMapped: Bool { true }
  var copy: [UInt8] { unsafe Array(base) }

  subscript(offset: Int) -> UInt8 {
    get { unsafe base[offset] }
    nonmutating set { unsafe base[offset] = newValue }
  }

  var bytes: RawSpan {
    @_lifetime(borrow self)
    borrowing get {
      unsafe _overrideLifetime(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(base)), borrowing: self)
    }
  }

  @_lifetime(&self)
  mutating func mutableBytes(in range: Range<Int>) -> MutableRawSpan {
    unsafe _overrideLifetime(
      MutableRawSpan(
        _unsafeBytes: UnsafeMutableRawBufferPointer(
          rebasing: UnsafeMutableRawBufferPointer(base)[range])),
      mutating: &self)
  }

  func beginReading(_ range: Range<Int>) throws(Failure) {
    if !isReadable { throw Failure("read", errno: .outOfMemory) }
  }
  func endReading() throws(Failure) {}
  func beginWriting() throws(Failure) {}
  func endWriting(_ range: Range<Int>) throws(Failure) {}
}

struct WriteWitnessTests {
  private static let size = 3 * 4096

  private func fragment(_ offset: Int, _ size: Int) -> Fragment {
    Fragment(offset: UInt64(offset), size: UInt32(size), token: 0, binding: 1)
  }

  private func finding(_ witness: WriteWitness) throws -> Bool? { try witness.finding?.get() }

  @Test("the filling covers all of a memory, and is another one each time")
  func fills() throws {
    var memory = PlainMemory(Self.size + 5)
    let filling = try Filling(of: &memory)
    let isIntact = filling.isIntact(0..<memory.byteCount, of: memory.bytes)
    #expect(filling.byteCount == Self.size + 5 && isIntact)
    let first = memory.copy
    #expect(Set(first).count > 200)
    #expect(first.suffix(5).elementsEqual(first.prefix(5)))
    _ = try Filling(of: &memory)
    let second = memory.copy
    #expect(second != first)
  }

  @Test("where the filling still is, nothing was written")
  func findsNothingWritten() throws {
    var memory = PlainMemory(Self.size)
    var witness = WriteWitness(of: try Filling(of: &memory))
    witness.look(at: fragment(4000, 1448), in: memory)
    #expect(try finding(witness) == false)
  }

  @Test(
    "whatever was written differs, be it zeros or one byte",
    arguments: [[UInt8](repeating: 0, count: 1448), [UInt8](repeating: 0xff, count: 1448), []])
  func findsWrites(payload: [UInt8]) throws {
    var memory = PlainMemory(Self.size)
    var witness = WriteWitness(of: try Filling(of: &memory))
    for (place, byte) in payload.enumerated() { memory[4096 + place] = byte }
    if payload.isEmpty { memory[4096 + 1447] ^= 1 }
    witness.look(at: fragment(4096, 1448), in: memory)
    #expect(try finding(witness) == true)
  }

  @Test("some bytes that are as they were show nothing, until there are sixteen")
  func wantsEvidence() throws {
    var memory = PlainMemory(Self.size)
    var witness = WriteWitness(of: try Filling(of: &memory))
    witness.look(at: fragment(0, 15), in: memory)
    #expect(try finding(witness) == nil)
    var other = witness
    other.look(at: fragment(100, 1), in: memory)
    #expect(try finding(other) == false)
    memory[100] ^= 1
    witness.look(at: fragment(100, 1), in: memory)
    #expect(try finding(witness) == true)
  }

  @Test("what lies beyond the filled part of a memory is not looked at")
  func looksWithinFilling() throws {
    var memory = PlainMemory(Self.size)
    let filling = try Filling(of: &memory)
    var witness = WriteWitness(of: filling)
    for offset in [Self.size, Self.size - 99, .max] {
      witness.look(at: fragment(offset, 100), in: memory)
    }
    #expect(try finding(witness) == nil)
  }

  @Test("memory that cannot be read after all is a failure")
  func reportsFailure() throws {
    var memory = PlainMemory(Self.size)
    var witness = WriteWitness(of: try Filling(of: &memory))
    memory.isReadable = false
    witness.look(at: fragment(0, 100), in: memory)
    let failure = failing { () throws(Failure) in _ = try witness.finding?.get() }
    #expect(failure?.errno == .outOfMemory)
  }
}
