import CYAML

/// One thing that libyaml finds in a text.
struct YAMLEvent {
    enum Kind {
        case scalar(String, isPlain: Bool)
        case listStart
        case mapStart
        /// The end of the list or mapping that began last.
        case end
        /// `*name`, and the name.
        case alias(String)
        case documentStart
        case documentEnd
        case streamStart
        case streamEnd
    }

    var kind: Kind
    /// From 1.
    var line: Int
    /// From 1, counted in Unicode scalars.
    var column: Int
    /// The name after `&` before the value.
    var anchor: String?
    /// The tag with its prefix written out (`tag:yaml.org,2002:int`), nil when none is given.
    var tag: String?
}

/// Why libyaml reads no further.
struct YAMLFault: Error {
    /// libyaml's own words.
    var reason: String
    /// From 1; both are 1 when libyaml gives no place.
    var line = 1
    var column = 1
    /// What the parser was at, and the line where that began.
    var context: (text: String, line: Int)?
}

/// The events of a YAML 1.1 text in their order, as libyaml parses it.
final class YAMLEvents {
    private let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    /// Lives as long as the parser, which points into it.
    private let text: UnsafeMutableBufferPointer<UInt8>

    /// Takes UTF-8 without a byte order mark; nil when there is no memory for a parser.
    init?(_ utf8: [UInt8]) {
        text = .allocate(capacity: max(utf8.count, 1))
        _ = text.initialize(from: utf8)
        guard yaml_parser_initialize(parser) == 1 else {
            text.deallocate()
            parser.deallocate()
            return nil
        }
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(parser, text.baseAddress, utf8.count)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
        text.deallocate()
    }

    /// The next event; nothing may be asked after `streamEnd` or a fault.
    func next() throws(YAMLFault) -> YAMLEvent {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else { throw fault }
        defer { yaml_event_delete(&event) }
        let (line, column) = (Int(event.start_mark.line) + 1, Int(event.start_mark.column) + 1)
        func made(_ kind: YAMLEvent.Kind, anchor: UnsafePointer<UInt8>? = nil, tag: UnsafePointer<UInt8>? = nil)
            -> YAMLEvent
        {
            YAMLEvent(
                kind: kind, line: line, column: column, anchor: anchor.map { String(cString: $0) },
                tag: tag.map { String(cString: $0) })
        }
        switch event.type {
        case YAML_STREAM_START_EVENT: return made(.streamStart)
        case YAML_STREAM_END_EVENT: return made(.streamEnd)
        case YAML_DOCUMENT_START_EVENT: return made(.documentStart)
        case YAML_DOCUMENT_END_EVENT: return made(.documentEnd)
        case YAML_ALIAS_EVENT: return made(.alias(event.data.alias.anchor.map { String(cString: $0) } ?? ""))
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            let value = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
            let isPlain = scalar.style == YAML_PLAIN_SCALAR_STYLE
            return made(.scalar(value, isPlain: isPlain), anchor: scalar.anchor, tag: scalar.tag)
        case YAML_SEQUENCE_START_EVENT:
            return made(.listStart, anchor: event.data.sequence_start.anchor, tag: event.data.sequence_start.tag)
        case YAML_MAPPING_START_EVENT:
            return made(.mapStart, anchor: event.data.mapping_start.anchor, tag: event.data.mapping_start.tag)
        default: return made(.end)
        }
    }

    private var fault: YAMLFault {
        let state = parser.pointee
        let reason = state.problem.map { String(cString: $0) } ?? "out of memory"
        guard state.error == YAML_SCANNER_ERROR || state.error == YAML_PARSER_ERROR else {
            return YAMLFault(reason: reason)
        }
        return YAMLFault(
            reason: reason, line: Int(state.problem_mark.line) + 1, column: Int(state.problem_mark.column) + 1,
            context: state.context.map { (String(cString: $0), Int(state.context_mark.line) + 1) })
    }
}
