/// How far ssh came with a machine.
package enum Reachability: Equatable, Sendable {
    /// It answered, under the host key that was expected.
    case answers
    /// Nobody answers at its address, or the way there is closed.
    case unreachable(String)
    /// Somebody answers there with another host key.
    case wrongKey
    /// Its host key is not known, and `status` takes no new ones.
    case unknownKey
    /// It answered with the right key, but lets nobody in.
    case loginRefused(String)
    /// It was reached, but the answer was none.
    case failed(String)

    /// `piforge status --json` calls it so.
    package var name: String {
        switch self {
        case .answers: "answers"
        case .unreachable: "unreachable"
        case .wrongKey: "wrong_host_key"
        case .unknownKey: "unknown_host_key"
        case .loginRefused: "login_refused"
        case .failed: "failed"
        }
    }

    /// What there is to say besides the name.
    package var detail: String? {
        switch self {
        case .answers: nil
        case .wrongKey: "somebody else answers there, or the machine has new keys"
        case .unknownKey: "connect once with ssh to take its key, or set `identity`"
        case .unreachable(let text), .loginRefused(let text), .failed(let text): text
        }
    }

    /// Whether the host key was the expected one; nil when it was not seen.
    package var hostKeyMatches: Bool? {
        switch self {
        case .answers, .loginRefused, .failed: true
        case .wrongKey: false
        case .unreachable, .unknownKey: nil
        }
    }

    /// Reads what ssh(1) says of the machine `alias` when it ends with 255; its messages are in English everywhere.
    ///
    /// A failure of the machine that lies between comes in the same stream, and makes this one unreachable.
    package init(failureText text: String, alias: String) {
        let lines = text.split(whereSeparator: \.isNewline).map { $0.filter { $0 != "\r" } }.filter { !$0.isEmpty }
        func says(_ parts: String...) -> Bool { lines.contains { line in parts.allSatisfy(line.contains) } }
        if says("Host key for \(alias) has changed") {
            self = .wrongKey
        } else if says("host key is known for \(alias)", "strict checking") {
            self = .unknownKey
        } else if text.contains("Host key verification failed") {
            self = .unreachable("the host key of the machine on the way is not the expected one")
        } else if let line = lines.last(where: { $0.contains("Permission denied") }) {
            self = .loginRefused(line)
        } else {
            // The last line is often only the echo of the way's failure.
            let echoes = ["kex_exchange_identification", "stdio forwarding failed", "Connection closed by UNKNOWN"]
            let line = lines.last { line in !echoes.contains { line.hasPrefix($0) } }
            let refusal = line?.firstRange(of: "connect failed: ").map { String(line?[$0.upperBound...] ?? "") }
            self = .unreachable(refusal ?? line ?? "no answer")
        }
    }
}
