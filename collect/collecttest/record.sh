#!/bin/sh
# Records what the collectors read of this host, twice, one second apart, as testdata/NAME/{1,2}.
# usage: record.sh NAME      (README.md in testdata says which trees are there and where they come from)
set -eu
cd "$(dirname "$0")/testdata"
take() {
  d=$1/$2
  mkdir -p "$d/proc/net" "$d/proc/pressure" "$d/proc/sys/fs" "$d/proc/1" "$d/proc/self" "$d/sys/block"
  for f in stat loadavg meminfo vmstat schedstat diskstats net/dev net/snmp net/netstat net/sockstat pressure/cpu pressure/io pressure/memory sys/fs/file-nr 1/mountinfo self/mountinfo \
    sys/net/netfilter/nf_conntrack_count sys/net/netfilter/nf_conntrack_max; do
    [ -r "/proc/$f" ] || continue
    mkdir -p "$d/proc/$(dirname "$f")"
    cat "/proc/$f" > "$d/proc/$f"
  done
  n=0
  for p in /proc/[0-9]*; do
    [ $n -lt 12 ] || break
    mkdir -p "$d$p"
    cat "$p/stat" > "$d$p/stat" 2>/dev/null || rm -rf "$d$p"
    n=$((n + 1))
  done
  for b in /sys/block/*; do
    [ -e "$b" ] || continue
    mkdir -p "$d/sys/block/$(basename "$b")"
    echo > "$d/sys/block/$(basename "$b")/uevent"
  done
}
take "$1" 1
sleep 1
take "$1" 2
