import Readers
import Plans
import Tables
import Trees

extension InspectionReader {
    /// The kernel line, and whether it, the partition table and /etc/fstab agree.
    mutating func kernel() throws(VolumeError) -> Inspection.Kernel {
        try checkLineForm()
        checkDuplicates()
        try checkInit()
        try checkRoot()
        if hasRoot { try checkMounts() }
        if hasRoot { try checkStubs() }
        return Inspection.Kernel(arguments: line.arguments.map(\.text))
    }

    private mutating func checkLineForm() throws(VolumeError) {
        let path = facts.kernelLinePath
        let name = String(path.description.dropFirst())
        reportLineFiles()
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

    /// Which boards read another file than cmdline.txt.
    private mutating func reportLineFiles() {
        let role = slot?.boards ?? Board.allCases
        var readers: [VolumePath: [Board]] = [:]
        for board in role { readers[facts.kernelLinePath(for: board), default: []].append(board) }
        for (path, boards) in readers.sorted(by: { $0.key < $1.key }) where path != "/cmdline.txt" {
            let who =
                boards.count == role.count ? "" : " of a \(boards.map(\.title).joined(separator: ", "))"
            report(
                .note, .kernelLineFile,
                "config.txt names another file than cmdline.txt: the firmware\(who) reads "
                    + path.description.dropFirst())
        }
        for board in role {
            let entries = facts.config.effective(for: board, including: facts.configFile)
            guard let prefix = entries.last(where: { $0.key == "os_prefix" })?.value, !prefix.isEmpty,
                !facts.effectiveConfig(for: board).contains(where: { $0.key == "os_prefix" })
            else { continue }
            return report(
                .warning, .kernelLineFile,
                "config.txt's os_prefix=\(prefix) is dropped, since there is no kernel under it for a \(board.title): "
                    + "the firmware reads cmdline.txt")
        }
    }

    private mutating func report(_ oddity: CommandLineFile.Oddity, of name: String) {
        switch oddity {
        case .form(let oddity): report(oddity, as: .kernelLineForm, of: name)
        case .lines(let count):
            report(
                .error, .kernelLineForm, "\(name) has \(count) lines; the firmware reads the first one only",
                hint: "put all arguments on one line")
        case .brokenLine(let count):
            report(
                .error, .kernelLineForm,
                "\(name) has \(count) lines, and root= in a later one: the firmware reads the first one only",
                hint: "put all arguments on one line")
        case .blankFirstLine:
            report(.error, .kernelLineForm, "\(name) begins with a blank line: the firmware sees nothing else")
        case .carriageReturns:
            report(.warning, .kernelLineForm, "\(name) has carriage returns, as Windows editors write them")
        }
    }

    mutating func report(_ oddity: FirmwareText.Oddity, as id: FindingID, of name: String) {
        switch oddity {
        case .utf16:
            report(
                .error, id, "\(name) is UTF-16 text, of which the firmware gets two letters", hint: "save it as UTF-8")
        case .byteOrderMark:
            report(
                .error, id, "\(name) begins with a byte order mark, which becomes part of its first word",
                hint: "save it as UTF-8 without one")
        case .nul(let place):
            report(
                .error, id, "\(name) has a NUL at byte \(place): firmware and kernel stop reading there",
                hint: "remove it")
        case .garbage(let count):
            report(
                .error, id, "\(name) ends in \(count) bytes that are no text, as after a power cut", hint: "remove them"
            )
        case .noBreakSpaces(let count):
            report(
                .error, id, "\(name) has \(count) no-break spaces, which separate no words",
                hint: "write plain spaces in their place")
        case .oldLineEnds:
            report(
                .error, id, "\(name) has lines that end in CR alone: the firmware takes them for one",
                hint: "save it with LF at the ends")
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
        case _ where ["sh", "bash", "dash", "busybox", "zsh"].contains(program.fileName):
            report(
                .error, .initProgram, "init=\(program) in cmdline.txt starts a shell instead of the system",
                hint: "add init to kernel_arguments.remove")
        default: break
        }
    }

    private mutating func checkRoot() throws(VolumeError) {
        guard let value = line.values(of: "root").last else {
            if !line.arguments.isEmpty {
                report(.error, .rootMissing, "cmdline.txt does not say where the root file system is")
            }
            return
        }
        guard let partition = rootPartition else { return }
        let argument = RootArgument(value)
        let hint = "use root=PARTUUID=\(partition.identifier)"
        switch argument.names(partition, of: table, fileSystem: rootNames) {
        case true?: break
        case false?:
            report(
                .error, .rootElsewhere,
                "cmdline.txt has root=\(value), but the root partition is \(Self.names(of: partition, rootNames))",
                hint: "the kernel will wait for its root for ever; \(hint)")
        case nil:
            if argument != .network {
                report(
                    .note, .rootUnclear,
                    "whether root=\(value) in cmdline.txt is this image's root partition cannot be "
                        + "told here: only the machine knows that name", hint: hint)
            }
        }
        if argument.needsInitramfs, try !loadsInitramfs() {
            report(
                .warning, .rootNeedsInitramfs,
                "only an initramfs finds root=\(value), and config.txt loads none: the kernel alone waits for ever",
                hint: hint)
        }
    }

    /// All ways to name it on the kernel's line.
    private static func names(of partition: Partition, _ names: FileSystemNames?) -> String {
        var all = ["PARTUUID=\(partition.identifier)"]
        if !partition.name.isEmpty { all.append("PARTLABEL=\(partition.name)") }
        if let names {
            all.append("UUID=\(names.uuid)")
            if !names.label.isEmpty { all.append("LABEL=\(names.label)") }
        }
        return all.joined(separator: ", ")
    }

    /// Whether the firmware of some board loads one: by `initramfs`, or by `auto_initramfs` the file that goes with the
    /// kernel (config_txt/boot.adoc).
    private func loadsInitramfs() throws(VolumeError) -> Bool {
        for board in Board.allCases {
            let settings = facts.config.effective(for: board, including: facts.configFile)
            let files = BoardFiles(board, settings)
            if settings.contains(where: { $0.key == "initramfs" }) { return true }
            guard settings.last(where: { $0.key == "auto_initramfs" })?.value == "1" else { continue }
            for kernel in files.kernels {
                let stem = kernel.hasSuffix(".img") ? kernel.dropLast(4) : kernel[...]
                let name = "initramfs" + (stem.hasPrefix("kernel") ? stem.dropFirst("kernel".utf8.count) : stem)
                if let path = VolumePath("/" + name), try source.exists(.boot, path) { return true }
            }
        }
        return false
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
