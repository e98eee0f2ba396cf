import ArgumentParser

/// How a command that may take long answers, and shows how far it is.
struct ReportOptions: ParsableArguments {
    @OptionGroup private var answer: JSONOptions

    @OptionGroup private var progress: ProgressOptions

    var json: Bool { answer.json }

    func apply() {
        answer.apply()
        progress.apply()
    }
}
