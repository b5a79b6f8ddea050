#!/bin/sh
# Boots a Debian kernel package under qemu (software emulation, about 15 s, no root file system) and records
# its /proc with record.sh as testdata/NAME.
# usage: record-kernel.sh LINUX_IMAGE.deb BUSYBOX_STATIC.deb NAME CGROUP [KERNEL ARGUMENTS]      CGROUP: 1 or 2
# needs: qemu-system-x86_64, dpkg-deb, depmod, modprobe, cpio, mke2fs; the packages come from "apt-get download"
set -eu
here=$(cd "$(dirname "$0")" && pwd)
name=$3 cgroup=$4 arguments=${5:-}
w=$(mktemp -d)
trap 'rm -rf "$w"' EXIT
dpkg-deb -x "$1" "$w/k"
dpkg-deb -x "$2" "$w/b"
version=$(ls "$w/k/lib/modules")
depmod -b "$w/k" "$version"
r=$w/r
mkdir -p "$r/bin" "$r/m" "$r/proc" "$r/sys" "$r/dev" "$r/tmp" "$r/mnt" "$r/rec/testdata"
cp "$w/b/bin/busybox" "$r/bin/"
cp "$here/record.sh" "$r/rec/"
for m in virtio_pci virtio_blk virtio_net ext4 tcp_diag nf_conntrack; do
  modprobe -S "$version" -d "$w/k" --show-depends $m 2>/dev/null | awk '$1 == "insmod" { print $2 }'
done | awk '!seen[$0]++' | while read -r f; do
  cp "$f" "$r/m/"
  echo "/m/$(basename "$f")" >> "$r/m/list"
done
cat > "$r/init" <<EOF
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
while read m; do insmod \$m; done < /m/list
if [ $cgroup = 2 ]; then mount -t cgroup2 cgroup2 /sys/fs/cgroup
else
  mount -t tmpfs cgroup /sys/fs/cgroup
  for c in cpu memory blkio pids; do mkdir /sys/fs/cgroup/\$c; mount -t cgroup -o \$c cgroup /sys/fs/cgroup/\$c; done
fi
mount -t ext4 /dev/vda /mnt; mount -t tmpfs tmpfs /tmp; mkswap /dev/vdc; swapon /dev/vdc
ip link set lo up; ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0
sleep 3
dd if=/dev/zero of=/mnt/f bs=64k count=2000 conv=fsync &
(i=0; while [ \$i -lt 60 ]; do nc -w1 127.0.0.1 1 </dev/null; ping -c1 -W1 10.0.2.2; i=\$((i+1)); done) &
sh /rec/record.sh $name
tar cf /dev/vdb -C /rec/testdata .
sync; poweroff -f
EOF
chmod +x "$r/init"
(cd "$r" && find . | cpio -o -H newc --quiet | gzip -1) > "$w/initrd"
truncate -s 300M "$w/vda" "$w/vdc"
truncate -s 8M "$w/vdb"
mke2fs -q -t ext4 "$w/vda"
timeout 200 qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 512 -nographic -no-reboot \
  -kernel "$w"/k/boot/vmlinuz-* -initrd "$w/initrd" -append "console=ttyS0 quiet $arguments" \
  -drive file="$w/vda",if=virtio,format=raw -drive file="$w/vdb",if=virtio,format=raw -drive file="$w/vdc",if=virtio,format=raw \
  -netdev user,id=n,restrict=on -device virtio-net-pci,netdev=n > "$w/log" 2>&1 </dev/null
tar xf "$w/vdb" -C "$here/testdata"
