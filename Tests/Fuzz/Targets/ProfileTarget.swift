import Plans

/// Input: the bytes of a profile.
func fuzzProfile(_ input: [UInt8]) throws(BrokenClaim) {
    let profile: Profile
    do throws(ProfileErrors) {
        profile = try Profile.load(repeated(input), name: "fuzz.yaml", files: SmallFolder())
    } catch {
        try claim(!error.problems.isEmpty, "a refusal without a problem")
        for problem in error.problems {
            try claim(!problem.message.isEmpty && problem.line >= 0 && problem.column >= 0, "a problem without a place")
        }
        return
    }
    try claim(!profile.slots.isEmpty, "a profile without slots was accepted")
    for slot in profile.slots {
        try claim((try? profile.settings(for: slot)) != nil, "the settings of \(slot) fail, the profile was accepted")
        _ = profile.origins(for: slot)
    }
    try claim((try? profile.settings(for: profile.slots)) != nil, "the slots contradict each other, unnoticed")
}

/// Some files a profile may name, so that what reads them is reached too.
struct SmallFolder: ProfileFiles {
    private static let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA a@b\n"

    func resolve(_ path: String) -> String { path }

    func status(_ path: String, followingLink: Bool) throws(ProfileFileError) -> ProfileFileStatus {
        switch path {
        case "link" where !followingLink: ProfileFileStatus(kind: .link, isExecutable: false)
        case "key.pub", "link": ProfileFileStatus(kind: .file, isExecutable: false)
        case "run", "folder/run": ProfileFileStatus(kind: .file, isExecutable: true)
        case "folder": ProfileFileStatus(kind: .folder, isExecutable: true)
        case "fifo": ProfileFileStatus(kind: .other, isExecutable: false)
        default: throw .notFound
        }
    }

    func read(_ path: String, limit: Int) throws(ProfileFileError) -> [UInt8] {
        switch path {
        case "key.pub", "link": Array(Self.key.utf8)
        case "run", "folder/run": Array("#!/bin/sh\necho hello\n".utf8)
        case "folder": throw .notAFile
        default: throw .notFound
        }
    }

    func entries(in path: String) throws(ProfileFileError) -> [String] {
        guard path == "folder" else { throw .notAFolder }
        return ["run"]
    }

    func linkText(_ path: String) throws(ProfileFileError) -> String {
        guard path == "link" else { throw .failed("no link") }
        return "key.pub"
    }
}
