import CCurl
import Glibc

/// One GET by libcurl, redirections followed; its bytes go to a receiver as they come.
struct HTTPRequest {
    var url: String
    /// Fields besides libcurl's own: `If-Range: "1"`.
    var fields: [String] = []
    /// First byte that is asked for; nil for all.
    var from: Int64?
    /// Whether a redirection may lead from https to http: what comes is held against a digest then.
    var allowsDowngrade: Bool
    var limits: TransferLimits
    var certificates: CertificateFiles

    /// Takes what comes. What it throws ends the transfer, and is thrown by `run`.
    protocol Receiver: AnyObject {
        /// The head of the last response, of any status, before its first byte.
        func begin(_ head: ResponseHead) throws(DownloadError)
        func take(_ bytes: UnsafeRawBufferPointer) throws(DownloadError)
    }

    /// Milliseconds after which a signal is noticed at the latest.
    private static let pollTime: Int32 = 200
    private static let redirectionLimit = 10

    func run(_ receiver: any Receiver, isCancelled: () -> Bool) throws(DownloadError) {
        guard curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK, let handle = curl_easy_init() else {
            throw .library("could not be started")
        }
        defer { curl_easy_cleanup(handle) }
        let state = TransferState(receiver)
        let list = try fieldList()
        defer { curl_slist_free_all(list) }
        var words = [CChar](repeating: 0, count: Int(CURL_ERROR_SIZE))
        let code = try words.withUnsafeMutableBufferPointer { (words) throws(DownloadError) -> CURLcode in
            try prepare(handle, list, state, words)
            defer { _ = piforge_curl_set_buffer(handle, CURLOPT_ERRORBUFFER, nil) }
            return try withExtendedLifetime(state) { () throws(DownloadError) in
                try Self.perform(handle, isCancelled: isCancelled)
            }
        }
        if let failure = state.failure { throw failure }
        guard code == CURLE_OK else { throw error(code, words: String(nulTerminated: words)) }
        // A response without a body is told here.
        if let failure = state.finish() { throw failure }
    }

    private func fieldList() throws(DownloadError) -> UnsafeMutablePointer<curl_slist>? {
        var list: UnsafeMutablePointer<curl_slist>?
        for field in fields {
            guard let longer = curl_slist_append(list, field) else {
                curl_slist_free_all(list)
                throw .library("has no memory")
            }
            list = longer
        }
        return list
    }

    private func prepare(
        _ handle: UnsafeMutableRawPointer, _ list: UnsafeMutablePointer<curl_slist>?, _ state: TransferState,
        _ words: UnsafeMutableBufferPointer<CChar>
    ) throws(DownloadError) {
        let context = Unmanaged.passUnretained(state).toOpaque()
        let isSecure = url.lowercased().hasPrefix("https:")
        var codes = [
            piforge_curl_set_text(handle, CURLOPT_URL, url),
            piforge_curl_allow(handle, 1, isSecure && !allowsDowngrade ? 0 : 1),
            piforge_curl_set_long(handle, CURLOPT_FOLLOWLOCATION, 1),
            piforge_curl_set_long(handle, CURLOPT_MAXREDIRS, Self.redirectionLimit),
            // Signals are ours: libcurl would set a handler for SIGALRM around name lookups.
            piforge_curl_set_long(handle, CURLOPT_NOSIGNAL, 1),
            piforge_curl_set_long(handle, CURLOPT_NETRC, Int(CURL_NETRC_OPTIONAL.rawValue)),
            piforge_curl_set_long(handle, CURLOPT_CONNECTTIMEOUT, limits.connectSeconds),
            piforge_curl_set_long(handle, CURLOPT_LOW_SPEED_LIMIT, 1),
            piforge_curl_set_long(handle, CURLOPT_LOW_SPEED_TIME, limits.stallSeconds),
            piforge_curl_set_text(handle, CURLOPT_USERAGENT, "piforge"),
            piforge_curl_set_list(handle, CURLOPT_HTTPHEADER, list),
            piforge_curl_set_buffer(handle, CURLOPT_ERRORBUFFER, words.baseAddress),
            piforge_curl_set_function(handle, CURLOPT_WRITEFUNCTION, TransferState.write, CURLOPT_WRITEDATA, context),
            piforge_curl_set_function(
                handle, CURLOPT_HEADERFUNCTION, TransferState.header, CURLOPT_HEADERDATA, context),
        ]
        if let from { codes.append(piforge_curl_set_text(handle, CURLOPT_RANGE, "\(from)-")) }
        if let file = certificates.file { codes.append(piforge_curl_set_text(handle, CURLOPT_CAINFO, file)) }
        if let folder = certificates.folder { codes.append(piforge_curl_set_text(handle, CURLOPT_CAPATH, folder)) }
        if let code = codes.first(where: { $0 != CURLE_OK }) {
            throw .library("does not take what it is told: \(String(cString: curl_easy_strerror(code)))")
        }
    }

