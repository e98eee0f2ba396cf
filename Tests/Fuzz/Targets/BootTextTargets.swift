import Plans
import Readers

/// Input: config.txt, NUL, what it includes.
func fuzzConfig(_ input: [UInt8]) throws(BrokenClaim) {
    let input = repeated(input)
    let texts = input.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
        .map { String(decoding: $0, as: UTF8.self) }
    let config = ConfigText(texts[0])
    for board in [Board.zero, .zero2W, .pi4, .cm5] {
        let all = config.entries(for: board) { _ in texts.count > 1 ? texts[1] : nil }
        let effective = config.effective(for: board) { _ in texts.count > 1 ? texts[1] : nil }
        try claim(effective.count <= all.count, "more is in effect than there is")
    }
    _ = config.includes
    try claimSettled([.setConfigKey(section: "all", key: "gpu_mem", value: "16", overriding: true)], on: input)
    try claimSettled([.setConfigKey(section: "pi4", key: "dtoverlay", value: "dwc2", overriding: false)], on: input)
    try claimSettled([.removeConfigKey(section: nil, key: "gpu_mem"), .setUSBMode(.peripheral)], on: input)
    try claimSettled([.turnFullFirmwareOff([.zero, .zeroW])], on: input)
}

/// Input: cmdline.txt.
func fuzzCommandLine(_ input: [UInt8]) throws(BrokenClaim) {
    let input = repeated(input)
    let line = KernelCommandLine(String(decoding: CommandLineFile(input).bytes, as: UTF8.self))
    _ = (line.pendingReconfigType, line.values(of: "root"), line.contains("rw"))
    try claim(
        KernelCommandLine(line.text) == line || line.text.contains("\""), "the line is another when it is read again")
    try claimSettled([.setKernelArgument("cgroup_enable=memory"), .setKernelArgument("quiet")], on: input)
    try claimSettled([.removeKernelArgument("init"), .removeReconfigInit], on: input)
    try claimSettled([.removeKernelListItem("serial0", key: "console"), .setKernelArgument("init=/x")], on: input)
    try claimSettled([.setNetworkRoot(["root=/dev/nfs", "nfsroot=10.0.0.1:/x,vers=4", "ip=dhcp", "rw"])], on: input)
}
