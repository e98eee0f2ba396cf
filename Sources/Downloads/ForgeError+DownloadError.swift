import Blocks
import Glibc
package import Reports

extension ForgeError {
    /// Reports why `name` could not be downloaded; `kept` are the bytes of it that the next run need not fetch again.
    package init(_ error: DownloadError, downloading name: String, kept: Int64 = 0) {
        let rest = kept > 0 ? "what came so far (\(ByteCount(kept))) is kept: the same command goes on from there" : nil
        switch error {
        case .cancelled:
            self.init(
                .interrupted,
                kept > 0
                    ? "interrupted; \(ByteCount(kept)) of \(name) are kept, and the next run goes on from there"
                    : "interrupted; no unfinished output was left behind")
        case .block(.system(let code, "write", let path)) where code == ENOSPC || code == EDQUOT:
            self.init(.inputOutput, "could not write \(path): the disk is full", hint: Self.otherCache)
        case .block(let error):
            self.init(error)
        case .noRoom(let path, let needed, let free):
            self.init(
                .inputOutput,
                "could not download \(name): \(ByteCount(needed)) are to come, and \(path) has room for \(ByteCount(free))",
                hint: Self.otherCache)
        case .unreachable(let url, let reason):
            self.init(
                .unavailable, "could not download \(url): \(reason)",
                hint: rest ?? "try again later, or name a mirror: base: {url: [URL, MIRROR]}")
        case .broken(let url, let reason):
            self.init(.unavailable, "could not download \(url): \(reason)", hint: rest)
        case .stalled(let url, let seconds):
            self.init(.unavailable, "could not download \(url): nothing came for \(seconds) s", hint: rest)
        case .untrusted(let url, let reason):
            self.init(
                .unavailable, "could not download \(url): \(reason)",
                hint: "if the server's authority is your own, name it: SSL_CERT_FILE=ca.pem")
        case .protocolRefused(let url):
            self.init(
                .badInput, "could not download \(url): it leads to something else than https",
                hint: "give the address that it leads to, or base.sha256, by which http will do")
        case .status(let url, let code):
            self.init(
                code == 408 || code == 429 || code >= 500 ? .unavailable : .badInput,
                "could not download \(url): the server answers with status \(code)", hint: Self.hint(forStatus: code))
        case .wrongSize(let url, let expected, let found):
            self.init(
                .badInput, "could not download \(url): it has \(found) bytes, but \(expected) are expected",
                hint: "piforge fetch --update takes a new version, unless the profile or its list says the size")
        case .tooLarge(let url, let limit):
            self.init(.badInput, "could not download \(url): it has more than \(limit) bytes")
        case .digestMismatch(let url, let expected, let found):
            self.init(
                .badInput, "could not use \(url): its sha256 is \(found), but \(expected) was asked for",
                hint: "correct base.sha256, if the new one is what its maker publishes")
        case .library(let what):
            self.init(.unavailable, "could not download \(name): libcurl \(what)")
        }
        cause = error
    }

    private static let otherCache = "free space there, or set XDG_CACHE_HOME to a folder on a larger disk"

    private static func hint(forStatus code: Int) -> String? {
        switch code {
        case 401, 403, 407: "a name and a password for it belong into ~/.netrc"
        case 404, 410: "look for the file's new address"
        default: nil
        }
    }
}
