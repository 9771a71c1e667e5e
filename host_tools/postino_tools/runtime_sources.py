"""The sources of the runtime: MicroPython and mbedTLS from Debian, or the user's own MicroPython tree.

Both end as one pruned copy with mbedTLS in `lib/mbedtls`, as in MicroPython's own repository, so that the same make
rules build it and neither download nor the user's tree is ever written to.
"""

import hashlib
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

from postino_tools.progress import step

# The Debian release whose source packages are used: the first to carry MicroPython 1.25 or newer.
RELEASE = "trixie"
OLDEST_VERSION = (1, 25)
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

# What a build of the unix port reads.
TREE_PARTS = ("py", "extmod", "shared", "drivers", "tools", "lib", "mpy-cross", "ports/unix")
MBEDTLS_PARTS = ("include", "library", "3rdparty")
# Parts of `lib` that no build of the unix port reads and that are large or not in every tree.
UNUSED_LIBS = ("micropython-lib", "stm32lib", "nrfx", "pico-sdk", "tinyusb", "btstack", "lwip", "asf4", "nxp_driver")


class SourcesUnavailable(Exception):
    """No sources can be had on this machine; the message is one line for the user."""


def user_tree() -> Path | None:
    """Return the MicroPython tree that MPY_DIR names, None when it is not set. Raises SourcesUnavailable."""
    name = os.environ.get("MPY_DIR")
    if not name:
        return None
    tree = Path(name).expanduser().resolve()
    version = tree_version(tree)
    if version is None:
        raise SourcesUnavailable(f"MPY_DIR={name} is not a MicroPython tree")
    if version < OLDEST_VERSION:
        raise SourcesUnavailable(f"MPY_DIR={name} is MicroPython {version[0]}.{version[1]}; 1.25 or newer is needed")
    return tree


def tree_version(tree: Path) -> tuple[int, int] | None:
    """Return (major, minor) of a MicroPython tree, None when it is none."""
    try:
        text = (tree / "py" / "mpconfig.h").read_text(encoding="utf-8")
    except OSError:
        return None
    parts = re.findall(r"#define MICROPY_VERSION_(?:MAJOR|MINOR) (\d+)", text)
    return (int(parts[0]), int(parts[1])) if len(parts) >= 2 else None


def has_mbedtls(tree: Path) -> bool:
    """Say whether the tree brings its own mbedTLS, which is a submodule."""
    return (tree / "lib" / "mbedtls" / "library" / "ssl_tls.c").is_file()


