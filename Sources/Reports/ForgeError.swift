import Glibc

/// What the person at the terminal reads: what could not be done, why, and what to try.
package struct ForgeError: Error, Sendable {
    package var kind: Kind
    /// `could not <verb> <object>: <why>`, lower case, without a final stop.
    package var message: String
    /// Something the person can do or type.
    package var hint: String?
    /// The error of a lower layer that this one reports, if there is one.
    package var cause: (any Error)?

    /// A `.bug` names the file and line where it was made.
    package init(
        _ kind: Kind, _ message: String, hint: String? = nil, file: StaticString = #fileID, line: UInt = #line
    ) {
        self.kind = kind
        self.message = kind == .bug ? "\(message) (a bug, found at \(file):\(line))" : message
        self.hint = hint
    }

    /// The reasons a run can end for; the raw value is the process's exit code (sysexits.h where it has one).
    package enum Kind: Int32, Sendable, CaseIterable {
        case difference = 1
        case usage = 64
        case badInput = 65
        case unavailable = 69
        case bug = 70
        case cannotCreate = 73
        case inputOutput = 74
        case permission = 77
        /// SIGINT; 128 + 2, as a shell reports it.
        case interrupted = 130

        package var name: String {
            switch self {
            case .difference: "difference"
            case .usage: "usage"
            case .badInput: "bad_input"
            case .unavailable: "unavailable"
            case .bug: "bug"
            case .cannotCreate: "cannot_create"
            case .inputOutput: "io"
            case .permission: "permission"
            case .interrupted: "interrupted"
            }
        }
    }
}

extension ForgeError {
    /// The same error, said of a part of the work: `slot p3: could not …`.
    package func about(_ subject: String) -> ForgeError {
        var error = self
        error.message = "\(subject): \(message)"
        return error
    }

    /// The end of a run by a signal.
    package static var interruption: ForgeError {
        ForgeError(.interrupted, "interrupted; no unfinished output was left behind")
    }

    /// The same error, with what is unfinished and could not be removed.
    package func leaving(_ paths: [String]) -> ForgeError {
        guard !paths.isEmpty else { return self }
        return ForgeError(
            kind, "interrupted; this is unfinished and was left behind: \(paths.joined(separator: ", "))",
            hint: "remove it; the next run of the same kind removes it, too")
    }

    /// An operating system error while doing something to a file that piforge writes.
    package static func writing(_ path: String, errno code: Int32) -> ForgeError {
        switch code {
        case ENOSPC, EDQUOT:
            ForgeError(
                .inputOutput, "could not write \(path): the disk is full",
                hint: "free space there, or choose another folder with --output")
        case EACCES, EPERM, EROFS:
            ForgeError(
                .permission, "could not write \(path): \(systemMessage(code))",
                hint: "choose another folder with --output")
        case ENOENT, ENOTDIR, EISDIR, ENAMETOOLONG, ELOOP:
            ForgeError(.cannotCreate, "could not create \(path): \(systemMessage(code))")
        default:
            ForgeError(.inputOutput, "could not write \(path): \(systemMessage(code))")
        }
    }

    /// An operating system error while reading a file that the person named.
    package static func reading(_ path: String, errno code: Int32) -> ForgeError {
        switch code {
        case ENOENT, ENOTDIR:
            ForgeError(.badInput, "could not open \(path): there is no such file")
        case EACCES, EPERM:
            ForgeError(.permission, "could not open \(path): \(systemMessage(code))")
        default:
            ForgeError(.inputOutput, "could not read \(path): \(systemMessage(code))")
        }
    }

    /// The same error with the path of the image that it is about in its hint, where that says `IMAGE`.
    package func naming(image path: String) -> ForgeError {
        let words = hint?.split(separator: " ", omittingEmptySubsequences: false).map {
            $0 == "IMAGE" ? Self.quoted(path) : String($0)
        }
        var error = self
        error.hint = words?.joined(separator: " ")
        return error
    }

    /// A word as a shell takes it.
    package static func quoted(_ word: String) -> String {
        let isPlain = word.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || "/._-:+@%".utf8.contains(byte)
        }
        return isPlain && !word.isEmpty
            ? word
            : "'"
                + word.split(separator: "'", omittingEmptySubsequences: false)
                .joined(separator: "'\\''") + "'"
    }
}
