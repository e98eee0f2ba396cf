package import Trees

/// Why no plan can be made for an image; every case has a message and, where something helps, a hint.
package enum PlanError: Error, Equatable, Sendable {
    // The image.
    case unreadable(Target, VolumeError)
    case tooLarge(Target, byteCount: Int64)
    /// No `VERSION_CODENAME`: no system of the Raspberry Pi OS family.
    case unknownRelease
    case unsupportedRelease(String)
    /// A supported release without 8086's tools; the paths that are missing.
    case notClusterCTRL(missing: [String])
    /// Neither 8086's nor Raspberry Pi OS.
    case notRaspberryPiOS
    /// The slot, and an image that is made for a ClusterHAT.
    case plainOfClusterCTRL(Slot)
    /// The slot, and an image that has become another kind of machine.
    case stockOfOtherRole(Slot)
    /// Of Raspberry Pi OS as published only the other kind of controller can be made.
    case bridgedOfStock(Slot)
    /// Raspberry Pi OS of a release before NetworkManager.
    case memberOfOldStock(Slot, String)
    /// The tree is for booting over USB, not for a card.
    case netbootTree
    /// Only nodes boot over USB.
    case netbootController(Slot)
    case missingInImage(String, purpose: String)
    /// The file that the firmware would read the kernel's line from; `namedBy`: the line of config.txt that names it, nil
    /// for cmdline.txt.
    case missingKernelLine(VolumePath, namedBy: String?)

    // A setting on this image.
    case noFirstUser
    case unknownUser(String, firstUser: String)
    case userNeedsPassword(String, firstUser: String)
    case invalidUserName(String)
    case noTimeZone(String)
    case noUnit(String)
    case unitWithoutInstall(String)
    case noWiFi(release: String)
    case bootCannotHold(Target, what: String)
    /// The boot partition is mounted there and hides what the root partition has below it.
    case hiddenByBoot(Target, mount: String)
    /// The first boot renames the user and moves the home folder.
    case movedHome(Target, from: VolumePath)
    /// What a setting needs is not there; the whole message.
    case unmet(String, hint: String)
    /// Two settings that cannot both hold.
    case contradiction(String, String)
    /// Two wishes for one target, or one inside the other; the reasons of both.
    case conflict(Target, String, String)
    case edit(EditError)
    /// A rule list that does not settle; a mistake of this program.
    case unstable(Target)
    /// A target that `ImageFacts` did not look at; a mistake of this program.
    case notLookedAt(Target)
}

extension PlanError {
    /// Whether it is this program's mistake and nobody else's.
    package var isInternal: Bool {
        switch self {
        case .unstable, .notLookedAt: true
        default: false
        }
    }

    package var message: String {
        switch self {
        case .unreadable(let target, let error): "could not read \(target): \(error)"
        case .tooLarge(let target, let count): "could not read \(target): \(count) bytes are too many for such a file"
        case .unknownRelease:
            "could not recognise the image: neither /etc/os-release nor /usr/lib/os-release names a release"
        case .unsupportedRelease("stretch"):
            "could not convert the image: stretch has reconfig-clusterhat, not reconfig-clusterctrl"
        case .unsupportedRelease(let name):
            "could not convert the image: \(name) is no release of Raspberry Pi OS that piforge knows"
        case .notClusterCTRL(let missing):
            "could not convert the image: it is no ClusterCTRL image, it lacks \(missing.joined(separator: ", "))"
        case .notRaspberryPiOS:
            "could not convert the image: it is neither Raspberry Pi OS (it has no /etc/rpi-issue) nor a ClusterCTRL image"
        case .plainOfClusterCTRL(let slot):
            "could not make \(slot), a plain machine: the image is 8086's, whose every machine has a part in a ClusterHAT"
        case .stockOfOtherRole(let slot):
            "could not make \(slot): the image is another kind of machine's already, as its /etc/default/clusterctrl says"
        case .bridgedOfStock(let slot):
            "could not make \(slot): plain Raspberry Pi OS becomes a controller of the kind cnat only"
        case .memberOfOldStock(let slot, let release):
            "could not make \(slot): a \(slot.role.rawValue) is made from plain Raspberry Pi OS since bookworm, and this is \(release)"
        case .netbootTree: "could not make a card: the image is a usbboot tree, its cmdline.txt has root=/dev/nfs"
        case .netbootController(let slot):
            "could not make a netboot tree for \(slot): a \(slot.isPlain ? "plain machine" : "controller") boots from its card"
        case .missingKernelLine(let path, let origin?):
            "could not give the kernel its arguments: the firmware reads them from boot:\(path) (\(origin)), "
                + "which is not there"
        case .missingKernelLine(let path, nil):
            "could not give the kernel its arguments: the image has no boot:\(path)"
        case .missingInImage(let path, let purpose): "could not \(purpose): the image has no \(path)"
        default: settingMessage
        }
    }

