import CLinux
import Dispatch
import Glibc
import Images
package import Reports
import Synchronization

/// One slot's tree as a folder that appears whole under its name, or not at all.
///
/// It grows as `NAME.partial`, which nobody but root may enter, and is written on a thread of its own. A folder that is
/// replaced changes places with it in one step and is removed afterwards. What cannot be removed is reported and stays;
/// the next tree grows as `NAME.partial-2` then.
package final class FolderOutput: TreeOutput {
    private let path: String
    private let replacing: Bool
    private let observe: Progress.Observer
    private let writer: Writer
    /// The digest of the tar that this tree would be.
    private let tar = TarOutput(TarWriter(hashing: ChunkCompressor(nil)), chunking: .raw)

    package init(path: String, replacing: Bool, observe: @escaping Progress.Observer) throws(ForgeError) {
        try Self.checkReplaceable(path, replacing: replacing)
        self.path = path
        self.replacing = replacing
        self.observe = observe
        try Self.removeLeftovers(of: path, observe: observe)
        writer = try Writer(path: path)
    }

    deinit {
        // Half a tree, or the one that was replaced.
        writer.discard(observe: observe)
    }

    /// Owners, devices and capabilities need root.
    package static func checkPrivilege() throws(ForgeError) {
        guard geteuid() == 0 else {
            throw ForgeError(
                .permission, "could not make folders of nodes' trees: only root may give files their owners",
                hint: "use --format tar, which needs no root, and unpack it as root")
        }
    }

    /// Throws when something lies at `path` that must not be replaced.
    package static func checkReplaceable(_ path: String, replacing: Bool) throws(ForgeError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw ForgeError(.cannotCreate, "could not create \(path): something that is no folder lies there")
        }
        guard replacing else {
            throw ForgeError(
                .cannotCreate, "could not create \(path): it exists",
                hint: "use --force to replace it, or choose another --output")
        }
        try SourceFiles.check(output: path)
        try FolderRemoval.checkMounts(in: path)
    }

    /// Removes what runs that came to no end have left of trees at `path`. What cannot be removed is reported, and in
    /// nobody's way; throws when a living run writes there.
    package static func removeLeftovers(
        of path: String, observe: Progress.Observer
    ) throws(ForgeError) {
        for number in 1...leftoverLimit {
            let leftover = partialPath(of: path, number)
            var status = stat()
            guard lstat(leftover, &status) == 0 else { continue }
            guard !FolderRemoval.isInUse(leftover) else { throw FolderRemoval.inUse(path) }
            remove(leftover, observe: observe)
        }
    }

    private static let leftoverLimit = 100

    private static func partialPath(of path: String, _ number: Int) -> String {
        path + ".partial" + (number == 1 ? "" : "-\(number)")
    }

    /// Removes a folder, or reports why not.
    @discardableResult
    static func remove(_ path: String, isOwn: Bool = false, observe: Progress.Observer) -> Bool {
        do throws(ForgeError) {
            try FolderRemoval.remove(path, isOwn: isOwn)
            return true
        } catch {
            observe(Progress(stage: .leave, subject: error.message, done: 0, total: 0))
            return false
        }
    }

    package var hasFailed: Bool { writer.hasFailed }

    package func begin(_ item: OutputEntry) {
        tar.begin(item)
        writer.enqueue { (tree) throws(FolderTree.Failure) in try tree.add(item) }
    }

    package func write(_ bytes: [UInt8], at offset: Int64) {
        tar.write(bytes, at: offset)
        writer.enqueue { (tree) throws(FolderTree.Failure) in try tree.write(bytes, at: offset) }
    }

    package func finish() throws(ForgeError) -> WrittenTree {
        let found = try tar.finish()
        writer.enqueue { (tree) throws(FolderTree.Failure) in try tree.finish() }
        try writer.end()
        try Interruption.check()
        try FolderRemoval.checkMounts(in: path)
        try writer.rename(replacing: replacing)
        return found
    }
}

