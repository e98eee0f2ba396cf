import Readers
import Plans
import Trees

extension InspectionReader {
    /// The kernel line, and whether it, the partition table and /etc/fstab agree.
    mutating func kernel() throws(VolumeError) -> Inspection.Kernel {
        try checkLineForm()
        checkDuplicates()
        try checkInit()
        checkRoot()
        if hasRoot { try checkMounts() }
        if hasRoot { try checkStubs() }
        return Inspection.Kernel(arguments: line.arguments.map(\.text))
    }

    private mutating func checkLineForm() throws(VolumeError) {
        let path = facts.kernelLinePath
        let name = String(path.description.dropFirst())
        if path != "/cmdline.txt" {
            report(
                .note, .kernelLineFile, "config.txt names another file than cmdline.txt: the firmware reads \(name)")
        }
        if try source.bytes(.boot, "/cmdline.old")?.contains(0) == true {
            report(
                .note, .bootDamaged,
                "cmdline.old, the line before the conversion, has a NUL, as after a power cut: "
                    + "other files of the boot partition may be damaged too")
        }
        guard let bytes = try source.bytes(.boot, path) else {
            report(
                .error, .kernelLineMissing,
                "the boot partition has no \(name): the kernel gets the firmware's own line",
                hint: "take cmdline.txt from the image as downloaded")
            return
        }
        let file = CommandLineFile(bytes)
        let filled = ImageFiles.lines(of: file.bytes).filter { !$0.trimmedBlanks.isEmpty }
        if filled.isEmpty {
            report(.error, .kernelLineForm, "\(name) is empty: the kernel does not learn where its root is")
        }
        for oddity in file.oddities { report(oddity, of: name) }
        let count = line.text.utf8.count
        if count > KernelCommandLine.byteLimit {
            report(.error, .kernelLineLength, "cmdline.txt has \(count) bytes, of which the kernel may lose the end")
        } else if count > KernelCommandLine.advisedBytes {
            report(
                .warning, .kernelLineLength,
                "cmdline.txt has \(count) bytes; the firmware adds some 300 and 1024 is the limit")
        }
    }

    private mutating func report(_ oddity: CommandLineFile.Oddity, of name: String) {
        switch oddity {
        case .utf16:
            report(.error, .kernelLineForm, "\(name) is UTF-16 text, of which the kernel gets two letters")
        case .byteOrderMark:
            report(
                .error, .kernelLineForm,
                "\(name) begins with a byte order mark, which becomes part of its first argument")
        case .nul(let place):
            report(
                .error, .kernelLineForm, "\(name) has a NUL at byte \(place): firmware and kernel stop reading there",
                hint: "remove it")
        case .lines(let count):
            report(
                .error, .kernelLineForm, "\(name) has \(count) lines; the firmware reads the first one only",
                hint: "put all arguments on one line")
        case .blankFirstLine:
            report(.error, .kernelLineForm, "\(name) begins with a blank line: the firmware sees nothing else")
        case .carriageReturns:
            report(.warning, .kernelLineForm, "\(name) has carriage returns, as Windows editors write them")
        }
    }

    private mutating func checkDuplicates() {
        var counts: [String: Int] = [:]
        // What follows init= are words for that program.
        let end = line.arguments.firstIndex { $0.key == "init" }.map { $0 + 1 } ?? line.arguments.count
        var keys: [String] = []
        for argument in line.arguments[..<end] + line.arguments[end...].filter({ $0.value != nil }) {
            if KernelCommandLine.accumulates(argument.key) { continue }
            if counts[argument.key] == nil { keys.append(argument.key) }
            counts[argument.key, default: 0] += 1
        }
        for key in keys {
            guard let count = counts[key], count > 1 else { continue }
            report(.warning, .kernelArgumentTwice, "cmdline.txt has \(key) \(count) times; the last one counts")
        }
    }

