// swift-tools-version: 6.2
import PackageDescription

// A fuzzer takes compiler flags of its own for every module: scripts/fuzz sets the variable and builds it apart.
let isFuzzed = Context.environment["PIFORGE_FUZZ"] != nil

let settings: [SwiftSetting] =
    [
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("ExistentialAny"),
    ] + (isFuzzed ? [] : [.treatAllWarnings(as: .error)])

let package = Package(
    name: "piforge",
    products: [.executable(name: "piforge", targets: ["piforge"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2")
    ],
    targets: [
        .systemLibrary(name: "CExt2FS", pkgConfig: "ext2fs", providers: [.apt(["libext2fs-dev", "comerr-dev"])]),
        .systemLibrary(name: "CLZMA", pkgConfig: "liblzma", providers: [.apt(["liblzma-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CArchive", pkgConfig: "libarchive", providers: [.apt(["libarchive-dev"])]),
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CLinux", providers: [.apt(["linux-libc-dev"])]),
        .systemLibrary(name: "CCrypt", pkgConfig: "libcrypt", providers: [.apt(["libcrypt-dev"])]),
        .target(name: "CSandbox"),
        // From the bottom up: a target uses only those above it in this list.
        .target(name: "Reports", swiftSettings: settings),
        .target(name: "Readers", swiftSettings: settings),
        .target(name: "Pages", dependencies: ["Reports"], swiftSettings: settings),
        .target(name: "Blocks", dependencies: ["Reports", "CCrypto"], swiftSettings: settings),
        .target(name: "Tables", dependencies: ["Reports", "Blocks", "CLZMA"], swiftSettings: settings),
        .target(
            name: "Bases", dependencies: ["Reports", "Blocks", "CLZMA", "CZlib", "CZstd", "CArchive"],
            swiftSettings: settings),
        .target(name: "Downloads", dependencies: ["Reports", "Blocks", "Bases", "CCurl"], swiftSettings: settings),
        .target(name: "Identity", dependencies: ["CCrypto"], swiftSettings: settings),
        .target(name: "Trees", swiftSettings: settings),
        .target(name: "Payload", swiftSettings: settings),
        .target(
            name: "Plans",
            dependencies: ["Reports", "Readers", "Identity", "Trees", "Payload", "CYAML"],
            swiftSettings: settings),
        .target(name: "Handoff", dependencies: ["Plans"], swiftSettings: settings),
        .target(
            name: "Volumes",
            dependencies: [
                "Reports", "Readers", "Blocks", "Tables", "Bases", "Trees", "CArchive", "CExt2FS", "CLinux", "CSandbox",
            ],
            swiftSettings: settings),
        .target(
            name: "Inspect",
            dependencies: ["Reports", "Readers", "Blocks", "Tables", "Trees", "Payload", "Plans", "Volumes", "CCrypt"],
            swiftSettings: settings),
        .target(
            name: "Images",
            dependencies: [
                "Reports", "Readers", "Blocks", "Tables", "Bases", "Trees", "Plans", "Volumes", "Inspect", "CLinux",
            ],
            swiftSettings: settings),
        .target(
            name: "Fleet", dependencies: ["Reports", "Blocks", "Identity", "Plans", "Handoff", "Images"],
            swiftSettings: settings),
        .target(
            name: "Initramfs", dependencies: ["Reports", "Readers", "Bases", "Trees", "Plans", "CArchive"],
            swiftSettings: settings),
        .target(
            name: "Cards",
            dependencies: [
                "Reports", "Readers", "Blocks", "Tables", "Bases", "Trees", "Plans", "Volumes", "Images", "CLinux",
            ],
            swiftSettings: settings),
        .target(
            name: "Netboot",
            dependencies: [
                "Reports", "Readers", "Blocks", "Bases", "Trees", "Plans", "Volumes", "Images", "Inspect", "Initramfs",
                "CArchive", "CLinux",
            ],
            swiftSettings: settings),
        .target(
            name: "Forge",
            dependencies: [
                "Reports", "Readers", "Pages", "Blocks", "Tables", "Bases", "Downloads", "Identity", "Trees", "Plans",
                "Volumes", "Images", "Inspect", "Fleet", "Initramfs", "Cards", "Netboot",
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "piforge",
            dependencies: [
                "Reports", "Pages", "Blocks", "Bases", "Identity", "Plans", "Handoff", "Images", "Fleet", "Inspect",
                "Initramfs",
                "Cards", "Netboot", "Forge",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings),
        .target(
            name: "TestSupport", dependencies: ["Blocks", "Trees"], path: "Tests/TestSupport", swiftSettings: settings),
        .testTarget(
            name: "BlocksTests", dependencies: ["Blocks", "Tables", "Bases", "TestSupport", "CLZMA"],
            swiftSettings: settings),
        .testTarget(name: "PagesTests", dependencies: ["Pages", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "DownloadsTests", dependencies: ["Blocks", "Bases", "Downloads", "TestSupport"],
            swiftSettings: settings),
        .testTarget(name: "IdentityTests", dependencies: ["Identity", "TestSupport"], swiftSettings: settings),
        .testTarget(name: "TreesTests", dependencies: ["Trees", "TestSupport"], swiftSettings: settings),
        .testTarget(name: "ReadersTests", dependencies: ["Readers", "TestSupport"], swiftSettings: settings),
        .testTarget(name: "PlansTests", dependencies: ["Identity", "Plans", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "HandoffTests", dependencies: ["Handoff", "Identity", "Plans", "TestSupport"], swiftSettings: settings
        ),
        .testTarget(
            name: "FleetTests", dependencies: ["Reports", "Identity", "Plans", "Handoff", "Fleet", "TestSupport"],
            swiftSettings: settings),
        .testTarget(name: "VolumesTests", dependencies: ["Volumes", "TestSupport"], swiftSettings: settings),
        .testTarget(name: "ForgeTests", dependencies: ["Forge", "TestSupport"], swiftSettings: settings),
        .target(
            name: "FuzzTargets",
            dependencies: [
                "Readers", "Blocks", "Tables", "Bases", "Identity", "Trees", "Plans", "Volumes", "Inspect", "Images",
                "Initramfs", "Netboot", "CLZMA",
            ],
            path: "Tests/Fuzz/Targets", swiftSettings: settings),
        .testTarget(name: "FuzzTests", dependencies: ["FuzzTargets", "TestSupport"], swiftSettings: settings),
        // Whatever starts piforge, needs a whole base image or runs many programs: minutes, where the others take seconds.
        .testTarget(name: "ProcessTests", dependencies: ["Identity", "Forge", "TestSupport"], swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)

if isFuzzed {
    package.targets.append(
        .executableTarget(
            name: "Fuzz", dependencies: ["FuzzTargets"], path: "Tests/Fuzz/Program",
            swiftSettings: settings + [.unsafeFlags(["-parse-as-library"])]))
}
