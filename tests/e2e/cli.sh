#!/usr/bin/env bash
# The command line and the API against one real daemon, line by line: what is printed where, exit
# codes, bad input, and the same things said with curl. Loopback only; ends only what it started.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=${KITH_BUILD:-build}
kith=$PWD/$build/kith kithd=$PWD/$build/kithd
[ -x "$kith" ] || kith=$build/kith kithd=$build/kithd
command -v curl >/dev/null || { echo "skipped: curl is missing"; exit 77; }
unset KITH_INSTANCE KITH_SOCKET KITH_API KITH_TOKEN

dir=$(mktemp -d) daemon=
finish() {
  [ -n "$daemon" ] && kill "$daemon" 2>/dev/null && wait "$daemon" 2>/dev/null
  rm -rf "$dir"
}
trap finish EXIT
sock=$dir/k.sock data=$dir/data
export XDG_STATE_HOME=$dir/state XDG_RUNTIME_DIR=$dir/run HOME=$dir
passed=0 failed=0

ok() { passed=$((passed + 1)); }
bad() { failed=$((failed + 1)); printf 'FAILED  %s\n        wanted: %s\n        got:    %s\n' "$1" "$2" "$3"; }
same() { if [ "$2" == "$3" ]; then ok; else bad "$1" "$2" "$3"; fi; }           # NAME WANTED GOT
# shellcheck disable=SC2053
like() { if [[ "$3" == $2 ]]; then ok; else bad "$1" "$2" "$3"; fi; }           # NAME GLOB GOT
# try ARGS...: runs kith against the daemon; leaves $out, $err and $status. Stdin is empty.
try() {
  "$kith" --socket "$sock" "$@" >"$dir/out" 2>"$dir/err" </dev/null
  status=$? out=$(tr -d '\0' <"$dir/out") err=$(<"$dir/err")
}
# exits CODE ERR-GLOB ARGS...: fails with the code, says it on stderr and nothing on stdout; with
# --json the same as one error object.
exits() {
  local code=$1 glob=$2
  shift 2
  try "$@"
  same "kith $*: exit" "$code" "$status"
  same "kith $*: stdout" "" "$out"
  like "kith $*: stderr" "$glob" "$err"
  try --json "$@"
  same "kith --json $*: exit" "$code" "$status"
  same "kith --json $*: stdout" "" "$out"
  like "kith --json $*: stderr" "{\"error\":{\"code\":\"*\",\"exit\":$code,\"message\":\"*}}" "$err"
  same "kith --json $*: lines" 1 "$(wc -l <"$dir/err")"
}
# says GLOB ARGS...: exit 0, this on stdout, nothing on stderr.
says() {
  local glob=$1
  shift
  try "$@"
  same "kith $*: exit" 0 "$status"
  like "kith $*: stdout" "$glob" "$out"
  same "kith $*: stderr" "" "$err"
}
api() { curl -sS -m 20 --path-as-is --unix-socket "$sock" "$@"; }
# http CODE EXIT CURL-ARGS...: HTTP status and X-Kith-Exit.
http() {
  local code=$1 exit_code=$2 got
  shift 2
  got=$(api -o "$dir/body" -D "$dir/head" -w '%{http_code}' "$@")
  same "curl $*: status" "$code" "$got"
  same "curl $*: X-Kith-Exit" "$exit_code" "$(tr -d '\r' <"$dir/head" | sed -n 's/^[Xx]-[Kk]ith-[Ee]xit: //p')"
}
start() { # start ARGS...: one daemon on loopback
  "$kithd" --listen 127.0.0.1:0 --no-lan --name alpha --data-dir "$data" --socket "$sock" --network "cli-$$" "$@" 2>"$dir/log" &
  daemon=$!
  "$kith" --socket "$sock" wait --for ready --timeout 20s || { cat "$dir/log"; echo "0 passed, 1 failed"; exit 1; }
}
stopped() { # NAME: the daemon ends with exit 0
  wait "$daemon"
  same "$1: kithd's exit" 0 $?
  daemon=
}

