// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory
internal import Glibc
internal import Kernel
internal import Measurement
internal import Payload
internal import Sockets
internal import Transfer

/// Why a word is not a value of its option: a clause about what would be one.
struct InvalidValue: Error {
  let reason: String
}

func host(_ word: String) throws(InvalidValue) -> Host { try Host(word: word) }

func segmentSize(_ word: String) throws(InvalidValue) -> Int {
  try number(word, in: TCPSettings.segmentSizes)
}

/// Reads the name of a congestion control: what the kernel could have, without a look at it.
func congestionControl(_ word: String) throws(InvalidValue) -> String {
  guard 1...TCPSettings.nameLimit ~= word.utf8.count, word.utf8.allSatisfy({ 0x21...0x7e ~= $0 })
  else {
    throw InvalidValue(
      reason: "the name of a congestion control has 1 to \(TCPSettings.nameLimit) characters")
  }
  return word
}

/// Reads an interface's own name or an alternative one, which can be longer (`ALTIFNAMSIZ`).
func interfaceName(_ word: String) throws(InvalidValue) -> String {
  let most = 127
  guard 1...most ~= word.utf8.count else {
    throw InvalidValue(reason: "an interface's name has 1 to \(most) bytes")
  }
  return word
}

func format(_ word: String) throws(InvalidValue) -> Configuration.Check.Format {
  guard let format = Configuration.Check.Format(rawValue: word) else {
    throw InvalidValue(reason: "the formats are text, json and ktap")
  }
  return format
}

func port(_ word: String) throws(InvalidValue) -> UInt16 {
  UInt16(try number(word, in: 1...65535))
}

/// Reads a number of seconds; 0 stands for no limit.
func timeout(_ word: String) throws(InvalidValue) -> Duration? {
  // As many seconds as poll can wait.
  let seconds = try number(word, in: 0...Int(CInt.max) / 1000)
  return seconds == 0 ? nil : .seconds(seconds)
}

func queueIndex(_ word: String) throws(InvalidValue) -> UInt32 {
  UInt32(try number(word, in: 0...Int(UInt32.max) - 1))
}

/// Reads a number of queues. A request to the kernel names each of them, and more than this do not
/// fit into one.
func queueCount(_ word: String) throws(InvalidValue) -> UInt32 {
  UInt32(try number(word, in: 1...4096))
}

func engine(_ word: String) throws(InvalidValue) -> Engine {
  guard let engine = Engine(rawValue: word) else {
    let names = Engine.allCases.map(\.name)
    throw InvalidValue(
      reason: "the engines are \(names.dropLast().joined(separator: ", ")) and \(names.last!)")
  }
  return engine
}

/// Reads a kind of memory and, behind a colon, what it takes.
func memoryKind(_ word: String) throws(InvalidValue) -> MemoryKind {
  let parts = word.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
  let argument = parts.count > 1 ? String(parts[1]) : nil
  switch (parts[0], argument) {
  case ("udmabuf", nil): return .udmabuf(nil)
  case ("udmabuf", "huge=2M"): return .udmabuf(.huge2MiB)
  case ("udmabuf", "huge=1G"): return .udmabuf(.huge1GiB)
  case ("udmabuf", _): throw InvalidValue(reason: "udmabuf takes huge=2M or huge=1G")
  case ("host", nil): return .host(nil)
  case ("host", "huge=2M"): return .host(.huge2MiB)
  case ("host", "huge=1G"): return .host(.huge1GiB)
  case ("host", _): throw InvalidValue(reason: "host takes huge=2M or huge=1G")
  case ("heap", let name?) where !name.isEmpty && !name.contains("/"): return .heap(name)
  case ("heap", _): throw InvalidValue(reason: "heap takes a name, such as heap:system")
  case ("drm", nil): return .drm(.any)
  case ("drm", let node?) where node.hasPrefix("/"): return .drm(.node(node))
  case ("drm", let driver?) where !driver.isEmpty: return .drm(.driver(driver))
  case ("drm", _): throw InvalidValue(reason: "drm takes a device's path or a driver's name")
  case ("fd", let digits):
    return .descriptor(Descriptor(CInt(try number(digits ?? "", in: 0...Int(CInt.max)))))
  case ("cuda", nil): return .cuda(nil)
  case ("cuda", let digits?): return .cuda(try number(digits, in: 0...Int(CInt.max)))
  default:
    let forms = MemoryKind.forms
    throw InvalidValue(
      reason: "the kinds of memory are \(forms.dropLast().joined(separator: ", ")) "
        + "and \(forms.last!)")
  }
}

func memorySize(_ word: String) throws(InvalidValue) -> Int {
  try size(word, in: 1...MemoryChoice.byteCountLimit)
}

