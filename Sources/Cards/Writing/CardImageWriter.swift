package import Bases
import Blocks
package import Images
package import Reports
import Synchronization

/// Writes slots straight to cards, all of them in the same two passes over the base.
///
/// A request's path names its card. What `ImageWriter` says of files that appear whole holds for cards by their partition
/// table, which comes last.
package final class CardImageWriter: ImageWriter {
    package let pathExtension = "img"
    /// What each image's file systems use must be known: the rest is not written.
    package let isMapping = true

    private let cards: [String: any CardMedium]
    /// What lies on them now; of importance where only what differs is written.
    private let labels: [String: CardLabel]
    private let isChangedOnly: Bool
    private let isGrowing: Bool
    private let outcomes = SharedOutcomes()

    /// `cards`: by the paths that the requests name. `growing`: whether the root partition shall fill each card.
    package init(
        _ cards: [String: any CardMedium], labels: [String: CardLabel] = [:], changedOnly: Bool = false,
        growing: Bool = false
    ) {
        self.cards = cards
        self.labels = labels
        isChangedOnly = changedOnly
        isGrowing = growing
    }

    /// What happened to a card that was finished.
    package func outcome(of path: String) -> CardOutcome? { outcomes.value.withLock { $0[path] } }

    package func write(
        _ requests: [ImageRequest], from base: BaseImage, observe: @escaping Progress.Observer,
        finished: @escaping @Sendable (Int, Result<WrittenImage, ForgeError>) -> Void
    ) {
        let origin: String
        do throws(BlockError) {
            if let label = try CardLabel.read(from: base.reader) {
                origin = label.base
            } else {
                origin = try CardLabel.fingerprint(of: base.reader).description
            }
        } catch {
            for position in requests.indices { finished(position, .failure(ForgeError(error))) }
            return
        }
        var known: [(position: Int, request: CardRequest)] = []
        for (position, request) in requests.enumerated() {
            if let medium = cards[request.path] {
                let card = CardRequest(
                    name: request.name, medium: medium, label: labels[request.path], patch: request.patch,
                    used: request.used)
                known.append((position, card))
            } else {
                let error = ForgeError(.bug, "could not write slot \(request.name): no card was opened for it")
                finished(position, .failure(error))
            }
        }
        let positions = known.map(\.position)
        let run = FlashSession(
            base: base.reader, requests: known.map(\.request), origin: origin, isChangedOnly: isChangedOnly,
            isGrowing: isGrowing, wantsDigest: true, baseFile: base.origin)
        run.run(observe: observe) { [outcomes] index, result in
            let position = positions[index]
            finished(
                position,
                result.flatMap { outcome in
                    guard let digest = outcome.digest else {
                        return .failure(ForgeError(.bug, "\(requests[position].path) was written without a digest"))
                    }
                    outcomes.value.withLock { $0[requests[position].path] = outcome }
                    return .success(WrittenImage(byteCount: outcome.imageByteCount, digest: digest))
                })
        }
    }
}

/// By the paths of the cards.
private final class SharedOutcomes: Sendable {
    let value = Mutex<[String: CardOutcome]>([:])
}