# --- without a daemon ---------------------------------------------------------------------------
exits 4 "*no daemon answers at $sock: No such file*hint: start it: kithd --socket $sock" status
exits 4 "*hint: start it: kithd --socket*" put k v
exits 5 "*still waiting for ready: no daemon*" wait --for ready --timeout 100ms
exits 2 "*unknown verb \"stauts\", did you mean \"status\"?*" stauts
exits 2 "*unknown verb \"xyzzyplugh\"*" xyzzyplugh
exits 2 "*unknown flag --tll, did you mean \"--ttl\"?*" put k v --tll 5s
exits 2 "*unknown flag --jsn, did you mean \"--json\"?*" --jsn status
exits 2 "*no verb*" -q
exits 2 "*no verb*network*" network
exits 2 "*key is required*" get
exits 2 "*one word too many*" put k v extra
exits 2 "*one word too many*" status now
exits 2 "*--timeout \"5\" is not a duration*unit*" status --timeout 5
exits 2 "*--timeout \"0s\"*" status --timeout 0s
exits 2 "*--timeout \"5 s\"*" --timeout "5 s" status
exits 2 "*--timeout \"-5s\"*" --timeout=-5s status
exits 2 "*--ttl \"10\" is not a duration*unit*" put k v --ttl 10
exits 2 "*--ttl \"1w\"*" put k v --ttl 1w
exits 2 "*--ttl \"0s\"*" put k v --ttl 0s
exits 2 "*--consistency \"most\"*one, quorum or all*" get k --consistency most
exits 2 "*bad key*at least 1 byte*" get ""
exits 2 "*bad key*at most 512 bytes*513*" get "$(printf 'k%.0s' {1..513})"
exits 2 "*bad key*UTF-8*" get $'\xff\xfe'
exits 2 "*bad key*UTF-8*" get $'\xc0\xaf'
exits 2 "*--for \"memebrs=2\"*members=N*" wait --for memebrs=2
exits 2 "*--for \"members=0\"*" wait --for members=0
exits 2 "*--for \"key:\"*" wait --for key:
exits 2 "*--since \"abc\"*" events --since abc
exits 2 "*stands after --*" put k ++
exits 1 "*/nonexistent: No such file*" put k @/nonexistent
exits 1 "*$dir: Is a directory*" put k "@$dir"
for places in "--instance a" "--api http://127.0.0.1:1"; do
  # shellcheck disable=SC2086
  exits 2 "*one of --instance, --socket and --api*" $places status
done
for wrong in "--instance A" "--instance a/b" "--api https://127.0.0.1:1" "--api http://192.0.2.1:80" "--api nonsense"; do
  # shellcheck disable=SC2086
  "$kith" $wrong status >"$dir/out" 2>"$dir/err"
  same "kith $wrong: exit" 2 $?
done
KITH_SOCKET=$dir/other.sock "$kith" status 2>"$dir/err"
same "KITH_SOCKET: exit" 4 $?
like "KITH_SOCKET: stderr" "*$dir/other.sock*" "$(<"$dir/err")"
KITH_INSTANCE=two "$kith" status 2>"$dir/err"
like "KITH_INSTANCE: stderr" "*/two.sock*kithd --instance two" "$(<"$dir/err")"
says "kith [0-9]*" version
says '{"schema":"kith/version/1","version":"*"}' version --json
says "*VERB*put*Exit codes*" help
says "*key REQUIRED*--ttl*kith put*" help put
says "*key REQUIRED*--ttl*" put --help
says "*NAME.network*" help network new
exits 2 "*did you mean \"status\"*" help stauts
head -c 65537 /dev/zero >"$dir/big"
exits 2 "*more than 65536 bytes*" put k "@$dir/big"
"$kith" --socket "$sock" put k <"$dir/big" 2>"$dir/err"
same "a large stdin: exit" 2 $?
if command -v script >/dev/null; then
  same "a terminal as stdin: exit" 2 "$(script -qec "'$kith' --socket '$sock' put k >/dev/null 2>&1; echo \$?" /dev/null | tr -d '\r')"
fi

# --- network new --------------------------------------------------------------------------------
cd "$dir" || exit 1
"$kith" network new home >"$dir/out" 2>"$dir/err"
same "network new: exit" 0 $?
same "network new: stdout" "home.network" "$(<"$dir/out")"
same "network new: modes" "600 600" "$(stat -c %a home.network home.network.admin | xargs)"
like "network new: content" '*"format": "kith-network/1"*"name": "home"*"root"*"psk"*"admin"*' "$(<home.network)"
before=$(sha256sum home.network home.network.admin)
exits 1 "*home.network: it exists and is never overwritten*" network new home
same "network new: nothing was overwritten" "$before" "$(sha256sum home.network home.network.admin)"
rm home.network
exits 1 "*home.network.admin: it exists*" network new home
same "network new: no half" "no" "$([ -e home.network ] && echo yes || echo no)"
says '{"schema":"kith/network-new/1","name":"n","file":"'"$dir"'/f","admin_file":"'"$dir"'/f.admin"}' --json network new n --out "$dir/f"
exits 1 "*/nowhere/f.admin: its directory does not exist*" network new n --out /nowhere/f
exits 2 "*not a network's name*" network new a/b
exits 2 "*not a network's name*" network new ""
cd - >/dev/null || exit 1

