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

# build_release PACKAGE: each in a build of its own, so that no package gets features that only another needs.
build_release() {
    local package=$1 program
    program=$root/target/$target/release/$package
    # Its TLS has some C and assembler.
    [ "$package" != sidecar-injector ] || needs musl-gcc=musl-tools
    step "building the static release binary of $package"
    cargo build "${cargo_output[@]}" --release --target "$target" --package "$package"
    printf '%s: %s bytes\n' "${program#"$root"/}" "$(stat -c %s "$program")"
}

# All three programs. The injector takes longest, and its last minutes one core: it comes first.
build_releases() {
    build_release sidecar-injector
    build_release istio-cni
    build_release istio-iptables
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
