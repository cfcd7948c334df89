"""A virtual machine with a kernel that has Bluetooth and USB, this computer's files and nothing of its hardware.

    python tests/system/machine.py prepare               fetch the kernel by apt and unpack it; once
    python tests/system/machine.py run FOLDER COMMAND…   run a command in it, as root, here

The guest sees this computer's files beneath a layer in its memory, so the command finds its Python, its
packages and its bluetoothd as here and changes nothing. ``FOLDER`` is its ``/mnt/results``: there the
command's ``output`` and ``status`` come to lie, the kernel's ``console`` and ``bluetoothd.log``. KVM is not
used, and nothing is installed: Debian's kernel package is only unpacked. It is Linux 6.12, since 6.1 crashes now and then when a connect fails (in ``l2cap_conn_free``).
"""

import argparse
import gzip
import lzma
import os
import platform
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

CHECKOUT = Path(__file__).parents[2]
CACHE = CHECKOUT / ".cache" / "system-vm"
KERNEL = CACHE / "vmlinuz"
INITRAMFS = CACHE / "initramfs.gz"
KERNEL_PACKAGES = ("linux-image-6.12-amd64", "linux-image-amd64")
"""Debian 12's name for Linux 6.12, and Debian 13's."""

BLUETOOTHD = "/usr/libexec/bluetooth/bluetoothd"
PROGRAMS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "busybox": "busybox-static",
    "cpio": "cpio",
    "depmod": "kmod",
    "dbus-daemon": "dbus",
    BLUETOOTHD: "bluez",
}
SEARCH_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
UNPREPARED = 3
"""The exit code when something is missing; what it is, is said on the standard output."""

MODULES = (
    "virtio_pci",
    "virtio_rng",
    "9p",
    "9pnet_virtio",
    "overlay",
    # Before ecdh_generic, which pairing uses and which tests itself with them.
    *("hmac", "sha512_generic", "sha256_generic", "jitterentropy_rng", "drbg", "ctr"),
    *("cmac", "ecb", "algif_hash", "algif_skcipher"),
    *("bluetooth", "hci_vhci", "uhid"),
    *("xhci_pci", "ftdi_sio"),
)

ADAPTERS = (("HUB", "wire"), ("DEVICE", "wired"), ("0001", "nothing"), ("0001", "nowhere"))
"""USB serial adapters by serial number: two wired to each other, and two that are told apart by their sockets."""

INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in $(cat /modules/order); do
    insmod /modules/$module || echo "the module $module was not loaded"
done
over=trans=virtio,version=9p2000.L,msize=512000
mount -t 9p -o ro,cache=loose,$over host /host
mount -t tmpfs upper /upper
mkdir /upper/files /upper/work
mount -t overlay -o lowerdir=/host,upperdir=/upper/files,workdir=/upper/work merged /merged
mkdir -p /merged/mnt/results
mount -t 9p -o $over results /merged/mnt/results
mount -o move /dev /merged/dev
umount /sys /proc
exec switch_root /merged /bin/sh /mnt/results/start
"""

START = """#!/bin/sh
# The first process of the guest's real root.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/run LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
mount -t proc proc /proc
mount -t sysfs sys /sys
for folder in /run /var/lib/bluetooth /dev/shm; do
    mkdir -p $folder
    mount -t tmpfs tmpfs $folder
done
mkdir -p /run/dbus
ln -s /proc/self/fd /dev/fd
busybox ip link set lo up
dbus-daemon --system --fork --nopidfile
# As its systemd unit would: a test may end it.
while :; do
    {bluetoothd} --nodetach
    sleep 1