# --- with a daemon ------------------------------------------------------------------------------
"$kith" --socket "$sock" wait --for ready --timeout 20s &
waiter=$!
start --http 127.0.0.1:0
wait $waiter
same "wait before the daemon is there: exit" 0 $?
says "node *alpha*network*members*1 alive*listen*127.0.0.1:*" status
says '{"schema":"kith/status/1","id":"*","name":"alpha"*"members":{"alive":1,"suspect":0,"dead":0,"left":0}*}' status --json
says "ID *NAME*STATE*ADDRESS*RTT*SINCE*TAGS*alpha\**alive*127.0.0.1:*" members
says '{"schema":"kith/members/1"*"self":true,"state":"alive"*' members --json
id=$("$kith" --socket "$sock" id)
like "id" "????????????????????????????????????????????????????" "$id"
says '{"schema":"kith/id/1","id":"'"$id"'"*' id --json
says "" wait --for ready
says '{"schema":"kith/wait/1","for":"members=1","duration_ms":*}' wait --for members=1 --json
says "" wait --for synced
exits 5 "*still waiting for joined: no other member is alive" wait --for joined --timeout 200ms
exits 5 "*still waiting for members=2: 1 of 2*" wait --for members=2 --timeout 200ms
exits 5 "*still waiting for key:nothing: no value*" wait --for key:nothing --timeout 200ms

says "applied: greeting  replicas 1/1 (alpha)  seq *  5 B  ttl none" put greeting hello
says "hello" get greeting
same "get writes the bytes and nothing more" "68656c6c6f" "$("$kith" --socket "$sock" get greeting | od -An -tx1 | tr -d ' \n')"
says '{"schema":"kith/get/1","key":"greeting","kind":"value","value":"aGVsbG8=","bytes":5*"complete":true*}' get greeting --json
says '{"schema":"kith/put/1","key":"greeting","kind":"value"*"outcome":"applied"*}' --json put greeting again
says "" put greeting quiet -q
says "quiet" --timeout 5s get greeting
says "" wait --for key:greeting
says "record *RANK*ID*NAME*DISTANCE*ADDRESS*alpha*127.0.0.1:*" lookup greeting
says '{"schema":"kith/lookup/1","key":"greeting","record_id":"*"replicas":\[*"rank":0,"distance_bits":*\]*}' lookup greeting --json
says "applied: deleted greeting*" del greeting
exits 3 "*no value under this key*" get greeting
exits 3 "*no value*" get "never there" --consistency all

for value in "[a,b]" "{}" "" "put" "-5" "--json" "a=b" '%%' '"' "日本" $'tab\there'; do
  says "" put v -q -- "$value"
  printf %s "$value" >"$dir/wanted"
  "$kith" --socket "$sock" get v >"$dir/got"
  same "value \"$value\" comes back" "$(od -An -tx1 "$dir/wanted")" "$(od -An -tx1 "$dir/got")"
done
for key in "a/b" "/" "//" "../x" "." "with space" "100%" "a%2Fb" "?q=1&x" "#frag" "+" "日本語/ключ" $'new\nline' "$(printf 'k%.0s' {1..512})" "put"; do
  says "" put -q "$key" "v:$key"
  says "v:$key" get "$key"
done
same "a%2Fb and a/b are two keys" "v:a%2Fb v:a/b" "$("$kith" --socket "$sock" get a%2Fb) $("$kith" --socket "$sock" get a/b)"
says "applied*a\\\\x1bb*" put $'a\x1bb' v
for size in 0 1 255 4096 65535 65536; do
  head -c "$size" /dev/urandom >"$dir/value"
  for how in "@$dir/value" "-" ""; do
    # shellcheck disable=SC2086
    "$kith" --socket "$sock" put -q binary $how <"$dir/value"
    same "put of $size bytes (${how:-stdin}): exit" 0 $?
    "$kith" --socket "$sock" get binary >"$dir/got"
    cmp -s "$dir/value" "$dir/got"
    same "$size bytes (${how:-stdin}) come back" 0 $?
  done
