import ArgumentParser
import Forge
import Plans
import Reports

/// What the commands that are about a whole cluster share: where its profile is.
struct ClusterOptions: ParsableArguments {
    @OptionGroup var source: ProfileOption

    @Option(
        help: ArgumentHelp(
            "A setting for all slots besides the profile's, such as identity=/dev/fd/3. May be given several times.",
            valueName: "key=value"))
    var set: [String] = []

    @OptionGroup var answer: JSONOptions

    /// The profile without slots; `needsProfile` says so when there is none.
    func request(in environment: Environment, needsProfile: Bool = true) throws(ForgeError) -> Request {
        let request = try Request(
            profilePath: source.path, flags: Request.assignments(set), environment: environment.variables)
        guard request.profile != nil || !needsProfile else {
            throw ForgeError(
                .usage, "could not find the cluster: no profile was named, and there is no ./\(Profile.defaultPath)",
                hint: "add --profile FILE, or write one with piforge init")
        }
        return request
    }
}

/// Where machines are that the profile does not know of.
struct AddressOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where a slot is reached, instead of what the profile says: cnat=192.168.1.20. May be given several times.",
            valueName: "slot=host"), completion: .slotPairs())
    var address: [String] = []
}
