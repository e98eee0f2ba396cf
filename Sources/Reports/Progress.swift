/// How far a long piece of work has come.
package struct Progress: Equatable, Sendable {
    /// What is done.
    package var stage: Stage
    /// What is worked on: the base's file name or the slot.
    package var subject: String
    /// Bytes done, 0...total.
    package var done: Int64
    /// Bytes to do.
    package var total: Int64

    package enum Stage: String, Sendable, CaseIterable {
        /// `receive`: reading a pipe, whose end nobody knows. `download`: `total` is 0 while the server does not say it.
        /// `wait`: another piforge unpacks or downloads the same base. `encode`: packing the base. `splice`: packing the
        /// parts of it that slots change.
        /// `map`: finding the blocks that hold data. `finish`: reading what was edited in place.
        /// `check`: reading a card back. `repair`: the kept file `subject` is damaged and is made anew.
        /// `run`: programs of the image of slot `subject` are at work.
        /// `clean`: a killed run left `subject`, which is gone now.
        /// `leave`: something could not be removed; `subject` says what, and why.
        /// `edit`: the slots that `subject` names are decided and changed in memory, which counts no bytes.
        case hash, receive, download, wait, unpack, edit, encode, splice, write, map, finish, check, repair, clean,
            leave,
            run
    }

    /// Whether it reports something that happened, not how far the work is.
    package var isWarning: Bool { stage == .repair || stage == .clean || stage == .leave }

    package init(stage: Stage, subject: String, done: Int64, total: Int64) {
        self.stage = stage
        self.subject = subject
        self.done = done
        self.total = total
    }

    /// Called often and from several threads at once; must be quick.
    package typealias Observer = @Sendable (Progress) -> Void
}