    private var settingMessage: String {
        switch self {
        case .noFirstUser: "could not set up the login: the image has no user with id 1000"
        case .unknownUser(let name, let first):
            "could not set up user \(name): the image has no such user, only \(first), and no userconf to rename it"
        case .userNeedsPassword(let name, let first):
            "could not rename user \(first) to \(name): userconf renames only together with a password"
        case .invalidUserName(let name):
            "could not use the user name \(name): userconf takes small letters, digits and -, 32 at most, a letter first"
        case .noTimeZone(let name): "could not set the time zone: the image has no /usr/share/zoneinfo/\(name)"
        case .noUnit(let name): "could not find the unit \(name): neither the image nor the profile's files have it"
        case .unitWithoutInstall(let name): "could not enable \(name): it has no [Install] section that says when"
        case .noWiFi(let release):
            "could not set up Wi-Fi: the \(release) image has neither NetworkManager nor wpa_supplicant"
        case .bootCannotHold(let target, let what): "could not put \(target): the boot partition stores no \(what)"
        case .hiddenByBoot(let target, let mount):
            "could not put \(target): the boot partition is mounted at \(mount) and hides it"
        case .movedHome(let target, let home):
            "could not put \(target): the first boot moves \(home) there and finds the place taken"
        case .unmet(let message, _): message
        case .contradiction(let a, let b): "could not plan: \(a) contradicts \(b)"
        case .conflict(let target, let a, let b): "could not plan \(target): \(a) contradicts \(b)"
        case .edit(let error): "\(error)"
        case .unstable(let target): "could not plan \(target): its rules do not settle"
        case .notLookedAt(let target): "could not plan \(target): nobody looked at it in the image"
        default: message
        }
    }

    /// What the user can do; nil where the message says it all.
    package var hint: String? {
        switch self {
        case .notClusterCTRL: "use one of 8086's ClusterCTRL images: CBRIDGE, CNAT or pN"
        case .unknownRelease, .notRaspberryPiOS:
            "use Raspberry Pi OS, or one of 8086's ClusterCTRL images: CBRIDGE, CNAT or pN"
        case .unsupportedRelease:
            "use Raspberry Pi OS of bookworm or trixie, or a ClusterCTRL image of buster, bullseye or bookworm"
        case .plainOfClusterCTRL: "use Raspberry Pi OS as it is published, or a slot such as cnat or p1"
        case .stockOfOtherRole: "use the image as it was downloaded"
        case .bridgedOfStock(let slot):
            "use cnat, or give \(slot) one of 8086's images by a `base` of its own; nodes may keep this one"
        case .memberOfOldStock: "use Raspberry Pi OS bookworm or trixie, or a ClusterCTRL image of that release"
        case .netbootTree: "use the CBRIDGE, CNAT or pN image of the same release"
        case .netbootController: "name nodes: --slot p1-p4"
        case .missingKernelLine(let path, .some): "remove that line from the base, or put boot:\(path) there"
        case .missingKernelLine(_, nil), .missingInImage("boot:/config.txt", _):
            "take the file from the image as downloaded"
        case .missingInImage("/usr/sbin/ifup", _): "install ifupdown in the base image"
        case .missingInImage("/usr/sbin/nft", _): "install nftables in the base image"
        case .missingInImage("/usr/sbin/clusterctrl", _):
            "leave `nodes_on` out, or give the controller one of 8086's images by a `base` of its own"
        case .noFirstUser: "name an existing user with `user`"
        case .unknownUser(_, let first): "use `user: \(first)`, or a base image with userconf (2022-04 or later)"
        case .userNeedsPassword(_, let first): "add `password_hash`, or keep `user: \(first)`"
        case .noTimeZone: "use a name such as Europe/Zurich"
        case .noUnit: "add the unit's file under `files`, or correct its name"
        case .unitWithoutInstall: "enable the unit that wants it"
        case .bootCannotHold: "leave owner and mode away, or put it on the root partition"
        case .hiddenByBoot(let target, let mount):
            "write boot:\(target.path.description.dropFirst(mount.utf8.count))"
        case .movedHome(_, let home): "put it below root:\(home)"
        case .unmet(_, let hint): hint
        case .conflict: "remove one of the two"
        case .edit(.rule(_, .configLineTooLong)): "split the setting into several lines"
        case .edit(.rule(_, .commandLineTooLong)): "use fewer kernel arguments"
        default: nil
        }
    }
}
