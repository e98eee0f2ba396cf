// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "piforge",
    products: [.executable(name: "piforge", targets: ["piforge"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-system", exact: "1.8.1"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    ],
    targets: [
        .systemLibrary(name: "CExt2FS", pkgConfig: "ext2fs", providers: [.apt(["libext2fs-dev", "comerr-dev"])]),
        .systemLibrary(name: "CLZMA", pkgConfig: "liblzma", providers: [.apt(["liblzma-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CArchive", pkgConfig: "libarchive", providers: [.apt(["libarchive-dev"])]),
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CLinux", providers: [.apt(["linux-libc-dev"])]),
        .systemLibrary(name: "CCrypt", pkgConfig: "libcrypt", providers: [.apt(["libcrypt-dev"])]),
        .target(
            name: "Blocks",
            dependencies: ["CLZMA", "CZlib", "CZstd", "CArchive", "CCrypto"],
            swiftSettings: settings),
        .target(name: "Identity", dependencies: ["CCrypto"], swiftSettings: settings),
        .target(name: "Trees", swiftSettings: settings),
        .target(name: "Readers", swiftSettings: settings),
        .target(
            name: "Plans",
            dependencies: ["Identity", "Readers", "Trees", .product(name: "Yams", package: "Yams")],
            swiftSettings: settings),
        .target(name: "Handoff", dependencies: ["Plans"], swiftSettings: settings),
        .target(name: "Volumes", dependencies: ["Blocks", "Trees", "CExt2FS", "CLinux"], swiftSettings: settings),
        .target(
            name: "Forge",
            dependencies: [
                "Plans", "Readers", "Volumes", "CArchive", "CCrypt", "CLinux",
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "piforge",
            dependencies: [
                "Forge", "Plans", "Blocks", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings),
        .target(
            name: "TestSupport", dependencies: ["Blocks", "Trees"], path: "Tests/TestSupport", swiftSettings: settings),
        .testTarget(name: "BlocksTests", dependencies: ["Blocks", "TestSupport"], swiftSettings: settings),
        .testTarget(name: "IdentityTests", dependencies: ["Identity", "TestSupport"], swiftSettings: settings),
        .testTarget(name: "TreesTests", dependencies: ["Trees", "TestSupport"], swiftSettings: settings),
        .testTarget(name: "ReadersTests", dependencies: ["Readers", "TestSupport"], swiftSettings: settings),
        .testTarget(name: "PlansTests", dependencies: ["Plans", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "HandoffTests", dependencies: ["Handoff", "Identity", "Plans", "TestSupport"], swiftSettings: settings
        ),
        .testTarget(name: "VolumesTests", dependencies: ["Volumes", "TestSupport"], swiftSettings: settings),
        .testTarget(name: "ForgeTests", dependencies: ["Forge", "TestSupport"], swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)

// Fuzzers need a compiler flag of their own for every module: scripts/fuzz sets the variable and builds them apart.
if Context.environment["PIFORGE_FUZZ"] != nil {
    let fuzzer = settings + [.unsafeFlags(["-parse-as-library"])]
    package.targets += [
        .target(name: "FuzzSupport", dependencies: ["Blocks"], path: "Tests/Fuzz/Support", swiftSettings: settings),
        .executableTarget(
            name: "FuzzMBR", dependencies: ["FuzzSupport", "Blocks"], path: "Tests/Fuzz/MBR", swiftSettings: fuzzer),
        .executableTarget(
            name: "FuzzGPT", dependencies: ["FuzzSupport", "Blocks", "CLZMA"], path: "Tests/Fuzz/GPT",
            swiftSettings: fuzzer),
        .executableTarget(
            name: "FuzzFAT", dependencies: ["FuzzSupport", "Blocks", "Trees", "Volumes"], path: "Tests/Fuzz/FAT",
            swiftSettings: fuzzer),
        .executableTarget(
            name: "FuzzProfile", dependencies: ["FuzzSupport", "Plans"], path: "Tests/Fuzz/Profile",
            swiftSettings: fuzzer),
    ]
}
