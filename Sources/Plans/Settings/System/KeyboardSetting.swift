/// The keyboard of the console: /etc/default/keyboard.
enum KeyboardSetting: Setting {
    typealias Value = Settings.Keyboard?

    static let keys = [
        SchemaKey(
            "keyboard",
            .object([
                SchemaKey("layout", .text(.keyboardLayout), "XKB layout, several with commas.", example: "gb"),
                SchemaKey("model", .text(.keyboardWord), "XKB model.", example: "pc105"),
                SchemaKey("variant", .text(.keyboardWord), "XKB variant.", example: "nodeadkeys"),
                SchemaKey(
                    "options", .text(.keyboardWord), "XKB options, several with commas.", example: "ctrl:nocaps"),
            ]), "The keyboard of the console.", example: "")
    ]

    static let template = "# keyboard: {layout: gb, model: pc105}"

    static let unset: Value = nil

    static func value(of entries: [SettingsLayer.Entry]) -> Value {
        func last(_ key: String) -> String? { entries.last { $0.key == "keyboard.\(key)" }?.value.text }
        return last("layout").map { layout in
            Settings.Keyboard(
                layout: layout, model: last("model"), variant: last("variant"), options: last("options"))
        }
    }

    static func problems(in layer: SettingsLayer, for slot: Slot) -> [ProfileProblem] {
        guard layer.entry("keyboard.layout") == nil, let other = layer.entries(of: name).first else { return [] }
        return [ProfileProblem(other.position, "`keyboard` has no `layout`", hint: "layout: gb")]
    }

    static let facts: [Target] = [.root("/etc/default/keyboard")]

    static func plan(_ planner: inout Planner) throws(PlanError) {
        guard let keyboard = planner.settings.keyboard else { return }
        var rules: [TextRule] = [.setVariable("XKBLAYOUT", "\"\(keyboard.layout)\"")]
        if let model = keyboard.model { rules.append(.setVariable("XKBMODEL", "\"\(model)\"")) }
        // A variant belongs to its layout, so one that is not named is none.
        rules.append(.setVariable("XKBVARIANT", "\"\(keyboard.variant ?? "")\""))
        if let options = keyboard.options { rules.append(.setVariable("XKBOPTIONS", "\"\(options)\"")) }
        try planner.rewrite("/etc/default/keyboard", rules, missing: 0o644, reason: "keyboard \(keyboard.layout)")
    }
}

extension Settings {
    package struct Keyboard: Equatable, Sendable {
        package var layout: String
        package var model: String?
        package var variant: String?
        package var options: String?
        package init(layout: String, model: String? = nil, variant: String? = nil, options: String? = nil) {
            self.layout = layout
            self.model = model
            self.variant = variant
            self.options = options
        }
    }

    package var keyboard: Keyboard? {
        get { self[KeyboardSetting.self] }
        set { self[KeyboardSetting.self] = newValue }
    }
}

// MARK: - What is valid

extension TextFormat {
    static let keyboardLayout = TextFormat(
        "layout", pattern: "^[a-z0-9_]{2,}(,[a-z0-9_]{2,})*$", check: Validation.keyboardLayout)
    static let keyboardWord = TextFormat(
        "XKB name", pattern: "^[A-Za-z0-9_:,+()-]+$", check: Validation.keyboardWord)
}

extension Validation {
    /// XKB layouts, such as `gb` or `de,us` (xkeyboard-config(7)).
    package static func keyboardLayout(_ name: String) throws(Refusal) {
        try keyboardWord(name, what: "keyboard layout", others: "_,", hint: "gb")
        guard name.split(separator: ",", omittingEmptySubsequences: false).allSatisfy({ $0.utf8.count >= 2 }),
            name.utf8.allSatisfy({ !isUpper($0) })
        else { throw Refusal("\"\(name.shortened)\" is no keyboard layout", hint: "gb, or de,us") }
    }

    /// An XKB model, variant or options list: letters, digits and `_-:,+`.
    package static func keyboardWord(_ name: String) throws(Refusal) {
        try keyboardWord(name, what: "keyboard setting", others: "_-:,+()", hint: "pc105")
    }

    private static func keyboardWord(
        _ name: String, what: String, others: String, hint: String
    ) throws(Refusal) {
        try characters(name, of: what, others: others, hint: hint)
    }
}
