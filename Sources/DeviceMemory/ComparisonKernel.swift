// SPDX-License-Identifier: GPL-2.0-only

/// The kernel that compares a GPU's memory with a pattern, and what it takes.
///
/// Each block of threads compares one piece: a thread loads four times 16 bytes, all before it looks
/// at any, so that a block waits for its memory once. What the pattern has there is read from a
/// table that has a word for each phase: the word's four bytes and those after it. Where a block has
/// seen a difference, one of its warps goes through the piece again, byte by byte and in order.
enum ComparisonKernel {
  /// What is to be compared, by the piece.
  struct Piece: BitwiseCopyable {
    /// The address for the GPU.
    let address: UInt64
    /// In bytes, `pieceLimit` at most.
    let length: UInt32
    /// Where in the pattern the piece begins, below its period.
    let phase: UInt32
  }

  /// A wrong byte, as the kernel notes it.
  struct Mismatch: BitwiseCopyable {
    /// In bytes from the start of the piece.
    let offset: UInt32
    /// What the pattern has there.
    let expected: UInt8
    /// What the memory has there.
    let actual: UInt8
    private let unused: UInt16
  }

  /// What stands in the place of an answer until there is one.
  static let unanswered = UInt32.max

  static let name = "compare"

  /// Threads of a block.
  static let threads = 256
  /// The most bytes of a piece: what a block's threads load.
  static let pieceLimit = loads * loadStride
  /// How many mismatches the kernel notes of a piece.
  static let mismatchLimit = 7

  /// Loads of a thread, each of 16 bytes.
  private static let loads = 4
  /// How far apart the loads of a thread are, in bytes.
  private static let loadStride = threads * 16

  /// Words of the table: for phases below 256, the longest period, and for the 12 after them, where
  /// 16 bytes that begin with the last one have their other words.
  static let wordCount = threads + 16

  /// The table of a pattern.
  ///
  /// - Parameter pattern: One period of it, of 256 bytes at most.
  static func words(of pattern: [UInt8]) -> [UInt32] {
    precondition((1...256).contains(pattern.count))
    return (0..<pattern.count + 12).map { phase in
      (0..<4).reduce(0) { $0 | UInt32(pattern[(phase + $1) % pattern.count]) << (8 * UInt32($1)) }
    }
  }
}

