# shellcheck shell=bash
# nfs-server.sh - an NFS server in user space (nfs-ganesha), for kernels without one. It is
# for network, mount and process namespaces of the caller's own: it takes port 2049 and
# /run, and ends with them.

# start_nfs_server WORKDIR VERSIONS NAME=FOLDER[:ro]...: returns when it answers.
# VERSIONS is "4" or "3,4"; version 3 also needs rpcbind.
start_nfs_server() {
	local work=$1 versions=$2
	shift 2
	mkdir -p "$work/recovery"
	write_nfs_configuration "$work" "$versions" "$@" > "$work/ganesha.conf"
	if [ "$versions" != 4 ]; then
		mount -t tmpfs -o mode=755 tmpfs /run
		mkdir -p /run/rpcbind
		rpcbind -f -w > "$work/rpcbind.log" 2>&1 &
		for _ in {1..50}; do [ ! -S /run/rpcbind.sock ] || break; sleep 0.1; done
	fi
	ganesha.nfsd -F -f "$work/ganesha.conf" -L "$work/ganesha.log" -p "$work/ganesha.pid" > "$work/ganesha.txt" 2>&1 &
	for _ in {1..150}; do
		if (exec 3<> /dev/tcp/127.0.0.1/2049) 2> /dev/null; then return 0; fi
		sleep 0.1
	done
	cat "$work/ganesha.txt" "$work/ganesha.log" >&2
	return 1
}

write_nfs_configuration() { # WORKDIR VERSIONS NAME=FOLDER[:ro]...
	local work=$1 versions=$2 exported folder access number=10
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
	for exported in "$@"; do
		folder=${exported#*=} access=RW number=$((number + 1))
		case $folder in *:ro) folder=${folder%:ro} access=RO ;; esac
		cat <<-END
			EXPORT {
				Export_Id = $number;
				Path = $(realpath "$folder");
				Pseudo = ${exported%%=*};
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
