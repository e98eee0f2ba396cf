/// What one slot's image shall be, after defaults, the slot's own settings and flags are laid over each other.
///
/// Nil and empty mean "leave it as the base image has it". Values are validated before they come here. Each setting's
/// own file adds its property.
package struct Settings: Equatable, Sendable {
    /// By the setting's name; what is unset is not in it.
    private var values: [String: Stored] = [:]

    package init() {}

    subscript<S: Setting>(_ setting: S.Type) -> S.Value {
        get { values[S.name]?.value as? S.Value ?? S.unset }
        set { values[S.name] = newValue == S.unset ? nil : Stored(value: newValue) }
    }

    /// A value of any setting, equal to one of the same type.
    private struct Stored: Equatable, Sendable {
        let value: any Equatable & Sendable

        static func == (a: Stored, b: Stored) -> Bool { isEqual(a.value, b.value) }

        private static func isEqual<T: Equatable>(_ a: T, _ b: any Equatable) -> Bool { a == b as? T }
    }
}

// MARK: - The table

extension Settings {
    /// All settings, in the order of the reference and of planning.
    static let table: [any Setting.Type] = [
        HostnameSetting.self, SSHSetting.self, UserSetting.self, PasswordHashSetting.self, AuthorizedKeysSetting.self,
        PasswordLoginSetting.self, CgroupsSetting.self, KernelArgumentsSetting.self, GPUMemorySetting.self,
        ConfigSetting.self, TimeZoneSetting.self, LocaleSetting.self, KeyboardSetting.self, SwapSetting.self,
        WiFiSetting.self,
        UnitsSetting.self, FilesSetting.self, HostsSetting.self, PackagesSetting.self, RunSetting.self,
        DebsSetting.self, FirstBootSetting.self,
        NetworkSetting.self, DomainSetting.self, GroupsSetting.self, BaseSetting.self, AddressSetting.self,
        PeersSetting.self, DockerSetting.self, NodesOnSetting.self, SwarmSetting.self,
        IdentitySetting.self, IdentityGenerationSetting.self, HostKeyFileSetting.self,
        KeepIdentitySetting.self, RoleSetting.self, GadgetSetting.self,
    ]

    /// The setting that a key of the profile belongs to, with the key's row.
    static let byKey: [String: (setting: any Setting.Type, key: SchemaKey)] = Dictionary(
        table.flatMap { setting in setting.keys.map { ($0.name, (setting, $0)) } },
        uniquingKeysWith: { first, _ in first })

    /// The settings that the merged layers of one slot amount to.
    package init(_ layer: SettingsLayer) {
        self.init()
        for setting in Self.table { take(setting, from: layer) }
        addNeedsOfDocker()
    }

    private mutating func take<S: Setting>(_ setting: S.Type, from layer: SettingsLayer) {
        let entries = layer.entries(of: S.name)
        if !entries.isEmpty { self[setting] = S.value(of: entries) }
    }
}