extension FolderOutput {
    /// Does what is asked in order, on a thread of its own; the first failure stops it.
    private final class Writer: Sendable {
        typealias Step = @Sendable (inout FolderTree) throws(FolderTree.Failure) -> Void

        private let path: String
        private let queue = DispatchQueue(label: "folder")
        /// Steps on their way: each holds at most 1 MiB.
        private let places = DispatchSemaphore(value: 32)
        private let state: Mutex<State>
        private let failed = Atomic<Bool>(false)

        private struct State: ~Copyable {
            var tree: FolderTree?
            var failure: ForgeError?
        }

        private let partialPath: String

        init(path: String) throws(ForgeError) {
            self.path = path
            let root: Int32
            (partialPath, root) = try Self.makeFolder(for: path)
            // Held as long as the tree grows, so that no other run takes it for a dead one's.
            guard flock(root, LOCK_EX | LOCK_NB) == 0 else {
                close(root)
                throw FolderRemoval.inUse(path)
            }
            UnfinishedOutputs.begin(partialPath)
            state = Mutex(State(tree: FolderTree(root: root)))
        }

        /// Makes the first partial folder whose name is free, and opens it.
        private static func makeFolder(for path: String) throws(ForgeError) -> (String, Int32) {
            guard DescriptorReserve.fill() else { throw ForgeError.writing(path, errno: errno) }
            for number in 1...FolderOutput.leftoverLimit {
                let partial = FolderOutput.partialPath(of: path, number)
                guard mkdir(partial, 0o700) == 0 else {
                    if errno == EEXIST { continue }
                    throw ForgeError.writing(path, errno: errno)
                }
                let root = open(partial, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                guard root >= 0 else {
                    let error = ForgeError.writing(path, errno: errno)
                    rmdir(partial)
                    throw error
                }
                return (partial, root)
            }
            throw ForgeError(
                .cannotCreate, "could not create \(path): there are \(FolderOutput.leftoverLimit) unfinished ones",
                hint: "remove what begins with \(path).partial")
        }

        /// Ends the work and removes what lies under the partial name.
        func discard(observe: Progress.Observer) {
            failed.store(true, ordering: .relaxed)
            queue.sync {}
            // Its folders are open, and removing takes descriptors.
            state.withLock { $0.tree = nil }
            DescriptorReserve.release()
            if FolderOutput.remove(partialPath, isOwn: true, observe: observe) { UnfinishedOutputs.end(partialPath) }
        }

        var hasFailed: Bool { failed.load(ordering: .relaxed) }

        func enqueue(_ step: @escaping Step) {
            guard !hasFailed else { return }
            places.wait()
            queue.async { [self] in
                defer { places.signal() }
                guard !hasFailed else { return }
                state.withLock { state in
                    do throws(FolderTree.Failure) {
                        try Self.take(step, on: &state)
                    } catch {
                        state.failure = ForgeError.writing("\(path)\(error.path)", errno: error.errno)
                        failed.store(true, ordering: .relaxed)
                    }
                }
            }
        }

        private static func take(_ step: Step, on state: inout State) throws(FolderTree.Failure) {
            guard var tree = state.tree.take() else { return }
            do throws(FolderTree.Failure) {
                try step(&tree)
            } catch {
                state.tree = consume tree
                throw error
            }
            state.tree = consume tree
        }

        /// Waits for all steps; throws what went wrong.
        func end() throws(ForgeError) {
            queue.sync {}
            if let failure = state.withLock({ $0.failure }) { throw failure }
        }

        func rename(replacing: Bool) throws(ForgeError) {
            var status = stat()
            if replacing, lstat(path, &status) == 0 {
                guard clinux_exchange(partialPath, path) == 0 else { throw ForgeError.writing(path, errno: errno) }
            } else {
                guard Glibc.rename(partialPath, path) == 0 else { throw ForgeError.writing(path, errno: errno) }
            }
        }
    }
}
