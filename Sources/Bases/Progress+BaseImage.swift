import Reports

extension Progress {
    /// A step of opening the base image called `subject`.
    package init(_ step: BaseImageProgress, subject: String) {
        switch step {
        case .hashing(let done, let total):
            self.init(stage: .hash, subject: subject, done: done, total: total)
        case .receiving:
            self.init(stage: .receive, subject: subject, done: 0, total: 0)
        case .waiting:
            self.init(stage: .wait, subject: subject, done: 0, total: 0)
        case .damaged(let path):
            self.init(stage: .repair, subject: path, done: 0, total: 0)
        case .unpacking(let consumed, let total, _):
            self.init(stage: .unpack, subject: subject, done: consumed, total: total)
        }
    }
}
