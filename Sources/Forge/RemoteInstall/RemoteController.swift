import Fleet
import FoundationEssentials
import Netboot
import Plans
import Reports
import Trees

/// What a controller without piforge says of itself, and the scripts by which it is changed; they take sh(1), tar and what
/// a Debian system always has.
struct RemoteController {
    private let shell: RemoteShell
    /// Its root folder.
    private let root: String

    init(_ shell: RemoteShell, root: String) {
        self.shell = shell
        self.root = root == "/" ? "" : root
    }

    var host: String { shell.host }

    /// What was found there.
    struct State {
        /// Where the trees lie, links resolved.
        var folder: String
        var exports: [UInt8]
        /// By what it recognises its nodes; nil when it has no such file.
        var rules: String?
        var activity: NodeActivity
        var space: FreeSpace
        /// Bytes of what is kept of the old trees.
        var keptByteCount: Int64
    }

    // MARK: Looking

    func look(_ slots: [Slot], keeping paths: [VolumePath]) throws(ForgeError) -> State {
        let kept = slots.flatMap { slot in paths.map { "\(slot.name)\($0)" } }
        let output = try shell.run(Self.functions + Self.lookScript, [root] + kept)
        var parts: [String: [[UInt8]]] = [:]
        for line in String(decoding: output, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 1).map(String.init)
            guard let name = words.first else { continue }
            parts[name, default: []].append(words.count > 1 ? Data(base64Encoded: words[1]).map(Array.init) ?? [] : [])
        }
        func text(_ name: String) -> String? { parts[name]?.first.map { String(decoding: $0, as: UTF8.self) } }
        func number(_ name: String) throws(ForgeError) -> Int64 {
            guard let number = text(name).flatMap({ Int64($0.filter(\.isNumber)) }) else {
                throw ForgeError(.inputOutput, "could not understand \(host): it does not say its \(name)")
            }
            return number
        }
        guard let folder = text("folder") else {
            throw ForgeError(
                .unavailable, "could not install netboot trees: \(root)\(NodeTreeFolder.all) is no folder of \(host)",
                hint: "name a CNAT or CBRIDGE controller, or its root folder with --root")
        }
        guard let devices = text("devices"), let connections = text("connections") else {
            throw ForgeError(
                .unavailable, "could not tell which nodes are running: \(host) does not show /proc/net",
                hint: "add --running when all nodes are switched off")
        }
        let clients = (parts["client"] ?? []).map { String(decoding: $0, as: UTF8.self) }
        return State(
            folder: folder, exports: parts["exports"]?.first ?? [], rules: text("rules"),
            activity: NodeActivity(devices: devices, connections: connections, clients: clients),
            space: FreeSpace(
                byteCount: try number("blocks").multipliedReportingOverflow(by: try number("blocksize")).partialValue,
                inodes: try number("inodes"), totalInodes: try number("allinodes")),
            keptByteCount: try number("kept"))
    }

    // MARK: Changing

    /// Starts to take a tar into a new folder beside a slot's tree.
    func receive(_ slot: Slot, in state: State, keeping paths: [VolumePath]) throws(ForgeError) -> RemoteRun {
        try shell.start(
            Self.functions + Self.receiveScript,
            [state.folder, slot.name] + paths.map { String($0.description.dropFirst()) })
    }

    /// Puts a folder that was received in the place of the slot's tree, in one step, with its manifest.
    func commit(_ tree: RemoteTree.Received, of slot: Slot, in state: State, manifest: [UInt8]) throws(ForgeError) {
        _ = try shell.run(
            Self.functions + Self.commitScript, [state.folder, slot.name, tree.inode, String(manifest.count)],
            input: manifest)
    }

    /// Removes a folder that was received and shall not be used.
    func drop(_ tree: RemoteTree.Received, of slot: Slot, in state: State) throws(ForgeError) {
        _ = try shell.run(Self.functions + Self.dropScript, [state.folder, slot.name, tree.inode])
    }

    /// Completes the exports, where they differ, and the boot folder.
    func complete(exports: [UInt8], old: [UInt8]) throws(ForgeError) {
        let isChanged = exports != old
        _ = try shell.run(
            Self.functions + Self.completeScript, [root, isChanged ? String(exports.count) : ""],
            input: isChanged ? exports : [])
    }
}