    private mutating func checkInit() throws(VolumeError) {
        guard let program = line.values(of: "init").last else { return }
        if case .pending(let word) = facts.state, Slot(word) == nil {
            let named = word.isEmpty ? "no type" : "the type \(word)"
            report(
                .error, .conversionType, "\(program) gets \(named): it changes nothing and restarts for ever",
                hint: "write cbridge, cnat or p1 to p252 behind it in cmdline.txt")
        }
        guard hasRoot else { return }
        guard let path = VolumePath(program) else {
            report(.error, .initProgram, "init=\(program) in cmdline.txt is no absolute path")
            return
        }
        switch try source.status(.root, path) {
        case nil:
            report(
                .error, .initProgram, "init=\(program) in cmdline.txt names a program that the image does not have",
                hint: "remove that argument from cmdline.txt")
        case let status? where status.kind != .file || status.metadata.mode & 0o111 == 0:
            report(.error, .initProgram, "init=\(program) in cmdline.txt names something that cannot be run")
        default: break
        }
    }

    private mutating func checkRoot() {
        guard let value = line.values(of: "root").last else {
            if !line.arguments.isEmpty {
                report(.error, .rootMissing, "cmdline.txt does not say where the root file system is")
            }
            return
        }
        guard let partition = rootPartition else { return }
        let id = partition.identifier
        let isOther: Bool
        if value.lowercased().hasPrefix("partuuid=") {
            isOther = value.dropFirst("partuuid=".utf8.count).lowercased() != id.lowercased()
        } else if ["/dev/mmcblk", "/dev/sd", "/dev/nvme"].contains(where: value.hasPrefix) {
            let digits = String(value.reversed().prefix(while: \.isNumber).reversed())
            isOther = Int(digits).map { $0 != partition.number } ?? false
        } else {
            isOther = false
        }
        if isOther {
            report(
                .error, .rootElsewhere, "cmdline.txt has root=\(value), but the root partition is PARTUUID=\(id)",
                hint: "the kernel will wait for its root for ever; use root=PARTUUID=\(id)")
        }
    }

    /// /etc/fstab names the partitions that are there (fstab(5)).
    private mutating func checkMounts() throws(VolumeError) {
        guard let lines = try source.settings(.root, "/etc/fstab") else {
            report(.warning, .noFstab, "the image has no /etc/fstab")
            return
        }
        if facts.isNetbootTree { return }
        let mount = facts.bootMount.description
        var isMounted: Set<String> = []
        for words in lines.map(\.blankSeparated) where words.count >= 2 {
            let wanted = words[1] == "/" ? rootPartition : words[1] == mount ? bootPartition : nil
            isMounted.insert(words[1])
            guard let wanted, words[0].lowercased().hasPrefix("partuuid=") else { continue }
            let id = words[0].dropFirst("partuuid=".utf8.count).lowercased()
            if id != wanted.identifier {
                report(
                    .error,
                    .mountMismatch,
                    "/etc/fstab mounts \(words[0]) at \(words[1]), but that partition is "
                        + "PARTUUID=\(wanted.identifier)",
                    hint: "the boot will stop and ask for help on the console; correct /etc/fstab")
            }
        }
        if !isMounted.contains(mount) {
            report(
                .warning, .bootNotMounted,
                "/etc/fstab does not mount the boot partition: files on it do nothing after the start")
        }
        if !isMounted.contains("/") { report(.note, .rootNotInFstab, "/etc/fstab does not name the root file system") }
    }

    /// From bookworm on /boot/cmdline.txt and /boot/config.txt on the root partition are notes that point elsewhere.
    private mutating func checkStubs() throws(VolumeError) {
        guard facts.bootMount == "/boot/firmware" else { return }
        for name in ["cmdline.txt", "config.txt"] {
            guard let path = VolumePath("/boot/" + name), try source.linkText(path) == nil,
                let lines = try source.settings(.root, path)
            else { continue }
            let edited = lines.contains { line in
                line.blankSeparated.contains { $0.contains("=") || $0.hasPrefix("[") }
            }
            if edited {
                report(
                    .warning,
                    .bootStubEdited,
                    "/boot/\(name) was edited, but nobody reads it: the file that counts is "
                        + "\(facts.bootMount)/\(name)",
                    hint: "make the change in the boot partition's \(name)")
            }
        }
    }
}
