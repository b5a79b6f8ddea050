# Runs a script in a clean root: a tmpfs with the system's programs, an empty /etc but for names and certificates, an
# empty home, and a bare clone of this repository in /src.git. Nothing that the script leaves outlives it.
# usage: unshare --mount --pid --fork --mount-proc --uts [--user --map-root-user] sh clean-root.sh ROOT BIN CLONE SCRIPT   BIN becomes /usr/local/bin
set -eu
hostname web1
root=$1 bin=$2 clone=$3 script=$4
mount -t tmpfs none "$root"
for d in bin sbin lib lib32 lib64 usr proc sys dev; do
  if [ -L "/$d" ]; then cp -P "/$d" "$root/"; elif [ -d "/$d" ]; then mkdir "$root/$d"; mount --rbind "/$d" "$root/$d"; fi
done
mkdir -p "$root/etc" "$root/var/lib" "$root/run" "$root/home/you" "$root/src.git" "$root/usr/local/bin"
mkdir -m 1777 "$root/tmp" "$root/var/tmp"
for f in passwd group hosts nsswitch.conf resolv.conf ssl os-release; do [ ! -e "/etc/$f" ] || cp -RL "/etc/$f" "$root/etc/"; done
mount --bind "$clone" "$root/src.git"
mount --bind "$bin" "$root/usr/local/bin"
for d in $(go env GOCACHE GOMODCACHE GOROOT); do
  if [ ! -d "$root$d/bin" ]; then mkdir -p "$d" "$root$d"; mount --bind "$d" "$root$d"; fi
done
export GOCACHE="$(go env GOCACHE)" GOMODCACHE="$(go env GOMODCACHE)" HOME=/home/you
cp "$script" "$root/script"
cd /
exec chroot "$root" sh -c 'cd "$HOME" && git config --global url.file:///src.git.insteadOf https://github.com/firewatch-agent/firewatch && git config --global safe.directory "*" && exec sh /script' < /dev/null
