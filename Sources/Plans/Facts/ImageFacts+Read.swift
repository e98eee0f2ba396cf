package import Trees

extension ImageFacts {
    /// Looks at everything that a plan with these settings can need; reads small files only and changes nothing.
    package static func read(
        boot: any Volume, root: any Volume, for settings: Settings = Settings(), diskID: UInt32? = nil
    ) throws(PlanError) -> ImageFacts {
        var reader = FactsReader(boot: boot, root: root)
        reader.facts.diskID = diskID
        try reader.readBoot()
        try reader.readSystem()
        try reader.readClusterCTRL()
        try reader.readUnits(settings)
        try reader.readUsers(settings)
        try reader.readNetwork()
        try reader.readNetboot()
        try reader.readLocale(settings)
        for file in settings.files { try reader.look(file.target.partition, file.target.path) }
        return reader.facts
    }
}
