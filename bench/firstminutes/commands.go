package main

// commands are those of README.md, in its order, as a person types them into
// two terminals. A program that owns the terminal gets one, by script(1), and
// Ctrl-C through its input. What burns the CPU does so for 15 s instead of 30.
const commands = `
say() { printf '\n%s\n' "$*"; }
c() { say "\$ $*"; eval "$*"; }
on_terminal() { # until Ctrl-C
  say "\$ $*"
  mkfifo "$HOME/keys"; script -qfec "$*" /dev/null < "$HOME/keys" & shell=$!
  exec 3> "$HOME/keys"
  rm "$HOME/keys"
  i=0; until [ -S /var/lib/firewatch/agent.sock ] || [ $i -gt 6000 ]; do sleep 0.1; i=$((i + 1)); done
}
ctrl_c() { say '^C'; printf '\003' >&3; exec 3>&-; wait $shell; }
printf '#!/bin/sh\nshift\nexec /usr/bin/timeout 15 "$@"\n' > /usr/local/bin/timeout
chmod +x /usr/local/bin/timeout
say '+ begin'
c 'git clone https://github.com/firewatch-agent/firewatch'
c 'cd firewatch'
on_terminal go run ./cmd/agent run
sleep 3
ctrl_c
on_terminal go run ./cmd/agent run --config docs/demo.toml
sleep 8
c 'python3 -m http.server 8089 > /dev/null 2>&1 &'
c 'for i in $(seq "$(nproc)"); do timeout 30 sh -c "while :; do :; done" & done'
sleep 25
ctrl_c
mkdir -p /etc/firewatch
printf '[[sink.slack]]\nname = "ops"\ntoken = "${env:SLACK_TOKEN}"\nchannel = "#ops"\napi_url = "SLACK_API"\n' > /etc/firewatch/firewatch.toml
say '(the file of README is written to /etc/firewatch/firewatch.toml)'
c 'go build -o /usr/local/bin/firewatch ./cmd/agent'
c 'export SLACK_TOKEN=xoxb-your-token'
c 'firewatch check'
c 'firewatch check --live'
say '$ firewatch run'
firewatch run > /tmp/log 2>&1 & agent=$!
i=0; until firewatch status > /dev/null 2>&1 || [ $i -gt 300 ]; do sleep 0.1; i=$((i + 1)); done
c 'firewatch test-alert'
c 'firewatch status'
c 'firewatch silence add --rule send --for 2h'
c 'firewatch send --severity warning --summary "backup failed again" --key again'
sleep 3
c 'firewatch incidents'
kill -INT $agent
wait $agent
`