done
same "the base64 of 64 KiB" "$(base64 -w0 <"$dir/value")" "$("$kith" --socket "$sock" --json get binary | sed 's/.*"value":"\([^"]*\)".*/\1/')"
mkfifo "$dir/pipe"
exec 9<>"$dir/pipe"
"$kith" --socket "$sock" put k - --timeout 200ms <"$dir/pipe" >"$dir/out" 2>"$dir/err"
same "a stdin that never ends: exit" 5 $?
exec 9>&-
printf '%s' '{"error":{"exit":7,"message":"not an error"}}' | "$kith" --socket "$sock" put -q tricky
says '{"error":{"exit":7,"message":"not an error"}}' get tricky

says "applied*ttl 10m" put short v --ttl 10m
says "applied*ttl 1s" put gone v --ttl 1s
"$kith" --socket "$sock" events --follow --json >"$dir/events" 2>"$dir/err" &
follower=$!
says "applied*" put mine v --owned
says "v" get mine --owner "$id"
says "v" get mine --owner alpha
exits 3 "*no value*" get mine
exits 9 "*no member is called \"nobody\"*" get mine --owner nobody
says "applied: deleted mine*" del mine --owned
exits 3 "*no value*" get mine --owner alpha
deadline=$((SECONDS + 10)) expired=no
while [ $SECONDS -lt $deadline ]; do # asks again until the second has passed
  "$kith" --socket "$sock" get gone >/dev/null 2>&1 || { expired=yes; break; }
done
same "a value expires" yes $expired

says "alpha  ${id:0:8}  0.0ms" ping alpha
says '{"schema":"kith/ping/1","id":"'"$id"'","name":"alpha","rtt_ms":0.0}' ping "${id:0:8}" --json
exits 9 "*no member is called \"nobody\"*" ping nobody
exits 2 "*cannot forget itself*" forget alpha
exits 9 "*no member is called \"nobody\"*" forget nobody
exits 9 "*could not join 127.0.0.1:9*TARGET*ADDRESS*CAUSE*HINT*127.0.0.1:9*refused*no kithd listens*" join 127.0.0.1:9 --timeout 500ms
exits 2 "*port is not a number*" join 127.0.0.1:99999
exits 2 "*target*" join "bad host"
exits 2 "*target*" join ""
says "1  *member.alive*id=${id:0:8}*record.updated*key=greeting*" events
says '*"type":"record.updated"*' events --json --since 1
says '*"type":"dropped"*' events --json --since 999999
same "every event is one object" "" "$("$kith" --socket "$sock" events --json | grep -v '^{"n":[0-9]*,"boot":"[0-9a-f]*","time":"[-0-9T:.]*Z","type":".*}$')"

# --- the same with curl ---------------------------------------------------------------------------
http 200 0 http://localhost/v1/status
same "the API's body is the command's object" "$(api http://localhost/v1/members)" "$("$kith" --socket "$sock" members --json)"
http 200 0 http://localhost/v1/ready
http 200 0 http://localhost/v1/lookup/greeting
http 200 0 -X PUT --data-binary hi 'http://localhost/v1/kv/from%20curl/x?ttl=10m'
says "hi" get "from curl/x"
http 200 0 http://localhost/v1/kv/from%20curl%2Fx
same "curl gets the bytes" "hi" "$(<"$dir/body")"
like "curl gets the metadata" "*X-Kith-Seq: *" "$(<"$dir/head")"
http 200 0 -H 'Accept: application/json' http://localhost/v1/kv/from%20curl%2Fx
like "curl gets the object" '{"schema":"kith/get/1"*' "$(<"$dir/body")"
http 200 0 -X DELETE http://localhost/v1/kv/from%20curl/x
http 404 3 http://localhost/v1/kv/from%20curl/x
http 200 0 -H 'Host: 127.0.0.1:80' http://localhost/v1/status
http 200 0 -H 'Host: [::1]' http://localhost/v1/status
for host in example.org localhost.example.org 127.0.0.1.example.org 192.0.2.1; do
  http 403 8 -H "Host: $host" http://localhost/v1/status
  http 403 8 -H "Host: $host" -X PUT --data-binary v http://localhost/v1/kv/k
  http 403 8 -H "Host: $host" http://localhost/metrics
done
http 404 2 http://localhost/v1/nothing
http 404 2 http://localhost/
http 405 2 -X DELETE http://localhost/v1/status
http 405 2 http://localhost/v1/join
http 405 2 http://localhost/v1/leave
http 405 2 -X POST --data-binary v http://localhost/v1/kv/k
http 413 2 -X PUT --data-binary "@$dir/big" http://localhost/v1/kv/k
http 400 2 http://localhost/v1/kv/
http 400 2 http://localhost/v1/kv/%
http 400 2 http://localhost/v1/kv/%zz
http 400 2 http://localhost/v1/kv/%ff
http 400 2 "http://localhost/v1/kv/$(printf 'k%.0s' {1..513})"
http 400 2 -X PUT --data-binary v 'http://localhost/v1/kv/k?ttl=5'
http 400 2 'http://localhost/v1/kv/k?timeout=5'
http 400 2 'http://localhost/v1/kv/k?consistency=most'
http 400 2 'http://localhost/v1/kv/k?what=1'
http 400 2 'http://localhost/v1/events?since=x'
http 400 2 -X POST --data-binary 'no json' http://localhost/v1/join
http 400 2 -X POST --data-binary '[]' http://localhost/v1/join
http 400 2 -X POST --data-binary '{"target":5}' http://localhost/v1/join
http 400 2 -X POST --data-binary '{"traget":"x"}' http://localhost/v1/join
http 400 2 -X POST --data-binary '{}' http://localhost/v1/join
http 503 9 -X POST --data-binary '{"target":"127.0.0.1:9","timeout":"200ms"}' http://localhost/v1/join
same "GET changes nothing" 405 "$(api -o /dev/null -w '%{http_code}' http://localhost/v1/forget)"
same "no CORS" "" "$(api -D - -o /dev/null -H 'Origin: http://localhost' http://localhost/v1/status | grep -i access-control)"
like "metrics" "*kith_*" "$(api http://localhost/metrics)"
same "the socket is its owner's" 600 "$(stat -c %a "$sock")"

# --- loopback TCP ---------------------------------------------------------------------------------
url=$(sed -n 's/.*API on \(http:[^ ]*\) with the token.*/\1/p' "$dir/log")
export XDG_STATE_HOME=$dir/nowhere
token=$(<"$data/http.token")
same "the token file's mode" 600 "$(stat -c %a "$data/http.token")"
same "TCP with --token-file" "$id" "$("$kith" --api "$url" --token-file "$data/http.token" id)"
same "TCP with KITH_TOKEN" "$id" "$(KITH_TOKEN=$token KITH_API=$url "$kith" id)"
KITH_TOKEN=wrong "$kith" --api "$url" id >"$dir/out" 2>"$dir/err"
same "a wrong token: exit" 8 $?
"$kith" --api "$url" id >"$dir/out" 2>"$dir/err"
same "no token: exit" 1 $?
like "no token: stderr" "*http.token*--token-file*" "$(<"$dir/err")"
same "curl without a token" 401 "$(curl -sS -o /dev/null -w '%{http_code}' "$url/v1/status")"
same "curl with it" 200 "$(curl -sS -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $token" "$url/v1/status")"
same "the Host check over TCP" 403 "$(curl -sS -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $token" -H 'Host: evil.example' "$url/v1/status")"

