package import Blocks
import Glibc
import Images
package import Inspect
package import Plans
package import Reports

/// What the person asked for on the command line, resolved against the profile: slots with their settings.
package struct Request: Sendable {
    /// Nil when no profile was named and there is no ./piforge.yaml.
    package var profile: Profile?
    package var flags: SettingsLayer
    package var jobs: [BuildSpec.Job]
    /// What `--allow` names.
    package var allowed: Set<FindingID> = []
    /// Whether warnings fail.
    package var isStrict = false

    /// `profilePath` nil: ./piforge.yaml when there is one. `slots` nil: all of the profile that are of `kind`.
    /// `environment` gives HOME for paths that begin with `~/`. Unless `needsSecret`, an `identity` whose file is missing
    /// is no error.
    package init(
        profilePath: String?, slots: String?, allMeans kind: SlotSelection.Kind = .any, flags: [SettingsLayer.Flag],
        environment: [String: String], needsSecret: Bool = true
    ) throws(ForgeError) {
        try self.init(profilePath: profilePath, flags: flags, environment: environment)
        try wrapping { () throws(ProfileErrors) in
            let chosen = try Self.select(slots, of: kind, profile: profile)
            let profile = profile ?? .none
            for (slot, settings) in try profile.settings(for: chosen, flags: self.flags, needsSecret: needsSecret) {
                jobs.append(
                    .init(slot: slot, settings: settings, settingsDigest: digest(of: settings, for: slot)))
            }
        }
    }

    /// The same without slots (`-` is a profile from stdin), for what is about the cluster as a whole.
    package init(
        profilePath: String?, flags: [SettingsLayer.Flag], environment: [String: String]
    ) throws(ForgeError) {
        let path = Self.profilePath(profilePath)
        let home = environment["HOME"]
        if let path {
            let files = LocalProfileFiles(besideProfile: path, home: home)
            profile = try ProfileErrors.wrapping(Profile.load(Self.read(path), name: path, files: files))
        }
        self.flags = try ProfileErrors.wrapping(
            SettingsLayer(flags: flags, files: LocalProfileFiles(folder: ".", home: home)))
        jobs = []
    }

    /// The profile that counts: the one that was named, or ./piforge.yaml when there is one.
    package static func profilePath(_ named: String?) -> String? {
        if named == "-" { return "/dev/stdin" }
        return named ?? (access(Profile.defaultPath, F_OK) == 0 ? Profile.defaultPath : nil)
    }

    /// The spec for these jobs, which must start from the same image. `basePath` goes before what the profile says,
    /// whose sha256 then counts only for that file.
    package func spec(basePath: String?, epoch: Int64?, fetch: BaseFetch? = nil) throws(ForgeError) -> BuildSpec {
        let all = try specs(basePath: basePath, epoch: epoch, fetch: fetch)
        guard let first = all.first, all.count == 1 else {
            let slots = all.compactMap { $0.jobs.first?.slot.name }.joined(separator: " and ")
            throw ForgeError(
                .usage, "could not use several base images at once: \(slots) start from others",
                hint: "name the slots of one image with --slot, or give --base")
        }
        return first
    }

    /// One for each image that the jobs start from, in the order of the jobs. `isPlanning`: nothing will be made, so that
    /// packages that nobody knows yet may stay unknown.
    package func specs(
        basePath: String?, epoch: Int64?, fetch: BaseFetch? = nil, isPlanning: Bool = false
    ) throws(ForgeError) -> [BuildSpec] {
        let packages = fetch?.packages(isPlanning: isPlanning)
        var specs: [BuildSpec] = []
        try StackCheck.run(jobs, path: getenv("PATH").map { String(cString: $0) } ?? "")
        for job in jobs {
            var job = job
            job.packages = packages
            let base = try source(of: base(of: job, basePath: basePath), fetch: fetch)
            if let index = specs.firstIndex(where: { $0.base.path == base.path }) {
                specs[index].jobs.append(job)
            } else {
                var spec = BuildSpec(base: base, cluster: profile?.cluster, jobs: [job], epoch: epoch)
                spec.allowed = allowed
                spec.isStrict = isStrict
                specs.append(spec)
            }
        }
        return specs
    }

    private func source(of base: Profile.Base, fetch: BaseFetch?) throws(ForgeError) -> ImageSource {
        if let fetch { return fetch.source(of: base) }
        guard !base.isElsewhere else { throw ForgeError(.bug, "could not use \(base.summary): nobody fetches it") }
        return ImageSource(path: base.summary, sha256: base.sha256.flatMap { SHA256Digest(hex: $0) })
    }

    /// The image that a job starts from.
    package func base(of job: BuildSpec.Job, basePath: String?) throws(ForgeError) -> Profile.Base {
        let known = [job.settings.base, profile?.base].compactMap { $0 }
        if let basePath {
            if let base = known.first(where: { $0.isNamed(basePath) }) { return base }
            return try BaseFetch.base(named: basePath)
        }
        guard let base = known.first else {
            throw ForgeError(
                .usage, "no base image: neither --base nor the profile's base.image names one",
                hint: "add --base FILE: one of 8086's images, or Raspberry Pi OS as it is published")
        }
        return base
    }

    /// SHA-256 over a slot's effective settings, by which a card tells later whether they are still the same.
    ///
    /// Of secrets and of commands, which may hold some, only the fact goes in: a digest that is published must not let
    /// a password be guessed. Where a value comes from, and other slots, do not count.
    /// Neither does where the cluster's secret lies; its keys are judged by themselves.
    package func digest(of settings: Settings, for slot: Slot) -> SHA256Digest {
        var text = "piforge settings 1\n"
        for row in origins(for: slot) where row.key != "identity" {
            text += row.key == "run" ? "run\n" : "\(row.key)=\(row.value)\n"
        }
        for file in settings.files where !file.isSecret {
            text += file.content.sha256.map { "\(file.target) \($0)\n" } ?? ""
        }
        for file in settings.debs { text += "\(file.facts.fileName) \(file.content.sha256 ?? "")\n" }
        return SHA256.digest(of: Array(text.utf8).span.bytes)
    }

    /// Reads what `--set` was given.
    package static func assignments(_ texts: [String]) throws(ForgeError) -> [SettingsLayer.Flag] {
        try wrapping { () throws(ProfileErrors) in
            var flags: [SettingsLayer.Flag] = []
            for text in texts { flags.append(try SettingsLayer.Flag(assignment: text)) }
            return flags
        }
    }

    /// Chosen slots that the profile has no entry for.
    package var unlistedSlots: [Slot] {
        guard let profile else { return [] }
        return jobs.map(\.slot).filter { profile.slotLayers[$0] == nil }
    }

    /// Every effective setting of a slot with where it comes from; secrets are not shown.
    package func origins(for slot: Slot) -> [Profile.Origin] {
        (profile ?? .none).origins(for: slot, flags: flags)
    }

    private static func read(_ path: String) throws(ProfileErrors) -> [UInt8] {
        do throws(ProfileFileError) {
            return try LocalProfileFiles(folder: ".", home: nil).read(path, limit: 1 << 20)
        } catch {
            let hint = error == .notFound ? "piforge init writes one to start from" : nil
            throw ProfileErrors([ProfileProblem(ProfilePosition(file: path), error.reason, hint: hint)])
        }
    }

    private static func select(
        _ text: String?, of kind: SlotSelection.Kind, profile: Profile?
    ) throws(ProfileErrors) -> [Slot] {
        try wrapping(as: { (error: Refusal) in
            ProfileErrors([ProfileProblem(ProfilePosition(file: "--slot"), error)])
        }) { () throws(Refusal) in
            guard text != nil || profile != nil else {
                throw Refusal(
                    "no slot was named, and there is no profile",
                    hint: "add --slot p3, p1-p4 or cnat, or --profile FILE")
            }
            return try SlotSelection(
                text ?? "all", available: profile?.slots, hostNames: profile?.hostNames ?? [:], allMeans: kind
            ).slots
        }
    }
}

