module github.com/firewatch-agent/firewatch/bench/forest/peer

go 1.26.0

require github.com/hed1ad/goguardml v0.0.0-20260111102108-dccedd17743b
