import Blocks
package import Plans
import Readers
package import Tables
package import Trees

/// Compares what a finished image does after its first boots with what the settings of its slot ask for.
///
/// Each `SettingEffect+….swift` judges some settings as the program that reads them would; docs/effect.md tells by which
/// rules.
package struct EffectJudge {
    let reader: InspectionReader
    let settings: Settings
    let slot: Slot
    /// Seconds since 1970-01-01 UTC that count as today.
    let now: Int64
    let configuration: ServerConfiguration
    let accounts: Accounts
    /// Bytes that the finished root file system has left; nil when nobody knows.
    let freeByteCount: Int64?
    private(set) var findings: [Inspection.Finding] = []

    /// What there is to judge. A tree has no table and no partitions.
    package struct Subject {
        package var boot: any ReadableVolume
        package var root: any ReadableVolume
        package var table: PartitionTable?
        package var bootPartition: Partition?
        package var rootPartition: Partition?
        package var rootNames: FileSystemNames?
        /// Bytes that the root file system has left; nil when nobody knows.
        package var freeByteCount: Int64?

        package init(
            boot: any ReadableVolume, root: any ReadableVolume, table: PartitionTable? = nil,
            bootPartition: Partition? = nil,
            rootPartition: Partition? = nil, rootNames: FileSystemNames? = nil, freeByteCount: Int64? = nil
        ) {
            self.freeByteCount = freeByteCount
            self.rootNames = rootNames
            self.boot = boot
            self.root = root
            self.table = table
            self.bootPartition = bootPartition
            self.rootPartition = rootPartition
        }
    }

    /// What is to be said of an image that was made for `slot`: errors where a setting has no effect or the image does
    /// not start, warnings where something merely looks wrong; the most severe first. Throws `corrupt` and `device` alone.
    package static func findings(
        in subject: Subject, of slot: Slot, with settings: Settings, at now: Int64
    ) throws(VolumeError) -> [Inspection.Finding] {
        let reader = try InspectionReader(
            boot: subject.boot, root: subject.root, bootPartition: subject.bootPartition,
            rootPartition: subject.rootPartition, rootNames: subject.rootNames, table: subject.table)
        var judge = EffectJudge(
            reader: reader, settings: settings, slot: slot, now: now,
            configuration: try reader.serverConfiguration(), accounts: try reader.accountFiles(),
            freeByteCount: subject.freeByteCount)
        try judge.judge()
        let inspection = try Inspection(
            boot: subject.boot, root: subject.root, table: subject.table, bootPartition: subject.bootPartition,
            rootPartition: subject.rootPartition, rootNames: subject.rootNames)
        let known = Set(judge.findings.map(\.id))
        // What a setting is judged by is said once, with the setting.
        let others = inspection.findings.filter { $0.severity != .note && !known.contains($0.id) }
        return judge.findings
            + others.map { finding in
                var finding = finding
                if !finding.id.refusesBuild { finding.severity = .warning }
                return finding
            }.sorted { $0.severity < $1.severity }
    }

    private init(
        reader: InspectionReader, settings: Settings, slot: Slot, now: Int64, configuration: ServerConfiguration,
        accounts: Accounts, freeByteCount: Int64?
    ) {
        self.freeByteCount = freeByteCount
        self.reader = reader
        self.settings = settings
        self.slot = slot
        self.now = now
        self.configuration = configuration
        self.accounts = accounts
    }

    private mutating func judge() throws(VolumeError) {
        try judgeKernelLine()
        try judgeConfig()
        try judgeServer()
        try judgeUser()
        try judgeKeys()
        try judgePassword()
        try judgePasswordLogin()
        try judgeHostname()
        try judgeWiFi()
        try judgeLocale()
        try judgeUnits()
        try judgeFiles()
        try judgeMachine()
        try judgeFirstBoot()
        try judgeDocker()
        try judgeClusterAccess()
    }

    // MARK: Saying it

    /// A setting that has no effect.
    mutating func refuse(_ setting: String, _ id: FindingID, _ why: String, hint: String? = nil) {
        findings.append(.init(.error, id, "\(setting) has no effect: \(why)", hint: hint))
    }

    mutating func warn(_ id: FindingID, _ what: String, hint: String? = nil) {
        findings.append(.init(.warning, id, what, hint: hint))
    }

    // MARK: What several settings need

    /// The boards that the slot's machine can be.
    var boards: [Board] { slot.boards }

    func lines(_ path: VolumePath) throws(VolumeError) -> [String] { try reader.source.lines(.root, path) ?? [] }

    /// The files of a folder whose names a program takes, with their lines that are neither blank nor comments.
    func settingFiles(
        in folder: VolumePath, where isTaken: (String) -> Bool
    ) throws(VolumeError) -> [(path: VolumePath, lines: [String])] {
        var files: [(path: VolumePath, lines: [String])] = []
        for name in try reader.source.names(.root, folder) where isTaken(name) {
            guard let path = folder.appending(name), let lines = try reader.source.settings(.root, path) else {
                continue
            }
            files.append((path, lines))
        }
        return files
    }

    /// The settings of custom.toml that the first boot applies; nil when there are none or nothing applies them.
    func customSettings() throws(VolumeError) -> InspectionReader.CustomSettings? {
        reader.runsFirstboot ? try reader.customSettings() : nil
    }
}