extension RemoteController {
    private static let functions = #"""
        set -eu
        umask 022
        export LC_ALL=C
        refuse() { echo "refused: $*" >&2; exit 3; }
        say() { printf '%s ' "$1"; base64 -w 0; echo; }
        # real FOLDER PATH: whether all folders on the way to PATH are folders of FOLDER, and no links
        real() {
            at=$1 rest=$2
            [ -d "$at" ] && [ ! -L "$at" ] || return 1
            while :; do
                case $rest in */*) ;; *) return 0 ;; esac
                at=$at/${rest%%/*} rest=${rest#*/}
                [ -d "$at" ] && [ ! -L "$at" ] || return 1
            done
        }
        there() { [ -e "$1" ] || [ -L "$1" ]; }
        # hold FOLDER: keeps it for this script; fails when another one has it
        hold() { exec 9<"$1"; flock -n 9; }

        """#

    private static let lookScript = #"""
        root=$1; shift
        folder=$(cd -P "$root/var/lib/clusterctrl/nfs" 2>/dev/null && pwd -P) || exit 0
        for tool in base64 tar flock find sha256sum stat tee; do
            command -v $tool >/dev/null || refuse "there is no $tool"
        done
        printf %s "$folder" | say folder
        for proc in "$root/proc" /proc; do [ ! -e "$proc/net" ] || break; done
        say devices <"$proc/net/dev"
        { cat "$proc/net/tcp"; cat "$proc/net/tcp6" 2>/dev/null || :; } | say connections
        for info in "$proc"/fs/nfsd/clients/*/info; do [ ! -r "$info" ] || say client <"$info"; done
        [ ! -e "$root/etc/exports" ] || say exports <"$root/etc/exports"
        rules=$root/etc/udev/rules.d/90-clusterctrl.rules
        [ ! -e "$rules" ] || say rules <"$rules"
        stat -f -c %a "$folder" | say blocks
        stat -f -c %S "$folder" | say blocksize
        stat -f -c %d "$folder" | say inodes
        stat -f -c %c "$folder" | say allinodes
        kept=0
        for path; do
            real "$folder" "$path" && there "$folder/$path" || continue
            size=$(du -s --apparent-size --block-size=1 "$folder/$path" | cut -f 1)
            kept=$((kept + size))
        done
        echo $kept | say kept

        """#

    private static let receiveScript = #"""
        set -f
        folder=$1 slot=$2; shift 2
        new=$folder/$slot.partial old=$folder/$slot
        # A run that was killed between two renames.
        if ! there "$old" && there "$old.old"; then mv -T "$old.old" "$old"; fi
        if there "$new"; then
            [ -d "$new" ] && [ ! -L "$new" ] || refuse "something that is no folder lies at $new"
            hold "$new" || refuse "another run is writing $new"
            rm -rf --one-file-system "$new"
        fi
        mkdir -m 700 "$new" || refuse "another run is writing $new"
        hold "$new"
        trap 'rm -rf --one-file-system "$new" "$new.failed"' EXIT
        trap 'exit 1' HUP INT TERM PIPE
        options="--numeric-owner --xattrs --xattrs-include=* --acls"
        take() { tar -x -f - -C "$new" --same-owner --same-permissions --warning=no-timestamp $options; }
        rm -f "$new.failed"
        sum=$({ tee /dev/fd/3 | { take >&2 || : >"$new.failed"; }; } 3>&1 | sha256sum)
        [ ! -e "$new.failed" ] || { echo "tar could not unpack the tree of $slot" >&2; exit 1; }
        for path; do
            if ! real "$old" "$path" || ! there "$old/$path"; then echo "missing /$path"; continue; fi
            odd=$(find "$old/$path" ! -type f ! -type d ! -type l -print -quit)
            [ -z "$odd" ] || refuse "could not keep $odd: only files, folders and links can be kept"
            at='' rest=$path
            while case $rest in */*) ;; *) false ;; esac; do
                at=$at${at:+/}${rest%%/*} rest=${rest#*/}
                if there "$new/$at"; then
                    [ -d "$new/$at" ] && [ ! -L "$new/$at" ] ||
                        refuse "could not keep /$path: in the new tree /$at is no folder, in the old one it is one"
                else
                    (cd "$old" && tar -c -f - --no-recursion $options -- "$at") | take
                fi
            done
            if there "$new/$path"; then
                kind() { if [ -d "$1" ] && [ ! -L "$1" ]; then echo folder; else echo none; fi; }
                [ "$(kind "$old/$path")" = "$(kind "$new/$path")" ] ||
                    refuse "could not keep /$path: in one tree it is a folder, in the other none"
            fi
            (cd "$old" && tar -c -f - $options -- "$path") | take
        done
        sync -f "$new"
        echo "sum ${sum%% *}"
        echo "inode $(stat -c %i "$new")"
        trap - EXIT

        """#

    /// `mv --exchange` is of coreutils 9.5. Before that the tree has no name for a moment; `receive` mends what was
    /// killed just then.
    private static let commitScript = #"""
        folder=$1 slot=$2 inode=$3 bytes=$4
        new=$folder/$slot.partial old=$folder/$slot manifest=$folder/$slot.manifest.json
        [ -d "$new" ] && [ ! -L "$new" ] && [ "$(stat -c %i "$new")" = "$inode" ] || refuse "$new is another one now"
        hold "$new" || refuse "another run is writing $new"
        while read -r _ _ _ _ point _; do
            case $point in
            "$old" | "$old"/*) refuse "could not replace $old: something is mounted at $point, whose files are not the tree's" ;;
            esac
        done </proc/self/mountinfo
        temporary=
        trap 'rm -f "$temporary"' EXIT
        trap 'exit 1' HUP INT TERM PIPE
        temporary=$(mktemp "$manifest.XXXXXX")
        cat >"$temporary"
        [ "$(stat -c %s "$temporary")" = "$bytes" ] || exit 1
        chmod 644 "$temporary"
        trap '' HUP INT TERM PIPE
        gone=
        if ! there "$old"; then
            mv -T "$new" "$old"
        elif mv --exchange -T "$new" "$old" 2>/dev/null; then
            gone=$new
        else
            gone=$old.old
            rm -rf --one-file-system "$gone"
            mv -T "$old" "$gone"
            mv -T "$new" "$old" || { mv -T "$gone" "$old"; exit 1; }
        fi
        mv -T "$temporary" "$manifest"
        sync -f "$folder"
        [ -z "$gone" ] || rm -rf --one-file-system "$gone"

        """#

    private static let dropScript = #"""
        new=$1/$2.partial
        [ -d "$new" ] && [ ! -L "$new" ] && [ "$(stat -c %i "$new")" = "$3" ] || exit 0
        hold "$new" || exit 0
        rm -rf --one-file-system "$new"

        """#

    private static let completeScript = #"""
        root=$1 bytes=$2
        if [ -n "$bytes" ]; then
            file=$(readlink -f "$root/etc/exports")
            temporary=
            trap 'rm -f "$temporary"' EXIT
            trap 'exit 1' HUP INT TERM PIPE
            temporary=$(mktemp "$file.XXXXXX")
            cat >"$temporary"
            [ "$(stat -c %s "$temporary")" = "$bytes" ] || exit 1
            chmod 644 "$temporary"
            if [ -e "$file" ]; then
                chown --reference="$file" "$temporary"
                chmod --reference="$file" "$temporary"
            fi
            sync "$temporary"
            mv -T "$temporary" "$file"
            trap - EXIT HUP INT TERM PIPE
        fi
        boot=$root/var/lib/clusterctrl/boot
        [ -d "$boot" ] || mkdir "$boot"
        if ! there "$boot/bootcode.bin"; then
            target=/boot/bootcode.bin
            [ ! -e "$root/boot/firmware/config.txt" ] || target=/boot/firmware/bootcode.bin
            ln -s "$target" "$boot/bootcode.bin"
        fi

        """#
}
