. /tmp/peerd-work/ping-try/up.sh; T="tmux -L pingtry"
addr(){ for i in $(seq 60); do a=$(./peerd status --name $1 --json 2>/dev/null | jq -r '.addresses[0] // empty'); [ -n "$a" ] && { echo $a; return; }; sleep 0.5; done; }
O="--discovery off --network trychain --log-level ${LEVEL:-info}"
$T send-keys -t chain:alice "./peerd start --name alice $O" Enter
$T send-keys -t chain:bob "./peerd start --name bob $O --peer $(addr alice)" Enter
$T send-keys -t chain:carol "./peerd start --name carol $O --peer $(addr bob)" Enter
for i in $(seq 60); do ./peerd routes --name alice --json 2>/dev/null | grep -q carol && break; sleep 0.5; done
