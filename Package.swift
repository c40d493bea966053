// swift-tools-version: 6.2
// SPDX-License-Identifier: GPL-2.0-only

import PackageDescription

let settings: [SwiftSetting] = [
  .strictMemorySafety(),
  .enableExperimentalFeature("Lifetimes"),
  .enableExperimentalFeature("SuppressedAssociatedTypes"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("ExistentialAny"),
  .treatAllWarnings(as: .error),
  // By pkg-config, libdrm would be linked too.
  .unsafeFlags(["-Xcc", "-I/usr/include/libdrm"]),
]

/// One room of the house: a target, and what of the rooms above it it may use.
func room(_ name: String, uses dependencies: Target.Dependency...) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

/// A room's unit tests.
func tests(of name: String, uses dependencies: Target.Dependency...) -> Target {
  .testTarget(
    name: name + "Tests", dependencies: [.byName(name: name)] + dependencies,
    swiftSettings: settings)
}

/// The fuzzer (`make fuzz`), whose main function comes with `--sanitize=fuzzer`: without that it cannot
/// be linked.
let fuzzer: [Target] =
  Context.environment["NCDEVMEM_FUZZER"] == nil
  ? []
  : [
    .executableTarget(
      name: "fuzzer", dependencies: ["Fuzzing"], path: "Tests/Fuzzer",
      swiftSettings: settings + [.unsafeFlags(["-parse-as-library"])])
  ]

let package = Package(
  name: "ncdevmem",
  targets: [
    .target(name: "CLinux"),
    .systemLibrary(name: "CMnl", pkgConfig: "libmnl", providers: [.apt(["libmnl-dev"])]),
    // The archive is linked, below: by pkg-config, it would be the shared library.
    .systemLibrary(name: "CURing", providers: [.apt(["liburing-dev"])]),
    .systemLibrary(name: "CDRM"),
    .systemLibrary(name: "CUdev"),
    room("Kernel", uses: "CLinux"),
    room("Payload"),
    room("Netlink", uses: "CLinux", "CMnl", "Kernel"),
    room("NIC", uses: "CLinux", "Kernel", "Netlink"),
    room("Netdev", uses: "CLinux", "Kernel", "Netlink"),
    room("DeviceMemory", uses: "CLinux", "CDRM", "CUdev", "Kernel"),
    room("Sockets", uses: "CLinux", "Kernel"),
    .target(
      name: "Uring", dependencies: ["CLinux", "CURing", "Kernel"], swiftSettings: settings,
      linkerSettings: [.linkedLibrary(":liburing.a")]),
    room("Transfer", uses: "CLinux", "Kernel", "Payload", "DeviceMemory", "Sockets", "Uring"),
    room(
      "Measurement",
      uses: "Kernel", "Payload", "NIC", "Netdev", "DeviceMemory", "Sockets", "Uring", "Transfer"),
    room("Recovery", uses: "CLinux", "Kernel", "NIC", "Netdev"),
    room(
      "Options",
      uses: "CLinux", "Kernel", "Payload", "Netdev", "DeviceMemory", "Sockets", "Transfer",
      "Measurement"),
    room(
      "Preflight",
      uses: "CLinux", "Kernel", "Netlink", "NIC", "Netdev", "DeviceMemory", "Uring", "Transfer",
      "Recovery", "Options"),
    room(
      "Session",
      uses: "Kernel", "Payload", "Netlink", "NIC", "Netdev", "DeviceMemory", "Sockets", "Uring",
      "Transfer", "Measurement", "Recovery", "Options", "Preflight"),
    .executableTarget(
      name: "ncdevmem", dependencies: ["Kernel", "Options", "Session"], swiftSettings: settings),
    .executableTarget(
      name: "validator-benchmark", dependencies: ["Kernel", "Payload"],
      path: "Benchmarks/Validator",
      swiftSettings: settings),
    .target(name: "Bare", path: "Benchmarks/Bare"),
    .target(name: "Script", path: "Benchmarks/Script"),
    .executableTarget(
      name: "receive-benchmark",
      dependencies: [
        "Bare", "CLinux", "DeviceMemory", "Kernel", "Payload", "Script", "Sockets", "Transfer",
      ], path: "Benchmarks/Native", swiftSettings: settings),
    .executableTarget(
      name: "gpu-benchmark", dependencies: ["Kernel", "Payload", "DeviceMemory"],
      path: "Benchmarks/GPU", swiftSettings: settings),
    .executableTarget(
      name: "option-texts", dependencies: ["Kernel", "Options"], path: "scripts/OptionTexts",
      swiftSettings: settings),
    .target(
      name: "TestSupport", dependencies: ["CLinux", "Kernel", "Netlink", "NIC", "Sockets"],
      path: "Tests/TestSupport", swiftSettings: settings),
    .target(
      name: "Fuzzing",
      dependencies: [
        "CLinux", "Kernel", "Payload", "Netlink", "NIC", "Netdev", "DeviceMemory", "Sockets",
        "Transfer", "Measurement", "Recovery", "Options", "TestSupport",
      ], path: "Tests/Fuzzing", swiftSettings: settings),
    tests(of: "Fuzzing", uses: "Kernel", "TestSupport"),
    tests(of: "Kernel", uses: "CLinux", "Sockets", "TestSupport"),
    tests(of: "Payload"),
    tests(of: "Netlink", uses: "CLinux", "Kernel", "TestSupport"),
    tests(of: "NIC", uses: "CLinux", "Kernel", "Netlink", "TestSupport"),
    tests(of: "Netdev", uses: "CLinux", "Kernel", "Netlink", "TestSupport"),
    tests(of: "DeviceMemory", uses: "CLinux", "Kernel", "TestSupport"),
    tests(of: "Sockets", uses: "CLinux", "Kernel", "TestSupport"),
    tests(of: "Uring", uses: "CLinux", "Kernel", "TestSupport"),
    tests(
      of: "Transfer",
      uses: "CLinux", "Kernel", "Payload", "DeviceMemory", "Sockets", "Uring", "TestSupport"),
    tests(
      of: "Measurement",
      uses: "Kernel", "Payload", "NIC", "Netdev", "DeviceMemory", "Sockets", "Transfer",
      "TestSupport"),
    tests(of: "Recovery", uses: "CLinux", "Kernel", "Netlink", "NIC", "Netdev", "TestSupport"),
    tests(
      of: "Options",
      uses: "Kernel", "Payload", "Netdev", "DeviceMemory", "Sockets", "Transfer", "Measurement",
      "TestSupport",
      "option-texts"),
    tests(
      of: "Preflight",
      uses: "CLinux", "Kernel", "Netlink", "NIC", "Netdev", "DeviceMemory", "Transfer", "Recovery",
      "Options",
      "TestSupport"),
    tests(
      of: "Session",
      uses: "CLinux", "Kernel", "Payload", "Netlink", "NIC", "Sockets", "Transfer", "Measurement",
      "Recovery",
      "Options", "Preflight", "TestSupport"),
  ] + fuzzer,
  swiftLanguageModes: [.v6]
)
