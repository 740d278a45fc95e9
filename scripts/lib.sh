# shellcheck shell=bash
# Sourced by the scripts beside it: their help, and what is missing of a list of Debian
# packages, installed.

# For a script that is given --help or -h: prints the comment at its head and ends it.
help_if_asked() {
  local word
  for word in "$@"; do
    if [[ $word != --help && $word != -h ]]; then continue; fi
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "scripts/$(basename "$0")"
    exit 0
  done
}

# The names in the given lists, one a line.
listed_packages() {
  sed 's/#.*//' "$@" | grep -o '[^[:space:]]*'
}

missing_packages() {
  comm -23 <(listed_packages "$@" | sort -u) \
    <(dpkg-query -W -f '${Package} ${db:Status-Status}\n' 2>/dev/null |
      sed -n 's/ installed$//p' | sort -u)
}

# Installs what is missing of the lists, as root or where sudo asks for no password; else
# prints the command to run and exits with 2. Where there is no dpkg nothing is checked:
# CMake names what it does not find.
require_packages() {
  if ! command -v dpkg-query >/dev/null; then
    echo "no Debian packages here; see $* for what is needed" >&2
    return
  fi
  local missing
  mapfile -t missing < <(missing_packages "$@")
  if ((${#missing[@]} == 0)); then return; fi

  local as_root=(env DEBIAN_FRONTEND=noninteractive)
  if (($(id -u) != 0)); then
    if ! sudo -n true 2>/dev/null; then
      echo "packages are missing; install them with" >&2
      echo "  sudo apt-get install --no-install-recommends ${missing[*]}" >&2
      exit 2
    fi
    as_root=(sudo -n "${as_root[@]}")
  fi
  echo "installing ${#missing[@]} packages: ${missing[*]}"
  local apt=(apt-get -q -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300)
  "${as_root[@]}" "${apt[@]}" update
  "${as_root[@]}" "${apt[@]}" install -y --no-install-recommends "${missing[@]}"
}
