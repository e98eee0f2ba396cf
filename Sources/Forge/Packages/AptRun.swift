import Blocks
import Fleet
import Glibc
import Images
import Plans
import Readers
import Reports

/// This machine's apt, run for an image of any architecture in a private root, without root: nothing of this machine is
/// read but apt itself and the proxies in its environment, and nothing of it is changed.
struct AptRun {
    let system: AptSystem
    let environment: [String: String]
    let observe: Progress.Observer
    private let root: String

    /// `root`: an empty folder for it.
    init(
        _ system: AptSystem, in root: String, environment: [String: String], observe: @escaping Progress.Observer
    ) throws(ForgeError) {
        self.system = system
        self.root = root
        self.environment = environment
        self.observe = observe
        for folder in [
            "etc/apt/apt.conf.d", "etc/apt/sources.list.d", "etc/apt/preferences.d", "etc/apt/trusted.gpg.d",
            "var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "var/log/apt",
        ] {
            try OutputFolder.prepare(root + "/" + folder)
        }
        for (path, bytes) in try system.files(below: root) {
            let place = root + "/" + path
            if let end = place.lastIndex(of: "/") { try OutputFolder.prepare(String(place[..<end])) }
            try Self.write(bytes, to: place)
        }
        try Self.write(Array(configuration.utf8), to: root + "/apt.conf")
    }

    private static func write(_ bytes: [UInt8], to path: String) throws(ForgeError) {
        do throws(BlockError) {
            let file = try OpenFile(path: path, flags: O_WRONLY | O_CREAT | O_EXCL)
            try bytes.span.withUnsafeBytes { (bytes) throws(BlockError) in try file.write(bytes, at: 0) }
        } catch {
            throw ForgeError(error, writing: path)
        }
    }

    /// Read before all else (apt.conf(5), APT_CONFIG); everything that is a path lies below `Dir`.
    private var configuration: String {
        let installed = system.installed
        let architectures = ([installed.native] + installed.foreign).map { "APT::Architectures:: \"\($0)\";" }
        return """
            Dir "\(root)/";
            Dir::State::status "\(root)/var/lib/dpkg/status";
            Dir::Log::Terminal "";
            APT::Architecture "\(installed.native)";
            #clear APT::Architectures;
            \(architectures.joined(separator: "\n"))
            APT::Sandbox::User "root";
            APT::Install-Recommends "false";
            APT::Install-Suggests "false";
            APT::Get::AllowUnauthenticated "false";
            APT::Update::Error-Mode "any";
            Acquire::AllowInsecureRepositories "false";
            Acquire::AllowWeakRepositories "false";
            Acquire::AllowDowngradeToInsecureRepositories "false";
            Acquire::Languages "none";
            Acquire::Retries "3";
            Debug::NoLocking "true";

            """
    }

    /// Reads the archives' lists.
    func update() throws(ForgeError) {
        observe(Progress(stage: .download, subject: "lists of packages", done: 0, total: 0))
        try run(["update"], purpose: "read the lists of the image's archives")
    }

    /// Downloads what the system lacks of the packages, each as apt-get takes it; returns the files' paths, sorted.
    func download(_ packages: [String]) throws(ForgeError) -> [String] {
        observe(Progress(stage: .download, subject: packages.joined(separator: ", "), done: 0, total: 0))
        try run(
            ["install", "--yes", "--download-only", "--no-install-recommends", "--no-remove", "--"] + packages,
            purpose: "find \(packages.joined(separator: ", "))")
        let folder = root + "/var/cache/apt/archives"
        return (FolderListing.names(in: folder) ?? []).filter { $0.hasSuffix(".deb") }.sorted().map {
            folder + "/" + $0
        }
    }

    private func run(_ arguments: [String], purpose: String) throws(ForgeError) {
        guard ToolRun.program("apt-get") != nil else {
            throw ForgeError(
                .unavailable, "could not \(purpose): this machine has no apt-get",
                hint: "download the .deb files elsewhere, and name them with `debs`")
        }
        let kept = environment.filter { $0.key.lowercased().hasSuffix("_proxy") || $0.key == "TMPDIR" }
        let tool = try ToolRun(
            "apt-get", ["-q"] + arguments,
            environment: ["APT_CONFIG=\(root)/apt.conf", "HOME=\(root)"] + kept.map { "\($0.key)=\($0.value)" },
            package: "apt")
        guard tool.status == 0 else {
            let why = tool.lastLine.map { ": " + $0 } ?? ""
            throw ForgeError(
                .unavailable, "could not \(purpose): apt-get ended with status \(tool.status)\(why)",
                hint: "is there a network, and do the image's sources name what you want?")
        }
    }
}
