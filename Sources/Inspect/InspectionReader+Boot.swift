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
        guard let bytes = try source.bytes(.boot, "/cmdline.txt") else {
            report(
                .error, "the boot partition has no cmdline.txt: the kernel gets the firmware's own line",
                hint: "take cmdline.txt from the image as downloaded")
            return
        }
        let filled = ImageFiles.lines(of: bytes).filter { !$0.trimmedBlanks.isEmpty }
        if filled.isEmpty { report(.error, "cmdline.txt is empty: the kernel does not learn where its root is") }
        if filled.count > 1 {
            report(
                .error, "cmdline.txt has \(filled.count) lines; the firmware reads the first one only",
                hint: "put all arguments on one line")
        } else if ImageFiles.lines(of: bytes).first?.trimmedBlanks.isEmpty == true {
            report(.error, "cmdline.txt begins with a blank line: the firmware sees nothing else")
        }
        if bytes.contains(0x0D) { report(.warning, "cmdline.txt has carriage returns, as Windows editors write them") }
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
            report(.error, "cmdline.txt begins with a byte order mark, which becomes part of its first argument")
        }
        let count = line.text.utf8.count
        if count > KernelCommandLine.byteLimit {
            report(.error, "cmdline.txt has \(count) bytes, of which the kernel may lose the end")
        } else if count > KernelCommandLine.advisedBytes {
            report(.warning, "cmdline.txt has \(count) bytes; the firmware adds some 300 and 1024 is the limit")
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
            report(.warning, "cmdline.txt has \(key) \(count) times; the last one counts")
        }
    }

    private mutating func checkInit() throws(VolumeError) {
        guard let program = line.values(of: "init").last else { return }
        if case .pending(let word) = facts.state, Slot(word) == nil {
            let named = word.isEmpty ? "no type" : "the type \(word)"
            report(
                .error, "\(program) gets \(named): it changes nothing and restarts for ever",
                hint: "write cbridge, cnat or p1 to p252 behind it in cmdline.txt")
        }
        guard hasRoot else { return }
        guard let path = VolumePath(program) else {
            report(.error, "init=\(program) in cmdline.txt is no absolute path")
            return
        }
        switch try source.status(.root, path) {
        case nil:
            report(
                .error, "init=\(program) in cmdline.txt names a program that the image does not have",
                hint: "remove that argument from cmdline.txt")
        case let status? where status.kind != .file || status.metadata.mode & 0o111 == 0:
            report(.error, "init=\(program) in cmdline.txt names something that cannot be run")
        default: break
        }
    }

    private mutating func checkRoot() {
        guard let value = line.values(of: "root").last else {
            if !line.arguments.isEmpty { report(.error, "cmdline.txt does not say where the root file system is") }
            return
        }
        guard value.lowercased().hasPrefix("partuuid="), let partition = rootPartition else { return }
        let id = value.dropFirst("partuuid=".utf8.count).lowercased()
        if id != partition.identifier {
            report(
                .error, "cmdline.txt has root=\(value), but the root partition is PARTUUID=\(partition.identifier)",
                hint: "the kernel will wait for its root for ever; use root=PARTUUID=\(partition.identifier)")
        }
    }

    /// /etc/fstab names the partitions that are there (fstab(5)).
    private mutating func checkMounts() throws(VolumeError) {
        guard let lines = try source.settings(.root, "/etc/fstab") else {
            report(.warning, "the image has no /etc/fstab")
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
                    "/etc/fstab mounts \(words[0]) at \(words[1]), but that partition is "
                        + "PARTUUID=\(wanted.identifier)",
                    hint: "the boot will stop and ask for help on the console; correct /etc/fstab")
            }
        }
        if !isMounted.contains(mount) {
            report(.warning, "/etc/fstab does not mount the boot partition: files on it do nothing after the start")
        }
        if !isMounted.contains("/") { report(.note, "/etc/fstab does not name the root file system") }
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
                    "/boot/\(name) was edited, but nobody reads it: the file that counts is "
                        + "\(facts.bootMount)/\(name)",
                    hint: "make the change in the boot partition's \(name)")
            }
        }
    }
}
