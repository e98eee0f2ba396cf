import Inspect
import Plans
import Trees

@testable import Forge

/// What firmware and kernel read.
extension EffectTests {
    /// Lines at the end of config.txt.
    private static func config(_ lines: String) -> @Sendable (inout InspectionFixture) -> Void {
        { image in
            let old = image.text("/config.txt", onBoot: true)
            image.onBoot("/config.txt", old + lines + "\n")
        }
    }

    static let bootCases = [
        EffectCase("root= missing", .rootMissing, saying: "does not say where the root file system is") { _ in
        } defeat: {
            $0.onBoot("/cmdline.txt", "console=tty1 init=/usr/sbin/reconfig-clusterctrl p3\n")
        },
        EffectCase("root= of a file system", .rootElsewhere, saying: "LABEL=rootfs") { _ in
        } defeat: {
            $0.onBoot(
                "/cmdline.txt",
                $0.text("/cmdline.txt", onBoot: true).replacing("PARTUUID=5d1f0a2c-02", with: "LABEL=old"))
        },
        EffectCase(
            "root= without an initramfs", .rootNeedsInitramfs, saying: "only an initramfs finds root=LABEL=rootfs"
        ) {
            _ in
        } defeat: {
            $0.onBoot(
                "/cmdline.txt",
                $0.text("/cmdline.txt", onBoot: true).replacing("PARTUUID=5d1f0a2c-02", with: "LABEL=rootfs"))
        },
        EffectCase("a prefix without a kernel", .kernelLineFile, saying: "os_prefix=old/ is dropped") {
            $0.cgroups = true
        } defeat: {
            config("os_prefix=old/")(&$0)
        },
        EffectCase("autoboot.txt", .otherBootPartition, saying: "boot:/autoboot.txt:2") {
            $0.cgroups = true
        } defeat: {
            $0.onBoot("/autoboot.txt", "[all]\nboot_partition=3\n[tryboot]\nboot_partition=1\n")
        },
        EffectCase(
            "a later argument of the profile", .kernelArgumentLost, saying: "cgroup_disable=memory stands behind"
        ) {
            $0.kernelArguments.set = ["cgroup_enable=memory"]
        } change: {
            $0.kernelArguments.set = ["cgroup_enable=memory", "cgroup_disable=memory"]
        },
        EffectCase("a board's own key", .configOverridden, saying: "gpu_mem_512=64 counts (boot:/extra.txt:1)") {
            $0.gpuMemory = 16
        } defeat: {
            $0.onBoot("/extra.txt", "gpu_mem_512=64\n")
            config("include extra.txt")(&$0)
        },
        EffectCase("an include of the base", .configOverridden, saying: "arm_freq=700 counts (boot:/extra.txt:1)") {
            $0.config = [.init(name: "pi0", entries: [.init(key: "arm_freq", value: "900")])]
        } defeat: {
            $0.onBoot("/extra.txt", "arm_freq=700\n")
            config("[pi0]\narm_freq=800\n[all]\ninclude extra.txt")(&$0)
        },
        EffectCase("a removal", .configStays, saying: "arm_freq=700 is in effect (boot:/extra.txt:1)") {
            $0.config = [.init(name: "all", entries: [.init(key: "arm_freq", value: nil)])]
        } defeat: {
            $0.onBoot("/extra.txt", "arm_freq=700\n")
            config("include extra.txt")(&$0)
        },
        EffectCase("firmware by an include", .gpuMemFirmware, saying: "start_x=1 (boot:/extra.txt:1)") {
            $0.gpuMemory = 16
        } defeat: {
            $0.onBoot("/extra.txt", "start_x=1\n")
            config("include extra.txt")(&$0)
        },
        EffectCase("firmware of another name", .gpuMemFirmware, saying: "start_file=mine.elf (boot:/config.txt:") {
            $0.gpuMemory = 16
        } defeat: {
            $0.onBoot("/mine.elf", "")
            config("start_file=mine.elf")(&$0)
        },
    ]
}