def revision(downloads: Path, tree: Path | None) -> str:
    """Return a digest that changes whenever the sources do."""
    digest = hashlib.sha256()
    if tree is None or not has_mbedtls(tree):
        for tarball in _tarballs(downloads):
            digest.update(f"{tarball.name} {tarball.stat().st_size}\n".encode())
    if tree is not None:
        for path in _tree_files(tree):
            stat = path.stat()
            digest.update(f"{path.relative_to(tree)} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _tree_files(tree: Path) -> list[Path]:
    """List the files of a user's tree that take part in a build."""
    found = []
    for part in TREE_PARTS:
        for folder, folders, files in os.walk(tree / part):
            folders[:] = sorted(set(folders) - set(_ignored(folder, folders)))
            found += [Path(folder) / name for name in sorted(files)]
    return [path for path in found if path.is_file()]


def _ignored(folder: str, names: list[str]) -> list[str]:
    """Name what is not copied from `folder`: build products, repositories, libraries of other ports."""
    in_lib = os.path.basename(folder) == "lib"
    # Not all that begins with "build": mbedTLS has a header of the name build_info.h.
    products = (".git", "build-", "__pycache__")
    return [name for name in names if name == "build" or name.startswith(products) or (in_lib and name in UNUSED_LIBS)]


def fetch(downloads: Path) -> None:
    """Download the Debian sources into `downloads` unless they are there. Raises SourcesUnavailable."""
    state = downloads / "apt"
    # The state is there until the downloads are whole and verified: after an interruption apt-get goes on with them.
    if len(_tarballs(downloads)) == 2 and not state.exists():
        return
    if not shutil.which("apt-get"):
        raise SourcesUnavailable("the MicroPython sources come from Debian; without apt-get, set MPY_DIR to a tree")
    for folder in (state / "lists" / "partial", state / "cache" / "archives" / "partial"):
        folder.mkdir(parents=True, exist_ok=True)
    signed = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
    (state / "sources.list").write_text(f"deb-src {signed}{_debian_mirror()} {RELEASE} main\n", encoding="utf-8")
    with step("runtime: fetching the MicroPython and mbedTLS sources"):
        _apt_get(downloads, "update")
        _apt_get(downloads, "source", "--download-only", "micropython", "mbedtls")
    if len(_tarballs(downloads)) != 2:
        raise SourcesUnavailable(f"Debian {RELEASE} did not deliver the sources of micropython and mbedtls")
    shutil.rmtree(state)


def _tarballs(downloads: Path) -> list[Path]:
    return sorted(downloads.glob("*.orig.tar.*z*"))


def _debian_mirror() -> str:
    """Return the address of the Debian archive that this machine already uses. Raises SourcesUnavailable."""
    listing = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(COMPONENT) $(ORIGIN) $(SUITE)", "Identifier: Packages"],
        capture_output=True,
        text=True,
        check=False,
    )
    rows = [line.split() for line in listing.stdout.splitlines()]
    mirrors = [row[0] for row in rows if row[1:2] == ["main"] and row[0].rstrip("/").endswith("/debian")]
    mirrors += [row[0] for row in rows if row[1:3] == ["main", "Debian"] and "security" not in row[0]]
    if not mirrors:
        raise SourcesUnavailable("no Debian archive in the apt sources of this machine; set MPY_DIR to a tree")
    return mirrors[0]


def _apt_get(downloads: Path, *arguments: str) -> None:
    """Run apt-get on a private state, as any user. Signatures are verified as always. Raises SourcesUnavailable."""
    state = downloads / "apt"
    options = {
        "Dir::Etc::sourcelist": state / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::lists": state / "lists",
        "Dir::Cache": state / "cache",
        # The files belong to whoever runs this, where apt's own user may not write.
        "APT::Sandbox::User": "",
    }
    command = ["apt-get", "-q", *(word for key, value in options.items() for word in ("-o", f"{key}={value}"))]
    run = subprocess.run([*command, *arguments], cwd=downloads, capture_output=True, text=True, check=False)
    errors = [line for line in run.stderr.splitlines() if line.startswith("E:")]
    if run.returncode or errors:
        reason = errors[0] if errors else f"apt-get {arguments[0]} failed"
        raise SourcesUnavailable(f"the MicroPython sources cannot be fetched: {reason}")


def prepare(target: Path, downloads: Path, tree: Path | None) -> None:
    """Make the copy that is built, at `target`. Raises SourcesUnavailable, OSError, tarfile.TarError."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    if tree is None:
        _unpack(next(t for t in _tarballs(downloads) if t.name.startswith("micropython")), target, TREE_PARTS)
    else:
        for part in TREE_PARTS:
            shutil.copytree(tree / part, target / part, ignore=_ignored, symlinks=True)
    if not has_mbedtls(target):
        mbedtls = next(t for t in _tarballs(downloads) if t.name.startswith("mbedtls"))
        _unpack(mbedtls, target / "lib" / "mbedtls", MBEDTLS_PARTS)
    # The make rules look for this file before they freeze anything; what it belongs to is not used.
    library = target / "lib" / "micropython-lib"
    library.mkdir(exist_ok=True)
    (library / "README.md").touch()


def _unpack(tarball: Path, target: Path, parts: tuple[str, ...]) -> None:
    """Unpack the folders `parts` of a source tarball, without its top folder."""
    target.mkdir(parents=True, exist_ok=True)
    with tarfile.open(tarball) as archive:
        # The first releases of Python 3.11 do not have filters yet, nor ask for one.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        for member in archive:
            _top, _slash, member.name = member.name.partition("/")
            if member.name.startswith(tuple(part + "/" for part in parts)):
                archive.extract(member, target)
