import Inspect
import Plans
import Readers
import Trees

@testable import Forge

/// Packages and commands of the first boot.
extension EffectTests {
    /// A package of which one program needs the processor `need`.
    private struct Programs: PackagePrograms {
        var need: ProcessorNeed
        func needs() -> [ProcessorNeed: String] { [need: "usr/sbin/probed"] }
    }

    private static func package(_ need: ProcessorNeed, installedKiB: Int64 = 0) -> PackageFile? {
        let fields = ControlFields(
            "Package: probe\nVersion: 1\nArchitecture: armhf\nInstalled-Size: \(installedKiB)\n")
        return (try? PackageFacts(fields)).map {
            PackageFile(facts: $0, dataPacking: "xz", content: .file([1]), programs: Programs(need: need))
        }
    }

    static let firstBootCases = [
        EffectCase("an ARMv7", .packageProcessor, saying: "usr/sbin/probed needs an ARMv7") {
            $0.debs = [package(.armV6)].compactMap { $0 }
        } change: {
            $0.debs = [package(.armV7)].compactMap { $0 }
        },
        EffectCase("too little room", .packagesRoom, saying: "does not grow, has 100.0 MB free") {
            $0.debs = [package(.armV6, installedKiB: 90_000)].compactMap { $0 }
            $0.kernelArguments.remove = ["init"]
        } change: {
            $0.debs = [package(.armV6, installedKiB: 110_000)].compactMap { $0 }
        },
        EffectCase("a masked unit", .unitNotStarted, saying: "systemd.mask=piforge-first-boot") {
            $0.firstBoot = ["true"]
        } change: {
            $0.kernelArguments.set = ["systemd.mask=piforge-first-boot"]
        },
    ]
}