func rxPageSize(_ word: String) throws(InvalidValue) -> UInt32 {
  let size = try size(word, in: pageSize...Int(UInt32.max))
  guard size.nonzeroBitCount == 1 else { throw InvalidValue(reason: "not a power of two") }
  return UInt32(size)
}

func unbinding(_ word: String) throws(InvalidValue) -> Configuration.Unbinding {
  Configuration.Unbinding(rawValue: try number(word, in: 0...2)) ?? .afterStream
}

func autorelease(_ word: String) throws(InvalidValue) -> Bool {
  try number(word, in: 0...1) == 1
}

/// The number of a netlink attribute, which has 14 bits (`NLA_TYPE_MASK`); 1 to 4 mean something
/// else in a binding.
func attribute(_ word: String) throws(InvalidValue) -> UInt16 {
  UInt16(try number(word, in: 5...0x3fff))
}

func chunkSize(_ word: String) throws(InvalidValue) -> Int {
  try size(word, in: 1...Int.max)
}

func messageSize(_ word: String) throws(InvalidValue) -> Int {
  try size(word, in: Exchange.sizes)
}

func pattern(_ word: String) throws(InvalidValue) -> Pattern {
  let period = try number(word, in: Pattern.periods.lowerBound...Pattern.periods.upperBound)
  return Pattern(period: period)!
}

func validationInterval(_ word: String) throws(InvalidValue) -> Int {
  try number(word, in: 1...1_000_000)
}

func microseconds(_ word: String) throws(InvalidValue) -> Duration {
  .microseconds(try number(word, in: 0...1_000_000))
}

func byteCount(_ word: String) throws(InvalidValue) -> Int {
  try size(word, in: 0...Int.max)
}

func flowCount(_ word: String) throws(InvalidValue) -> Int {
  try number(word, in: 1...MeasurementOptions.flowLimit)
}

func threadCount(_ word: String) throws(InvalidValue) -> Int {
  try number(word, in: 1...MeasurementOptions.flowLimit)
}

func duration(_ word: String) throws(InvalidValue) -> Duration {
  .seconds(try number(word, in: 1...MeasurementOptions.durationLimit))
}

func interval(_ word: String) throws(InvalidValue) -> Duration {
  .seconds(try number(word, in: 0...MeasurementOptions.durationLimit))
}

func cpuList(_ word: String) throws(InvalidValue) -> CPUList {
  guard let list = CPUList(word) else {
    throw InvalidValue(reason: "not a list of CPUs such as 0-3,8, each once")
  }
  return list
}

func flowLength(_ word: String) throws(InvalidValue) -> Int {
  try size(word, in: 1...MeasurementOptions.flowByteLimit)
}

/// Reads a number of bits a second: digits, and K, M or G for powers of 1000. Less than the kernel
/// paces in its unit, bytes a second, is none.
func bitRate(_ word: String) throws(InvalidValue) -> Int {
  let factor =
    switch word.last {
    case "K", "k": 1000
    case "M", "m": 1_000_000
    case "G", "g": 1_000_000_000
    default: 1
    }
  if let count = digits(factor == 1 ? word[...] : word.dropLast()) {
    let (rate, overflows) = count.multipliedReportingOverflow(by: factor)
    if !overflows, rate >= 1000 { return rate }
  }
  throw InvalidValue(
    reason: "not a number of bits a second from 1000 on, which K, M or G may follow")
}

/// Reads digits, decimal or behind `0x` hexadecimal: no sign, no space, nothing behind them.
func number(_ word: String, in range: ClosedRange<Int>) throws(InvalidValue) -> Int {
  guard let number = digits(word[...]), range.contains(number) else {
    throw InvalidValue(reason: "not a number from \(range.lowerBound) to \(range.upperBound)")
  }
  return number
}

/// Reads a number of bytes: digits, and K, M or G for powers of 1024.
private func size(_ word: String, in range: ClosedRange<Int>) throws(InvalidValue) -> Int {
  let shift =
    switch word.last {
    case "K", "k": 10
    case "M", "m": 20
    case "G", "g": 30
    default: 0
    }
  if let count = digits(shift == 0 ? word[...] : word.dropLast()) {
    let (size, overflows) = count.multipliedReportingOverflow(by: 1 << shift)
    if !overflows, range.contains(size) { return size }
  }
  let most = range.upperBound == .max ? "" : " to \(range.upperBound)"
  throw InvalidValue(
    reason: "not a number of bytes from \(range.lowerBound)\(most), which K, M or G may follow")
}

private func digits(_ word: Substring) -> Int? {
  let isHexadecimal = word.hasPrefix("0x") || word.hasPrefix("0X")
  let digits = isHexadecimal ? word.dropFirst(2) : word
  // The standard library accepts a sign.
  guard digits.first?.isHexDigit == true else { return nil }
  return Int(digits, radix: isHexadecimal ? 16 : 10)
}
