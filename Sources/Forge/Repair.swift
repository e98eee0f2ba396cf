package import Bases
import Blocks
import Cards
import Glibc
import Images
package import Reports
import Synchronization
import Tables

/// Makes an image clean that was copied while its card was in use: journals are replayed, marks of use removed.
package struct Repair: Sendable {
    /// One file system that was not clean.
    package struct Finding: Encodable, Equatable, Sendable {
        package var partition: Int
        /// What was the matter.
        package var complaint: String
        /// Bytes that were changed, in whole blocks of 4 KiB.
        package var changedByteCount: Int64
    }

    package struct Outcome: Encodable, Equatable, Sendable {
        package var findings: [Finding]
        /// The repaired image; nil when there was nothing to repair.
        package var image: String?
        /// Its SHA-256; nil for an image that was repaired in place.
        package var sha256: String?
    }

    package var path: String
    package var cache: Cache
    package var observe: Progress.Observer

    package init(_ path: String, cache: Cache, observe: @escaping Progress.Observer) {
        self.path = path
        self.cache = cache
        self.observe = observe
    }

    /// Writes a repaired copy of an image, packed or not, to `output`; nothing when the image is clean.
    package func run(into output: String, replacing: Bool) throws(ForgeError) -> Outcome {
        try BackingStore.check(output: output, isNoneOf: [path])
        let base = try BaseImage.open(
            ImageSource(path: path, sha256: nil), cache: cache, observe: observe)
        let repairs = try Self.repairs(of: base.reader)
        guard !repairs.isEmpty else { return Outcome(findings: [], image: nil, sha256: nil) }
        // What a card that was in use holds is nobody else's to read.
        let order = ImageRequest(
            name: output, path: output, mode: 0o600, isReplacing: replacing, patch: Patch(byteCount: base.byteCount))
        let made = Mutex<Result<WorkingCopy, ForgeError>?>(nil)
        WorkingCopy.make([order], from: base, observe: observe) { _, copy in made.withLock { $0 = copy } }
        guard let copy = try made.withLock({ $0 })?.get() else {
            throw ForgeError(.bug, "could not copy \(path): nobody knows why")
        }
        defer { copy.discard() }
        let findings = try perform(repairs, on: copy.device())
        let written = try copy.commit(observe: observe)
        return Outcome(findings: findings, image: output, sha256: written.digest.description)
    }

    /// Repairs a raw image or a card that nothing uses where it lies.
    package func runInPlace() throws(ForgeError) -> Outcome {
        let (device, reader) = try openInPlace()
        let repairs = try Self.repairs(of: reader)
        let findings = try perform(repairs, on: device)
        try BlockError.wrapping(device.synchronize())
        return Outcome(findings: findings, image: repairs.isEmpty ? nil : path, sha256: nil)
    }

    private func openInPlace() throws(ForgeError) -> (device: FileDevice, reader: FileReader) {
        var found = stat()
        let isDisk = stat(path, &found) == 0 && found.st_mode & S_IFMT == S_IFBLK
        let head: [UInt8]
        let opened: (FileDevice, FileReader)
        do throws(BlockError) {
            let file = try OpenFile(path: path, flags: O_RDWR | O_NONBLOCK | (isDisk ? O_EXCL : 0))
            head = try file.prefix(BaseFormat.headByteCount)
            opened = (try FileDevice(file), try FileReader(file))
        } catch {
            guard case .system(let code, "open", _) = error else { throw ForgeError(error) }
            throw isDisk && code == EBUSY
                ? ForgeError(BaseImageError.inUse(path: path), opening: path) : .reading(path, errno: code)
        }
        try checkUnused(isDisk: isDisk)
        guard BaseFormat.recognize(head.span.bytes) == .format(.raw) else {
            throw ForgeError(
                .usage, "could not repair \(path) in place: it is no raw image",
                hint: "leave out --in-place: a repaired copy is written, unpacked")
        }
        return opened
    }

    /// Refuses a card that another program has open, and an image that a loop device makes a disk in use.
    private func checkUnused(isDisk: Bool) throws(ForgeError) {
        let store = BackingStore(writing: path)
        for disk in DiskInventory.read().disks where BackingStore(writing: disk.path).overlaps(store) {
            if let use = disk.uses.first {
                throw ForgeError(
                    .cannotCreate, "could not repair \(path) in place: it is in use: \(use)",
                    hint: "leave out --in-place: a repaired copy is written")
            }
            if isDisk { try DiskHolder.checkNone(of: disk, at: path) }
        }
    }

    private static func repairs(of reader: any BlockReader) throws(ForgeError) -> [FileSystemRepair] {
        try PartitionTableError.wrapping(
            PartitionTable.read(from: reader).findings(in: reader).compactMap {
                FileSystemRepair($0, in: reader)
            })
    }

    private func perform(
        _ repairs: [FileSystemRepair], on device: any BlockDevice
    ) throws(ForgeError) -> [Finding] {
        var findings: [Finding] = []
        for repair in repairs {
            try Interruption.check()
            let total = repair.partition.byteCount
            let name = "partition \(repair.partition.number)"
            let changed = try repair.run(
                on: device, scratch: { () throws(BlockError) in try cache.scratch() },
                observe: { observe(Progress(stage: .check, subject: name, done: $0, total: total)) })
            findings.append(
                Finding(
                    partition: repair.partition.number, complaint: repair.complaint, changedByteCount: changed))
        }
        return findings
    }
}