done >/mnt/results/bluetoothd.log 2>&1 &
cd {folder} || exit
{command} >/mnt/results/output 2>&1
echo $? >/mnt/results/status
sync
echo o >/proc/sysrq-trigger
while :; do sleep 1; done
"""


class Unprepared(Exception):
    """Something is missing that only the person at the computer can bring."""


def prepare() -> None:
    """Make the kernel and its first file system, where they are not there yet or this file has changed."""
    check_programs()
    if INITRAMFS.exists() and INITRAMFS.stat().st_mtime > Path(__file__).stat().st_mtime:
        return
    shutil.rmtree(CACHE, ignore_errors=True)
    unpacked = CACHE / "unpacked"
    unpacked.mkdir(parents=True)
    package = kernel_package()
    subprocess.run(["apt-get", "download", "-qq", package], cwd=CACHE, check=True)
    (archive,) = CACHE.glob("*.deb")
    subprocess.run(["dpkg-deb", "-x", archive, unpacked], check=True)
    archive.unlink()
    (modules,) = next(path for path in unpacked.glob("**/lib/modules") if path.is_dir()).iterdir()
    subprocess.run(
        [program("depmod"), "-b", modules.parents[2], modules.name], check=True, stderr=sys.stdout
    )
    (kernel,) = unpacked.glob("boot/vmlinuz-*")
    kernel.rename(KERNEL)
    # Last: its date says that everything is there.
    write_initramfs(modules)
    shutil.rmtree(unpacked)


def run(results: Path, command: list[str]) -> NoReturn:
    """Become the machine, which ends with the command."""
    check_programs()
    if not INITRAMFS.exists():
        raise Unprepared(f"run first: {shlex.join([sys.executable, __file__, 'prepare'])}")
    (results / "start").write_text(
        START.format(
            bluetoothd=BLUETOOTHD, folder=shlex.quote(str(Path.cwd())), command=shlex.join(command)
        )
    )
    qemu = [program("qemu-system-x86_64"), *("-M", "q35"), *("-m", "1024"), *("-smp", "2")]
    # KVM differs from computer to computer, and refuses inside many virtual ones.
    qemu += ["-accel", "tcg,thread=multi", "-cpu", "max,la57=off"]
    qemu += ["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]
    qemu += ["-serial", f"file:{results / 'console'}"]
    qemu += ["-kernel", str(KERNEL), "-initrd", str(INITRAMFS), "-append"]
    qemu += [
        "console=ttyS0 loglevel=4 panic=-1 mitigations=off nokaslr random.trust_cpu=on audit=0"
    ]
    shared = "security_model=none"
    qemu += ["-fsdev", f"local,id=host,path=/,readonly=on,multidevs=remap,{shared}"]
    qemu += ["-device", "virtio-9p-pci,fsdev=host,mount_tag=host"]
    qemu += ["-fsdev", f"local,id=results,path={results},{shared}"]
    qemu += ["-device", "virtio-9p-pci,fsdev=results,mount_tag=results"]
    qemu += ["-device", "virtio-rng-pci", "-device", "qemu-xhci"]
    wire = f"path={results / 'wire'}"
    qemu += ["-chardev", f"socket,id=wire,{wire},server=on,wait=off"]
    qemu += ["-chardev", f"socket,id=wired,{wire}"]
    qemu += ["-chardev", "null,id=nothing", "-chardev", "null,id=nowhere"]
    for socket, (number, chardev) in enumerate(ADAPTERS, start=1):
        adapter = f"usb-serial,always-plugged=on,port={socket},serial={number},chardev={chardev}"
        qemu += ["-device", adapter]
    os.execv(qemu[0], qemu)  # noqa: S606 - whoever ends this process ends the machine


def check_programs() -> None:
    """Raises `Unprepared` with the packages to install."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        raise Unprepared("the virtual machine is for Linux on x86-64")
    missing = [
        package for name, package in PROGRAMS.items() if not shutil.which(name, path=SEARCH_PATH)
    ]
    if missing:
        raise Unprepared(f"Debian packages are missing: {' '.join(missing)}")


def kernel_package() -> str:
    """The package that today's name of the kernel stands for."""
    for name in KERNEL_PACKAGES:
        asked = subprocess.run(
            ["apt-cache", "depends", "--important", name],
            capture_output=True,
            text=True,
            check=False,
        )
        for line in asked.stdout.splitlines():
            _, _, package = line.partition("Depends: ")
            if package.startswith("linux-image-"):
                return package
    raise Unprepared(f"apt knows none of {', '.join(KERNEL_PACKAGES)}: run apt-get update")


def write_initramfs(modules: Path) -> None:
    """Busybox, the modules in the order to load them, and the script that goes on to the real root."""
    folder = CACHE / "initramfs"
    for name in ("bin", "modules", "proc", "sys", "dev", "host", "upper", "merged"):
        (folder / name).mkdir(parents=True)
    shutil.copy(program("busybox"), folder / "bin")
    listed = subprocess.run(
        [
            *(program("modprobe"), "-d", str(modules.parents[2]), "-S", modules.name),
            *("--show-depends", "--all", *MODULES),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    paths = [Path(line.split()[1]) for line in listed.splitlines() if line.startswith("insmod")]
    order = list(dict.fromkeys(paths))
    for path in order:
        data = lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()
        (folder / "modules" / path.name.removesuffix(".xz")).write_bytes(data)
    (folder / "modules" / "order").write_text(
        "".join(f"{path.name.removesuffix('.xz')}\n" for path in order)
    )
    (folder / "init").write_text(INIT)
    (folder / "init").chmod(0o755)
    names = "\n".join(str(path.relative_to(folder)) for path in [folder, *folder.rglob("*")])
    archive = subprocess.run(
        [program("cpio"), "--create", "--quiet", "--format=newc"],
        cwd=folder,
        input=names.encode(),
        capture_output=True,
        check=True,
    ).stdout
    INITRAMFS.write_bytes(gzip.compress(archive, 1))
    shutil.rmtree(folder)


def program(name: str) -> str:
    """The path of a program that `check_programs` has seen."""
    return shutil.which(name, path=SEARCH_PATH) or name


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    words = parser.add_subparsers(dest="word", required=True)
    words.add_parser("prepare")
    running = words.add_parser("run")
    running.add_argument("folder", type=Path)
    running.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    try:
        if arguments.word == "prepare":
            prepare()
            return 0
        run(arguments.folder.resolve(), arguments.command)
    except Unprepared as missing:
        sys.stdout.write(f"{missing}\n")
        return UNPREPARED


if __name__ == "__main__":
    sys.exit(main())
