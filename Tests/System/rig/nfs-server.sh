# shellcheck shell=bash
# nfs-server.sh - an NFS server in user space (nfs-ganesha), for kernels without one. To be
# used in network and mount namespaces of the caller's own: port 2049 and /run are taken.

# start_nfs_server WORKDIR VERSIONS NAME=FOLDER[:ro]...: returns when it answers, and sets
# NFS_PROCESSES. VERSIONS is "4" or "3,4"; version 3 also needs rpcbind.
start_nfs_server() {
	local work=$1 versions=$2 tries
	shift 2
	mkdir -p "$work/recovery"
	NFS_PROCESSES=()
	write_nfs_configuration "$work" "$versions" "$@" > "$work/ganesha.conf"
	if [ "$versions" != 4 ]; then
		mount -t tmpfs -o mode=755 tmpfs /run
		mkdir -p /run/rpcbind
		rpcbind -f -w > "$work/rpcbind.log" 2>&1 &
		NFS_PROCESSES+=($!)
		for tries in {1..50}; do [ ! -S /run/rpcbind.sock ] || break; sleep 0.1; done
	fi
	ganesha.nfsd -F -f "$work/ganesha.conf" -L "$work/ganesha.log" -p "$work/ganesha.pid" > "$work/ganesha.txt" 2>&1 &
	NFS_PROCESSES+=($!)
	for tries in {1..150}; do
		if (exec 3<> /dev/tcp/127.0.0.1/2049) 2> /dev/null; then return 0; fi
		sleep 0.1
	done
	cat "$work/ganesha.txt" "$work/ganesha.log" >&2
	return 1
}

write_nfs_configuration() { # WORKDIR VERSIONS NAME=FOLDER[:ro]...
	local work=$1 versions=$2 export folder access number=10
	shift 2
	cat <<-END
		NFS_CORE_PARAM {
			Protocols = $versions;
			MNT_Port = 20048;
			Enable_NLM = false;
			Enable_RQUOTA = false;
			mount_path_pseudo = true; # one name in both versions
		}
		NFSV4 {
			Graceless = true;
			Only_Numeric_Owners = true;
			RecoveryBackend = fs;
			RecoveryRoot = $work/recovery;
		}
		NFS_KRB5 { Active_krb5 = false; }
		LOG { Default_Log_Level = EVENT; }
	END
	for export in "$@"; do
		folder=${export#*=} access=RW number=$((number + 1))
		case $folder in *:ro) folder=${folder%:ro} access=RO ;; esac
		cat <<-END
			EXPORT {
				Export_Id = $number;
				Path = $(realpath "$folder");
				Pseudo = ${export%%=*};
				Access_Type = $access;
				Squash = No_Root_Squash;
				SecType = sys;
				Protocols = $versions;
				Transports = TCP;
				PrivilegedPort = false;
				FSAL { Name = VFS; }
			}
		END
	done
}