extension ComparisonKernel {
  /// The code in PTX, for the oldest GPUs that the kernel modules drive which export memory
  /// (Turing); the driver compiles it for the GPU at hand.
  static let source = """
    .version 6.3
    .target sm_75
    .address_size 64

    .visible .entry \(name)(
        .param .u64 pieces,
        .param .u64 counts,
        .param .u64 mismatches,
        .param .u32 period,
        .param .align 16 .b8 pattern[\(wordCount * 4)]
    )
    .reqntid \(threads), 1, 1
    {
        .reg .pred %first, %last, %edge, %in<\(loads)>, %any, %wrong, %kept, %past;
        .reg .b32 %thread, %block, %length, %phase, %period, %table, %word, %diff, %t, %index;
        .reg .b32 %start, %wide, %rest, %at, %step, %a<\(4 * loads)>, %e<4>;
        .reg .b32 %byte, %expected, %sum, %below, %mask, %rank, %bytes;
        .reg .b64 %pieces, %counts, %mismatches, %address, %from, %place;
        .shared .align 16 .b32 table[\(wordCount)];

        mov.u32 %thread, %tid.x;
        mov.u32 %block, %ctaid.x;
        ld.param.u64 %pieces, [pieces];
        ld.param.u64 %counts, [counts];
        ld.param.u64 %mismatches, [mismatches];
        ld.param.u32 %period, [period];
        cvta.to.global.u64 %pieces, %pieces;
        cvta.to.global.u64 %counts, %counts;
        cvta.to.global.u64 %mismatches, %mismatches;

        // The block's piece, and its places for the answer.
        mul.wide.u32 %place, %block, \(MemoryLayout<Piece>.stride);
        add.u64 %place, %pieces, %place;
        ld.global.u64 %address, [%place];
        ld.global.v2.u32 {%length, %phase}, [%place + 8];
        cvta.to.global.u64 %address, %address;
        mul.wide.u32 %place, %block, 4;
        add.u64 %counts, %counts, %place;
        mul.wide.u32 %place, %block, \(MemoryLayout<Mismatch>.stride * mismatchLimit);
        add.u64 %mismatches, %mismatches, %place;

        // The table, where each thread gets at each word.
        mov.u64 %from, pattern;
        mul.wide.u32 %place, %thread, 4;
        add.u64 %from, %from, %place;
        mov.u32 %table, table;
        mad.lo.u32 %t, %thread, 4, %table;
        ld.param.u32 %word, [%from];
        st.shared.u32 [%t], %word;
        setp.lt.u32 %past, %thread, \(wordCount - threads);
        @%past ld.param.u32 %word, [%from + \(threads * 4)];
        @%past st.shared.u32 [%t + \(threads * 4)], %word;
        bar.sync 0;

        // Bytes up to the first aligned place, 16 bytes at a time from there on, and the rest.
        cvt.u32.u64 %t, %address;
        neg.s32 %t, %t;
        and.b32 %t, %t, 15;
        min.u32 %start, %t, %length;
        sub.u32 %rest, %length, %start;
        shr.u32 %wide, %rest, 4;
        and.b32 %rest, %rest, 15;
        mov.u32 %diff, 0;

        mad.lo.u32 %at, %thread, 16, %start;
        cvt.u64.u32 %place, %at;
        add.u64 %place, %address, %place;
    \((0..<loads).map(load).joined(separator: "\n"))

        // The first threads of one warp take the bytes before, those of the next one the rest.
        sub.u32 %t, %thread, 32;
        setp.lt.u32 %first, %thread, %start;
        setp.lt.u32 %last, %t, %rest;
        or.pred %edge, %first, %last;
        @!%edge bra wide;
        sub.u32 %index, %length, %rest;
        add.u32 %index, %index, %t;
        selp.u32 %index, %index, %thread, %last;
        cvt.u64.u32 %from, %index;
        add.u64 %from, %address, %from;
        ld.global.u8 %byte, [%from];
        add.u32 %t, %index, %phase;
        rem.u32 %t, %t, %period;
        mad.lo.u32 %t, %t, 4, %table;
        ld.shared.u8 %expected, [%t];
        xor.b32 %diff, %byte, %expected;

    wide:
        add.u32 %at, %at, %phase;
        rem.u32 %at, %at, %period;
        mov.u32 %step, \(loadStride);
        rem.u32 %step, %step, %period;
    \((0..<loads).map(comparison).joined(separator: advance + "\n"))

    judge:
        setp.ne.u32 %wrong, %diff, 0;
        bar.red.or.pred %any, 0, %wrong;
        @%any bra examine;
        setp.ne.u32 %past, %thread, 0;
        @%past ret;
        st.global.u32 [%counts], 0;
        ret;

        // One warp counts the wrong bytes and notes the first.
    examine:
        setp.ge.u32 %past, %thread, 32;
        @%past ret;
        mov.u32 %sum, 0;
        mov.u32 %index, %thread;
        mov.u32 %below, %lanemask_lt;
        add.u32 %at, %phase, %thread;
        rem.u32 %at, %at, %period;
        mov.u32 %step, 32;
        rem.u32 %step, %step, %period;

    bytes:
        setp.lt.u32 %past, %index, %length;
        mov.u32 %byte, 0;
        mov.u32 %expected, 0;
        cvt.u64.u32 %from, %index;
        add.u64 %from, %address, %from;
        mad.lo.u32 %t, %at, 4, %table;
        @%past ld.global.u8 %byte, [%from];
        @%past ld.shared.u8 %expected, [%t];
        setp.ne.u32 %wrong, %byte, %expected;
        vote.sync.ballot.b32 %mask, %wrong, 0xffffffff;
        and.b32 %rank, %mask, %below;
        popc.b32 %rank, %rank;
        add.u32 %rank, %rank, %sum;
        setp.lt.and.u32 %kept, %rank, \(mismatchLimit), %wrong;
        mul.wide.u32 %place, %rank, \(MemoryLayout<Mismatch>.stride);
        add.u64 %place, %mismatches, %place;
        mad.lo.u32 %bytes, %byte, 256, %expected;
        @%kept st.global.v2.u32 [%place], {%index, %bytes};
        popc.b32 %mask, %mask;
        add.u32 %sum, %sum, %mask;
    \(advance)
        add.u32 %index, %index, 32;
        sub.u32 %t, %index, %thread;
        setp.lt.u32 %past, %t, %length;
        @%past bra bytes;

        // A difference that is gone at the second look is no answer.
        setp.ne.u32 %past, %thread, 0;
        setp.eq.or.u32 %past, %sum, 0, %past;
        @%past ret;
        st.global.u32 [%counts], %sum;
        ret;
    }

    """

  /// One of a thread's loads.
  private static func load(_ number: Int) -> String {
    let target = (0..<4).map { "%a\(4 * number + $0)" }.joined(separator: ", ")
    return """
          add.u32 %t, %thread, \(number * threads);
          setp.lt.u32 %in\(number), %t, %wide;
          @%in\(number) ld.global.v4.u32 {\(target)}, [%place + \(number * loadStride)];
      """
  }

  /// Compares what one of a thread's loads got.
  private static func comparison(_ number: Int) -> String {
    let words = (0..<4).map {
      """
          ld.shared.u32 %e\($0), [%t + \(16 * $0)];
          xor.b32 %e\($0), %e\($0), %a\(4 * number + $0);
          or.b32 %diff, %diff, %e\($0);
      """
    }
    return """
          @!%in\(number) bra judge;
          mad.lo.u32 %t, %at, 4, %table;
      \(words.joined(separator: "\n"))

      """
  }

  /// Moves on in the pattern.
  private static let advance = """
        add.u32 %at, %at, %step;
        setp.ge.u32 %past, %at, %period;
        @%past sub.u32 %at, %at, %period;
    """
}
