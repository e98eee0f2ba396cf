import Readers
import Plans

/// What a node says it is on the USB link to its controller, as 8086's initramfs script says it.
package struct GadgetIdentity: Equatable, Sendable {
    /// The kind of USB network card.
    package var function: Function
    /// `idProduct`, four hexadecimal digits; `idVendor` is 3171.
    package var product: String

    package enum Function: String, CaseIterable, Sendable {
        case ecm, ncm, rndis

        /// The kernel module that has it.
        var module: String { "usb_f_\(rawValue)" }
    }

    static let vendor = "3171"
    static let model = "ClusterCTRL-usbboot"

    /// 8086's, the newest first: since 2026-05, since 2026-03, and before.
    static let known: [GadgetIdentity] = [
        GadgetIdentity(function: .ecm, product: "0022"), GadgetIdentity(function: .ncm, product: "0021"),
        GadgetIdentity(function: .rndis, product: "0020"),
    ]

    /// `00:22:82:ff:fe:HH` is the controller's end, by which its udev rule knows the link.
    static let controllerAddress = "00:22:82:ff:fe:"
    static let nodeAddress = "00:22:82:ff:ff:"

    /// The newest that the node's kernel can be and the controller knows.
    ///
    /// - Parameters:
    ///   - rule: What the controller recognises; nil when that is unknown, so that everything is taken as known.
    ///   - kernelHas: Whether the node's kernel has a module, built in or not.
    package static func choose(
        knownTo rule: ControllerRule?, kernelHas: (String) -> Bool
    ) throws(Mismatch) -> GadgetIdentity {
        let possible = known.filter { kernelHas($0.function.module) }
        guard !possible.isEmpty else { throw .noFunction(known.map(\.function.module)) }
        guard let rule else { return possible[0] }
        if let match = possible.first(where: rule.recognises) { return match }
        // Products count upwards, so the side whose newest is behind the other's oldest has to catch up.
        let newestKnown = known.filter(rule.recognises).map(\.product).max() ?? ""
        let oldestPossible = possible.map(\.product).min() ?? ""
        if newestKnown > oldestPossible {
            throw .nodeTooOld(accepted: rule.products, offered: possible.map(\.product))
        }
        throw .controllerTooOld(accepted: rule.products, offered: possible.map(\.product))
    }

    package enum Mismatch: Error, Equatable {
        /// The kernel lacks every network function.
        case noFunction([String])
        /// The controller knows identities that this node's kernel cannot take.
        case nodeTooOld(accepted: [String], offered: [String])
        /// The controller knows none that a node has ever had.
        case controllerTooOld(accepted: [String], offered: [String])
    }
}

/// The part of a controller's 90-clusterctrl.rules that names the links to nodes without cards.
package struct ControllerRule: Equatable {
    private var lines: [Line] = []

    private struct Line: Equatable {
        /// By key, such as `ENV{ID_MODEL_ID}`: the patterns between `|`.
        var conditions: [String: [String]]

        func allows(_ key: String, _ value: String) -> Bool {
            conditions[key].map { $0.contains { Wildcard($0).matches(value) } } ?? true
        }
    }

    /// From the file's text. Rules that do not name network links are of no interest; `stem` is what the names begin with.
    package init(_ text: String, naming stem: String = "ethupi") {
        let joined = text.replacing("\\\n", with: "")
        for line in joined.split(separator: "\n") where !line.hasPrefix("#") {
            var conditions: [String: [String]] = [:]
            for part in line.split(separator: ",") {
                guard let equals = part.firstRange(of: "==\""), let end = part.lastIndex(of: "\""),
                    end >= equals.upperBound
                else { continue }
                let key = String(part[..<equals.lowerBound]).trimmedBlanks
                conditions[key] = part[equals.upperBound..<end].split(separator: "|").map(String.init)
            }
            guard conditions["SUBSYSTEM"] == ["net"], line.contains("NAME=\"\(stem)") else { continue }
            lines.append(Line(conditions: conditions))
        }
    }

    /// The patterns of product ids, for messages.
    package var products: [String] { lines.flatMap { $0.conditions["ENV{ID_MODEL_ID}"] ?? ["any"] } }

    /// Whether the controller gives the link of a node with this identity its name.
    func recognises(_ identity: GadgetIdentity) -> Bool { recognises(identity, model: GadgetIdentity.model) }

    func recognises(_ identity: GadgetIdentity, model: String) -> Bool {
        // udev's ID_NET_NAME_MAC is "enx" and the address without colons.
        let address = "enx" + GadgetIdentity.controllerAddress.replacing(":", with: "") + "01"
        return lines.contains { line in
            line.allows("ENV{ID_VENDOR_ID}", GadgetIdentity.vendor) && line.allows("ENV{ID_MODEL_ID}", identity.product)
                && line.allows("ENV{ID_MODEL}", model) && line.allows("ENV{ID_NET_NAME_MAC}", address)
        }
    }
}
