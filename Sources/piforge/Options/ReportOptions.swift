import ArgumentParser
import Reports

/// How a command that reads images answers, shows how far it is, and where it keeps what it has unpacked.
struct ReportOptions: ParsableArguments {
    @OptionGroup private var answer: JSONOptions

    @OptionGroup private var progress: ProgressOptions

    @OptionGroup private var cache: CacheOption

    var json: Bool { answer.json }

    func apply() throws(ForgeError) {
        try answer.apply()
        progress.apply()
        cache.apply()
    }
}
