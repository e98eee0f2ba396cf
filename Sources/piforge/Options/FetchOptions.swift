import ArgumentParser
import Bases
import Forge
import Reports

/// What a command may ask of other machines.
struct FetchOptions: ParsableArguments {
    @Flag(help: "Ask no other machine: a base of an address must be in the cache (piforge fetch).")
    var offline = false

    /// What brings bases here. `profilePath` is the profile's, beside which `piforge.lock` lies.
    func fetch(
        in environment: Environment, cache: Cache, profilePath: String?
    ) -> BaseFetch { BaseFetch(options(in: environment, cache: cache, profilePath: profilePath)) }

    func options(in environment: Environment, cache: Cache, profilePath: String?) -> BaseFetch.Options {
        BaseFetch.Options(
            cache: cache, lockPath: BaseFetch.lockPath(besideProfile: profilePath), isOffline: offline,
            environment: environment.variables, note: { Output.note($0) })
    }
}