extension Settings.FileCopy.Content {
    /// Of the bytes of a file; nil for anything else.
    var sha256: String? {
        switch self {
        case .file(let bytes): SHA256.digest(of: bytes.span.bytes).description
        case .stored(let stored): stored.sha256
        case .directory, .symlink: nil
        }
    }
}

extension ForgeError {
    /// All problems, one a line with its hint; usage when they are of the command line, else bad input.
    init(_ errors: ProfileErrors) {
        let isUsage = errors.problems.allSatisfy { $0.file.hasPrefix("--") }
        guard let first = errors.problems.first, errors.problems.count > 1 else {
            let problem = errors.problems.first
            self.init(
                isUsage ? .usage : .badInput,
                problem.map { "\($0.position): \($0.message)" } ?? "could not use the profile",
                hint: problem?.typedHint)
            cause = errors
            return
        }
        let lines = errors.problems.map { problem in
            "  \(problem.position): \(problem.message)" + (problem.typedHint.map { " (hint: \($0))" } ?? "")
        }
        self.init(
            isUsage ? .usage : .badInput,
            "could not use \(isUsage ? "the options" : first.file): \(errors.problems.count) problems\n"
                + lines.joined(separator: "\n"))
        cause = errors
    }
}

extension ProfileErrors: ReportedError {
    package var report: ForgeError { ForgeError(self) }
}