    private static func perform(
        _ handle: UnsafeMutableRawPointer, isCancelled: () -> Bool
    ) throws(DownloadError) -> CURLcode {
        guard let multi = curl_multi_init() else { throw .library("has no memory") }
        defer { curl_multi_cleanup(multi) }
        guard curl_multi_add_handle(multi, handle) == CURLM_OK else { throw .library("could not begin") }
        defer { curl_multi_remove_handle(multi, handle) }
        var running: Int32 = 1
        while running > 0 {
            if isCancelled() { throw .cancelled }
            guard curl_multi_perform(multi, &running) == CURLM_OK else { throw .library("could not go on") }
            guard running > 0 else { break }
            guard curl_multi_poll(multi, nil, 0, pollTime, nil) == CURLM_OK else { throw .library("could not wait") }
        }
        var left: Int32 = 0
        guard let message = curl_multi_info_read(multi, &left), message.pointee.msg == CURLMSG_DONE else {
            throw .library("did not say how it ended")
        }
        return message.pointee.data.result
    }

    private func error(_ code: CURLcode, words: String) -> DownloadError {
        let why = words.isEmpty ? String(cString: curl_easy_strerror(code)) : words
        switch code {
        case CURLE_OPERATION_TIMEDOUT: return .stalled(url: url, seconds: limits.stallSeconds)
        case CURLE_PARTIAL_FILE, CURLE_GOT_NOTHING, CURLE_RECV_ERROR, CURLE_HTTP2_STREAM, CURLE_HTTP2:
            return .broken(url: url, reason: why)
        case CURLE_UNSUPPORTED_PROTOCOL: return .protocolRefused(url: url)
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR:
            return .untrusted(url: url, reason: why)
        default: return .unreachable(url: url, reason: why)
        }
    }
}

/// How long a transfer may do nothing, in seconds, and how often it is tried.
package struct TransferLimits: Equatable, Sendable {
    package var connectSeconds = 20
    package var stallSeconds = 30
    /// Attempts at one address of which none brings much.
    package var attempts = 4
    /// Milliseconds between two attempts at one address.
    package var pause: UInt32 = 1000

    package init() {}
}

/// Whom https servers are vouched for by; nil for what libcurl was built with.
package struct CertificateFiles: Equatable, Sendable {
    var file: String?
    var folder: String?

    /// By the variables that curl(1) and OpenSSL read.
    package init(environment: [String: String]) {
        func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        file = value("CURL_CA_BUNDLE") ?? value("SSL_CERT_FILE")
        folder = value("SSL_CERT_DIR")
    }
}

/// What libcurl's calls share; they come one at a time, from the thread that runs the transfer.
private final class TransferState {
    let receiver: any HTTPRequest.Receiver
    var head = ResponseHead()
    var hasBegun = false
    var failure: DownloadError?

    init(_ receiver: any HTTPRequest.Receiver) { self.receiver = receiver }

    static let header: curl_write_callback = { bytes, size, count, context in
        guard let context, let bytes else { return 0 }
        let state = Unmanaged<TransferState>.fromOpaque(context).takeUnretainedValue()
        state.head.take(UnsafeRawBufferPointer(start: bytes, count: size * count))
        if state.head.isComplete, !state.head.isInterim, !state.hasBegun { state.begin() }
        return state.failure == nil ? size * count : 0
    }

    static let write: curl_write_callback = { bytes, size, count, context in
        guard let context, let bytes else { return 0 }
        let state = Unmanaged<TransferState>.fromOpaque(context).takeUnretainedValue()
        if !state.hasBegun {
            // The text of a redirection.
            guard !state.head.isInterim else { return size * count }
            state.begin()
        }
        guard state.failure == nil else { return 0 }
        do throws(DownloadError) {
            try state.receiver.take(UnsafeRawBufferPointer(start: bytes, count: size * count))
            return size * count
        } catch {
            state.failure = error
            return 0
        }
    }

    func begin() {
        hasBegun = true
        do throws(DownloadError) { try receiver.begin(head) } catch { failure = error }
    }

    func finish() -> DownloadError? {
        if !hasBegun { begin() }
        return failure
    }
}

extension String {
    fileprivate init(nulTerminated characters: [CChar]) {
        self.init(decoding: characters.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
