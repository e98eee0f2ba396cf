/// What a base brings that would undo the profile later.
extension Planner {
    /// Things of the base that run on the first boot, after all that is done here.
    mutating func planFirstBoot() throws(PlanError) {
        if facts.exists(.boot, "/custom.toml"), !bringsBootFile("custom.toml") {
            try remove(on: .boot, "/custom.toml", reason: "it would set the base's name and user again")
            warn("the base's custom.toml is removed: it would undo the profile on the first boot")
        }
        if hasImagerScript {
            try remove(on: .boot, "/firstrun.sh", reason: "it would set the base's name and user again")
            warn("the base's firstrun.sh is removed: it would undo the profile on the first boot")
        }
        if facts.hasCloudInit, !bringsBootFile("user-data") {
            try put(
                "/etc/cloud/cloud-init.disabled", text: "", reason: "cloud-init would set hostname and hosts again")
        }
    }
}
