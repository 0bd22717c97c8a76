#!/bin/bash
# Boots a systemd of its own in namespaces, over a copy-on-write view of this machine that lies in memory. It changes
# nothing outside but for a cgroup, which its caller makes before and removes after.
#
#   boot_systemd.sh CGROUP FOLDER PROJECT PYTHON
#
# FOLDER takes the mounts; what is in FOLDER/files is copied over the view. PROJECT is at /opt/lockstep in it, and
# PYTHON, a folder with bin/ and lib/, at /opt/python.
set -eu
if [ "$1" != --inside ]; then
    echo $$ >"$1/cgroup.procs"
    shift
    exec unshare --mount --pid --fork --uts --ipc --net --cgroup --kill-child=KILL "$0" --inside "$@"
fi
folder=$2 project=$3 python=$4
mount --make-rprivate /
mkdir -p "$folder/upper" "$folder/view"
mount -t tmpfs tmpfs "$folder/upper"
mkdir "$folder/upper/files" "$folder/upper/work"
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/upper/files,workdir=$folder/upper/work" "$folder/view"
view=$folder/view
mount -t proc proc "$view/proc"
mount -t sysfs sysfs "$view/sys" -o ro
mount -t cgroup2 cgroup2 "$view/sys/fs/cgroup"
mount -t tmpfs tmpfs "$view/dev" -o mode=755
for device in null zero full random urandom tty; do
    touch "$view/dev/$device"
    mount --bind "/dev/$device" "$view/dev/$device"
done
mkdir "$view/dev/shm" "$view/dev/mqueue" "$view/dev/pts" "$view/dev/hugepages"
ln -s pts/ptmx "$view/dev/ptmx"
mount -t devpts devpts "$view/dev/pts" -o newinstance,ptmxmode=0666
mount -t tmpfs tmpfs "$view/dev/shm" -o mode=1777
mount -t mqueue mqueue "$view/dev/mqueue"
rm -rf "$view/etc/systemd/system"
for place in etc/systemd/system opt/lockstep opt/python; do mkdir -p "$view/$place"; done
for place in run tmp var/tmp var/log; do mount -t tmpfs tmpfs "$view/$place" -o mode=1777; done
mount --bind "$project" "$view/opt/lockstep"
mount --bind "$python" "$view/opt/python"
cp -r "$folder/files/." "$view/"
cd "$view"
mkdir -p old
pivot_root . old
umount -l /old
mount --make-rshared / # systemd hands credentials to a service by a mount, which must reach the others
exec env -i container=lockstep-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --system --unit=basic.target --log-target=journal --show-status=0