# --- permission, interruption ---------------------------------------------------------------------
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
  chmod 711 "$dir"
  cp "$kith" "$dir/kith" # the build directory may be closed to others
  setpriv --reuid 65534 --regid 65534 --clear-groups "$dir/kith" --socket "$sock" status >"$dir/out" 2>"$dir/err"
  same "a socket of somebody else: exit" 8 $?
fi
set -m
"$kith" --socket "$sock" wait --for members=9 2>"$dir/err" &
waiter=$!
set +m
heeds() { # it is kith by now, and has its handler
  awk '/^Name:/ { name = $2 } /^SigCgt:/ { exit !(name == "kith" && $2 ~ /[2367abef]$/) }' "/proc/$1/status"
}
until heeds $waiter; do kill -0 $waiter 2>/dev/null || break; done
kill -INT $waiter
wait $waiter
same "^C: exit" 130 $?
same "^C: stderr" "kith: interrupted" "$(<"$dir/err")"

# --- the end --------------------------------------------------------------------------------------
try leave
same "leave: exit" 0 "$status"
same "leave: stdout" "left: the daemon has ended" "$out"
same "leave: the process has ended" Z "$(sed 's/.*) //; s/ .*//' "/proc/$daemon/stat" 2>/dev/null || echo Z)"
same "leave: the socket is gone" no "$([ -e "$sock" ] && echo yes || echo no)"
stopped "leave"
wait $follower
same "events --follow ends with the daemon: exit" 4 $?
like "events --follow heard of it all" '*"type":"record.updated"*"key":"mine"*"type":"record.deleted"*' "$(<"$dir/events")"
exits 4 "*no daemon answers*" status
exits 4 "*no daemon answers*" leave

start
says "" wait --for key:a/b
says "v:a/b" get a/b
exits 3 "*no value*" get gone
{
  kill -KILL "$daemon"
  wait "$daemon"
} 2>/dev/null
exits 4 "*no daemon answers at $sock: Connection refused*" status
start
says "v:日本語/ключ" get "日本語/ключ"
kill -TERM "$daemon"
stopped "SIGTERM"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
