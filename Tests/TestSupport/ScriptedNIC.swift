// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc
package import Kernel
package import NIC
internal import Netlink

/// A NIC that a test plays: it keeps the settings that ethtool requests read and write, logs every
/// write as a line, and refuses what the test wants refused. It knows the structures' layouts from
/// `include/uapi/linux/ethtool.h` by offset, so that tests hold those against the code's.
package final class ScriptedNIC: EthtoolDevice {
  /// How many RX queues it has.
  package var queueCount: UInt32 = 4
  /// The split it reports: `ETHTOOL_TCP_DATA_SPLIT_DISABLED` at first.
  package var split: UInt8 = 1
  /// The split that was configured (`hds_config`): `ETHTOOL_TCP_DATA_SPLIT_UNKNOWN` at first.
  package var configuredSplit: UInt8 = 0
  /// Whether the kernel keeps what was configured, as it does since 6.14.
  package var keepsConfiguration = true
  /// What it makes of a configured split.
  package var splitDriver = SplitDriver.plain
  /// Whether it splits only with `rx-gro-hw`.
  package var needsHardwareGRO = false
  /// What it cuts rings and queues to when it is to split; nothing if `nil`.
  package var cut: (sizes: RingSizes, queues: UInt32)?
  /// How large its rings are.
  package var sizes = RingSizes(receive: 256, transmit: 512)
  /// Whether anybody can listen to the kernel's announcements about rings.
  package var announces = true
  /// The announcements that nobody has taken yet.
  var announcements: [[UInt8]] = []
  /// The split's threshold in bytes; neither reported nor settable where `nil`.
  package var threshold: UInt32?
  /// The split it reports when the split is left to it.
  package var automaticSplit: UInt8 = 1
  /// Whether it has rings, as a virtual interface has none.
  package var hasRings = true
  /// The size of its buffers in bytes; not reported where `nil`.
  package var bufferSize: UInt32?
  /// Whether its channels are combined, at most 8 of them, or at most 8 for each direction.
  package var hasCombinedChannels = true
  /// The main RSS table.
  package var table: [UInt32] = [0, 1, 2, 3, 0, 1, 2, 3]
  /// The main RSS key.
  package var key: [UInt8] = [1, 2, 3, 4]
  /// The hash function.
  package var function: UInt8 = 1
  /// The hash's input transformation.
  package var transform: UInt8 = 0
  /// Whether the kernel creates and deletes contexts by netlink, as it does since 6.17.
  package var hasContextCommands = true
  /// The further contexts' tables, by context number.
  package var contexts: [UInt32: [UInt32]] = [:]
  /// The feature `rx-ntuple-filter`.
  package var ntuple = (isActive: false, isRequested: false, isAvailable: true)
  /// The tunable `rx-copybreak`, in bytes; `nil` if it has none.
  package var copybreak: UInt32?
  /// The feature `rx-gro-hw`.
  package var hardwareGRO = (isActive: false, isRequested: false, isAvailable: false)
  /// What it answers to a rule while that is off, before it looks at the rule; `nil` if it takes
  /// rules all the same.
  package var refusalWithoutNtuple: CInt? = EOPNOTSUPP
  /// The names of the private flags.
  package var privateFlagNames: [String] = []
  /// The private flags' bits.
  package var privateFlags: UInt32 = 0
  /// `ethtool_rx_flow_spec` and RSS context by location.
  package var rules: [UInt32: (specification: [UInt8], context: UInt32)] = [:]
  /// How many flow rules fit.
  package var ruleSlots: UInt32 = 16
  /// Whether it lists as many rules as asked for, and not the rest (bnxt); it refuses if not.
  package var cutsLists = false
  /// Whether it chooses a location for a rule that has none.
  package var choosesLocations = true

  /// What it makes of a request to insert a rule: the request if `nil`.
  package var reportedRule: (([UInt8]) -> [UInt8])?

  /// The writes that were tried, in order.
  package var log: [String] = []

  /// The commands of all ethtool requests by ioctl, in order.
  package private(set) var commands: [CInt] = []

  /// Which writes to refuse: those whose line begins with the text.
  package var refusals: [(line: String, errno: CInt)] = []

  /// Which requests to refuse before they are read, by ethtool command.
  package var missingCommands: [CInt: CInt] = [:]

  /// What it says about each refusal.
  package var words = "refused by the script"

  /// Which writes to acknowledge and not do: those whose line begins with the text.
  package var ignored: [String] = []

  /// How many more writes to take before all are refused with `EINTR`; any number if `nil`.
  package var writesLeft: Int?

  /// Called before each request is answered, with its ethtool command.
  package var beforeRequest: (CInt) -> Void = { _ in }

  /// Called before each write is done or refused.
  package var beforeWrite: () -> Void = {}

  /// The driver's name.
  package var driver = "scripted"

  /// What it is named by now; as at the start if `nil`.
  package var name: String?

  /// A NIC with four queues, all of its settings the default.
  package init() {}

  /// The interface `nic0`, index 7, with this NIC behind it.
  package func interface() throws(Failure) -> Interface {
    let kernel = ScriptedNetlink(
      families: ["ethtool": 21], commands: hasContextCommands ? [49: 0x10, 50: 0x10] : [:]
    ) { self.answer($0) }
    return try Interface(
      named: "nic0", index: 7, device: self, netlink: GenericNetlink(over: kernel),
      listeningBy: { [self] ethtool throws(Failure) in
        guard announces else { throw Failure("listen", errno: .noEntry) }
        return RingEvents(over: RingAnnouncements(of: self), of: ethtool)
      },
      namedLater: { [self] _ in name })
  }

  /// Answers a request as the kernel and a driver would.
  package func perform(_ request: inout [UInt8]) throws(Errno) -> CInt {
    let command = CInt(request.word(0))
    commands.append(command)
    beforeRequest(command)
    if let errno = missingCommands[command] { throw Errno(errno) }
    switch command {
    case ETHTOOL_GDRVINFO: request.replace(4, Array(driver.utf8))
    case ETHTOOL_GPERMADDR:
      guard request.word(4) >= 6 else { throw .tooSmall }
      request.set(4, 6)
      request.replace(8, [2, 0, 0, 0, 0, 7])
    case ETHTOOL_GWOL: throw .notSupported
    case ETHTOOL_GRXRINGS: request.set(8, queueCount)
    case ETHTOOL_GCHANNELS:
      request.set(hasCombinedChannels ? 16 : 4, 8)
      request.set(hasCombinedChannels ? 32 : 20, queueCount)
    case ETHTOOL_GSSET_INFO, ETHTOOL_GSTRINGS: reportStrings(&request)
    case ETHTOOL_GTUNABLE:
      guard let copybreak, request.word(4) == 1, request.word(8) == 3, request.word(12) == 4
      else { throw .notSupported }
      request.set(16, copybreak)
    case ETHTOOL_GFEATURES:
      request.set(4, 2)
      let gro = hardwareGRO
      request.set(8 + 16, (ntuple.isAvailable ? 2 : 0) | (gro.isAvailable ? 4 : 0))
      request.set(8 + 20, (ntuple.isRequested ? 2 : 0) | (gro.isRequested ? 4 : 0) | 8)
      request.set(8 + 24, (ntuple.isActive ? 2 : 0) | (gro.isActive ? 4 : 0) | 8)
    case ETHTOOL_SFEATURES: return try setFeatures(request)
    case ETHTOOL_GPFLAGS: request.set(4, privateFlags)
    case ETHTOOL_SPFLAGS:
      let flags = request.word(4)
      if try write("flags \(flags)") { privateFlags = flags }
    case ETHTOOL_GRSSH: try reportRSS(&request)
    case ETHTOOL_SRSSH: try setRSS(&request)
    default: try changeRules(command, &request)
    }
    return 0
  }

  /// Logs a write; false where it is to be forgotten.
  func write(_ line: String) throws(Errno) -> Bool {
    log.append(line)
    beforeWrite()
    if let left = writesLeft {
      guard left > 0 else { throw .interrupted }
      writesLeft = left - 1
    }
    if let refusal = refusals.first(where: { line.hasPrefix($0.line) }) {
      throw Errno(refusal.errno)
    }
    return !ignored.contains { line.hasPrefix($0) }
  }

  /// The features' bits are 33 and 34: the second and the third bit of the second word.
  private func reportStrings(_ request: inout [UInt8]) {
    let isInfo = CInt(request.word(0)) == ETHTOOL_GSSET_INFO
    let isFlags =
      isInfo
      ? request.word(8) == 1 << ETH_SS_PRIV_FLAGS.rawValue
      : request.word(4) == ETH_SS_PRIV_FLAGS.rawValue
    var names = privateFlagNames
    if !isFlags {
      names = (0..<64).map { bit in
        switch bit {
        case 33: "rx-ntuple-filter"
        case 34: "rx-gro-hw"
        case 35: "rx-gro"
        default: "feature-\(bit)"
        }
      }
    }
    if isInfo {
      if names.isEmpty { request.set(8, 0) }
      request.set(16, UInt32(names.count))
    } else {
      for (index, name) in names.enumerated() {
        request.replace(12 + index * 32, Array(name.utf8))
      }
    }
  }

  private func setFeatures(_ request: [UInt8]) throws(Errno) -> CInt {
    let bit = request.word(16)
    guard request.word(4) == 2, request.word(8) == 0, [2, 4].contains(bit) else {
      throw .invalidArgument
    }
    let isOn = request.word(20) == bit
    if bit == 4 {
      hardwareGRO.isRequested = isOn
      // It stays on while headers are split.
      let isHeld = !isOn && configuredSplit == 2
      guard try write("rx-gro-hw \(isOn ? "on" : "off")"), !isHeld else { return 2 }
      hardwareGRO.isActive = isOn
      return 0
    }
    guard try write("ntuple \(isOn ? "on" : "off")") else { return 2 }
    ntuple.isRequested = isOn
    ntuple.isActive = isOn
    return 0
  }
}

extension [UInt8] {
  func word(_ offset: Int) -> UInt32 {
    self[offset..<offset + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }

  package mutating func set(_ offset: Int, _ word: UInt32) {
    replace(offset, NetlinkBytes.bytes(word))
  }

  mutating func replace(_ offset: Int, _ bytes: [UInt8]) {
    replaceSubrange(offset..<offset + bytes.count, with: bytes)
  }
}
