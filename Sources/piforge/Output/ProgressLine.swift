import Reports

/// The one line of a terminal that says how far all work is; it fits whatever the terminal's width.
enum ProgressLine {
    /// How much is said of a piece of work.
    enum Detail: CaseIterable {
        case full, withoutTime, withoutRate, percent
    }

    /// One piece of work.
    struct Part {
        var stage: Progress.Stage
        var subject: String
        var done: Int64
        var total: Int64
        /// How long it has taken.
        var seconds: Double
        /// How many pieces of the same stage it stands for.
        var count = 1

        init(_ progress: Progress, seconds: Double) {
            stage = progress.stage
            subject = progress.subject.printable()
            done = progress.done
            total = progress.total
            self.seconds = seconds
        }

        func text(_ detail: Detail) -> String {
            let start = "\(stage.verb) \(count > 1 ? "\(count) at once" : subject)"
            guard total > 0 else { return start }
            var text = start + " \(Int(Double(done) * 100 / Double(total)))%"
            guard detail != .percent else { return text }
            text += " of \(ByteCount(total))"
            guard detail != .withoutRate, seconds > 0.5, done > 0 else { return text }
            let rate = Double(done) / seconds
            text += ", \(ByteCount(Int64(rate)))/s"
            let left = Double(total - done) / rate
            if detail == .full, left.isFinite { text += ", \(Int(left.rounded(.up))) s left" }
            return text
        }
    }

    /// As much as fits into `columns`: first the details go, then pieces of the same stage are said as one, then names
    /// are shortened in the middle.
    static func text(_ parts: [Part], columns: Int) -> String {
        var parts = parts
        for isJoined in [false, true] {
            if isJoined { parts = joined(parts) }
            for detail in Detail.allCases {
                let line = parts.map { $0.text(detail) }.joined(separator: " | ")
                if width(of: line) <= columns { return line }
            }
        }
        let room = max(4, columns / max(1, parts.count) - 3)
        for length in stride(from: room, to: 3, by: -1) {
            let line = parts.map { part in
                var part = part
                part.subject = shortened(part.subject, to: length)
                return part.text(.percent)
            }.joined(separator: " | ")
            if width(of: line) <= columns { return line }
        }
        let done = parts.reduce(0.0) { $0 + Double($1.done) }
        let total = parts.reduce(0.0) { $0 + Double($1.total) }
        let line = total > 0 ? "\(Int(done * 100 / total))%" : "…"
        return width(of: line) <= columns ? line : ""
    }

    /// One part for each stage.
    private static func joined(_ parts: [Part]) -> [Part] {
        var result: [Part] = []
        for part in parts {
            guard let index = result.firstIndex(where: { $0.stage == part.stage }) else {
                result.append(part)
                continue
            }
            result[index].done += part.done
            result[index].total += part.total
            result[index].seconds = max(result[index].seconds, part.seconds)
            result[index].count += 1
        }
        return result
    }

    private static func shortened(_ text: String, to length: Int) -> String {
        guard text.count > length else { return text }
        return text.prefix(length / 2) + "…" + text.suffix(length - length / 2 - 1)
    }

    /// Columns at most: a character from Hangul Jamo on may take two.
    static func width(of text: String) -> Int {
        text.unicodeScalars.reduce(0) { $0 + ($1.value >= 0x1100 && !(0x2000...0x206F).contains($1.value) ? 2 : 1) }
    }
}

extension Progress.Stage {
    var verb: String {
        switch self {
        case .hash: "reading"
        case .receive: "receiving"
        case .download: "downloading"
        case .wait: "waiting for another piforge to unpack"
        case .unpack: "unpacking"
        case .edit: "editing"
        case .encode: "packing"
        case .splice: "packing changes of"
        case .write: "writing"
        case .map: "mapping"
        case .finish: "finishing"
        case .check: "reading back"
        case .repair: "renewing"
        case .clean, .leave: "cleaning up"
        case .run: "running programs of"
        }
    }
}
