import Glibc
import Plans
import SystemPackage

/// What the person at the terminal is told: what could not be done, why, and what to try.
package struct ForgeError: Error, Sendable {
    package var kind: Kind
    /// `could not <verb> <object>: <why>`, lower case, without a final stop.
    package var message: String
    /// Something the person can do or type.
    package var hint: String?

    package init(_ kind: Kind, _ message: String, hint: String? = nil) {
        self.kind = kind
        self.message = message
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
        ForgeError(kind, "\(subject): \(message)", hint: hint)
    }

    /// Said of a slot, unless the message names it already, or all slots were interrupted.
    func about(slot: Slot) -> ForgeError {
        kind == .interrupted || message.hasPrefix("slot \(slot.name):") ? self : about("slot \(slot.name)")
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
                .permission, "could not write \(path): \(describe(errno: code))",
                hint: "choose another folder with --output")
        case ENOENT, ENOTDIR, EISDIR, ENAMETOOLONG, ELOOP:
            ForgeError(.cannotCreate, "could not create \(path): \(describe(errno: code))")
        default:
            ForgeError(.inputOutput, "could not write \(path): \(describe(errno: code))")
        }
    }

    /// An operating system error while reading a file that the person named.
    package static func reading(_ path: String, errno code: Int32) -> ForgeError {
        switch code {
        case ENOENT, ENOTDIR:
            ForgeError(.badInput, "could not open \(path): there is no such file")
        case EACCES, EPERM:
            ForgeError(.permission, "could not open \(path): \(describe(errno: code))")
        default:
            ForgeError(.inputOutput, "could not read \(path): \(describe(errno: code))")
        }
    }

    /// The C library's sentence for an errno, in lower case as our messages are.
    package static func describe(errno code: Int32) -> String {
        let text = Errno(rawValue: code).description
        return text.prefix(1).lowercased() + text.dropFirst()
    }
}
